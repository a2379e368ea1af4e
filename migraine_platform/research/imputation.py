"""Days without gaps, for models that cannot handle gaps: what stands in for a missing number, and how sure it is.

Belongs here: the population's persistence of every channel, and what it says of a patient's gaps. Does not: models
that handle gaps themselves (kalman.py), scales (channels.py).

On the standard scale, a channel of person p is a level of his own and what persists from day to day:

    z[t] = m + x[t],    m ~ N(0, tau^2),    x[t+1] = phi x[t] + e,    Var x = s^2

First time: given m, only the nearest recorded days matter, b days before and a after. With r = phi^b, q = phi^a (0
where no such day was recorded)

    E z[t] = m + w (z[t-b] - m) + u (z[t+a] - m),    w = r (1 - q^2) / (1 - r^2 q^2),    u = q (1 - r^2) / (1 - r^2 q^2)
    Var    = s^2 (1 - r^2) (1 - q^2) / (1 - r^2 q^2) + (1 - w - u)^2 Var m

and m's own posterior comes from all recorded days: the step over a gap of factor r tells of m with information
(1 - r) / (1 + r) / s^2, the first recorded day with 1 / s^2 (r = 0). Within a channel this is exact.

Then the other channels: what time alone gets wrong on a day, over its standard deviation, is N(0, R) across channels
with the population's R; the missing channels' errors are conditioned on the recorded ones'. Each recorded value's error
is against what the other days, not it itself, say. R is that of ordinary days: where one channel alone has a long gap,
the stated variance is a little too small (90 % intervals of simulated blocks of three days held 88-90 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LAGS = 14
"""Days apart up to which pairs of days tell of persistence: two weeks, so that a weekly rhythm counts evenly."""

PERSISTENCES = np.linspace(0.0, 0.99, 199)
"""Values of phi that are tried; a channel that swings from day to day is taken for one without memory."""

MOST_BETWEEN = 0.999
"""Share of a channel's variance that may lie between persons: a day always has some variance of its own."""

SMALLEST_VARIANCE = 1e-9  # of a channel that never changes
SMALLEST_EIGENVALUE = 1e-6  # correlations of pairs recorded on different days may contradict each other a little


class ImputationError(UserError):
    """Days from which, or with which, nothing can be imputed."""


@dataclass(frozen=True)
class Imputed:
    """P patients' K days of C channels with every gap filled."""

    mean: Numbers
    """[P, K, C] what was recorded, or what is expected."""
    variance: Numbers
    """[P, K, C] of what is expected; 0 where recorded."""
    present: NDArray[np.bool_]
    """[P, K, C] whether it was recorded."""
    scale: Numbers
    """[P, K, C] standard deviation given the other days alone; 0 where recorded."""
    pattern: NDArray[np.int64]
    """[P, K] which of the patterns of recorded channels the day has."""
    factor: Numbers
    """[U, C, C] per pattern, F with F F' the correlation of errors given the recorded channels; 0 for those."""

    def draws(self, count: int, rng: np.random.Generator) -> Numbers:
        """[count, P, K, C] completed days for multiple imputation.

        Draws are joint across the channels of a day, and independent from day to day: every day has the stated mean
        and covariance, but averages over a gap vary too little.
        """
        out = np.broadcast_to(self.mean, (count, *self.mean.shape)).copy()
        for day in range(self.mean.shape[1]):
            noise = rng.standard_normal((len(self.mean), self.mean.shape[2], count))
            errors = self.factor[self.pattern[:, day]] @ noise
            out[:, :, day] += self.scale[:, day] * errors.transpose(2, 0, 1)
        return out


