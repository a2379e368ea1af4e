"""What a person's days are like on average: how often each trigger comes, and where the latent state lies.

    rate_k = P(trigger k on a day | person)        from the person's own levels, habits and site
    E Z    = (I - A)^-1 (B E[u | person] + L rate), L: what triggers load

Cycles of the week, coupling and drift are left out: the intercept needs to know who has many triggers, not how many to
the day. Nothing here depends on the cohort's horizon.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import AXES, INPUTS
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.priors.families import Z_LIMIT
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.simulator.cohort.trigger_rates import (
    LEVELS,
    POINTS,
    normal_points,
    trigger_rates,
    trigger_shares,
)
from migraine_platform.simulator.exogenous.trigger_rules import loads_of
from migraine_platform.simulator.generative.latent_inputs import (
    DRAWN_INPUTS,
    FIRST_WEATHER_INPUT,
    WEATHER_INPUTS,
    weather_score,
)
from migraine_platform.simulator.generative.model import ModelParameters, Persons
from migraine_platform.simulator.generative.symptoms import HEADACHE

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    """By trigger, share of its days (trigger_rates.py)."""
    scores: NDArray[np.float64]
    """[drawn inputs, L] mean u by the level of the feature."""
    weather: NDArray[np.float64]
    """[sites, 3] mean u of the weather inputs."""
    by_latent: NDArray[np.float64]
    """[4, inputs] (I - A)^-1 B"""
    by_trigger: NDArray[np.float64]
    """[4, K] the same of the triggers' loads."""

    @classmethod
    def of(cls, settings: Simulator, parameters: ModelParameters) -> ExposureTables:
        """Tabulate the model's."""
        copula, inputs, points = parameters.copula, parameters.inputs, normal_points()
        fading = np.eye(len(AXES)) - inputs.A
        grid = np.linspace(-Z_LIMIT, Z_LIMIT, inputs.by_z.shape[1])
        return cls(
            triggers=tuple(trigger_shares(settings, parameters, trigger) for trigger in TRIGGERS),
            scores=np.stack(
                [
                    np.interp(LEVELS[:, None] + copula.spread[f] * points, grid, inputs.by_z[k]).mean(axis=1)
                    for k, f in enumerate(DRAWN_INPUTS)
                ]
            ),
            weather=_weather_scores(settings, parameters),
            by_latent=np.asarray(np.linalg.solve(fading, inputs.B), dtype=np.float64),
            by_trigger=np.asarray(np.linalg.solve(fading, loads_of(parameters.rules)), dtype=np.float64),
        )


def average_days(
    settings: Simulator, parameters: ModelParameters, exposure: ExposureTables, persons: Persons
) -> AverageDays:
    """What these persons' days are like on average."""
    rates = trigger_rates(settings, exposure.triggers, persons)
    return AverageDays(rates, latent_mean(parameters, exposure, persons, rates), persons.symptoms[:, HEADACHE])


def latent_mean(
    parameters: ModelParameters, exposure: ExposureTables, persons: Persons, rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P] w_i . E Z, the weather at the climates' means and cycles of 28 days.

    Args:
        rates: [P, K] share of days on which each trigger comes.
    """
    scores = np.zeros((len(persons.index), len(INPUTS)))
    for k, f in enumerate(DRAWN_INPUTS):
        scores[:, k] = np.interp(persons.level[:, f], LEVELS, exposure.scores[k])
    cycling = persons.cycle_day[:, 0] > 0
    scores[cycling, INPUTS.index("cycle_day")] = parameters.inputs.by_cycle_day[1:].mean()
    scores[:, FIRST_WEATHER_INPUT:] = exposure.weather[persons.site]
    mean = (scores[:, None, :] * exposure.by_latent).sum(axis=2) + (rates[:, None, :] * exposure.by_trigger).sum(axis=2)
    return np.asarray((mean * persons.latent_weights).sum(axis=1))


def _weather_scores(settings: Simulator, parameters: ModelParameters) -> NDArray[np.float64]:
    """[sites, 3] mean scores of the weather inputs over a year of the site's climate."""
    points, phases = normal_points(), np.cos(np.linspace(0, 2 * np.pi, POINTS, endpoint=False))
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
