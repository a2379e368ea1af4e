"""What a person's days are like on average: how often each trigger comes, and where the latent state lies.

    rate_k = P(trigger k on a day | person)        from the person's own levels, habits and site
    E Z    = (I - A)^-1 B E[u | person]

Cycles of the week, coupling and drift are left out: the intercept needs to know who has many triggers, not how many to
the day. Nothing here depends on the cohort's horizon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import AXES, INPUTS
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
from migraine_platform.priors.vocabulary import DRAWN_COLUMNS, ITEM_COLUMNS, TRIGGERS
from migraine_platform.simulator.exogenous.cycle import STANDARD, day_of_menses
from migraine_platform.simulator.exogenous.station import read_station
from migraine_platform.simulator.generative.latent_inputs import (
    DRAWN_INPUTS,
    FIRST_WEATHER_INPUT,
    WEATHER_INPUTS,
    weather_score,
)
from migraine_platform.simulator.generative.model import ALCOHOL, ModelParameters, Persons
from migraine_platform.simulator.generative.symptoms import HEADACHE

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = 101
"""Equally probable points at which a standard normal is looked at; triggers are steps, which no smooth rule likes."""

PATHS, PATH_DAYS = 100, 100
"""Drawn where a trigger has to do with more than two days."""

LEVELS = np.linspace(-Z_LIMIT, Z_LIMIT, 121)
"""Own levels of z at which the tables are made; between them, interpolated."""


class AverageDays(NamedTuple):
    """A person's days on average, for P persons."""

    rates: NDArray[np.float64]
    """[P, 4] share of days on which each trigger comes."""
    latent: NDArray[np.float64]
    """[P] w_i . E Z"""
    headache: NDArray[np.float64]
    """[P] how long headaches last, on a normal scale."""

    def of(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> AverageDays:
        """Some of the persons.

        Args:
            rows: [P] which of them.
        """
        return AverageDays(*(part[rows] for part in self))


class ExposureTables(NamedTuple):
    """What a person's own levels make of his days, tabulated: each depends on one level alone."""

    triggers: tuple[NDArray[np.float64], ...]
    """By trigger, share of its days: [L] by the level of its feature, [sites], or [28] days of
    a cycle; of diet, which habits decide, [0]."""
    scores: NDArray[np.float64]
    """[drawn inputs, L] mean u by the level of the feature."""
    weather: NDArray[np.float64]
    """[sites, 3] mean u of the weather inputs."""
    by_latent: NDArray[np.float64]
    """[4, inputs] (I - A)^-1 B"""

    @classmethod
    def of(cls, settings: Simulator, parameters: ModelParameters) -> ExposureTables:
        """Tabulate the model's."""
        copula, inputs, points = parameters.copula, parameters.inputs, _points()
        grid = np.linspace(-Z_LIMIT, Z_LIMIT, inputs.by_z.shape[1])
        return cls(
            triggers=tuple(_trigger_shares(settings, parameters, trigger) for trigger in TRIGGERS),
            scores=np.stack(
                [
                    np.interp(LEVELS[:, None] + copula.spread[f] * points, grid, inputs.by_z[k]).mean(axis=1)
                    for k, f in enumerate(DRAWN_INPUTS)
                ]
            ),
            weather=_weather_scores(settings, parameters),
            by_latent=np.asarray(np.linalg.solve(np.eye(len(AXES)) - inputs.A, inputs.B), dtype=np.float64),
        )


def average_days(
    settings: Simulator, parameters: ModelParameters, exposure: ExposureTables, persons: Persons
) -> AverageDays:
    """What these persons' days are like on average."""
    own = persons.symptoms[:, HEADACHE]
    return AverageDays(trigger_rates(settings, exposure, persons), latent_mean(parameters, exposure, persons), own)


def trigger_rates(settings: Simulator, exposure: ExposureTables, persons: Persons) -> NDArray[np.float64]:
    """[P, K] share of days on which each trigger comes."""
    rates = []
    for trigger, shares in zip(TRIGGERS, exposure.triggers, strict=True):
        (column, *_) = trigger.exposures
        if column in WEATHER_COLUMNS:
            rates.append(shares[persons.site])
        elif column in ITEM_COLUMNS:
            rates.append(_habitual(settings, persons, trigger))
        elif column == CYCLE_DAY:
            rates.append(np.where(persons.cycle_day[:, 0] > 0, shares.mean(), 0.0))
        else:
            rates.append(np.interp(persons.level[:, DRAWN_COLUMNS.index(column)], LEVELS, shares))
    return np.column_stack(rates)


def _trigger_shares(settings: Simulator, parameters: ModelParameters, trigger: TriggerFamily) -> NDArray[np.float64]:
    """What `ExposureTables.triggers` holds of one."""
    (column, *_), row = trigger.exposures, settings.triggers[trigger.name]
    if column in ITEM_COLUMNS:
        return np.empty(0)
    if column in WEATHER_COLUMNS:
        return _pressure_changes(settings, row)
    if column == CYCLE_DAY:
        return _over_a_cycle(row)
    f, points = DRAWN_COLUMNS.index(column), _points()
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
    return np.asarray(_acting(held, row, around=True), dtype=np.float64)


def _acting(held: NDArray[np.bool_], row: TriggerRule, around: bool = False) -> NDArray[np.bool_]:
    """[..., T] days on which a trigger acts.

    Args:
        held: [..., T] days on which its rule held.
        around: whether the last day comes before the first; else the days that begin are taken for the others' kind.
    """
    first, last = row.lag
    acting = np.any([np.roll(held, later, axis=-1) for later in range(first, last + 1)], axis=0)
    return np.asarray(acting if around else acting[..., last:])


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


def latent_mean(parameters: ModelParameters, exposure: ExposureTables, persons: Persons) -> NDArray[np.float64]:
    """[P] w_i . E Z, the weather at the climates' means and cycles of 28 days."""
    scores = np.zeros((len(persons.index), len(INPUTS)))
    for k, f in enumerate(DRAWN_INPUTS):
        scores[:, k] = np.interp(persons.level[:, f], LEVELS, exposure.scores[k])
    cycling = persons.cycle_day[:, 0] > 0
    scores[cycling, INPUTS.index("cycle_day")] = parameters.inputs.by_cycle_day[1:].mean()
    scores[:, FIRST_WEATHER_INPUT:] = exposure.weather[persons.site]
    return np.asarray(((scores[:, None, :] * exposure.by_latent).sum(axis=2) * persons.latent_weights).sum(axis=1))


def _points() -> NDArray[np.float64]:
    """[POINTS] quantiles of a standard normal."""
    from scipy.special import ndtri

    return np.asarray(ndtri((np.arange(POINTS) + 0.5) / POINTS))


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


def _pressure_changes(settings: Simulator, row: TriggerRule) -> NDArray[np.float64]:
    """[sites] share of days with a change that counts: of the climate's process, or counted in the station's file."""
    from scipy.special import ndtr

    shares = []
    for site in settings.weather.sites:
        if site.station is not None:
            change = np.diff(read_station(site.station).values[:, 2])
            shares.append(float(_acting(row.happened(change), row).mean()))
        elif row.acts_on_several_days:
            climate = settings.weather.climates[site.climate]
            pressure = climate.pressure_sd * _ar1(climate.pressure_lag1, PATHS * PATH_DAYS)
            shares.append(float(_acting(row.happened(np.diff(pressure)), row).mean()))
        else:
            climate = settings.weather.climates[site.climate]
            sd = climate.pressure_sd * np.sqrt(2 * (1 - climate.pressure_lag1))
            below, above = float(ndtr(row.low / sd)), float(ndtr(-row.high / sd))
            shares.append({"below": below, "above": above}.get(row.rule, below + above))
    return np.array(shares)


def _ar1(lag1: float, days: int) -> NDArray[np.float64]:
    """[days] a drawn path of unit variance, the same at every call."""
    from scipy.signal import lfilter

    noise = np.random.default_rng(0).standard_normal(days)
    noise[1:] *= np.sqrt(1 - lag1**2)
    return np.asarray(lfilter([1.0], [1.0, -lag1], noise))


def _weather_scores(settings: Simulator, parameters: ModelParameters) -> NDArray[np.float64]:
    """[sites, 3] mean scores of the weather inputs over a year of the site's climate."""
    points, phases = _points(), np.cos(np.linspace(0, 2 * np.pi, POINTS, endpoint=False))
    rows = []
    for site in settings.weather.sites:
        climate = settings.weather.climates[site.climate]
        values = {
            "pressure_change_24h": climate.pressure_sd * np.sqrt(2 * (1 - climate.pressure_lag1)) * points,
            "temperature": site.temperature_mean + site.temperature_amplitude * phases,
            "humidity": site.humidity_mean + climate.humidity_sd * points,
        }
        rows.append(
            [
                np.mean([weather_score(parameters.inputs, k, float(value)) for value in values[name]])
                for k, name in enumerate(WEATHER_INPUTS)
            ]
        )
    return np.array(rows)
