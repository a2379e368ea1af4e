"""How likely a trigger is on a day of which its exposures may not have been recorded.

    recorded          0 or 1, by the rule (config/simulator/triggers.py)
    a feature's value x ~ N(mean, sd^2) on its channel's scale, as the state-space model has it
    a rise or a fall  of the two days' joint distribution, yesterday's belief being updated by today's
    off the usual     of the day's distribution, the person's usual value being taken for known
    about menses      by how long cycles last, given the person's recorded ones and that this one has lasted until today
    several days      on any of them, as if one day did not tell of another
    items of a diet   each by the person's habit; their number is Poisson binomial
    the weather       by the person's share of days with it so far

Belongs here: the probability of one trigger. Does not: their sum over the days (covariates.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.change import Hormones
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.simulator.exogenous.cycle import MIDDLE
from migraine_platform.twin.data.channels import CHANNELS, Scales, grid
from migraine_platform.twin.data.features import POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.kalman import FilteredStates

if TYPE_CHECKING:
    from numpy.typing import NDArray

NODES, WEIGHTS = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)]), np.array([1.0, 4.0, 1.0]) / 6
"""Gauss-Hermite rule of three nodes for a standard normal."""

CERTAIN = 1e-9


def of_a_value(
    row: TriggerRule,
    column: str,
    scales: Scales,
    histories: Histories,
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
) -> NDArray[np.float64]:
    """[P, K] probability that a feature's value is a trigger; NaN where the weather was not recorded.

    Args:
        column: the trigger's exposure.
        mean, sd: [P, K, C] of the channels, on their scales.
    """
    from scipy.special import ndtr

    recorded, values = histories.present[..., POSITION[column]], histories.values[..., POSITION[column]]
    if column not in CHANNELS:
        return np.where(recorded, row.happened(values), np.nan)
    c = CHANNELS.index(column)
    low, high = np.interp([row.low, row.high], scales.table[c], grid())
    wide = np.maximum(sd[..., c], CERTAIN)
    probability = np.zeros(recorded.shape)
    if row.rule in ("below", "outside"):
        probability = probability + ndtr((low - mean[..., c]) / wide)
    if row.rule in ("above", "outside"):
        probability = probability + ndtr((mean[..., c] - high) / wide)
    return np.where(recorded, row.happened(values), probability)


def two_days(
    column: str, histories: Histories, mean: NDArray[np.float64], sd: NDArray[np.float64], channels: FilteredStates
) -> NDArray[np.float64]:
    """[P, K, 6] what each evening must leave behind for tomorrow's rise or fall of a channel.

    Its value where it was recorded; on the channel's scale its mean and variance, 0 where it was recorded; the mean and
    variance of the next day's as expected then, without that day's D v; covariance of the two.

    Args:
        mean, sd: [P, K, C] of the channels, on their scales.
    """
    c = CHANNELS.index(column)
    shared = np.where(sd > 0, channels.next_covariance, 0.0)
    parts = [part[..., c] for part in (mean, sd**2, channels.next_mean, channels.next_variance, shared)]
    return np.stack([histories.values[..., POSITION[column]], *parts], axis=-1)


def of_a_step(
    row: TriggerRule,
    table: NDArray[np.float64],
    today: NDArray[np.float64],
    shift: NDArray[np.float64],
    before: NDArray[np.float64],
) -> NDArray[np.float64]:
    """[P] probability that a channel rose or fell by the rule's step since the day before.

    Args:
        table: of the channel's scale, in its unit.
        today: [P, 6] of `two_days`.
        shift: [P] today's D v.
        before: [P, 6] of `two_days`, yesterday's.
    """
    from scipy.special import ndtr

    sign, step, scale = (1.0 if row.rule == "rise" else -1.0), row.low, (grid(), table)
    value, now, now_variance = today[:, :3].T
    mean, variance, shared = _yesterday(today, shift, before)
    sd = np.sqrt(variance)
    # Today's is recorded: yesterday's lies far enough.
    edge = np.interp(value - sign * (step - CERTAIN), table, grid())
    reported = np.where(
        variance > 0, ndtr(sign * (edge - mean) / np.maximum(sd, CERTAIN)), sign * (value - before[:, 0]) >= step
    )
    # It is not: given each of yesterday's nodes, it lies far enough.
    off = NODES * sd[:, None]
    start = np.where(variance[:, None] > 0, np.interp(mean[:, None] + off, *scale), before[:, :1])
    edges = np.interp(start + sign * (step - CERTAIN), table, grid())
    lean = shared / np.maximum(variance, CERTAIN)
    rest = np.sqrt(np.maximum(now_variance - lean * shared, CERTAIN**2))
    untold = (ndtr(sign * (now[:, None] + lean[:, None] * off - edges) / rest[:, None]) * WEIGHTS).sum(axis=-1)
    return np.asarray(np.where(now_variance > 0, untold, reported))


def day_values(
    column: str, scales: Scales, histories: Histories, mean: NDArray[np.float64], sd: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P, K, 4] of a channel's days: value; mean and standard deviation on its scale; the value expected, in the unit.

    Args:
        mean, sd: [P, K, C] of the channels, on their scales; sd 0 where it was recorded.
    """
    c, place = CHANNELS.index(column), POSITION[column]
    at_nodes = np.interp(mean[..., c, None] + NODES * sd[..., c, None], grid(), scales.table[c])
    values, recorded = histories.values[..., place], histories.present[..., place]
    expected = np.where(recorded, values, (at_nodes * WEIGHTS).sum(axis=-1))
    return np.stack([values, mean[..., c], sd[..., c], expected], axis=-1)


