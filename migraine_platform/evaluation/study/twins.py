"""Twins from a study's diaries: the platform's own filter over hypotheses of who the person is.

The diary tells headaches and nothing else: no attack's beginning or end, no sleep, no stress, no weather. So every day
with headache counts as one on which an attack began (whether one went on cannot be told apart), what yesterday does to
today is learned as in every twin (refractory, trace), and in the place of the latent load stand treatment and time:

    logit P(headache on t+1) = g_i + w . treatment[t+1] + kappa r[t] + refractory if t was one,   w >= 0

g_i, its distribution and w are learned from the study's own diaries (twin/hazard/population.py); nothing is taken from
the simulation. Belongs here: from panels to forecasts. Does not: the filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.twin import Twin
from migraine_platform.domain.events import EVENTS
from migraine_platform.evaluation.study.panel import Panel
from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import NOT_TOLD, AttackEvidence
from migraine_platform.twin.hazard.population import LearnedPopulation, learn

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_TRIGGERS = SusceptibilityPrior.of_everybody(0.5, 0.6)
"""Range of susceptibilities; no trigger is recorded, so that they say nothing."""

NO_SIGNS = 1.0
"""Share of early signs that an attack follows: no diary of a study has any."""

RAISE = np.array([-1.0, 1.0, -1.0, 1.0])
"""What is expected to raise the odds: treatment not begun, its first days, fewer months of it, a drug in use."""


def twin_forecasts(panel: Panel, lesson: NDArray[np.bool_], settings: Twin, newness_days: float) -> NDArray[np.float64]:
    """[P, K] what twins say of each day on the evening before; NaN of the first day.

    The population is learned from the lesson's days; then everybody's twin lives through all of his days.

    Args:
        lesson: [P, K] recorded days that may be learned from; a patient's are his first ones, or all, or none.
    """
    treatment = panel.treatment(newness_days) * RAISE
    treatment -= treatment[lesson].mean(axis=0)
    learned = learn_study(panel, lesson, treatment, settings)
    said, _ = follow(
        learned.personal.points(settings.points),
        learned.effects,
        _covariates(_of_tomorrow(treatment)),
        _evidence(panel.headache, panel.recorded, np.zeros(len(panel.recorded), dtype=np.int64)),
    )
    out = np.full(panel.recorded.shape, np.nan)
    out[:, 1:] = said.probability[:, :-1]
    return out


def learn_study(
    panel: Panel, lesson: NDArray[np.bool_], treatment: NDArray[np.float64], settings: Twin
) -> LearnedPopulation:
    """The population of a study.

    Patients' days are laid so that the last one of each lesson is everybody's last: what comes later is not a gap in
    the diary, but a day that nobody has asked about yet.

    Args:
        treatment: [P, K, 4]
        lesson: [P, K] days that may be learned from.
    """
    rows = np.flatnonzero(lesson.any(axis=1))
    days = lesson.shape[1]
    last = days - 1 - np.argmax(lesson[rows, ::-1], axis=1)
    begun = days - 1 - last
    source = np.arange(days) - begun[:, None]
    there, place = source >= 0, np.maximum(source, 0)
    taught = np.take_along_axis(lesson[rows], place, axis=1) & there
    headache = np.take_along_axis(panel.headache[rows], place, axis=1)
    ahead = np.take_along_axis(_of_tomorrow(treatment)[rows], place[..., None], axis=1)
    evidence = _evidence(headache, taught, begun)
    return learn(_covariates(ahead), evidence, NO_TRIGGERS, settings.population, settings.renewal, conversion=NO_SIGNS)


def _of_tomorrow(treatment: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, K, 4] of the day that follows each evening."""
    return np.concatenate([treatment[:, 1:], treatment[:, -1:]], axis=1)


def _covariates(latent: NDArray[np.float64]) -> Covariates:
    nothing = np.zeros((*latent.shape[:2], TRIGGER_COUNT))
    return Covariates(
        trigger=nothing,
        baseline=nothing,
        latent=latent,
        spread=np.zeros((*latent.shape, latent.shape[-1])),
        weekend=np.zeros(nothing.shape[:2]),
    )


def _evidence(headache: NDArray[np.bool_], recorded: NDArray[np.bool_], begun: NDArray[np.int64]) -> AttackEvidence:
    events = np.zeros((*recorded.shape, len(EVENTS)), dtype=np.bool_)
    for name in ("has_migraine", "onset", "migraine_by_evening"):
        events[..., EVENTS.index(name)] = headache & recorded
    not_told = np.full(recorded.shape, NOT_TOLD, dtype=np.int64)
    return AttackEvidence(recorded, events, not_told, np.zeros_like(recorded), np.zeros(recorded.shape), begun)
