"""Daily features that follow their priors: a Gaussian copula over an AR(1) process.

    z[t] = sqrt(b) person + sqrt(1 - b) x[t] + shift[t],   x[t] = phi x[t-1] + sqrt(1 - phi^2) e[t],   e ~ N(0, C)
    value[t] = quantile(Phi(z[t]))

b is the share of the variance between persons, phi the lag-1 correlation, C the correlation of the features' daily
innovations. `shift` is all that cycles, coupling, drift and interventions add; without it z is standard normal, so
that the marginals are exactly the priors' and the persistence is the measured one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.copula import (
    EXOGENOUS_FEATURES,
    NIGHT_FEATURES,
    WEARABLE_FEATURES,
    CopulaSettings,
    Exogenous,
    Wearable,
)
from migraine_platform.priors.families import Z_LIMIT, Prior
from migraine_platform.priors.features import Feature, select
from migraine_platform.priors.vocabulary import DRAWN_COLUMNS, DRAWN_FEATURES
from migraine_platform.simulator.random.streams import Stream, fill_normals, normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEATURES = DRAWN_FEATURES + WEARABLE_FEATURES
"""Every feature that the copula draws, in the order of all arrays: what a day is made of, what a wearable records."""

SLEEP, AWAKE, DEEP, REM, STRESS, WATER = range(len(EXOGENOUS_FEATURES))
NIGHT = len(NIGHT_FEATURES)
"""The first so many features belong to the night."""

FEATURE_COLUMNS = (*DRAWN_COLUMNS, *WEARABLE_FEATURES)
"""What tables call them."""

EXPOSURES, WORN = len(DRAWN_FEATURES), len(WEARABLE_FEATURES)
COUNT = EXPOSURES + WORN

TABLE_SIZE = 1025
"""Small enough for all tables to stay in a core's cache; interpolation errs by less than 1e-4 of an sd."""
EXPOSURE_STREAM, WEARABLE_STREAM = int(Stream.EXOGENOUS), int(Stream.WEARABLE)


class Copula(NamedTuple):
    """The tabulated process of the FEATURES."""

    tables: NDArray[np.float64]
    """[F, K] quantiles of Phi(z) over [-Z_LIMIT, Z_LIMIT]."""
    level_share: NDArray[np.float64]
    """[F] sqrt(b)"""
    spread: NDArray[np.float64]
    """[F] sqrt(1 - b)"""
    lag1: NDArray[np.float64]
    fresh: NDArray[np.float64]
    """[F] sqrt(1 - phi^2)"""
    mixing: NDArray[np.float64]
    """[F, F] lower Cholesky factor of the innovations' correlation; exposures and wearable are independent blocks."""
    sd: NDArray[np.float64]
    """[F] prior standard deviations: what one unit of z is worth."""

    @classmethod
    def of(cls, features: Sequence[Feature], exogenous: Exogenous, wearable: Wearable) -> Copula:
        """Tabulate the configured features.

        Raises:
            UnknownVariableError: naming the features that the feature table lacks.
        """
        chosen = select(features, FEATURES)
        between = np.array([feature.between_share for feature in chosen])
        lag1 = np.array([feature.lag1 or 0.0 for feature in chosen])
        mixing = np.eye(COUNT)  # features that the settings do not correlate are independent
        specified = len(EXOGENOUS_FEATURES)
        mixing[:specified, :specified] = _mixing(exogenous, EXOGENOUS_FEATURES)
        mixing[EXPOSURES:, EXPOSURES:] = _mixing(wearable, WEARABLE_FEATURES)
        return cls(
            tables=np.stack([Prior(feature).quantile_table(TABLE_SIZE) for feature in chosen]),
            level_share=np.sqrt(between),
            spread=np.sqrt(1 - between),
            lag1=lag1,
            fresh=np.sqrt(1 - lag1**2),
            mixing=mixing,
            sd=np.array([feature.sd for feature in chosen]),
        )

    def levels(self, persons: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
        """[P, F] the persons' own levels of z; wearables on a stream of their own, so that they disturb nothing.

        Args:
            persons: [P] indices.
        """
        own = normals(seed, Stream.PERSON, persons, 1, EXPOSURES)[:, 0]
        worn = normals(seed, Stream.WEARABLE_PERSON, persons, 1, WORN)[:, 0]
        return np.concatenate([own, worn], axis=1) * self.level_share


@njit(cache=True)
def scratch_size(count: int) -> int:
    """Room for a day's draws of so many features: whole blocks."""
    return 8 * ((max(count - WORN, WORN) + 7) // 8)


@njit(cache=True)
def advance(
    copula: Copula, x: NDArray[np.float64], e: NDArray[np.float64], seed: int, person: int, day: int, replicate: int
) -> None:
    """One day of x [F], in place; sums in a fixed order, whatever the batch.

    Args:
        e: [scratch_size]
    """
    drawn = len(x) - WORN
    for block in range(2):
        first = drawn * block
        last = len(x) if block else drawn
        stream = WEARABLE_STREAM if block else EXPOSURE_STREAM
        fill_normals(e, seed, stream, person, day, 0, replicate, min(8, last - first))
        for more in range(1, (last - first + 7) // 8):
            fill_normals(e[8 * more :], seed, stream, person, day, more, replicate, min(8, last - first - 8 * more))
        for f in range(first, last):
            innovation = 0.0
            for g in range(first, f + 1):
                innovation += copula.mixing[f, g] * e[g - first]
            if day == 0:
                x[f] = innovation
            else:
                x[f] = copula.lag1[f] * x[f] + copula.fresh[f] * innovation


@njit(cache=True)
def position_of(z: float, size: int) -> float:
    """Where z lies in a table over [-Z_LIMIT, Z_LIMIT]; the ends continue flat."""
    position = (z + Z_LIMIT) * ((size - 1) / (2.0 * Z_LIMIT))
    return min(max(position, 0.0), size - 1.000001)


@njit(cache=True)
def at(table: NDArray[np.float64], position: float) -> float:
    """Linear interpolation in a table.

    Args:
        table: [steps] a feature's quantiles.
    """
    left = int(position)
    return float(table[left] + (position - left) * (table[left + 1] - table[left]))


def _mixing(settings: CopulaSettings, order: Sequence[str]) -> NDArray[np.float64]:
    """Cholesky factor of the configured correlation, its rows and columns in that order."""
    rows = [settings.features.index(name) for name in order]
    return np.linalg.cholesky(np.array(settings.correlation)[np.ix_(rows, rows)])
