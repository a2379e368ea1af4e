"""How a patient's symptoms progress: the course of his attacks, the time to the next, and what announces it.

Belongs here: the three fits together, and their tables. Does not: the fits (phases.py, survival.py, prodrome.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.symptoms.phases import PHASES, Phases, attack_log, fit_phases, with_recorded
from migraine_platform.twin.symptoms.prodrome import LAGS, SignDiary, SignLags, fit_signs
from migraine_platform.twin.symptoms.survival import WITHIN, Onsets, fit_onsets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.twin.data.histories import Histories

EVENING = time(20)
"""When a day's diary is filled."""

SIGNS = (
    "rmssd",
    "resting_heart_rate",
    "electrodermal_activity",
    "skin_temperature",
    "total_sleep_hours",
    "stress_level",
)
"""Columns that are looked through for signs beside the prodrome, in the order of the last axis of `z`."""


class SymptomFrames(NamedTuple):
    """What is told of every patient."""

    phases: pl.DataFrame
    """patient_id, phase, probability, typical_hours, low_hours, high_hours, attacks."""
    onset_times: pl.DataFrame
    """patient_id, median_days, expected_days, within_1_day, within_2_days, within_3_days, within_7_days."""
    signs: pl.DataFrame
    """patient_id, sign, lag_days, log_odds, lower, upper, probability_positive, announces, lead_days, lead_hours."""


@dataclass(frozen=True)
class Symptoms:
    """P patients' symptoms."""

    patient_ids: tuple[str, ...]
    phases: Phases
    onsets: Onsets
    signs: SignLags

    def to_frames(self) -> SymptomFrames:
        """One row per patient and phase, per patient, and per patient, sign and lag."""
        return SymptomFrames(self._phases(), onset_frame(self.patient_ids, self.onsets), self._signs())

    def _phases(self) -> pl.DataFrame:

        low, high = self.phases.interval_hours()
        columns = {
            "probability": self.phases.probability,
            "typical_hours": self.phases.typical_hours,
            "low_hours": low,
            "high_hours": high,
            "attacks": self.phases.attacks,
        }
        count = len(self.patient_ids)
        keys = {"patient_id": np.repeat(self.patient_ids, len(PHASES)), "phase": np.tile(PHASES, count)}
        return pl.DataFrame({**keys, **{name: values.ravel() for name, values in columns.items()}})

    def _signs(self) -> pl.DataFrame:
        """`lead_hours` is that of the attacks with a prodrome, and null for other signs."""

        lower, upper = self.signs.interval
        columns = {
            "log_odds": self.signs.log_odds,
            "lower": lower,
            "upper": upper,
            "probability_positive": self.signs.probability_positive,
            "announces": self.signs.announces,
        }
        count, names, lags = len(self.patient_ids), len(self.signs.names), len(LAGS)
        hours = np.full((count, names), np.nan)
        hours[:, 0] = self.phases.typical_hours[:, PHASES.index("prodrome")]
        keys = {
            "patient_id": np.repeat(self.patient_ids, names * lags),
            "sign": np.tile(np.repeat(self.signs.names, lags), count),
            "lag_days": np.tile(LAGS, count * names),
        }
        leads = {"lead_days": np.repeat(self.signs.lead_days, lags), "lead_hours": np.repeat(hours, lags)}
        values = {name: array.ravel() for name, array in columns.items()}
        frame = pl.DataFrame({**keys, **values, **leads})
        return frame.with_columns(pl.col("lead_hours").fill_nan(None))


def fit_symptoms(
    histories: Histories,
    attacks: pl.DataFrame,
    z: NDArray[np.float64],
    seen: NDArray[np.bool_],
    has_aura: NDArray[np.bool_] | None = None,
) -> Symptoms:
    """Every patient's symptoms as they are known on the last day's evening.

    Args:
        histories: P patients, K days.
        attacks: phases.NEEDED columns; those count whose headache began on a day with a diary entry, and before now.
        z: [P, K, 6] SIGNS, standardised.
        seen: [P, K, 6] whether they were recorded.
        has_aura: [P] diagnosis, if known.

    Raises:
        AttackLogError: if a phase of an attack ends before it begins.
        SignsError: if z or seen are of another shape.
    """
    events = {name: histories.events[:, :, place] for place, name in enumerate(EVENTS)}
    diary = _diary(histories)
    now = datetime.combine(histories.last, EVENING)
    log = attack_log(with_recorded(attacks, histories), histories.patient_ids, now)
    return Symptoms(
        histories.patient_ids,
        fit_phases(log, has_aura),
        fit_onsets(*diary),
        fit_signs(diary, events["prodrome"], z, seen, SIGNS),
    )


def _diary(histories: Histories) -> SignDiary:
    onset, migraine, by_evening = (
        histories.events[:, :, EVENTS.index(name)] for name in ("onset", "has_migraine", "migraine_by_evening")
    )
    return SignDiary(histories.diary, onset, migraine, by_evening)


def onset_frame(patient_ids: Sequence[str], onsets: Onsets) -> pl.DataFrame:
    """One row per patient: when the next onset is to be expected."""

    within = {f"within_{days}_day{'s' * (days > 1)}": onsets.within(days) for days in WITHIN}
    times = {"median_days": onsets.median_days, "expected_days": onsets.expected_days}
    return pl.DataFrame({"patient_id": patient_ids, **times, **within})
