"""A patient's exposures: the night, the stress, the diet, and which of them count as triggers.

Triggers are read off the realised values. Hidden susceptibility has no say in whether a trigger happened: it decides
only what the trigger does (attacks.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from migraine_platform.config.simulator import Diary, Simulator, Triggers
from migraine_platform.simulator.calendar import WORKDAYS, Calendar
from migraine_platform.simulator.exogenous import Copula
from migraine_platform.simulator.patients import Patients
from migraine_platform.simulator.streams import Stream, uniforms
from migraine_platform.simulator.weather import SiteWeather, at_patients

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = dict[str, "NDArray[np.float64] | NDArray[np.bool_]"]
"""Column name -> [P, T] values."""

WEEK = 7


def simulate_exposures(
    settings: Simulator, copula: Copula, sites: SiteWeather, patients: Patients, calendar: Calendar
) -> Columns:
    """Every daily column of the patients, burn-in included."""
    seed = settings.cohort.seed
    weekend = calendar.is_weekend()
    cycles = {
        "total_sleep_hours": _weekly(weekend, settings.sleep.weekend_extra_hours),
        "stress_level": -_weekly(weekend, settings.diary.workday_extra_stress),
    }
    drawn = copula.simulate(patients.index, calendar.total, seed, cycles)
    deep, rem, awake = drawn["deep_sleep_share"], drawn["rem_sleep_share"], drawn["awake_time_mins"]
    return {
        **at_patients(sites, patients, settings.weather),
        "total_sleep_hours": drawn["total_sleep_hours"],
        "deep_sleep_pct": deep,
        "rem_sleep_pct": rem,
        "light_sleep_pct": 1.0 - deep - rem,
        "awake_time_mins": awake,
        "sleep_quality": sleep_quality(deep, rem, awake),
        "stress_level": drawn["stress_level"],
        **_diet(settings.diary, patients, weekend, seed),
        "water_consumed_liters": drawn["water_liters"],
    }


def trigger_days(columns: Mapping[str, NDArray[np.float64] | NDArray[np.bool_]], rules: Triggers) -> NDArray[np.bool_]:
    """[P, T, 4] which triggers happened on each day, in the order weather, sleep, stress, diet."""
    sleep, stress = columns["total_sleep_hours"], columns["stress_level"]
    items = (
        columns["alcohol_consumed"].astype(np.int8)
        + columns["caffeine_consumed"].astype(np.int8)
        + columns["chocolate_consumed"].astype(np.int8)
    )
    rise = np.diff(stress, axis=1, prepend=stress[:, :1])
    return np.stack(
        [
            columns["pressure_change_24h"] <= -rules.pressure_fall,
            (sleep < rules.short_sleep) | (sleep > rules.long_sleep),
            rise >= rules.stress_rise,
            items >= rules.diet_items,
        ],
        axis=2,
    )


def sleep_quality(
    deep: NDArray[np.float64], rem: NDArray[np.float64], awake_minutes: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quality of a night, 0-100: 50 + 100 (2 deep + rem - awake / 120) (generator design document, 3.1)."""
    return np.clip(50 + 100 * (2 * deep + rem - awake_minutes / 120), 0, 100)


def _on(days: NDArray[np.bool_], extra: float) -> NDArray[np.float64]:
    """[T] `extra` on some days, 0 on the others."""
    return np.where(days, extra, 0.0)


def _weekly(weekend: NDArray[np.bool_], extra: float) -> NDArray[np.float64]:
    """[T] a weekly cycle of mean zero whose weekend lies `extra` above its workdays."""
    return np.asarray(extra * (weekend - (WEEK - WORKDAYS) / WEEK), dtype=np.float64)


def _diet(diary: Diary, patients: Patients, weekend: NDArray[np.bool_], seed: int) -> dict[str, NDArray[np.bool_]]:
    """Four flags a day, each with the person's own share of days."""
    ranges = np.array([diary.alcohol, diary.caffeine, diary.chocolate, diary.processed_food])
    habit = ranges[:, 0] + patients.habit * (ranges[:, 1] - ranges[:, 0])
    draws = uniforms(seed, Stream.DIARY, patients.index, len(weekend), len(ranges))
    flags = _below(draws, habit, _on(weekend, diary.alcohol_weekend_extra))
    names = ("alcohol_consumed", "caffeine_consumed", "chocolate_consumed", "processed_food_consumed")
    return {name: flags[column] for column, name in enumerate(names)}


@njit(cache=True)
def _below(
    draws: NDArray[np.float64], habit: NDArray[np.float64], first_extra: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """[columns, P, T] draws below the person's share; the first column's share has a daily extra."""
    persons, days, columns = draws.shape
    out = np.empty((columns, persons, days), dtype=np.bool_)
    for i in range(persons):
        for t in range(days):
            for c in range(columns):
                extra = first_extra[t] if c == 0 else 0.0
                out[c, i, t] = draws[i, t, c] < habit[i, c] + extra
    return out
