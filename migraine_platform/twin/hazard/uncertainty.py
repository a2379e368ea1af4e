"""What is uncertain of a forecast: its distribution over all that was not measured, in parts, and recalibrated.

A forecast is the mean of what the whole state would forecast; this module keeps its distribution. Three things spread
it: who the person is (the hypotheses), what the day was (load and triggers that were not recorded; normal on the logit
scale), and how far a running attack is (the atoms of course.py).

    aleatoric = E[p (1 - p)]     no knowledge of today would remove it
    epistemic = Var[p]           more knowledge of the person and of today would
    p (1 - p) of the forecast    = aleatoric + epistemic

Belongs here: distribution, interval, parts, the recalibration map. Does not: the forecast itself (filter.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.twin.hazard.course import tilt
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import unknown
from migraine_platform.twin.hazard.hypotheses import AFTER_ILL, AFTER_WELL, LOGIT_BINS, LOGIT_STEP, Effects, Forecasts
from migraine_platform.twin.hazard.own_course import FLATTENING

if TYPE_CHECKING:
    from numpy.typing import NDArray

TAILS = (0.05, 0.95)
"""Ends of a 90 % interval."""

NEGLIGIBLE = 1e-9
"""Weight below which a bin is left out."""

REACH = 4.0
"""Standard deviations of the latent state's normal that are counted."""

SIGNIFICANT = 0.01
"""A recalibration is used if chance alone would make it look as needed less often than this."""


