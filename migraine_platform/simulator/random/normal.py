"""The standard normal quantile, to 16 digits and fast: algorithm AS 241.

M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988),
477-484: rational approximations of degree 7 in the middle, in the tails and in the far tails. Most deviates need no
logarithm, which makes it several times as fast as the exact function of a statistics library. The fast one reads all
but 5 in 10,000 off two tables, to 1e-4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

CENTRE = 0.425
CENTRE_SQUARED = 0.180625
FAR = 5.0
TAIL_SHIFT = 1.6


@njit(cache=True)
def normal_quantile(p: float) -> float:
    """The value below which a standard normal deviate falls with probability p, 0 < p < 1."""
    q = p - 0.5
    if abs(q) <= CENTRE:
        r = CENTRE_SQUARED - q * q
        numerator = 2.5090809287301226727e3 * r + 3.3430575583588128105e4
        numerator = numerator * r + 6.7265770927008700853e4
        numerator = numerator * r + 4.5921953931549871457e4
        numerator = numerator * r + 1.3731693765509461125e4
        numerator = numerator * r + 1.9715909503065514427e3
        numerator = numerator * r + 1.3314166789178437745e2
        numerator = numerator * r + 3.3871328727963666080e0
        denominator = 5.2264952788528545610e3 * r + 2.8729085735721942674e4
        denominator = denominator * r + 3.9307895800092710610e4
        denominator = denominator * r + 2.1213794301586595867e4
        denominator = denominator * r + 5.3941960214247511077e3
        denominator = denominator * r + 6.8718700749205790830e2
        denominator = denominator * r + 4.2313330701600911252e1
        return q * numerator / (denominator * r + 1.0)
    r = np.sqrt(-np.log(p if q < 0 else 1.0 - p))
    size = _near_tail(r - TAIL_SHIFT) if r <= FAR else _far_tail(r - FAR)
    return -size if q < 0 else size


@njit(cache=True)
def _near_tail(r: float) -> float:
    numerator = 7.74545014278341407640e-4 * r + 2.27238449892691845833e-2
    numerator = numerator * r + 2.41780725177450611770e-1
    numerator = numerator * r + 1.27045825245236838258e0
    numerator = numerator * r + 3.64784832476320460504e0
    numerator = numerator * r + 5.76949722146069140550e0
    numerator = numerator * r + 4.63033784615654529590e0
    numerator = numerator * r + 1.42343711074968357734e0
    denominator = 1.05075007164441684324e-9 * r + 5.47593808499534494600e-4
    denominator = denominator * r + 1.51986665636164571966e-2
    denominator = denominator * r + 1.48103976427480074590e-1
    denominator = denominator * r + 6.89767334985100004550e-1
    denominator = denominator * r + 1.67638483018380384940e0
    denominator = denominator * r + 2.05319162663775882187e0
    return numerator / (denominator * r + 1.0)


@njit(cache=True)
def _far_tail(r: float) -> float:
    numerator = 2.01033439929228813265e-7 * r + 2.71155556874348757815e-5
    numerator = numerator * r + 1.24266094738807843860e-3
    numerator = numerator * r + 2.65321895265761230930e-2
    numerator = numerator * r + 2.96560571828504891230e-1
    numerator = numerator * r + 1.78482653991729133580e0
    numerator = numerator * r + 5.46378491116411436990e0
    numerator = numerator * r + 6.65790464350110377720e0
    denominator = 2.04426310338993978564e-15 * r + 1.42151175831644588870e-7
    denominator = denominator * r + 1.84631831751005468180e-5
    denominator = denominator * r + 7.86869131145613259100e-4
    denominator = denominator * r + 1.48753612908506148525e-2
    denominator = denominator * r + 1.36929880922735805310e-1
    denominator = denominator * r + 5.99832206555887937690e-1
    return numerator / (denominator * r + 1.0)


STEPS = 2048
TAIL = 1.0 / 64.0
"""Below it, and above one minus it, a second table is read; beyond its own last step, the exact function."""


def _table(first: float, last: float) -> NDArray[np.float64]:
    table = np.zeros(STEPS + 1)
    for step in range(STEPS + 1):
        p = first + (last - first) * step / STEPS
        table[step] = normal_quantile(p) if p > 0 else 0.0
    return table


_MIDDLE = _table(TAIL, 1.0 - TAIL)
_LOWER = _table(0.0, TAIL)
EXACT = 32 * TAIL / STEPS


@njit(cache=True)
def fast_normal_quantile(p: float) -> float:
    """`normal_quantile` to 1e-4."""
    lower = min(p, 1.0 - p)
    if lower >= TAIL:
        position = (p - TAIL) * (STEPS / (1.0 - 2.0 * TAIL))
        step = min(int(position), STEPS - 1)
        return float(_MIDDLE[step] + (position - step) * (_MIDDLE[step + 1] - _MIDDLE[step]))
    if lower < EXACT:
        return normal_quantile(p)
    position = lower * (STEPS / TAIL)
    step = min(int(position), STEPS - 1)
    value = float(_LOWER[step] + (position - step) * (_LOWER[step + 1] - _LOWER[step]))
    return value if p < 0.5 else -value
