"""Distributions of an attack's hours as tables of quantiles at equal steps: how to read them, and what is configured.

Belongs here: hour of onset, prodrome, untreated headache. Does not: what a drug changes, what is a person's own
(attacks.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.attacks import AttackSettings, Prodrome
from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TABLE_SIZE = 1025
FARTHEST_LOCATION = 6.0
"""How many standard deviations outside of its range a cut distribution may be centred; farther, digits are lost."""

SHORTEST_PRODROME = 0.1
"""Hours."""

LATEST_RISE = 8
"""Hour until which onsets wait for a person who gets up later."""


class CourseError(UserError):
    """A course of attacks that no distribution has."""


@njit(cache=True)
def quantile(table: NDArray[np.float64], u: float) -> float:
    """Linear interpolation in a table of quantiles.

    Args:
        table: [steps] quantiles at equal steps.
    """
    position = u * (len(table) - 1)
    left = min(int(position), len(table) - 2)
    return float(table[left] + (position - left) * (table[left + 1] - table[left]))


@njit(cache=True)
def share_below(table: NDArray[np.float64], value: float) -> float:
    """Inverse of `quantile`: where in a rising table a value lies, as a share of its length.

    Args:
        table: [steps] quantiles at equal steps.
    """
    if value <= table[0]:
        return 0.0
    if value >= table[-1]:
        return 1.0
    right = int(np.searchsorted(table, value, side="right"))
    left = right - 1
    return float((left + (value - table[left]) / (table[right] - table[left])) / (len(table) - 1))


@njit(cache=True)
def later_hour(hour: float, later: float, evening: float) -> float:
    """An hour of onset on a day when attacks begin later: by so much until LATEST_RISE, then by less, at last by none.

    Args:
        hour: as it would be on other days.
        later: hours, fewer than lie between LATEST_RISE and the evening.
        evening: hour from which nothing is later.
    """
    return hour + later * min(1.0, max(evening - hour, 0.0) / (evening - LATEST_RISE))


@njit(cache=True)
def earlier_hour(hour: float, later: float, evening: float) -> float:
    """Inverse of `later_hour`: the hour that it would have been on other days."""
    if hour >= evening:
        return hour
    slope = later / (evening - LATEST_RISE)
    return hour - later if hour <= LATEST_RISE + later else (hour - slope * evening) / (1.0 - slope)


def onset_hour_quantiles(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """[K] hours of the day below which equal steps of probability lie; uniform within an hour.

    Args:
        weights: [24] of the hours.
    """
    below = np.concatenate([[0.0], np.cumsum(weights)]) / weights.sum()
    return np.interp(np.linspace(0, 1, TABLE_SIZE), below, np.arange(len(weights) + 1))


def prodrome_quantiles(settings: Prodrome) -> NDArray[np.float64]:
    """[K] quantiles of a prodrome's hours: uniform below one hour, exponential from there, of the configured mean."""
    share = np.linspace(0, 1, TABLE_SIZE)[:-1]
    short = settings.under_an_hour
    beyond = max(settings.mean_hours - short * (SHORTEST_PRODROME + 1) / 2, 0.0) / max(1 - short, 1e-9) - 1
    brief = SHORTEST_PRODROME + share / max(short, 1e-9) * (1 - SHORTEST_PRODROME)
    long = 1 - max(beyond, 0.0) * np.log1p(-np.clip((share - short) / max(1 - short, 1e-9), 0, 1 - 1e-12))
    hours = np.where(share < short, brief, long)
    return np.append(hours, 2 * hours[-1] - hours[-2])


def duration_quantiles(settings: AttackSettings) -> NDArray[np.float64]:
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