@dataclass(frozen=True)
class Imputer:
    """What the population's recorded days say of missing ones."""

    persistence: Numbers
    """[C] phi"""
    within: Numbers
    """[C] s^2, variance of a person's days about his level."""
    between: Numbers
    """[C] tau^2, variance of levels."""
    correlation: Numbers
    """[C, C] R, of errors given the days before and after."""
    causal_correlation: Numbers
    """[C, C] R, of errors given the days before."""

    def impute(self, z: Numbers, seen: NDArray[np.bool_], causal: bool = False) -> Imputed:
        """Fill the gaps; where nothing is recorded, what is not known of the person is the population's.

        Args:
            z: [P, K, C] standard scale; not read where nothing was recorded.
            seen: [P, K, C]
            causal: let a day know only days before it and its own recorded channels.

        Raises:
            ImputationError: if the shapes are not those of this population, or a recorded value is not finite.
        """
        z = _checked(z, seen, len(self.persistence))
        expected, variance = _over_time(self, z, seen, causal)
        scale = np.sqrt(variance)
        patterns, places = np.unique(seen.reshape(-1, seen.shape[2]), axis=0, return_inverse=True)
        pattern = places.reshape(seen.shape[:2])
        gain, rest = _conditional(self.causal_correlation if causal else self.correlation, patterns)
        errors = np.where(seen, (z - expected) / scale, 0.0)
        learned = np.empty_like(errors)
        for day in range(z.shape[1]):
            learned[:, day] = (gain[pattern[:, day]] @ errors[:, day, :, None])[..., 0]
        share = np.diagonal(rest, axis1=1, axis2=2)[pattern]
        mean = np.where(seen, z, expected + scale * learned)
        scale, variance = (np.where(seen, 0.0, stated) for stated in (scale, variance * share))
        return Imputed(mean, variance, seen, scale, pattern, _factors(rest))

    def completeness(self, seen: NDArray[np.bool_], causal: bool = False) -> Numbers:
        """[P, K] how much is known of each day, 0-1: the share of the channels' variance that records take away.

        1 where everything was recorded; 0 where nothing is known of the person.

        Args:
            seen: [P, K, channels] what was recorded.
        """
        variance = self.impute(np.zeros(seen.shape), seen, causal).variance
        weights: Numbers = 1 - (variance / (self.within + self.between)).mean(axis=2)
        return np.clip(weights, 0.0, 1.0)


def fit(z: Numbers, seen: NDArray[np.bool_]) -> Imputer:
    """Learn from the recorded days of a population.

    phi and tau^2 are those that come nearest to the mean products of days up to LAGS apart, tau^2 + s^2 phi^lag, pairs
    counted; their sum is the mean square.

    Args:
        z: [P, K, C] standard scale; not read where nothing was recorded.
        seen: [P, K, C]

    Raises:
        ImputationError: naming the channels that nobody recorded; or as for `Imputer.impute`.
    """
    channels = z.shape[-1] if z.ndim else 0
    z = _checked(z, seen, channels)
    if empty := np.flatnonzero(~seen.any(axis=(0, 1))).tolist():
        raise ImputationError(f"nobody recorded channels {empty}; expected some values of every channel")
    persistence, within, between = np.array([_persistence(z[..., c], seen[..., c]) for c in range(channels)]).T
    alone = Imputer(persistence, within, between, np.eye(channels), np.eye(channels))
    both, past = (_correlation(*_over_time(alone, z, seen, causal), z, seen) for causal in (False, True))
    return Imputer(persistence, within, between, both, past)


def _checked(z: Numbers, seen: NDArray[np.bool_], channels: int) -> Numbers:
    """The recorded values, 0 elsewhere."""
    if z.ndim != 3 or z.shape != seen.shape or z.shape[2] != channels:
        raise ImputationError(
            f"values have shape {z.shape} and presence {seen.shape}; expected both [patients, days, {channels}]"
        )
    known = np.where(seen, z, 0.0)
    if strange := int((~np.isfinite(known)).sum()):
        raise ImputationError(f"{strange} recorded values are not finite; expected a finite number where one is seen")
    return known


def _persistence(z: Numbers, seen: NDArray[np.bool_]) -> tuple[float, float, float]:
    """phi, s^2 and tau^2 of one channel [P, K]."""
    days = z.shape[1]
    lags = np.arange(1, min(LAGS, days - 1) + 1)
    pairs = np.array([(seen[:, lag:] & seen[:, :-lag]).sum() for lag in lags], dtype=np.float64)
    sums = np.array([(z[:, lag:] * z[:, :-lag]).sum() for lag in lags])
    products = sums / np.maximum(pairs, 1)
    total = max(float((z**2).sum() / seen.sum()), SMALLEST_VARIANCE)
    fading = PERSISTENCES[:, None] ** lags
    lasting = 1 - fading
    weight = np.maximum((pairs * lasting**2).sum(axis=1), np.finfo(float).tiny)
    between = (pairs * lasting * (products - total * fading)).sum(axis=1) / weight
    between = np.clip(between, 0.0, MOST_BETWEEN * total)
    misfit = (pairs * (products - total * fading - between[:, None] * lasting) ** 2).sum(axis=1)
    best = int(np.argmin(misfit))
    return float(PERSISTENCES[best]), total - float(between[best]), float(between[best])


