"""What a population's diaries teach: the prior of every twin, and the effects that all patients share.

    P(level) and the shared effects maximise the population's marginal likelihood, by EM on the points of filter.py:
    E step   w[i, m] = posterior weight of hypothesis m for patient i
    M step   effects: a Newton step on sum_i,m w[i, m] log P(onsets of i | m);   P(level): the mean of w over patients

Susceptibilities keep the clinicians' prior (uniform on a range); their strength beta is learned. A day is used where
the diaries of both evenings are there; since people write less on migraine days, odds are mended for that.

Belongs here: estimation. Does not: the recursion (filter.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.latent import AXES
from migraine_platform.config.twin import TwinPopulationSettings
from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.data.writing import SILENCES, learned_writing
from migraine_platform.twin.hazard.counting import counted
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import AGES, HEADACHES, AttackEvidence, Effects, Points
from migraine_platform.twin.hazard.shared_effects import newton_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDWIDTH = 0.15
"""Of the smoothing of the levels' distribution, on the logit scale."""

ENTRY_ODDS = (0.25, 0.35, 0.42, 0.5, 0.58, 0.68, 0.8, 1.0)
"""Among these, the likeliest odds of an entry on a migraine day are chosen."""

EARLY = (0.0, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.13, 0.17, 0.22)
"""Among these, the likeliest share of onsets with a sign on the evening before is chosen."""

SPREADS = {
    "signs_sd": (0.0, 0.2, 0.35, 0.5, 0.65, 0.8, 1.0),
    "lasting_sd": (0.0, 0.3, 0.5, 0.7, 0.9, 1.1, 1.4),
    "weekend": (0.0, 0.1, 0.2, 0.3, 0.4, 0.55, 0.75),
}
"""Among these, the likeliest spreads between persons are chosen, one after the other. Newton steps would find too small
a spread of weekends: among so few hypotheses each person's own has an error."""

LEVELS = 129
"""Quantiles by which the distribution of levels is kept."""


@dataclass(frozen=True)
class Personal:
    """The population's distribution of who a patient is."""

    levels: NDArray[np.float64]
    """[LEVELS] quantiles of the level at equal steps."""
    susceptibility: SusceptibilityPrior

    def points(self, count: int) -> Points:
        """So many hypotheses, spread evenly over the population (Sobol 1967): each as likely as any other."""
        from scipy.special import ndtri
        from scipy.stats import qmc

        u = qmc.Sobol(2 + TRIGGER_COUNT, scramble=True, rng=0).random(count)
        level = np.interp(u[:, 0], np.linspace(0, 1, len(self.levels)), self.levels)
        susceptibility = self.susceptibility.at(u[:, 1 : 1 + TRIGGER_COUNT])
        return Points(level, susceptibility, ndtri(u[:, 1 + TRIGGER_COUNT]), np.full(count, -np.log(count)))


@dataclass(frozen=True)
class LearnedPopulation:
    """What the population's diaries taught."""

    personal: Personal
    effects: Effects
    log_evidence: tuple[float, ...]
    """Mean over patients of the log probability of their diaries, before each step."""


def first_guess(
    susceptibility: SusceptibilityPrior, memory: float, renewal: float, conversion: float
) -> tuple[Personal, Effects]:
    """Where EM starts."""
    from scipy.special import ndtri

    levels = -2.0 + 1.5 * ndtri(np.linspace(0.002, 0.998, LEVELS))
    effects = Effects(
        trigger=np.ones(TRIGGER_COUNT),
        latent=np.ones(len(AXES)),
        refractory=0.0,
        attack_history=0.0,
        weekend=0.0,
        memory=memory,
        lasting=np.full((AGES, 2, HEADACHES), 0.3),
        lasting_sd=0.0,
        by_evening=0.85,
        alarms=0.1,
        signs=0.3,
        signs_sd=0.0,
        early=0.0,
        conversion=conversion,
        entry_odds=0.6,
        writing=np.zeros(SILENCES),
        renewal=renewal,
    )
    return Personal(levels, susceptibility), effects


def learn(
    covariates: Covariates,
    evidence: AttackEvidence,
    susceptibility: SusceptibilityPrior,
    settings: TwinPopulationSettings,
    renewal: float,
    conversion: float,
    progress: Callable[[str], None] = lambda line: None,
) -> LearnedPopulation:
    """Fit the population.

    Args:
        susceptibility: how they are spread over people.
        renewal: probability that a person changes overnight.
        conversion: share of the signs of tomorrow's attack that it follows.
    """
    personal, effects = first_guess(susceptibility, settings.trace_memory, renewal, conversion)
    effects = counted(evidence, effects._replace(writing=learned_writing(evidence.diary, evidence.begun)))
    log_evidence: list[float] = []
    for step in range(settings.steps):
        chosen = personal.points(settings.points)
        forecasts, filter_state = follow(chosen, effects, covariates, evidence)
        log_evidence.append(float(forecasts.log_evidence.sum() / len(evidence.diary)))
        progress(f"population: step {step + 1} of {settings.steps}, log evidence {log_evidence[-1]:.3f} a patient")
        shares = np.exp(filter_state.log_weight)
        effects = newton_step(chosen, effects, covariates, evidence, forecasts.attack_history, shares)
        personal = Personal(_levels(chosen.level, shares.mean(axis=0)), susceptibility)
        if step == settings.steps // 2:
            tried = [effects._replace(entry_odds=odds) for odds in ENTRY_ODDS]
            effects = counted(evidence, _likeliest(tried, chosen, covariates, evidence))
            tried = [counted(evidence, effects._replace(early=share)) for share in EARLY]
            effects = _likeliest(tried, chosen, covariates, evidence)
            for name in _told_of(covariates, evidence):
                tried = [effects._replace(**{name: sd}) for sd in SPREADS[name]]  # type: ignore[arg-type]
                effects = _likeliest(tried, chosen, covariates, evidence, some=1)
    return LearnedPopulation(personal, effects, tuple(log_evidence))


def _told_of(covariates: Covariates, evidence: AttackEvidence) -> list[str]:
    """Of which SPREADS the days tell anything: diaries may note no signs, and know nothing of attacks that go on."""
    onset, migraine, prodrome = (
        evidence.events[..., EVENTS.index(name)] for name in ("onset", "migraine_by_evening", "prodrome")
    )
    tells = {
        "signs_sd": prodrome.any(),
        "lasting_sd": (migraine & ~onset).any(),
        "weekend": np.ptp(covariates.weekend) > 0,
    }
    return [name for name in SPREADS if tells[name]]


def _likeliest(
    tried: list[Effects], points: Points, covariates: Covariates, evidence: AttackEvidence, some: int = 3
) -> Effects:
    """Those of some effects that make the diaries of one in `some` patients likeliest."""
    chosen = slice(0, max(1, len(evidence.diary) // some))
    part = Covariates(*(array[chosen] for array in covariates))
    reported = evidence.of_patients(chosen)
    scores = [float(follow(points, one, part, reported)[0].log_evidence.sum()) for one in tried]
    return tried[int(np.argmax(scores))]


def _levels(level: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles of the weighted levels, smoothed."""
    from scipy.special import ndtr

    grid = np.linspace(level.min() - 1, level.max() + 1, 801)
    reached = ndtr((grid[:, None] - level) / BANDWIDTH) @ weight
    return np.interp(np.linspace(0.0005, 0.9995, LEVELS), reached, grid)
