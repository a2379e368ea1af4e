"""What a source sends out, compiled: the one formula that every kernel of this package shares.

signal(r^2) = log(0.1 + 1 / (1e-4 + r^2)),   y ~ N(signal(|x - theta|^2), 0.5^2)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from migraine_platform.compiled import njit

BACKGROUND, SOFTENING, NOISE = 0.1, 1e-4, 0.5
CORE = SOFTENING**0.5
"""Distance at which an answer tells most about where the source is: the signal is steepest there."""


@njit(cache=True, inline="always", fastmath=True)
def signal(square: Any) -> Any:
    """Signal at a squared distance; numbers or arrays."""
    return np.log(BACKGROUND + 1.0 / (SOFTENING + square))


@njit(cache=True, inline="always", fastmath=True)
def square_at(level: float) -> Any:
    """Squared distance at which the signal has a level; 0 where it is higher than any, 2 where it is lower."""
    odds = np.exp(level) - BACKGROUND
    if odds <= 0.5:
        return 2.0
    return max(1.0 / odds - SOFTENING, 0.0)
