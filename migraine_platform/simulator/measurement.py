"""What was recorded: the diary's and the device's gaps.

    P(diary entry)   = a_i on headache-free days, a_i drawn per person; odds lower by a factor on migraine days
    device           worn but for gaps of whole days: a gap begins with a fixed probability, its length is geometric

Belongs here: which days are recorded, and what a recorded day shows. Does not: what happened (days.py, attacks.py).
Truth and measurement are separate tables, so that nobody trains on the truth by accident. Missing more on attack days
makes the pattern of gaps itself informative.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from migraine_platform.config.copula import WEARABLE_FEATURES
from migraine_platform.config.measurement import Measurement
from migraine_platform.simulator.frames import DIARY, SLEEP
from migraine_platform.simulator.streams import Stream, uniforms

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

BY_DIARY = (*DIARY, "has_migraine", "onset", "diet_trigger")
"""Columns that a day without a diary entry lacks."""

BY_DEVICE = (*SLEEP, *WEARABLE_FEATURES, "sleep_trigger")
"""Columns that a day without the device lacks; the weather is always known."""


@dataclass(frozen=True)
class Recorded:
    """[P, T] which days have a diary entry, and on which the device was worn."""

    diary: NDArray[np.bool_]
    device: NDArray[np.bool_]


def record(settings: Measurement, index: NDArray[np.int64], migraine: NDArray[np.bool_], seed: int) -> Recorded:
    """Which days are recorded.

    Args:
        index: [P] the patients' indices in the population.
        migraine: [P, T] migraine days.
    """
    days = migraine.shape[1]
    low, high = settings.diary_adherence
    person = uniforms(seed, Stream.ADHERENCE, index, 1, 1)[:, 0, 0]
    draws = uniforms(seed, Stream.RECORDING, index, days, 3)
    adherence = low + person * (high - low)
    on_attack_days = adherence / (adherence + (1 - adherence) * np.exp(settings.attack_day_log_odds))
    return Recorded(
        diary=draws[:, :, 0] < np.where(migraine, on_attack_days[:, None], adherence[:, None]),
        device=_worn(draws[:, :, 1:], settings.device_gap_start, settings.device_gap_days),
    )


@njit(cache=True)
def _worn(draws: NDArray[np.float64], start: float, mean_days: float) -> NDArray[np.bool_]:
    """[P, T] days outside of gaps; a gap lasts 1 + floor(log u / log(1 - 1 / mean)) days."""
    persons, days, _ = draws.shape
    worn = np.ones((persons, days), dtype=np.bool_)
    for i in range(persons):
        left = 0
        for t in range(days):
            if left == 0 and draws[i, t, 0] < start:
                left = 1
                if mean_days > 1.0:
                    left += int(np.log(draws[i, t, 1]) / np.log(1.0 - 1.0 / mean_days))
            if left > 0:
                worn[i, t] = False
                left -= 1
    return worn


def measured_days(patient_days: pl.DataFrame, diary: NDArray[np.bool_], device: NDArray[np.bool_]) -> pl.DataFrame:
    """Rows of `measured.patient_days`: those of `cohort.patient_days` with nulls where nothing was recorded.

    A rise of stress needs the diary of both days; on a patient's first day it needs a day that nobody recorded.

    Args:
        patient_days: patient by patient, day by day.
        diary: [rows] whether the day has a diary entry.
        device: [rows] whether the device was worn.
    """
    import polars as pl

    marked = patient_days.with_columns(_diary=pl.Series(diary), _device=pl.Series(device))
    both_days = pl.col("_diary") & pl.col("_diary").shift(1).over("patient_id").fill_null(False)

    def where(recorded: pl.Expr, *names: str) -> list[pl.Expr]:
        return [pl.when(recorded).then(pl.col(name)).alias(name) for name in names]

    return marked.with_columns(
        *where(pl.col("_diary"), *BY_DIARY),
        *where(pl.col("_device"), *BY_DEVICE),
        *where(both_days, "stress_trigger"),
    ).drop("_diary", "_device")
