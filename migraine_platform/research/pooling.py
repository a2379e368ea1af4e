"""One estimate out of several completed data sets, by Rubin's rules (Rubin 1987).

Belongs here: the pooling. Does not: how gaps are completed (imputation.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


class PoolingError(UserError):
    """Estimates that cannot be pooled."""


@dataclass(frozen=True)
class Pooled:
    """One estimate out of M completed data sets."""

    estimate: Numbers
    variance: Numbers
    """Within plus (1 + 1/M) times between."""
    freedom: Numbers
    """Degrees of freedom of Student's t; infinite where the estimates agree."""


def pooled(estimates: Numbers, variances: Numbers) -> Pooled:
    """Rubin's rules for M estimates and their squared standard errors, both [M, ...].

    Raises:
        PoolingError: if the shapes differ, or M is less than two.
    """
    count = len(estimates) if estimates.ndim else 0
    if estimates.shape != variances.shape or count < 2:
        raise PoolingError(
            f"estimates have shape {estimates.shape} and variances {variances.shape}; expected the same, of two or more"
        )
    within, between = variances.mean(axis=0), (1 + 1 / count) * estimates.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = np.where(between > 0, (count - 1) * (1 + within / between) ** 2, np.inf)
    return Pooled(estimates.mean(axis=0), within + between, freedom)
