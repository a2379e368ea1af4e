"""How much likelier onsets are on some days: about menses, and after a fall of stress.

Belongs here: ratios of rates, over all people and days. Does not: what they are held against (realism.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MENSES = 3
"""Last day of the cycle that counts as menses."""

BETWEEN = (4, 24)
"""Days of the cycle between which neither menses nor the days before the next lie."""

LET_DOWN = 2.0
"""Points of stress that a let-down falls by."""


def menses_ratio(onset: NDArray[np.float64], cycle_day: NDArray[np.float64]) -> float:
    """Rate of onsets on days 1-3 of the cycle over that between menses; NaN where nobody has one.

    Args:
        onset: [P, K] 1 or 0.
        cycle_day: [P, K] NaN in people without a cycle.
    """
    return _rate_ratio(onset, cycle_day <= MENSES, cycle_day)


def before_menses_ratio(onset: NDArray[np.float64], cycle_day: NDArray[np.float64]) -> float:
    """Rate of onsets on the two days before menses over that between them.

    Args:
        onset: [P, K] 1 or 0.
        cycle_day: [P, K] NaN in people without a cycle.
    """
    first = cycle_day == 1
    before = np.zeros_like(first)
    before[:, :-1] |= first[:, 1:]
    before[:, :-2] |= first[:, 2:]
    return _rate_ratio(onset, before, cycle_day)


def let_down_odds(onset: NDArray[np.float64], stress: NDArray[np.float64]) -> float:
    """Odds ratio of an onset on the day after a fall of stress, against other days.

    Args:
        onset: [P, K] 1 or 0.
        stress: [P, K] points.
    """
    fell = -np.diff(stress, axis=1)[:, :-1] >= LET_DOWN
    if not fell.any() or fell.all():
        return np.nan
    after = onset[:, 2:]
    p, q = after[fell].mean(), after[~fell].mean()
    return float(p * (1 - q) / (q * (1 - p))) if p < 1 and q > 0 else np.nan


def _rate_ratio(onset: NDArray[np.float64], on: NDArray[np.bool_], cycle_day: NDArray[np.float64]) -> float:
    between = (cycle_day > BETWEEN[0]) & (cycle_day < BETWEEN[1])
    rate = onset[between].mean() if between.any() else 0.0
    return float(onset[on].mean() / rate) if on.any() and rate > 0 else np.nan
