"""What twins said and saw on some evenings, the alarms that went off, and what is known of the evenings before.

Belongs here: these results and how stretches of them are put together. Does not: what happens on an evening
(evening_update.py), rows (update_rows.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.twin.core.prediction import ForecastSpread
from migraine_platform.twin.drift.alarms import Record
from migraine_platform.twin.drift.examination import DetectedChange

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Detection:
    """An alarm, and what was found."""

    patient_id: str
    detected_on: date
    detector: str
    statistic: float
    change: DetectedChange


@dataclass(frozen=True)
class EveningResults:
    """What P patients' twins said and saw on N evenings."""

    first: date
    said: ForecastSpread
    """[P, N] of the day that follows each evening."""
    odds: NDArray[np.float64]
    """[P, N, 3] of a change, by kind."""
    record: Record
    """[P, N]"""

    @property
    def days(self) -> int:
        """N"""
        return int(self.odds.shape[1])

    def last(self) -> EveningResults:
        """The last of them alone."""
        return EveningResults(
            self.first + timedelta(days=self.days - 1),
            ForecastSpread(*(part[:, -1:] for part in self.said)),
            self.odds[:, -1:],
            Record(*(part[:, -1:] for part in self.record)),
        )

    def of(self, row: int) -> EveningResults:
        """One patient's."""
        rows = slice(row, row + 1)
        return EveningResults(
            self.first, ForecastSpread(*(part[rows] for part in self.said)), self.odds[rows], self.record.of(rows)
        )

    def until(self, evening: int, tonight: ForecastSpread) -> EveningResults:
        """The first so many evenings, on the last of which something else was said.

        Args:
            tonight: [P, 1]
        """
        said = (
            np.concatenate([part[:, : evening - 1], other], axis=1)
            for part, other in zip(self.said, tonight, strict=True)
        )
        return EveningResults(self.first, ForecastSpread(*said), self.odds[:, :evening], self.record.until(evening))

    def then(self, later: EveningResults) -> EveningResults:
        """Both stretches of evenings as one."""
        said = (np.concatenate(parts, axis=1) for parts in zip(self.said, later.said, strict=True))
        odds = np.concatenate([self.odds, later.odds], axis=1)
        return EveningResults(self.first, ForecastSpread(*said), odds, self.record.then(later.record))

    def with_patients(self, own: Mapping[int, EveningResults]) -> EveningResults:
        """Some patients' evenings in the place of theirs, by row."""
        if not own:
            return self
        said, odds, record = ([part.copy() for part in parts] for parts in (self.said, [self.odds], self.record))
        for row, one in own.items():
            for mine, other in zip((*said, *odds, *record), (*one.said, one.odds, *one.record), strict=True):
                mine[row] = other[0]
        return EveningResults(self.first, ForecastSpread(*said), odds[0], Record(*record))


@dataclass(frozen=True)
class Past:
    """What is known of P patients' evenings before those that are lived."""

    record: Record
    """[P, T] the evenings that are kept, the twins' own last; T may be 0."""
    detections: Mapping[str, tuple[Detection, ...]]

    @classmethod
    def nothing(cls, patients: int) -> Past:
        """Of patients of whom no evening is kept."""
        return cls(Record(*(np.zeros((patients, 0)) for _ in Record._fields)), {})

    def of(self, row: int) -> Past:
        """One patient's."""
        return Past(self.record.of(slice(row, row + 1)), self.detections)

    def then(self, record: Record, patient: str, detection: Detection) -> Past:
        """After more evenings, the last of which brought an alarm."""
        known = (*self.detections.get(patient, ()), detection)
        return Past(self.record.then(record), {**self.detections, patient: known})

    def alarmed(self, patients: Sequence[str], first: date) -> NDArray[np.int64]:
        """[P] number of the last evening with an alarm, counted from a day; negative without one."""
        latest = [
            self.detections[patient][-1].detected_on if patient in self.detections else None for patient in patients
        ]
        return np.array([max(-1, (day - first).days) if day else -1 for day in latest], dtype=np.int64)
