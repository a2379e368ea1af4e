"""Statistics of ranks for many bootstrap samples at once: a sample is how often each case is in it.

Drawing cases with replacement is the same as counting them, so a statistic of R samples of n cases is one computation
on counts [R, n], and equals the statistic of the rows repeated that often. Ties count by half, as midranks do.

Belongs here: rank statistics that know nothing of what is ranked. Does not: the samples, or their quantiles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def area_under_roc(
    score: NDArray[np.float64], positive: NDArray[np.bool_], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[R] probability that a positive case has a higher score than another, ties by half; NaN where there are none.

    Args:
        score: [n]
        positive: [n]
        counts: [R, n]
    """
    sick, well = by_value(score, counts * positive), by_value(score, counts * ~positive)
    below = np.cumsum(well, axis=1) - well
    return ratio((sick * (below + well / 2)).sum(axis=1), sick.sum(axis=1) * well.sum(axis=1))


def rank_correlation(
    x: NDArray[np.float64], y: NDArray[np.float64], counts: NDArray[np.float64]
) -> NDArray[np.float64]:
    """[R] Spearman's: the correlation of midranks; NaN where one of both is the same for all.

    Args:
        x: [n]
        y: [n]
        counts: [R, n]
    """
    total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
    off = [rank - (counts * rank).sum(axis=1, keepdims=True) / total for rank in (midranks(v, counts) for v in (x, y))]
    both = (counts * off[0] * off[1]).sum(axis=1)
    spread = (counts * off[0] ** 2).sum(axis=1) * (counts * off[1] ** 2).sum(axis=1)
    return ratio(both, np.sqrt(spread))


def midranks(values: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """[R, n] rank from 1 of each case among the repeated ones; equal values have the mean of their ranks."""
    there = by_value(values, counts)
    rank = np.cumsum(there, axis=1) - there + (there + 1) / 2
    return np.asarray(rank[:, np.unique(values, return_inverse=True)[1]])


def by_value(values: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """[R, G] counts of the G different values, ascending."""
    if not len(values):
        return np.zeros((len(counts), 0))
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))
    return np.asarray(np.add.reduceat(counts[:, order], starts, axis=1))


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part of the whole; NaN of nothing."""
    return np.asarray(np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan))
