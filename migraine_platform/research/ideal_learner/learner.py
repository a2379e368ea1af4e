"""The ideal learner: only what was measured, the true population model, the patient's parameters learned from him.

Hypothetical persons are drawn: class, frequency, susceptibilities, course of attacks, drift. Each is held against the
patient's measured days by the filter that would be right if he were that person (oracle.py), and weighted by how
probable the population makes him, and he the days. The forecast is the weighted mean: what a digital twin can hope
for, and no twin can beat.

This is importance sampling, day by day (IBIS). Drawn from the population alone, few hypotheses would be like a patient
after months; so a coarse run finds out roughly where he lies, and of the final hypotheses half come from there, half
from the population. Their weights undo the choice (hypotheses.py): the choice costs no truth, only saves draws.

What the person's days are like on average (own levels, habits, adherence, the calendar of the cycle) is taken as
known: a few weeks of any diary show it, and it bears on the forecast only where a day was not recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.research.ideal_learner.hypotheses import Hypotheses, from_both, from_population
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator, Trajectories
from migraine_platform.simulator.cohort.exposure import AverageDays
from migraine_platform.simulator.filtering.oracle import FilteredForecasts, filter_days
from migraine_platform.simulator.filtering.particles import LOGIT_BINS, LOGIT_STEP
from migraine_platform.simulator.generative.attacks import own_signs
from migraine_platform.simulator.generative.model import Persons
from migraine_platform.simulator.generative.symptoms import HEADACHE, WEEKEND

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PATIENTS_AT_A_TIME = 8

TAILS = (0.05, 0.95)
"""Ends of the central 90 %."""


@dataclass(frozen=True)
class LearnerForecasts:
    """What the learner makes of P patients' K days."""

    forecast: NDArray[np.float64]
    """[P, K] probability that the day is a migraine day, as of the evening before."""
    interval: NDArray[np.float64]
    """[P, K, 2] where 90 % of the forecasts lie that the whole state may make, as of the evening before."""
    frequency: NDArray[np.float64]
    """[P, K, 2] posterior mean and standard deviation of the profile's frequency (share of days), after the day."""
    susceptibility: NDArray[np.float64]
    """[P, K, 4, 2] the same of the susceptibilities."""
    susceptibility_interval: NDArray[np.float64]
    """[P, K, 4, 2] their 5 % and 95 % posterior quantiles."""
    effective: NDArray[np.float64]
    """[P, K] effective number of hypothetical persons."""


