"""Priors: a distribution of each feature, matched to its mean and standard deviation.

Belongs here: the families and their moment matching, closed form each. Does not: how a feature persists from day to
day (simulator/exogenous/features.py).

    normal      mean, sd
    lognormal   positive; sigma^2 = log(1 + sd^2 / mean^2), mu = log(mean) - sigma^2 / 2
    gamma       positive; shape = (mean / sd)^2, scale = sd^2 / mean
    beta        on the typical range; with m, v the mean and variance rescaled to [0, 1]: a = m (m (1 - m) / v - 1)
    uniform     mean +- sqrt(3) sd
    poisson     mean; its sd is sqrt(mean)
    bernoulli   mean; its sd is sqrt(mean (1 - mean))
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from migraine_platform.priors.features import Feature

FAMILIES = ("normal", "lognormal", "gamma", "beta", "uniform", "poisson", "bernoulli")
LARGEST_VARIATION = 100
"""Largest sd of a positive distribution, in means."""

Z_LIMIT = 6.0
"""Quantile tables reach from -Z_LIMIT to Z_LIMIT standard normal deviations (2 in 10^9 lie outside)."""


def implied_sd(family: str, mean: float) -> float | None:
    """The standard deviation that a one-parameter family has at this mean; None for other families."""
    if family == "poisson" and mean >= 0:
        return math.sqrt(mean)
    if family == "bernoulli" and 0 <= mean <= 1:
        return math.sqrt(mean * (1 - mean))
    return None


def family_problem(family: str, mean: float, sd: float, low: float, high: float) -> str | None:
    """Why no distribution of this family has these moments on this range, or None."""
    if family not in FAMILIES:
        return f'"{family}" is no known distribution; expected one of: {", ".join(FAMILIES)}'
    if family == "bernoulli" and not 0 < mean < 1:
        return f"a bernoulli's mean lies between 0 and 1, not at {mean:g}"
    if family in ("poisson", "lognormal", "gamma") and mean <= 0:
        return f"a {family} distribution needs a mean above 0, not {mean:g}"
    implied = implied_sd(family, mean)
    if implied is not None:
        if abs(sd - implied) > 0.02 * implied:
            return f"a {family} distribution of mean {mean:g} has sd {implied:.3g}, not {sd:g}; leave the sd empty"
        return None
    if sd <= 0:
        return f"the sd must be above 0, not {sd:g}"
    if family in ("lognormal", "gamma") and sd > LARGEST_VARIATION * mean:
        return f"a {family} distribution of mean {mean:g} has sd {sd:g}, over {LARGEST_VARIATION} times the mean"
    if family == "beta":
        if not low < mean < high:
            return f"the mean {mean:g} lies outside the range {low:g} to {high:g}, which bounds a beta distribution"
        if sd**2 >= (mean - low) * (high - mean):
            limit = math.sqrt((mean - low) * (high - mean))
            return f"no distribution on {low:g} to {high:g} with mean {mean:g} has sd {sd:g}; the limit is {limit:.4g}"
    return None


class Prior:
    """The prior of one feature: quantiles, distribution function, moments, all in the feature's unit."""

    def __init__(self, feature: Feature) -> None:
        self.variable = feature.variable
        self._distribution = _matched(feature.family, feature.mean, feature.sd, feature.range_low, feature.range_high)

    @property
    def mean(self) -> float:
        """Mean of the distribution."""
        return float(self._distribution.mean())

    @property
    def sd(self) -> float:
        """Standard deviation of the distribution."""
        return float(self._distribution.std())

    def quantile(self, probability: ArrayLike) -> NDArray[np.float64]:
        """Values below which a share `probability` (0-1) lies."""
        import numpy as np

        return np.asarray(self._distribution.ppf(probability), dtype=np.float64)

    def cdf(self, value: ArrayLike) -> NDArray[np.float64]:
        """Share of the distribution at or below `value`."""
        import numpy as np

        return np.asarray(self._distribution.cdf(value), dtype=np.float64)

    def quantile_table(self, size: int = 4097) -> NDArray[np.float64]:
        """Quantiles of Phi(z) at `size` equally spaced z in [-Z_LIMIT, Z_LIMIT].

        Linear interpolation in this table maps a standard normal deviate to the prior, at a fraction of the cost of
        the exact quantile function.
        """
        import numpy as np
        from scipy.special import ndtr

        z = np.linspace(-Z_LIMIT, Z_LIMIT, size)
        below = self._distribution.ppf(ndtr(z))
        above = self._distribution.isf(ndtr(-z))  # exact in the upper tail, where 1 - p loses digits
        return np.asarray(np.where(z < 0, below, above), dtype=np.float64)


def _matched(family: str, mean: float, sd: float, low: float, high: float) -> Any:
    from scipy import stats

    match family:
        case "normal":
            return stats.norm(mean, sd)
        case "lognormal":
            sigma2 = math.log1p((sd / mean) ** 2)
            return stats.lognorm(math.sqrt(sigma2), scale=mean * math.exp(-sigma2 / 2))
        case "gamma":
            return stats.gamma((mean / sd) ** 2, scale=sd**2 / mean)
        case "beta":
            m = (mean - low) / (high - low)
            v = (sd / (high - low)) ** 2
            total = m * (1 - m) / v - 1
            return stats.beta(m * total, (1 - m) * total, loc=low, scale=high - low)
        case "uniform":
            half = math.sqrt(3) * sd
            return stats.uniform(mean - half, 2 * half)
        case "poisson":
            return stats.poisson(mean)
        case "bernoulli":
            return stats.bernoulli(mean)
        case _:
            raise ValueError(f'"{family}" is no known distribution; expected one of: {", ".join(FAMILIES)}')
