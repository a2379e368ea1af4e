"""When a watch speaks: thresholds of all detectors that together alarm of nothing as seldom as is wanted.

The budget of false alarms is shared out: most of it to the likelihood ratio of the twin's own parameters (watch.py),
the rest to each classical detector on each stream. Rates add up to at most the budget, as one alarm may be several's.

Belongs here: thresholds, and the first alarm of each patient. Does not: the detectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config.detectors import Detectors
from migraine_platform.config.twin import DriftDetectionSettings
from migraine_platform.errors import UserError
from migraine_platform.twin.drift import classical
from migraine_platform.twin.drift.classical import DETECTORS, DetectorThreshold, Streams
from migraine_platform.twin.drift.false_alarms import YEAR, calibrate

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIKELIHOOD_RATIO = "likelihood_ratio"
STATE_ERROR, SURPRISE = STREAMS = ("state_error", "surprise")
"""What classical detectors look at, day by day: errors of the state-space model, and of the forecasts."""

NONE = -1
WARM_UP = 60
"""First evenings of a history on which nobody's rate of alarms is measured."""


class AlarmError(UserError):
    """Thresholds that are not there."""


class Record(NamedTuple):
    """What detectors look at, of P patients' T evenings."""

    log_odds: NDArray[np.float64]
    """[P, T] of a change."""
    state_error: NDArray[np.float64]
    """[P, T] NaN where nothing was recorded."""
    surprise: NDArray[np.float64]
    """[P, T] NaN where there was no entry."""

    def then(self, later: Record) -> Record:
        """Both stretches of evenings as one."""
        return Record(*(np.concatenate(parts, axis=1) for parts in zip(self, later, strict=True)))

    def of(self, rows: NDArray[np.int64] | slice) -> Record:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        return Record(*(part[rows] for part in self))

    def until(self, evening: int) -> Record:
        """The first so many evenings."""
        return Record(*(part[:, :evening] for part in self))

    def stream(self, name: str, first: date) -> Streams:
        """One of STREAMS, whose first evening is that of `first`."""
        values = getattr(self, name)
        return Streams(values, np.isfinite(values), first.toordinal())


@dataclass(frozen=True)
class AlarmThresholds:
    """Of all detectors."""

    log_odds: float
    classical: dict[tuple[str, str], DetectorThreshold]
    """By detector and stream."""
    realised: dict[tuple[str, str], float]
    """Alarms per patient-year of the undrifted patients by whom thresholds were found; the likelihood ratio's, too."""

    def to_frame(self) -> pl.DataFrame:
        """Rows of `twin.thresholds`."""

        rows = [
            {
                "detector": detector,
                "stream": stream,
                "threshold": self.log_odds if detector == LIKELIHOOD_RATIO else self.classical[detector, stream].value,
                "scale": 1.0 if detector == LIKELIHOOD_RATIO else self.classical[detector, stream].scale,
                "false_alarms_a_year": rate,
            }
            for (detector, stream), rate in self.realised.items()
        ]
        return pl.DataFrame(rows)

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> AlarmThresholds:
        """Inverse of `to_frame`.

        Raises:
            AlarmError: if the likelihood ratio's is missing.
        """
        rows = {(row["detector"], row["stream"]): row for row in frame.iter_rows(named=True)}
        if (LIKELIHOOD_RATIO, SURPRISE) not in rows:
            raise AlarmError("twin.thresholds: the likelihood ratio's is missing; materialise drift_thresholds again")
        return cls(
            rows[LIKELIHOOD_RATIO, SURPRISE]["threshold"],
            {
                key: DetectorThreshold(key[0], row["threshold"], row["scale"])
                for key, row in rows.items()
                if key[0] != LIKELIHOOD_RATIO
            },
            {key: row["false_alarms_a_year"] for key, row in rows.items()},
        )


def thresholds_of(
    undrifted: Record, first: date, settings: DriftDetectionSettings, detectors: Detectors
) -> AlarmThresholds:
    """Thresholds at which patients who do not change alarm as seldom as is wanted.

    Args:
        undrifted: evenings of such patients, from their first.
    """
    budget = settings.false_alarms_a_year
    each = budget * (1 - settings.likelihood_ratio_share) / (len(DETECTORS) * len(STREAMS))
    log_odds, rate = _log_odds(undrifted.log_odds, budget * settings.likelihood_ratio_share)
    found, realised = {}, {(LIKELIHOOD_RATIO, SURPRISE): rate}
    for detector in DETECTORS:
        for stream in STREAMS:
            done = calibrate(detector, undrifted.stream(stream, first), each, detectors)
            found[detector, stream], realised[detector, stream] = done.threshold, done.realised.value
    return AlarmThresholds(log_odds, found, realised)


def _log_odds(odds: NDArray[np.float64], wanted: float) -> tuple[float, float]:
    """The threshold of the log-odds, and its rate: alarms per year of patients who have not alarmed yet."""
    grown = odds[:, WARM_UP:]
    low, high = float(grown.min()), float(grown.max()) + 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if first_alarm_rate(grown, middle) > wanted else (low, middle)
    return high, first_alarm_rate(grown, high)


def first_alarm_rate(odds: NDArray[np.float64], threshold: float) -> float:
    """Alarms per year of patients who have not alarmed yet.

    Args:
        odds: [P, T]
    """
    hit = odds > threshold
    at_risk = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, hit.shape[1]).sum()
    return float(hit.any(axis=1).sum() / max(1, at_risk) * YEAR)


class First(NamedTuple):
    """The first alarm of each of P patients."""

    evening: NDArray[np.int64]
    """[P] NONE without one."""
    detector: list[str]
    statistic: NDArray[np.float64]
    """[P] log-odds of a change on that evening."""


def first_alarms(
    thresholds: AlarmThresholds,
    detectors: Detectors,
    record: Record,
    first: date,
    since: int,
    alarmed: NDArray[np.int64],
) -> First:
    """The first alarms from one evening on.

    Args:
        record: all evenings that are kept, the new ones last.
        first: day of the first of them.
        since: number of the first new one.
        alarmed: [P] number of the last evening with an alarm so far; negative without one.
    """
    patients, evenings = record.log_odds.shape
    on = np.full(patients, evenings)
    speaker = np.zeros(patients, dtype=np.int64)
    names = [LIKELIHOOD_RATIO, *(f"{detector} of {stream}" for detector, stream in thresholds.classical)]
    hits = [record.log_odds > thresholds.log_odds]
    for (_, stream), threshold in thresholds.classical.items():
        hits.append(classical.alarms(threshold, record.stream(stream, first), detectors, since, alarmed).on)
    for place, hit in enumerate(hits):
        new = hit[:, since:]
        own = np.where(new.any(axis=1), since + new.argmax(axis=1), evenings)
        speaker[own < on] = place
        on = np.minimum(on, own)
    some = on < evenings
    statistic = record.log_odds[np.arange(patients), np.minimum(on, evenings - 1)]
    return First(np.where(some, on, NONE), [names[place] for place in speaker.tolist()], statistic)
