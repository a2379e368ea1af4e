"""Daily features that follow their priors: a Gaussian copula over an AR(1) process.

    z[t] = sqrt(b) person + sqrt(1 - b) x[t] + cycle[t],   x[t] = phi x[t-1] + sqrt(1 - phi^2) e[t],   e ~ N(0, C)
    value[t] = quantile(Phi(z[t]))

b is the share of the variance between persons, phi the lag-1 correlation, C the correlation of the features' daily
innovations. Without cycles z is standard normal, so that the marginals are exactly the priors' and the persistence is
the measured one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

from migraine_platform.priors.families import Z_LIMIT, Prior
from migraine_platform.priors.features import Feature, select
from migraine_platform.simulator.streams import Stream, lookup, normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.config.copula import CopulaSettings


@dataclass(frozen=True)
class Copula:
    """The tabulated process of F features."""

    variables: tuple[str, ...]
    tables: NDArray[np.float64]
    """[F, K] quantiles of Phi(z) over [-Z_LIMIT, Z_LIMIT]."""
    sd: NDArray[np.float64]
    """[F] prior standard deviations: what one unit of z is worth."""
    between_share: NDArray[np.float64]
    lag1: NDArray[np.float64]
    mixing: NDArray[np.float64]
    """[F, F] lower Cholesky factor of the innovations' correlation."""
    person_stream: Stream
    day_stream: Stream

    @classmethod
    def of(
        cls, features: Sequence[Feature], settings: CopulaSettings, person_stream: Stream, day_stream: Stream
    ) -> Copula:
        """Tabulate the configured features.

        Raises:
            UnknownVariableError: naming the configured features that the feature table lacks.
        """
        chosen = select(features, settings.features)
        return cls(
            variables=settings.features,
            tables=np.stack([Prior(feature).quantile_table() for feature in chosen]),
            sd=np.array([feature.sd for feature in chosen]),
            between_share=np.array([feature.between_share for feature in chosen]),
            lag1=np.array([feature.lag1 or 0.0 for feature in chosen]),
            mixing=np.linalg.cholesky(np.array(settings.correlation)),
            person_stream=person_stream,
            day_stream=day_stream,
        )

    def simulate(
        self, persons: NDArray[np.int64], days: int, seed: int, cycles: Mapping[str, NDArray[np.float64]]
    ) -> dict[str, NDArray[np.float64]]:
        """Each feature's values, [persons, days], in its unit.

        Args:
            cycles: by feature, [days] what a cycle adds, in the feature's unit.
        """
        size = len(self.variables)
        person = normals(seed, self.person_stream, persons, 1, size)[:, 0]
        innovations = normals(seed, self.day_stream, persons, days, size)
        z = _latent(innovations, person, self.lag1, self.between_share, self.mixing)
        values: dict[str, NDArray[np.float64]] = {}
        for index, name in enumerate(self.variables):
            latent = z[index]
            if name in cycles:
                latent = latent + cycles[name] / self.sd[index]
            values[name] = lookup(latent, Z_LIMIT, self.tables[index])
        return values


@njit(cache=True)
def _latent(
    innovations: NDArray[np.float64],
    person: NDArray[np.float64],
    lag1: NDArray[np.float64],
    between_share: NDArray[np.float64],
    mixing: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Standard normal latent values: [features, persons, days]; sums in a fixed order, whatever the batch."""
    count, days, size = innovations.shape
    out = np.empty((size, count, days))
    for i in range(count):
        for f in range(size):
            fresh = np.sqrt(1.0 - lag1[f] ** 2)
            level = np.sqrt(between_share[f]) * person[i, f]
            spread = np.sqrt(1.0 - between_share[f])
            x = 0.0
            for t in range(days):
                e = 0.0
                for g in range(f + 1):
                    e += mixing[f, g] * innovations[i, t, g]
                x = e if t == 0 else lag1[f] * x + fresh * e
                out[f, i, t] = level + spread * x
    return out


def exposure_copula(features: Sequence[Feature], settings: CopulaSettings) -> Copula:
    """What a day is made of."""
    return Copula.of(features, settings, Stream.PERSON, Stream.EXOGENOUS)


def wearable_copula(features: Sequence[Feature], settings: CopulaSettings) -> Copula:
    """What a wearable records; on streams of its own, so that it disturbs nothing else."""
    return Copula.of(features, settings, Stream.WEARABLE_PERSON, Stream.WEARABLE)
