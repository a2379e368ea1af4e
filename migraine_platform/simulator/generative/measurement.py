"""What was recorded: the diary's and the device's gaps.

    P(diary entry)   = a_i + r (1 - a_i) after an evening with an entry, a_i (1 - r) after one without: a_i the person's
                       share of evenings, r how much entries come in streaks; odds lower by a factor with migraine, by
                       another with every month; 0 from the day on which the person stops
    device           worn but for gaps of whole days: a gap begins with one probability after an evening with an entry,
                     another after one without; its length is geometric

The diary is filled at 20:00 and depends on what the day had brought by then. Belongs here: which days are recorded,
and what a recorded day shows. Does not: what happened (trajectories.py). Truth and measurement are separate tables, so
that nobody trains on the truth by accident. Missing more on attack days makes the pattern of gaps itself informative.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.measurement import Measurement
from migraine_platform.config.simulator.triggers import SINCE_YESTERDAY, TriggerRule
from migraine_platform.domain.events import EVENTS
from migraine_platform.domain.exposures import CYCLE_DAY
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGERS
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.cycle import MIDDLE
from migraine_platform.simulator.generative.model import (
    DIARY_COLUMNS,
    SLEEP_COLUMNS,
    WEARABLE_COLUMNS,
)
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH
from migraine_platform.simulator.random.streams import Stream, fill_uniforms, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

BY_DIARY = (*DIARY_COLUMNS, *ITEM_COLUMNS, *EVENTS, CYCLE_DAY)
"""Columns that a day without a diary entry lacks."""

BY_DEVICE = (*SLEEP_COLUMNS, *WEARABLE_COLUMNS)
"""Columns that a day without the device lacks; the weather is always known."""

RECORDING_STREAM = int(Stream.RECORDING)


@dataclass(frozen=True)
class Recorded:
    """[P, K] which kept days have a diary entry, and on which the device was worn."""

    diary: NDArray[np.bool_]
    device: NDArray[np.bool_]


def adherence(settings: Measurement, index: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """[P] each person's share of evenings without migraine that have an entry, before tiring of it.

    Args:
        index: [P] patients' indices.
    """
    low, high = settings.diary_adherence
    return np.asarray(low + uniforms(seed, Stream.ADHERENCE, index, 1, 1)[:, 0, 0] * (high - low))


def entry_chances(settings: Measurement, index: NDArray[np.int64], days: int, seed: int) -> NDArray[np.float64]:
    """[P, days, 2, 2] probability of an entry on each kept day, by whether the evening before has one, by migraine.

    Args:
        index: [P] patients' indices.
    """
    usual = adherence(settings, index, seed)[:, None]
    calm = np.concatenate([usual * (1 - settings.diary_streaks), usual + settings.diary_streaks * (1 - usual)], axis=1)
    tired = np.ones((len(index), days, 1))
    speed, stop = np.moveaxis(uniforms(seed, Stream.ADHERENCE, index, 1, 3)[:, 0, 1:], 1, 0)
    if settings.diary_fatigue:
        months = np.arange(days) / DAYS_A_MONTH
        tired[..., 0] = np.exp(settings.diary_fatigue * speed[:, None] * months)

    def at_odds(factor: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(calm[:, None] / (calm[:, None] + (1 - calm[:, None]) * factor))

    well = at_odds(tired) if settings.diary_fatigue else np.broadcast_to(calm[:, None], (len(index), days, 2))
    out = np.stack([well, at_odds(tired * np.exp(settings.attack_day_log_odds))], axis=3)
    if settings.diary_stop:
        last = np.floor(np.log(stop) / np.log1p(-settings.diary_stop))
        out[np.arange(days) > last[:, None]] = 0.0
    return out


def record(
    settings: Measurement,
    index: NDArray[np.int64],
    by_evening: NDArray[np.bool_],
    calendar: Calendar,
    seed: int,
    replicate: int = 0,
) -> Recorded:
    """Which days are recorded.

    Args:
        index: [P] the patients' indices in the population.
        by_evening: [P, K] kept days that were migraine days by the evening.
        replicate: of the draws.
    """
    start, odds = settings.device_gap_start, settings.device_gap_odds
    unwritten = start if odds == 1.0 else start * odds / (1 - start + start * odds)
    recorded = _record(
        index,
        by_evening,
        entry_chances(settings, index, by_evening.shape[1], seed),
        np.array([unwritten, start]),
        settings.device_gap_days,
        calendar.burn_in,
        seed,
        replicate,
    )
    return Recorded(*recorded)


@njit(cache=True)
def _record(
    index: NDArray[np.int64],
    by_evening: NDArray[np.bool_],
    entries: NDArray[np.float64],
    starts: NDArray[np.float64],
    mean_days: float,
    burn_in: int,
    seed: int,
    replicate: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Diary entries and worn devices; a gap lasts 1 + floor(log u / log(1 - 1 / mean)) days.

    Args:
        entries: [P, K, 2, 2] of `entry_chances`; whoever begins a diary writes.
        starts: [2] probability that a gap begins after an evening without, and with an entry.
    """
    diary = np.empty(by_evening.shape, dtype=np.bool_)
    device = np.empty(by_evening.shape, dtype=np.bool_)
    u = np.empty(8)
    for i in range(len(index)):
        left, wrote = 0, 1
        for t in range(burn_in + by_evening.shape[1]):
            fill_uniforms(u, seed, RECORDING_STREAM, index[i], t, 0, replicate)
            if left == 0 and u[1] < starts[wrote]:
                left = 1
                if mean_days > 1.0:
                    left += int(np.log(u[2]) / np.log(1.0 - 1.0 / mean_days))
            worn = left == 0
            left = max(left - 1, 0)
            if t >= burn_in:
                k = t - burn_in
                device[i, k] = worn
                diary[i, k] = u[0] < entries[i, k, wrote, 1 if by_evening[i, k] else 0]
                wrote = 1 if diary[i, k] else 0
    return diary, device


