"""Rank correlation of many bootstrap samples at once: a sample is how often each case is in it.

Drawing cases with replacement is the same as counting them, so a statistic of R samples of n cases is one computation
on counts [R, n], and equals the statistic of the rows repeated that often. Ties count by half, as midranks do.

Belongs here: correlation by ranks, whatever is ranked. Does not: areas under curves (totals.py), or the samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.evaluation.scoring.metrics import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    """[R, n] rank from 1 of each case among the repeated ones; equal values have the mean of their ranks.

    Args:
        counts: [R, n] how often each case is in a sample.
        values: [n] of the cases.
    """
    there = by_value(values, counts)
    rank = np.cumsum(there, axis=1) - there + (there + 1) / 2
    return np.asarray(rank[:, np.unique(values, return_inverse=True)[1]])


def by_value(values: NDArray[np.float64], counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """[R, G] counts of the G different values, ascending.

    Args:
        values: [n] of the cases.
        counts: [R, n] how often each case is in a sample.
    """
    if not len(values):
        return np.zeros((len(counts), 0))
    order = np.argsort(values, kind="stable")
    ascending = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))
    return np.asarray(np.add.reduceat(counts[:, order], starts, axis=1))