def learn(
    simulator: CohortSimulator,
    trajectories: Trajectories,
    hypotheses: int = 128,
    particles: int = 128,
    progress: Callable[[int], None] = lambda done: None,
) -> LearnerForecasts:
    """Learn every patient from his measured days.

    Args:
        hypotheses: hypothetical persons per patient, in the coarse run and in the final one.
        particles: per hypothetical person in the final run; the coarse one has a quarter.
        progress: is told how many patients are done.
    """
    evidence = simulator.evidence(trajectories)
    average = simulator.average_days(trajectories.persons)
    count, days = evidence.diary.shape
    out = LearnerForecasts(
        np.empty((count, days)),
        np.empty((count, days, 2)),
        np.empty((count, days, 2)),
        np.empty((count, days, len(TRIGGER_NAMES), 2)),
        np.empty((count, days, len(TRIGGER_NAMES), 2)),
        np.empty((count, days)),
    )

    def run(drawn: Hypotheses, subject: NDArray[np.int64], many: int, final: bool) -> FilteredForecasts:
        persons = suppose(simulator, trajectories.persons, average, subject, drawn)
        return filter_days(
            simulator.parameters, persons, simulator.day_effects, evidence, many, subject, with_spread=final
        )

    for first in range(0, count, PATIENTS_AT_A_TIME):
        subjects = np.arange(first, min(first + PATIENTS_AT_A_TIME, count))
        subject = np.repeat(subjects, hypotheses)
        index = trajectories.patients.index[subjects]
        coarse = from_population(simulator.settings, simulator.calendar, index, hypotheses)
        likelihood = run(coarse, subject, max(particles // 4, 4), False).log_evidence.sum(axis=1)
        drawn = from_both(simulator.settings, simulator.calendar, index, hypotheses, coarse, likelihood)
        found = run(drawn, subject, particles, True)
        for row, patient in enumerate(subjects.tolist()):
            block = slice(row * hypotheses, (row + 1) * hypotheses)
            _summarise(out, patient, FilteredForecasts(*(part[block] for part in found)), drawn, block)
        progress(int(subjects[-1]) + 1)
    return out


def suppose(
    simulator: CohortSimulator, persons: Persons, average: AverageDays, subject: NDArray[np.int64], drawn: Hypotheses
) -> Persons:
    """The patients as the hypotheses would have them.

    Args:
        subject: [H] the patient that each hypothesis is about.
    """
    known: dict[str, Any] = {
        name: value[subject]
        for name, value in zip(persons._fields, persons, strict=True)
        if isinstance(value, np.ndarray)
    }
    theirs = average.of(subject)._replace(headache=drawn.symptoms[:, HEADACHE])
    known["intercept"] = simulator.calibration.intercept_of(
        drawn.is_chronic, drawn.frequency, drawn.susceptibility, theirs
    )
    sign_share, early_share = own_signs(simulator.parameters.course, drawn.symptoms)
    known |= {"susceptibility": drawn.susceptibility, "attack_history": drawn.frequency, "change": drawn.change}
    known |= {"symptoms": drawn.symptoms, "sign_share": sign_share, "early_share": early_share}
    known["weekend"] = simulator.settings.attacks.weekend_log_odds_sd * drawn.symptoms[:, WEEKEND]
    return persons._replace(**known)


def _summarise(
    out: LearnerForecasts,
    patient: int,
    found: FilteredForecasts,
    drawn: Hypotheses,
    block: slice,
) -> None:
    """Weight one patient's hypotheses day by day."""
    prior = drawn.log_weight[block, None]
    after = prior + np.cumsum(found.log_evidence, axis=1)
    before = np.concatenate([prior, after[:, :-1]], axis=1)
    weights = _weights(before)
    out.forecast[patient] = (weights * found.forecast).sum(axis=0)
    out.interval[patient] = _forecast_interval(np.einsum("hk,hkb->kb", weights, found.spread))
    weights = _weights(after)
    out.effective[patient] = 1 / (weights**2).sum(axis=0)
    out.frequency[patient] = _moments(weights, drawn.frequency[block, None])[:, 0]
    out.susceptibility[patient] = _moments(weights, drawn.susceptibility[block])
    out.susceptibility_interval[patient] = _quantiles(weights, drawn.susceptibility[block])


def _weights(log_weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """[H, K] normalised over the hypotheses."""
    raw = np.exp(log_weights - log_weights.max(axis=0))
    return np.asarray(raw / raw.sum(axis=0))


def _moments(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K, V, 2] weighted mean and standard deviation of values [H, V] under weights [H, K]."""
    mean = weights.T @ values
    square = weights.T @ values**2
    return np.stack([mean, np.sqrt(np.maximum(square - mean**2, 0))], axis=-1)


def _quantiles(weights: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K, V, 2] ends of the central 90 % of values [H, V] under weights [H, K]."""
    out = np.empty((weights.shape[1], values.shape[1], 2))
    for v in range(values.shape[1]):
        order = np.argsort(values[:, v])
        own = weights[order]
        reached = np.cumsum(own, axis=0) - own / 2
        for k in range(weights.shape[1]):
            out[k, v] = np.interp(TAILS, reached[:, k], values[order, v])
    return out


def _forecast_interval(spread: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K, 2] ends of the central 90 % of forecasts that were counted into bins [K, LOGIT_BINS]."""
    edges = (np.arange(LOGIT_BINS + 1) - LOGIT_BINS // 2 - 0.5) * LOGIT_STEP
    reached = np.concatenate([np.zeros((len(spread), 1)), np.cumsum(spread, axis=1)], axis=1)
    logits = np.array([np.interp(TAILS, row / max(row[-1], 1e-12), edges) for row in reached])
    return np.asarray(1 / (1 + np.exp(-logits)))
