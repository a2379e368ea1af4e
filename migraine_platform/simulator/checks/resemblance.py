"""How much a person's attacks resemble each other, and what of an attack goes with what.

Persons with fewer than two attacks say nothing of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def share_between(values: Array, who: NDArray[np.int64]) -> float:
    """Share of the variance of attacks that lies between persons: the intraclass correlation of one-way variances.

    Args:
        values: [A] of attacks.
        who: [A] whose attack each is.
    """
    persons, count = np.unique(who, return_inverse=True, return_counts=True)[1:]
    if len(count) < 2 or len(values) <= len(count):
        return np.nan
    mean = np.bincount(persons, values) / count
    within = ((values - mean[persons]) ** 2).sum() / (len(values) - len(count))
    among = (count * (mean - values.mean()) ** 2).sum() / (len(count) - 1)
    typical = (len(values) - (count**2).sum() / len(values)) / (len(count) - 1)
    between = (among - within) / typical
    return float(between / (between + within)) if between + within > 0 else np.nan


def within_correlation(first: Array, second: Array, who: NDArray[np.int64]) -> float:
    """Correlation of two properties of attacks, each around the person's own mean.

    Args:
        first, second: [A] of attacks.
        who: [A] whose attack each is.
    """
    a, b = _around_own(first, who), _around_own(second, who)
    size = np.sqrt((a**2).sum() * (b**2).sum())
    return float((a * b).sum() / size) if size > 0 else np.nan


def within_difference(values: Array, marked: NDArray[np.bool_], who: NDArray[np.int64]) -> float:
    """How much more the marked attacks of a person have than his others, pooled over persons.

    Args:
        values, marked: [A] of attacks.
        who: [A] whose attack each is.
    """
    mark = _around_own(marked.astype(float), who)
    size = (mark**2).sum()
    return float((mark * values).sum() / size) if size > 0 else np.nan


def _around_own(values: Array, who: NDArray[np.int64]) -> Array:
    persons, count = np.unique(who, return_inverse=True, return_counts=True)[1:]
    return np.asarray(values - (np.bincount(persons, values) / count)[persons])
