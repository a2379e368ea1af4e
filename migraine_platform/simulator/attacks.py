"""Attacks: when they begin, how long they last, which days become migraine days.

    logit P(onset on day t+1) = b_i + sum_k beta_k s_ik trigger_k[t]        while no attack is running

A migraine day is the day of an onset, and each later day with at least `migraine_day_hours` of headache; on such a
day no further attack begins. Headaches of treated attacks are shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from migraine_platform.config.simulator import Attacks
from migraine_platform.errors import UserError
from migraine_platform.simulator.streams import Stream, unit, words_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOURS = 24
TABLE_SIZE = 1025
FARTHEST_LOCATION = 6.0
"""How many standard deviations outside of its range a cut distribution may be centred; farther, digits are lost."""


class CourseError(UserError):
    """A course of attacks that no distribution has."""


@dataclass(frozen=True)
class Course:
    """The course of an attack, tabulated for the kernel."""

    onset_hours: NDArray[np.float64]
    """[K] quantiles of the hour of onset."""
    durations: NDArray[np.float64]
    """[K] quantiles of the untreated headache's duration, in hours."""
    shortest: float
    treated_share: float
    treated_factor: float
    aura_share: float
    aura_minutes: tuple[float, float]
    severity: tuple[float, float]
    migraine_day_hours: float

    @classmethod
    def of(cls, settings: Attacks) -> Course:
        """Tabulate the configured course."""
        return cls(
            onset_hours=_onset_hour_quantiles(np.array(settings.onset_weight_by_hour)),
            durations=_duration_quantiles(settings),
            shortest=settings.duration[0],
            treated_share=settings.treated_share,
            treated_factor=settings.treated_duration_factor,
            aura_share=settings.aura_share_of_attacks,
            aura_minutes=settings.aura_minutes,
            severity=settings.severity,
            migraine_day_hours=settings.migraine_day_hours,
        )


@dataclass(frozen=True)
class AttackHistory:
    """What happened to P patients on T days; hours count from the first simulated midnight."""

    onset_probability: NDArray[np.float64]
    """[P, T] probability, the evening before, that an attack begins if none is running."""
    at_risk: NDArray[np.bool_]
    """[P, T] no attack from an earlier day makes this a migraine day."""
    migraine: NDArray[np.bool_]
    """[P, T] migraine days."""
    onset: NDArray[np.bool_]
    """[P, T] days on which a headache began."""
    headache_start: NDArray[np.float64]
    """[P, T] hour of the headache's start where one began, else NaN."""
    duration: NDArray[np.float64]
    """[P, T] its hours."""
    aura: NDArray[np.float64]
    """[P, T] hours of aura before it; 0 without aura."""
    severity: NDArray[np.float64]
    """[P, T] severity of the attack that began, on a scale of 10, else NaN."""
    treated: NDArray[np.bool_]
    """[P, T] whether an acute drug shortened it."""


def simulate_attacks(
    course: Course,
    triggers: NDArray[np.bool_],
    intercept: NDArray[np.float64],
    weights: NDArray[np.float64],
    has_aura: NDArray[np.bool_],
    index: NDArray[np.int64],
    seed: int,
) -> AttackHistory:
    """Run the attack process forward.

    Args:
        triggers: [P, T, 4] trigger days; a day's triggers act on the next day.
        intercept: [P] b_i.
        weights: [P, 4] beta_k s_ik.
        has_aura: [P] whether the patient has attacks with aura.
        index: [P] the patients' indices in the population.
    """
    probability = _onset_probability(triggers, intercept, weights)
    return AttackHistory(
        probability,
        *_run(
            probability,
            has_aura,
            index,
            seed,
            int(Stream.ATTACK),
            course.onset_hours,
            course.durations,
            course.shortest,
            course.treated_share,
            course.treated_factor,
            course.aura_share,
            course.aura_minutes,
            course.severity,
            course.migraine_day_hours,
        ),
    )