def of_a_difference(
    row: TriggerRule, table: NDArray[np.float64], today: NDArray[np.float64], usual: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P] probability that a channel lies by the rule's distance off what is usual.

    Args:
        table: of the channel's scale, in its unit.
        today: [P, 4] of `day_values`.
        usual: [P] in the unit.
    """
    from scipy.special import ndtr

    value, mean, sd, _ = today.T
    wide = np.maximum(sd, CERTAIN)
    probability = np.zeros(len(value))
    if row.rule in ("above usual", "off usual"):
        probability = probability + ndtr((mean - np.interp(usual + row.low, table, grid())) / wide)
    if row.rule in ("below usual", "off usual"):
        probability = probability + ndtr((np.interp(usual - row.low, table, grid()) - mean) / wide)
    return np.asarray(np.where(sd > 0, probability, row.exceeded(value - usual)))


def of_a_phase(
    row: TriggerRule, hormones: Hormones, day: NDArray[np.float64], cycles: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P] probability that a day of the cycle lies between two, counted from the nearer menses.

    Args:
        hormones: how long cycles last, between and within persons.
        day: [P] of the cycle, 1 the first of menses; 0 for none.
        cycles: [P, 2] number of a person's recorded cycles, sum of their lengths.
    """
    lengths, shares = _cycle_lengths(hormones, cycles)
    left = lengths - day[:, None]
    phase = np.where(day[:, None] <= MIDDLE, day[:, None], np.minimum(-1.0 - left, 0.0))
    phase = np.where(phase < -MIDDLE, np.nan, phase)  # the middle of a long cycle is near to neither
    lasts = shares * (left >= 0)
    inside = (lasts * ((phase >= row.low) & (phase <= row.high))).sum(axis=1)
    return np.asarray(np.where(day > 0, inside / np.maximum(lasts.sum(axis=1), CERTAIN), 0.0))


def recorded_cycles(
    hormones: Hormones, reported: NDArray[np.bool_], day: NDArray[np.float64], before: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[P, 3] `Ledger.cycles` after a day: a cycle counts if its menses and the next were recorded.

    Args:
        reported: [P] whether the day of the cycle was.
        day: [P] that day, 1 the first of menses.
        before: [P, 3] `Ledger.cycles` before it.
    """
    shortest, longest = hormones.cycle_range
    expected = np.where(before[:, 0] < 0, before[:, 0], before[:, 0] + 1)
    length = expected - (day - 1)  # of the cycle that has ended, if another has begun
    ended = reported & (expected >= 0) & (length >= shortest) & (length <= longest)
    since = np.where(reported, day - 1, expected)
    return np.column_stack([since, before[:, 1] + ended, before[:, 2] + np.where(ended, length, 0.0)])


def on_any_day(row: TriggerRule, today: NDArray[np.float64], held: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P] probability that a rule held on one of the days on which that acts today.

    Args:
        today: [P] probability that it held today.
        held: [P, LONGEST_LAG] and on the days before, yesterday first.
    """
    first, last = row.lag
    days = np.concatenate([today[:, None], held], axis=1)[:, first : last + 1]
    return np.asarray(1 - (1 - days).prod(axis=1))


def of_items(row: TriggerRule, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P] probability of at least so many of some independent items.

    Args:
        share: [P, items] probability of each; 0 or 1 where it was recorded.
    """
    count = np.zeros((len(share), share.shape[1] + 1))  # Poisson-binomial distribution of the number of items
    count[:, 0] = 1.0
    for item in range(share.shape[1]):
        p = share[:, item, None]
        count[:, 1:] = count[:, 1:] * (1 - p) + count[:, :-1] * p
        count[:, :1] *= 1 - p
    return np.asarray(count[:, int(row.low) :].sum(axis=1))


def _cycle_lengths(hormones: Hormones, cycles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[lengths] in days, and [P, lengths] how likely a person's next cycle has each: rounded, limited as cycles are.

    A person's mean is normal about the population's, her cycles about her mean.
    """
    from scipy.special import ndtr

    shortest, longest = hormones.cycle_range
    lengths = np.arange(shortest, longest + 1.0)
    between, within = (max(sd, CERTAIN) ** 2 for sd in (hormones.between_sd, hormones.within_sd))
    count, total = cycles.T
    weight = between / (between * count + within)
    mean = hormones.cycle_days + weight * (total - count * hormones.cycle_days)
    sd = np.sqrt(weight * within + within)
    below = ndtr((lengths[:-1] + 0.5 - mean[:, None]) / sd[:, None])
    return lengths, np.diff(below, axis=1, prepend=0.0, append=1.0)


def _yesterday(
    today: NDArray[np.float64], shift: NDArray[np.float64], before: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """[P] mean and variance of yesterday's value, given what is known of today's, and its covariance with today's."""
    mean, variance, expected, spread, shared = before[:, 1:].T
    slope = shared / spread
    surprise = today[:, 1] - expected - shift
    return mean + slope * surprise, variance - slope**2 * (spread - today[:, 2]), slope * today[:, 2]
