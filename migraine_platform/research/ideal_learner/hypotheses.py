"""Hypothetical persons: who a patient may be, drawn from the population or from where he seems to lie.

A person is a class and some numbers: the frequency of his class and his susceptibilities, within the population's
ranges, and what is his own of attacks: how long headaches last, how often signs come, the weekend. On the logit scale
of those ranges, and of the others' quantiles, the prior is a logistic density, and a patient's days make it about
normal.

    weight = population density / (half the population density + half the density of the guess)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.generative.drift import TrueChanges, draw_changes
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH, SusceptibilityPrior
from migraine_platform.simulator.generative.symptoms import HEADACHE, SIGNS, SYMPTOMS, WEEKEND
from migraine_platform.simulator.random.streams import Stream, normals, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

OWN = (HEADACHE, SIGNS, WEEKEND)
"""What is a person's own of attacks, and bears on when a migraine day comes."""

NUMBERS = 1 + len(TRIGGER_NAMES) + len(OWN)
HYPOTHETICAL = 2**41
"""Numbers of persons far beyond any cohort's, so that no hypothesis shares a drift with a patient."""

KEPT_SHARE = 0.2
"""Effective share of the coarse hypotheses that make the guess: their weights are tempered until it is reached."""

WIDER = 1.5
"""Factor on the guess's covariance, so that its tails reach beyond the patient's."""

RAREST_CLASS = 0.05


@dataclass(frozen=True)
class Hypotheses:
    """H hypothetical persons."""

    frequency: NDArray[np.float64]
    is_chronic: NDArray[np.bool_]
    susceptibility: NDArray[np.float64]
    """[H, 4]"""
    symptoms: NDArray[np.float64]
    """[H, SYMPTOMS] 0 where no forecast hangs on it."""
    change: TrueChanges
    place: NDArray[np.float64]
    """[H, NUMBERS] frequency, susceptibilities and OWN on the logit scale of their ranges and quantiles."""
    log_weight: NDArray[np.float64]
    """[H] what undoes the way in which they were drawn."""


@dataclass(frozen=True)
class Guess:
    """Where a patient seems to lie: a normal per class."""

    chronic: float
    mean: NDArray[np.float64]
    """[2, NUMBERS] episodic, chronic"""
    covariance: NDArray[np.float64]
    """[2, NUMBERS, NUMBERS]"""


def from_population(settings: Simulator, calendar: Calendar, index: NDArray[np.int64], each: int) -> Hypotheses:
    """So many hypothetical persons for each patient, as the population has them; classes in their exact shares.

    Args:
        index: [P] patients' indices.
    """
    u = uniforms(settings.cohort.seed, Stream.LEARNER, index, each, 1 + NUMBERS).reshape(-1, 1 + NUMBERS)
    chronic = (np.tile(np.arange(each), len(index)) + u[:, 0]) / each < settings.population.chronic_share
    place = np.log(u[:, 1:] / (1 - u[:, 1:]))
    return _placed(settings, calendar, index, each, chronic, place, np.zeros(len(chronic)))


def from_both(
    settings: Simulator,
    calendar: Calendar,
    index: NDArray[np.int64],
    each: int,
    coarse: Hypotheses,
    log_likelihood: NDArray[np.float64],
) -> Hypotheses:
    """Half from the population, half from where the coarse hypotheses say that each patient lies.

    Args:
        log_likelihood: [H] of the coarse hypotheses.
        index: [P] patients' indices.
    """
    again = from_population(settings, calendar, index + HYPOTHETICAL, each)
    chronic, place = again.is_chronic.copy(), again.place.copy()
    log_weight = np.empty(len(chronic))
    share = settings.population.chronic_share
    fresh = normals(settings.cohort.seed, Stream.LEARNER, index + 2 * HYPOTHETICAL, each, NUMBERS)
    for row in range(len(index)):
        block = np.arange(row * each, (row + 1) * each)
        guess = _guess(coarse.is_chronic[block], coarse.place[block], log_likelihood[block])
        half = block[::2]
        chronic[half] = (np.arange(len(half)) + 0.5) / len(half) < guess.chronic
        for number in (0, 1):
            those = half[chronic[half] == bool(number)]
            factor = np.linalg.cholesky(guess.covariance[number])
            place[those] = guess.mean[number] + fresh[row, those - block[0]] @ factor.T
        prior = _log_prior(chronic[block], place[block], share)
        guessed = _log_guess(chronic[block], place[block], guess)
        log_weight[block] = prior - np.logaddexp(prior, guessed) + np.log(2)
    return _placed(settings, calendar, index, each, chronic, place, log_weight)