@njit(cache=True)
def _onset_probability(
    triggers: NDArray[np.bool_], intercept: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P, T] the hazard; the first day has no yesterday and therefore no trigger."""
    persons, days, kinds = triggers.shape
    out = np.empty((persons, days))
    for i in range(persons):
        for t in range(days):
            logit = intercept[i]
            if t > 0:
                for k in range(kinds):
                    if triggers[i, t - 1, k]:
                        logit += weights[i, k]
            out[i, t] = 1.0 / (1.0 + np.exp(-logit))
    return out


@njit(cache=True, inline="always")
def _quantile(table: NDArray[np.float64], u: float) -> float:
    """Linear interpolation in a table of quantiles."""
    position = u * (len(table) - 1)
    left = min(int(position), len(table) - 2)
    return float(table[left] + (position - left) * (table[left + 1] - table[left]))


@njit(cache=True)
def _run(  # type: ignore[no-untyped-def]
    probability,
    has_aura,
    index,
    seed,
    stream,
    onset_hours,
    durations,
    shortest,
    treated_share,
    treated_factor,
    aura_share,
    aura_minutes,
    severity_range,
    migraine_day_hours,
):
    """The process itself: a fixed place for every draw, so that no day's draws depend on another day's outcome."""
    persons, days = probability.shape
    at_risk = np.zeros((persons, days), dtype=np.bool_)
    migraine = np.zeros((persons, days), dtype=np.bool_)
    onset = np.zeros((persons, days), dtype=np.bool_)
    start = np.full((persons, days), np.nan)
    duration = np.full((persons, days), np.nan)
    aura = np.zeros((persons, days))
    severity = np.full((persons, days), np.nan)
    treated = np.zeros((persons, days), dtype=np.bool_)
    for i in range(persons):
        end = -float(HOURS)
        for t in range(days):
            left_over = min(end - HOURS * t, float(HOURS))
            if left_over >= migraine_day_hours:
                migraine[i, t] = True
                continue
            at_risk[i, t] = True
            first = words_at(seed, stream, index[i], t, 0)
            if unit(first[0]) >= probability[i, t]:
                continue
            second = words_at(seed, stream, index[i], t, 1)
            migraine[i, t] = onset[i, t] = True
            hour = max(_quantile(onset_hours, unit(first[1])), left_over)
            hours = _quantile(durations, unit(first[2]))
            if unit(first[3]) < treated_share:
                treated[i, t] = True
                hours = max(hours * treated_factor, shortest)
            if has_aura[i] and unit(second[0]) < aura_share:
                low, high = aura_minutes
                free = HOURS * t + hour - end  # an aura does not begin before the last headache has ended
                if 60.0 * free >= low:
                    aura[i, t] = min((low + unit(second[1]) * (high - low)) / 60.0, free)
            low, high = severity_range
            severity[i, t] = low + unit(second[2]) * (high - low)
            start[i, t] = HOURS * t + hour
            duration[i, t] = hours
            end = start[i, t] + hours
    return at_risk, migraine, onset, start, duration, aura, severity, treated


def _onset_hour_quantiles(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K] hours of the day below which equal steps of probability lie; uniform within an hour."""
    below = np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    return np.interp(np.linspace(0, 1, TABLE_SIZE), below, np.arange(HOURS + 1))


def _duration_quantiles(settings: Attacks) -> NDArray[np.float64]:
    """[K] quantiles of a lognormal cut to the configured range, its median that of the cut distribution."""
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    low, high = np.log(settings.duration)
    sd = settings.duration_log_sd
    target = np.log(settings.duration_median)

    def quantiles(location: float, share: NDArray[np.float64]) -> NDArray[np.float64]:
        bottom, top = ndtr((low - location) / sd), ndtr((high - location) / sd)
        return np.asarray(location + sd * ndtri(bottom + share * (top - bottom)))

    def median(location: float) -> float:
        return float(quantiles(location, np.array(0.5)))

    lowest, highest = low - FARTHEST_LOCATION * sd, high + FARTHEST_LOCATION * sd
    if not median(lowest) < target < median(highest):
        raise CourseError(
            f"simulator.attacks.duration_median: {settings.duration_median:g} h cannot be reached with duration_log_sd "
            f"{sd:g}; expected {np.exp(median(lowest)):.1f} to {np.exp(median(highest)):.1f}"
        )
    location = brentq(lambda at: median(at) - target, lowest, highest)
    return np.clip(np.exp(quantiles(location, np.linspace(0, 1, TABLE_SIZE))), *settings.duration)
