"""Patients' histories as the models compute with them: patients x days x features, and what was recorded.

Belongs here: from measured days to arrays, and what is wrong with a patient's days. Does not: a single day for people
to look at (state.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.domain.events import EVENTS
from migraine_platform.errors import UserError
from migraine_platform.twin.data.features import COLUMNS, FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEEDED = ("patient_id", "date", *dict.fromkeys((*COLUMNS, *EVENTS)))
"""What is read of `measured.patient_days`."""


class HistoryError(UserError):
    """Days that cannot be made a history."""


@dataclass(frozen=True)
class Histories:
    """P patients' K consecutive days, the last one's evening being now."""

    patient_ids: tuple[str, ...]
    first: date
    values: NDArray[np.float64]
    """[P, K, F] in the features' units; 0 where nothing was recorded."""
    present: NDArray[np.bool_]
    """[P, K, F] whether it was recorded."""
    diary: NDArray[np.bool_]
    """[P, K] whether the diary has an entry."""
    device: NDArray[np.bool_]
    """[P, K] whether the device was worn."""
    events: NDArray[np.bool_]
    """[P, K, 5] in the order of EVENTS; false without an entry."""
    begun: NDArray[np.int64]
    """[P] the patient's first day, counted from `first`; K if he has none."""
    discarded: NDArray[np.int64]
    """[P, K] values that were discarded, because they are impossible."""

    @property
    def count(self) -> int:
        """Patients."""
        return len(self.patient_ids)

    @property
    def days(self) -> int:
        """K"""
        return int(self.diary.shape[1])

    @property
    def last(self) -> date:
        """The day whose evening is now."""
        return self.first + timedelta(days=self.days - 1)

    def until(self, days: int) -> Histories:
        """The first so many days; of the last one, filters do not look at what was told only on the evening after."""
        cut = slice(0, days)
        return replace(
            self,
            values=self.values[:, cut],
            present=self.present[:, cut],
            diary=self.diary[:, cut],
            device=self.device[:, cut],
            events=self.events[:, cut],
            discarded=self.discarded[:, cut],
            begun=np.minimum(self.begun, days),
        )

    def since(self, first: int) -> Histories:
        """The days from one on."""
        days = slice(first, None)
        return replace(
            self,
            first=self.first + timedelta(days=first),
            values=self.values[:, days],
            present=self.present[:, days],
            diary=self.diary[:, days],
            device=self.device[:, days],
            events=self.events[:, days],
            discarded=self.discarded[:, days],
            begun=np.maximum(self.begun - first, 0),
        )

    def of(self, rows: NDArray[np.int64] | slice) -> Histories:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        places = np.arange(self.count)[rows]
        return replace(
            self,
            patient_ids=tuple(self.patient_ids[place] for place in places.tolist()),
            values=self.values[rows],
            present=self.present[rows],
            diary=self.diary[rows],
            device=self.device[rows],
            events=self.events[rows],
            begun=self.begun[rows],
            discarded=self.discarded[rows],
        )


def histories(
    days: pl.DataFrame, patient_ids: Sequence[str], last: date | None = None
) -> tuple[Histories, dict[str, str]]:
    """Arrays of measured days, and the patients who have none because of what is wrong with theirs.

    A patient without a day keeps his place, with nothing recorded. Days may come in any order. A value beyond its
    column's bounds is discarded and counted. A day that is there twice refuses the patient, not the others.

    Args:
        days: NEEDED columns of measured days; nulls where nothing was recorded.
        patient_ids: everybody wanted.
        last: the day whose evening is now; by default the latest of the days. Later days are left out.

    Raises:
        HistoryError: if there is no day at all, and no `last`; or if a day is of none of the patients.
    """

    known = set(patient_ids)
    if strange := set(days["patient_id"].unique()) - known:
        raise HistoryError(f"{len(strange)} patients have days but are not in the list; expected only {len(known)}")
    now = last or days["date"].max()
    if not isinstance(now, date):
        raise HistoryError("there is no day at all, and nothing says which day it is")
    days = days.filter(pl.col("date") <= now)
    twice = days.group_by("patient_id", "date").len().filter(pl.col("len") > 1)
    refused = {
        patient: f"days that are there more than once: {count}; expected one row per patient and day"
        for patient, count in twice.group_by("patient_id").len().iter_rows()
    }
    days = days.filter(~pl.col("patient_id").is_in(list(refused)))
    kept = tuple(patient for patient in sorted(known) if patient not in refused)
    found = days["date"].min()
    first = found if isinstance(found, date) else now
    return _arrays(days, kept, first, (now - first).days + 1), refused


def _arrays(days: pl.DataFrame, patient_ids: tuple[str, ...], first: date, count: int) -> Histories:
    """Every day put in its place."""

    places = {patient: place for place, patient in enumerate(patient_ids)}
    who = np.array([places[patient] for patient in days["patient_id"]], dtype=np.int64)
    when = (days["date"] - first).dt.total_days().to_numpy()
    shape = (len(patient_ids), count)
    values, present = np.zeros((*shape, len(FEATURES))), np.zeros((*shape, len(FEATURES)), dtype=np.bool_)
    discarded = np.zeros(shape, dtype=np.int64)
    for place, feature in enumerate(FEATURES):
        column = days[feature.column.name].cast(pl.Float64)
        numbers = column.fill_null(np.nan).to_numpy()
        low, high = feature.column.low, feature.column.high
        sound = np.isfinite(numbers)
        sound &= numbers >= (-np.inf if low is None else low)
        sound &= numbers <= (np.inf if high is None else high)
        impossible = ~sound & column.is_not_null().to_numpy()
        np.add.at(discarded, (who[impossible], when[impossible]), 1)
        values[who, when, place] = np.where(sound, numbers, 0.0)
        present[who, when, place] = sound
    diary, events = np.zeros(shape, dtype=np.bool_), np.zeros((*shape, len(EVENTS)), dtype=np.bool_)
    diary[who, when] = days["migraine_by_evening"].is_not_null().to_numpy()
    for place, name in enumerate(EVENTS):
        events[who, when, place] = days[name].fill_null(False).to_numpy()
    device = np.zeros(shape, dtype=np.bool_)
    worn = [place for place, feature in enumerate(FEATURES) if feature.source == "device"]
    device[:] = present[:, :, worn].any(axis=2)
    begun = np.full(len(patient_ids), count, dtype=np.int64)
    np.minimum.at(begun, who, when)
    return Histories(patient_ids, first, values, present, diary, device, events, begun, discarded)
