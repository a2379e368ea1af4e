"""How often each trigger comes to a person: from his own levels, habits, cycle and place.

Cycles of the week, coupling and drift are left out. Belongs here: rates by what decides them. Does not: those of the
weather (weather_rates.py), or what the rates are for (exposure.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.config.simulator.triggers import (
    AGAINST_USUAL,
    BY_CHANGE,
    LONGEST_LAG,
    SINCE_YESTERDAY,
    USUAL_DAYS,
    TriggerRule,
)
from migraine_platform.domain.exposures import CYCLE_DAY, WEATHER_COLUMNS
from migraine_platform.domain.triggers import TriggerFamily
from migraine_platform.priors.families import Z_LIMIT
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGERS
from migraine_platform.simulator.cohort.weather_rates import share_at, weather_shares
from migraine_platform.simulator.exogenous.cycle import STANDARD, day_of_menses
from migraine_platform.simulator.exogenous.features import FEATURE_COLUMNS
from migraine_platform.simulator.exogenous.trigger_rules import acting_days
from migraine_platform.simulator.generative.model import ALCOHOL, ModelParameters, Persons

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = 101
"""Equally probable points at which a standard normal is looked at; triggers are steps, which no smooth rule likes."""

PATHS, PATH_DAYS = 100, 100
"""Drawn where a trigger has to do with more than two days."""

LEVELS = np.linspace(-Z_LIMIT, Z_LIMIT, 121)
"""Own levels of z at which the tables are made; between them, interpolated."""


def normal_points() -> NDArray[np.float64]:
    """[POINTS] quantiles of a standard normal."""
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(POINTS) + 0.5) / POINTS))


def trigger_rates(settings: Simulator, tables: Sequence[NDArray[np.float64]], persons: Persons) -> NDArray[np.float64]:
    """[P, K] share of days on which each trigger comes.

    Args:
        tables: of `trigger_shares`, in the order of TRIGGERS.
    """
    rates = []
    for trigger, shares in zip(TRIGGERS, tables, strict=True):
        (column, *_) = trigger.exposures
        if column in WEATHER_COLUMNS:
            rates.append(share_at(settings.weather, column, shares, persons.site, persons.weather_offset))
        elif column in ITEM_COLUMNS:
            rates.append(_habitual(settings, persons, trigger))
        elif column == CYCLE_DAY:
            rates.append(np.where(persons.cycle_day[:, 0] > 0, shares.mean(), 0.0))
        else:
            rates.append(np.interp(persons.level[:, FEATURE_COLUMNS.index(column)], LEVELS, shares))
    return np.stack(rates, axis=1) if rates else np.empty((len(persons.index), 0))


def trigger_shares(settings: Simulator, parameters: ModelParameters, trigger: TriggerFamily) -> NDArray[np.float64]:
    """Share of a trigger's days, by what decides it.

    That is [L] the level of its feature, [28] the day of the cycle, [sites, offsets] the place; nothing [0] where a
    person's habits do.
    """
    (column, *_), row = trigger.exposures, settings.triggers[trigger.name]
    if column in ITEM_COLUMNS:
        return np.empty(0)
    if column in WEATHER_COLUMNS:
        return weather_shares(settings.weather, column, row)
    if column == CYCLE_DAY:
        return _over_a_cycle(row)
    f, points = FEATURE_COLUMNS.index(column), normal_points()
    if row.rule in AGAINST_USUAL or row.acts_on_several_days:
        return _over_long_paths(parameters, f, row)
    today = _values(parameters, f, points)
    if row.rule not in SINCE_YESTERDAY:
        return np.asarray(row.happened(today).mean(axis=1))
    # Two days: today's innovation around what yesterday leaves.
    lag1, fresh = parameters.copula.lag1[f], parameters.copula.fresh[f]
    steps = [
        row.exceeded(_values(parameters, f, lag1 * x + fresh * points) - today[:, place, None])
        for place, x in enumerate(points)
    ]
    return np.asarray(np.mean(steps, axis=(0, 2)))


def _over_long_paths(parameters: ModelParameters, f: int, row: TriggerRule) -> NDArray[np.float64]:
    """[L] share of days on drawn paths of a feature, the same for every level; to about 0.01."""
    lag1, fresh = parameters.copula.lag1[f], parameters.copula.fresh[f]
    noise = np.random.default_rng(0).standard_normal((PATH_DAYS, PATHS))
    x, counted, days = noise[0], np.zeros(len(LEVELS)), 0
    usual = before = np.zeros((len(LEVELS), PATHS))
    held: list[NDArray[np.bool_]] = []
    first, last = row.lag
    for t in range(PATH_DAYS):
        x = lag1 * x + fresh * noise[t] if t else x
        values = _values(parameters, f, x)
        if row.rule in BY_CHANGE:
            held.insert(0, row.exceeded(values - (usual if row.rule in AGAINST_USUAL else before)))
        else:
            held.insert(0, row.happened(values))
        usual, before = usual + (values - usual) / min(t + 1, USUAL_DAYS), values
        if t >= USUAL_DAYS:
            counted += np.any(held[first : last + 1], axis=0).mean(axis=1)
            days += 1
        del held[LONGEST_LAG + 1 :]
    return np.asarray(counted / days, dtype=np.float64)


def _over_a_cycle(row: TriggerRule) -> NDArray[np.float64]:
    """[28] share of a cycle's days."""
    days = range(1, STANDARD + 1)
    if row.rule == "window":
        phases = [day_of_menses(day) for day in days]
        held = np.array([row.low <= phase <= row.high for phase in phases])
    else:
        held = row.happened(np.array(days, dtype=np.float64))
    return np.asarray(acting_days(np.tile(held, 2), row)[STANDARD:], dtype=np.float64)


def _habitual(settings: Simulator, persons: Persons, trigger: TriggerFamily) -> NDArray[np.float64]:
    """[P] share of days with enough of the trigger's items, which weekends add to."""
    places = [ITEM_COLUMNS.index(column) for column in trigger.exposures]
    extra = np.where(np.array(places) == ALCOHOL, settings.diary.alcohol_weekend_extra, 0.0)
    row = settings.triggers[trigger.name]
    workday, free_day = (_at_least(persons.habit[:, places] + more, int(row.low)) for more in (0.0 * extra, extra))
    if not row.acts_on_several_days:
        return np.asarray((5 * workday + 2 * free_day) / 7)
    week = np.stack([workday] * 5 + [free_day] * 2)
    first, last = row.lag
    never = np.prod([np.roll(1 - week, later, axis=0) for later in range(first, last + 1)], axis=0)
    return np.asarray((1 - never).mean(axis=0))


def _values(parameters: ModelParameters, f: int, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """[L, points] values of a feature at some x, by level."""
    table = parameters.copula.tables[f]
    z = LEVELS[:, None] + parameters.copula.spread[f] * x
    return np.asarray(np.interp(z, np.linspace(-Z_LIMIT, Z_LIMIT, len(table)), table))


def _at_least(shares: NDArray[np.float64], items: int) -> NDArray[np.float64]:
    """[P] probability that at least so many of some independent items [P, items] happen (Poisson binomial)."""
    exactly = np.zeros((len(shares), shares.shape[1] + 1))
    exactly[:, 0] = 1.0
    for p in np.clip(shares, 0, 1).T[..., None]:
        exactly[:, 1:] = exactly[:, 1:] * (1 - p) + exactly[:, :-1] * p
        exactly[:, :1] *= 1 - p
    return np.asarray(exactly[:, items:].sum(axis=1))
