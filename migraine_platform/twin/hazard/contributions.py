"""What makes tomorrow likelier, or less likely: a forecast's log-odds taken apart.

    logit P = usual level + 4 triggers + 4 parts of the latent state + recent migraine days + day of the week + signs
              + what is unknown + a running attack

The first eleven are the terms of the hazard (filter.py) at the posterior mean of the person's parameters; `early signs`
is what the evening's signs of an attack, or that there were none, changed (signs.py). `unknown` is
what averaging over all that is unknown, and a recalibration, add to that; `running attack` what the chance that an
attack goes on adds. The parts add up to the forecast's log-odds exactly. Effects are direct ones: a trigger with the
load held.

Belongs here: the parts. Does not: their sources in a patient's own units (prediction.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.simulator.latent import AXES
from migraine_platform.priors.vocabulary import TRIGGER_COUNT, TRIGGERS
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import attenuation
from migraine_platform.twin.hazard.hypotheses import Effects, FilterState, Forecasts, Points, weekends

if TYPE_CHECKING:
    from numpy.typing import NDArray

FACTORS = (
    "usual level",
    *(trigger.factor for trigger in TRIGGERS),
    *(f"load: {name}" for name in AXES),
    "recent migraine days",
    "day of the week",
    "early signs",
    "what is not known",
    "running attack",
)
FIRST_TRIGGER, FIRST_LATENT = 1, 1 + TRIGGER_COUNT
LATENT_TERMS = slice(FIRST_LATENT, FIRST_LATENT + len(AXES))
LEVEL, CARRY_OVER, WEEKDAY, EARLY_SIGNS, UNKNOWN, RUNNING = 0, *range(FIRST_LATENT + len(AXES), len(FACTORS))


class PersonParameters(NamedTuple):
    """Posterior means of P patients' parameters."""

    level: NDArray[np.float64]
    """[P]"""
    susceptibility: NDArray[np.float64]
    """[P, 4]"""
    weekend: NDArray[np.float64]
    """[P] on the hypotheses' scale."""

    @classmethod
    def of(cls, points: Points, filter_state: FilterState) -> PersonParameters:
        """Of twins as they stand."""
        share = np.exp(filter_state.log_weight)
        return cls(share @ points.level, share @ points.susceptibility, share @ points.weekend)


def onset_terms(
    person: PersonParameters, effects: Effects, covariates: Covariates, forecasts: Forecasts
) -> NDArray[np.float64]:
    """[P, K, terms] of the log-odds of an onset on the day after each evening; they sum to the log-odds.

    Args:
        forecasts: made on the same evenings.
    """
    trigger = effects.trigger * person.susceptibility[:, None] * (covariates.trigger - covariates.baseline)
    latent = effects.latent * covariates.latent
    after_ill = effects.refractory + effects.attack_history * (1 - effects.memory)
    carried = effects.attack_history * effects.memory * forecasts.attack_history + after_ill * forecasts.ill
    level = np.broadcast_to(person.level[:, None], carried.shape)
    week = effects.weekend * person.weekend[:, None] * covariates.weekend
    terms = np.concatenate([level[..., None], trigger, latent, carried[..., None], week[..., None]], axis=-1)
    return np.asarray(terms * attenuation(effects, covariates)[..., None])


def factor_sd(
    points: Points, filter_state: FilterState, effects: Effects, covariates: Covariates
) -> NDArray[np.float64]:
    """[P, FACTORS] posterior standard deviation of each factor on the last evening; NaN where none can be said.

    A trigger's: of its effect where it was there or not, and of whether it was there.
    """
    share = np.exp(filter_state.log_weight)
    level = share @ points.level**2 - (share @ points.level) ** 2
    mean = share @ points.susceptibility
    variance = share @ points.susceptibility**2 - mean**2
    trigger, baseline = covariates.trigger[:, -1], covariates.baseline[:, -1]
    unsure = trigger * (1 - trigger)
    kinds = effects.trigger**2 * (((trigger - baseline) ** 2 + unsure) * variance + unsure * mean**2)
    latent = effects.latent**2 * np.diagonal(covariates.spread[:, -1], axis1=1, axis2=2)
    nothing = np.full((len(share), 1), np.nan)
    week = weekends(points, effects, filter_state)[1] * np.abs(covariates.weekend[:, -1])
    known = np.sqrt(np.maximum(np.concatenate([level[:, None], kinds, latent], axis=1), 0.0))
    return np.concatenate([known, nothing, week[:, None], nothing, nothing, nothing], axis=1)


def contributions(
    person: PersonParameters,
    effects: Effects,
    covariates: Covariates,
    forecasts: Forecasts,
    probability: NDArray[np.float64],
) -> NDArray[np.float64]:
    """[P, K, FACTORS] log-odds, adding up to those of the forecast.

    Args:
        probability: [P, K] the forecasts as they are told, recalibrated.
    """
    terms = onset_terms(person, effects, covariates, forecasts)
    onset, unsigned = _logit(forecasts.onset), _logit(forecasts.unsigned)
    raw = _logit(forecasts.probability)
    unknown = unsigned - terms.sum(axis=-1) + _logit(probability) - raw
    running = raw - onset
    signs = onset - unsigned
    return np.concatenate([terms, signs[..., None], unknown[..., None], running[..., None]], axis=-1)


def _logit(p: NDArray[np.float64]) -> NDArray[np.float64]:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(p / (1 - p)))