def _over_time(imputer: Imputer, z: Numbers, seen: NDArray[np.bool_], causal: bool) -> tuple[Numbers, Numbers]:
    """`_bridge` for every channel, [P, K, C]."""
    mean, variance = np.empty_like(z), np.empty_like(z)
    for c in range(z.shape[2]):
        phi, within, between = imputer.persistence[c], imputer.within[c], imputer.between[c]
        mean[..., c], variance[..., c] = _bridge(z[..., c], seen[..., c], phi, within, between, causal)
    return mean, variance


def _bridge(
    z: Numbers, seen: NDArray[np.bool_], phi: float, within: float, between: float, causal: bool
) -> tuple[Numbers, Numbers]:
    """Mean and variance [P, K] of one channel's every value given its other days."""
    before, r = _nearest_before(z, seen, phi)
    information, score = seen * _information(r), seen * _score(z, before, r)
    if causal:
        after, q = np.zeros_like(z), np.zeros_like(z)
        known, told = (np.cumsum(own, axis=1) - own for own in (information, score))
    else:
        after, q = (side[:, ::-1] for side in _nearest_before(z[:, ::-1], seen[:, ::-1], phi))
        known, told = (own.sum(axis=1, keepdims=True) - own for own in (information, score))
        follows = seen & (np.cumsum(seen[:, ::-1], axis=1)[:, ::-1] > 1)
        # Without this day, the next one would follow upon the one before.
        known = known + follows * (_information(r * q) - _information(q))
        told = told + follows * (_score(after, before, r * q) - _score(after, z, q))
    shrinkage = between / (within + between * known)
    level, doubt = shrinkage * told, shrinkage * within
    span = 1 - (r * q) ** 2
    w, u = r * (1 - q**2) / span, q * (1 - r**2) / span
    mean = level + w * (before - level) + u * (after - level)
    return mean, within * (1 - r**2) * (1 - q**2) / span + (1 - w - u) ** 2 * doubt


def _nearest_before(z: Numbers, seen: NDArray[np.bool_], phi: float) -> tuple[Numbers, Numbers]:
    """The last value recorded before each day, and phi to the days since; both 0 where there is none."""
    day = np.arange(z.shape[1])
    last = np.full(z.shape, -1)
    last[:, 1:] = np.maximum.accumulate(np.where(seen, day, -1), axis=1)[:, :-1]
    value = np.take_along_axis(z, np.maximum(last, 0), axis=1)
    return np.where(last >= 0, value, 0.0), np.where(last >= 0, phi ** (day - last), 0.0)


def _information(r: Numbers) -> Numbers:
    """What a step of factor r tells of the level, in units of 1 / s^2."""
    return (1 - r) / (1 + r)


def _score(z: Numbers, before: Numbers, r: Numbers) -> Numbers:
    """The step's information times the level that it speaks for."""
    return (z - r * before) / (1 + r)


def _correlation(mean: Numbers, variance: Numbers, z: Numbers, seen: NDArray[np.bool_]) -> Numbers:
    """[C, C] R over the days on which both of a pair were recorded."""
    channels = z.shape[2]
    errors = np.where(seen, (z - mean) / np.sqrt(variance), 0.0).reshape(-1, channels)
    both = seen.reshape(-1, channels).astype(np.float64)
    squares = (errors**2).T @ both
    scale = np.sqrt(squares * squares.T)
    raw = np.divide(errors.T @ errors, scale, out=np.zeros((channels, channels)), where=scale > 0)
    np.fill_diagonal(raw, 1.0)
    values, vectors = np.linalg.eigh(raw)
    sound = (vectors * np.maximum(values, SMALLEST_EIGENVALUE)) @ vectors.T
    sd = np.sqrt(np.diagonal(sound))
    return np.asarray(sound / np.outer(sd, sd))


def _conditional(correlation: Numbers, patterns: NDArray[np.bool_]) -> tuple[Numbers, Numbers]:
    """Per pattern [U, C, C]: missing errors' regression on recorded ones, and their covariance given those."""
    missing = ~patterns
    known = np.where(patterns[:, :, None] & patterns[:, None, :], correlation, 0.0)
    known[:, np.arange(len(correlation)), np.arange(len(correlation))] = 1.0
    across = np.where(missing[:, :, None] & patterns[:, None, :], correlation, 0.0)
    gain = np.linalg.solve(known, across.transpose(0, 2, 1)).transpose(0, 2, 1)
    own = np.where(missing[:, :, None] & missing[:, None, :], correlation, 0.0)
    return gain, own - gain @ across.transpose(0, 2, 1)


def _factors(covariances: Numbers) -> Numbers:
    """[U, C, C] F with F F' the covariance."""
    values, vectors = np.linalg.eigh(covariances)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :])