class Uncertainty(NamedTuple):
    """Of forecasts [P, K]."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]


def uncertainty(
    forecasts: Forecasts,
    effects: Effects,
    covariates: Covariates,
    noise: NDArray[np.float64],
    atoms: NDArray[np.float64],
) -> Uncertainty:
    """Distribution of the probability that the whole state would give.

    Args:
        forecasts: with their spread.
        noise: [4, 4] Q; tomorrow's noise of the latent state is nobody's to know, and left out.
        atoms: [AGES, 2, HEADACHES, J] probabilities that an attack goes on; so weighted that their mean is theirs.
    """
    patients, days = forecasts.probability.shape
    of_today, every = unknown(effects, covariates, noise), unknown(effects, covariates)
    by_noise = 1 + FLATTENING * np.maximum(every - of_today, 0.0)
    sd = np.sqrt(of_today / by_noise)
    steepness = np.sqrt((1 + FLATTENING * every) / by_noise)
    out = Uncertainty(*(np.empty((patients, days)) for _ in range(4)))
    c = atoms.reshape(-1, atoms.shape[-1])

    def work(first: int, last: int) -> None:
        _spread_out(forecasts.spread, forecasts.course, forecasts.lasts, sd, steepness, c, first, last, out)

    in_parallel(patients, work)
    return out


@njit(cache=True, nogil=True)
def _spread_out(
    spread: NDArray[np.float64],
    course: NDArray[np.float64],
    lasts: NDArray[np.float64],
    sd: NDArray[np.float64],
    steepness: NDArray[np.float64],
    c: NDArray[np.float64],
    first: int,
    last: int,
    out: Uncertainty,
) -> None:
    blurred, density, share = np.empty(LOGIT_BINS), np.empty(LOGIT_BINS), np.empty(c.shape[1])
    for i in range(first, last):
        for k in range(spread.shape[1]):
            density[:] = 0.0
            _blur(spread[i, k, AFTER_WELL], sd[i, k], steepness[i, k], density)
            blurred[:] = 0.0
            _blur(spread[i, k, AFTER_ILL], sd[i, k], steepness[i, k], blurred)
            own = int(course[i, k])
            if spread[i, k, AFTER_ILL].sum() > NEGLIGIBLE:
                tilt(c[own], lasts[i, k], share)
            for b in range(LOGIT_BINS):
                if blurred[b] > NEGLIGIBLE:
                    p = _probability(b)
                    for j in range(c.shape[1]):
                        _put(density, c[own, j] + (1.0 - c[own, j]) * p, blurred[b] * share[j])
            _summarise(density, i, k, out)


@njit(cache=True)
def _probability(place: float) -> float:
    """The probability in the middle of a bin."""
    return float(1.0 / (1.0 + np.exp(-(place - LOGIT_BINS // 2) * LOGIT_STEP)))


@njit(cache=True)
def _put(density: NDArray[np.float64], p: float, weight: float) -> None:
    place = np.log(p / (1.0 - p)) / LOGIT_STEP + LOGIT_BINS // 2 if p < 1.0 else float(LOGIT_BINS)
    place = min(max(place, 0.0), LOGIT_BINS - 1.001)
    left = int(place)
    density[left] += weight * (left + 1 - place)
    density[left + 1] += weight * (place - left)


@njit(cache=True)
def _blur(weight: NDArray[np.float64], sd: float, steepness: float, out: NDArray[np.float64]) -> None:
    """Add a normal's spread to each bin's weight.

    Args:
        steepness: factor of the log-odds; a forecast was flattened by the spread that is put in its place here.
    """
    middle = LOGIT_BINS // 2
    width = int(np.ceil(REACH * sd / LOGIT_STEP))
    kernel, total = np.empty(2 * width + 1), 0.0
    for n in range(2 * width + 1):
        x = (n - width) * LOGIT_STEP / sd if sd > 0.0 else 0.0
        kernel[n] = np.exp(-0.5 * x * x)
        total += kernel[n]
    for b in range(LOGIT_BINS):
        if weight[b] > 0.0:
            centre = middle + (b - middle) * steepness
            for n in range(2 * width + 1):
                place = min(max(centre + n - width, 0.0), LOGIT_BINS - 1.001)
                left, part = int(place), weight[b] * kernel[n] / total
                out[left] += part * (left + 1 - place)
                out[left + 1] += part * (place - left)


@njit(cache=True)
def _summarise(density: NDArray[np.float64], i: int, k: int, out: Uncertainty) -> None:
    total, mean, square = 0.0, 0.0, 0.0
    for b in range(LOGIT_BINS):
        p = _probability(b)
        total += density[b]
        mean += density[b] * p
        square += density[b] * p * p
    mean, square = mean / total, square / total
    out.epistemic[i, k] = max(square - mean * mean, 0.0)
    out.aleatoric[i, k] = mean - square
    reached, lower, upper = 0.0, -1.0, -1.0
    for b in range(LOGIT_BINS):
        before, reached = reached, reached + density[b] / total
        if lower < 0.0 and reached >= TAILS[0]:
            lower = _probability(b - 0.5 + (TAILS[0] - before) / (reached - before))
        if upper < 0.0 and reached >= TAILS[1]:
            upper = _probability(b - 0.5 + (TAILS[1] - before) / (reached - before))
    out.lower[i, k], out.upper[i, k] = lower, upper


@dataclass(frozen=True)
class Recalibration:
    """Map of a forecast's log-odds: offset + slope x; the identity where the diaries ask for no other."""

    offset: float = 0.0
    slope: float = 1.0

    def apply(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mended probabilities.

        Args:
            probability: [...] as forecast.
        """
        p = np.clip(probability, 1e-9, 1 - 1e-9)
        return np.asarray(1 / (1 + np.exp(-(self.offset + self.slope * np.log(p / (1 - p))))))

    @classmethod
    def of(
        cls, probability: NDArray[np.float64], outcome: NDArray[np.bool_], shift: NDArray[np.float64]
    ) -> Recalibration:
        """Logistic recalibration (Cox 1958), if a likelihood-ratio test with two degrees of freedom asks for it.

        Args:
            shift: [N] what the way in which the outcomes were selected adds to their log-odds.
            probability, outcome: [N] forecasts, and whether each came true.
        """
        from scipy.stats import chi2

        p = np.clip(probability, 1e-9, 1 - 1e-9)
        x, y = np.log(p / (1 - p)), outcome.astype(np.float64)
        if len(x) == 0 or y.min() == y.max():
            return cls()
        beta, design = np.array([0.0, 1.0]), np.column_stack([np.ones_like(x), x])
        for _ in range(20):
            q = 1 / (1 + np.exp(-design @ beta - shift))
            curvature = (design * (q * (1 - q))[:, None]).T @ design
            beta = beta + np.linalg.solve(curvature + 1e-9 * np.eye(2), design.T @ (y - q))
        gained = 2 * float((_log_score(design @ beta + shift, y) - _log_score(x + shift, y)).sum())
        asked = chi2.sf(gained, 2) < SIGNIFICANT and beta[1] > 0
        return cls(float(beta[0]), float(beta[1])) if asked else cls()


def _log_score(logit: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-np.logaddexp(0, np.where(y > 0, -logit, logit)))