def measured_days(patient_days: pl.DataFrame, recorded: Recorded, rules: Mapping[str, TriggerRule]) -> pl.DataFrame:
    """Rows of `measured.patient_days`: those of `cohort.patient_days` with nulls where nothing was recorded.

    A trigger needs the records of all days that have a say in it, but for what is usual; on a patient's first days
    these are days that nobody recorded. One that counts from the next menses is known until the middle of a cycle:
    later, only these will tell.

    Args:
        patient_days: patient by patient, day by day.
        rules: of the triggers.
    """

    masks = {"_diary": recorded.diary, "_device": recorded.device}
    gaps = {**dict.fromkeys(BY_DIARY, "_diary"), **dict.fromkeys(BY_DEVICE, "_device")}
    for trigger in TRIGGERS:
        if trigger.recorded:
            row, by = rules[trigger.name], masks[gaps[trigger.exposures[0]]]
            if row.rule == "window" and row.low < 0:
                by = by & (patient_days[CYCLE_DAY].fill_null(0).to_numpy().reshape(by.shape) <= MIDDLE)
            first, last = row.lag
            gaps[trigger.flag] = f"_{trigger.flag}"
            masks[gaps[trigger.flag]] = _on_all(by, first, last + (row.rule in SINCE_YESTERDAY))
    marked = patient_days.with_columns(pl.Series(name, mask.ravel()) for name, mask in masks.items())
    return marked.select(
        pl.when(pl.col(gaps[name])).then(pl.col(name)).alias(name) if name in gaps else pl.col(name)
        for name in patient_days.columns
    )


def _on_all(recorded: NDArray[np.bool_], first: int, last: int) -> NDArray[np.bool_]:
    """[P, K] whether all days from `first` to `last` before each were recorded; none before the first day was."""
    out = np.ones_like(recorded)
    for before in range(first, last + 1):
        out[:, before:] &= recorded[:, : recorded.shape[1] - before]
        out[:, :before] = False
    return out