def _placed(
    settings: Simulator,
    calendar: Calendar,
    index: NDArray[np.int64],
    each: int,
    chronic: NDArray[np.bool_],
    place: NDArray[np.float64],
    log_weight: NDArray[np.float64],
) -> Hypotheses:
    """Persons at these places, each with a drift of the population's."""
    from scipy.special import ndtri

    population = settings.population
    within = 1 / (1 + np.exp(-place))
    low, high = np.where(chronic[:, None], population.chronic_frequency, population.episodic_frequency).T
    susceptibility = SusceptibilityPrior.of(settings).at(within[:, 1 : 1 + len(TRIGGER_NAMES)])
    symptoms = np.zeros((len(place), SYMPTOMS))
    symptoms[:, OWN] = ndtri(within[:, 1 + len(TRIGGER_NAMES) :])
    drawn = HYPOTHETICAL + np.repeat(index, each) * each + np.tile(np.arange(each), len(index))
    return Hypotheses(
        frequency=(low + within[:, 0] * (high - low)) / DAYS_A_MONTH,
        is_chronic=chronic,
        susceptibility=susceptibility,
        symptoms=symptoms,
        change=draw_changes(settings.drift, drawn, susceptibility, calendar.burn_in, settings.cohort.seed),
        place=place,
        log_weight=log_weight,
    )


def _guess(chronic: NDArray[np.bool_], place: NDArray[np.float64], log_likelihood: NDArray[np.float64]) -> Guess:
    """Moments of the tempered posterior, class by class; a class with too few draws keeps the population's."""
    weights = _tempered(log_likelihood)
    mean, covariance = np.zeros((2, NUMBERS)), np.tile(np.pi**2 / 3 * np.eye(NUMBERS), (2, 1, 1))
    for number in (0, 1):
        own = np.where(chronic == bool(number), weights, 0.0)
        total = own.sum()
        if total > 0 and total**2 / (own**2).sum() > 2 * NUMBERS:
            own /= total
            mean[number] = own @ place
            centred = place - mean[number]
            covariance[number] = WIDER * (centred * own[:, None]).T @ centred + 1e-3 * np.eye(NUMBERS)
    share = float(np.clip(weights[chronic].sum(), RAREST_CLASS, 1 - RAREST_CLASS))
    return Guess(share, mean, covariance)


def _tempered(log_likelihood: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normalised weights, flattened until their effective number is a fifth of the draws."""
    low, high = 0.0, 1.0
    centred = log_likelihood - log_likelihood.max()

    def at(power: float) -> NDArray[np.float64]:
        raw = np.exp(power * centred)
        return np.asarray(raw / raw.sum())

    for _ in range(30):
        power = (low + high) / 2
        if 1 / (at(power) ** 2).sum() > KEPT_SHARE * len(centred):
            low = power
        else:
            high = power
    return at(low)


def _log_prior(chronic: NDArray[np.bool_], place: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Logistic density of each number, times the class's share."""
    logistic = -np.abs(place) - 2 * np.log1p(np.exp(-np.abs(place)))
    with np.errstate(divide="ignore"):
        return np.asarray(logistic.sum(axis=1) + np.log(np.where(chronic, share, 1 - share)))


def _log_guess(chronic: NDArray[np.bool_], place: NDArray[np.float64], guess: Guess) -> NDArray[np.float64]:
    """Normal density of the class's guess, times the class's share."""
    out = np.empty(len(place))
    for number in (0, 1):
        those = chronic == bool(number)
        factor = np.linalg.cholesky(guess.covariance[number])
        scaled = np.linalg.solve(factor, (place[those] - guess.mean[number]).T)
        constant = NUMBERS / 2 * np.log(2 * np.pi) + np.log(np.diag(factor)).sum()
        share = guess.chronic if number else 1 - guess.chronic
        out[those] = np.log(share) - constant - 0.5 * (scaled**2).sum(axis=0)
    return out
