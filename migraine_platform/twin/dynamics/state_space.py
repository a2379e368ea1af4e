"""Fitting the linear-Gaussian model of days by EM, and what it forecasts.

E step: the smoother of every patient. M step, with E over the smoothed states and n days:

    L = mean E[l l'],  phi = (W * sum E[x[t-1] x[t-1]'])^-1 diag(W sum E[x[t] x[t-1]'])  with W = Q^-1 of before
    Q = sum E[(x[t] - Phi x[t-1]) (...)'] / n,  a smaller step where the stationary start x[0] would fit worse for it
    D = regression of z - E[l] - E[x] on v,  R[c] = mean E[(z - l - x - D v)^2] over the recorded days

Belongs here: estimation, multi-day forecasts. Does not: the recursions (kalman.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.twin.data.channels import CONTEXT, StandardDays
from migraine_platform.twin.dynamics.kalman import DayDynamics, FilteredStates, StateBeliefs, filter_days, smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = ("migraine_today", "migraine_yesterday", "weekend_today")
"""What shifts a day: pain by the evening, pain the day before, the weekend."""

SMALLEST_ERROR = 1e-4
SMALLEST_MOMENT = 0.02
LARGEST_PHI = 0.99


def inputs_of(days: StandardDays, pain: float) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[P, K, V] v of each day, and [P, K] whether its pain is in doubt: then its usual probability stands there."""
    place = CONTEXT.index("migraine_by_evening")
    known = days.context_seen[..., place]
    migraine = np.where(known, days.context[..., place], pain)
    before = np.full_like(migraine, pain)
    before[:, 1:] = migraine[:, :-1]
    weekend = days.context[..., CONTEXT.index("weekend_today")]
    return np.stack([migraine, before, weekend], axis=-1), ~known


@dataclass
class _Sums:
    """Sufficient statistics of the E step."""

    patients: int
    steps: int
    level: NDArray[np.float64]
    start: NDArray[np.float64]
    """[C, C] sum of E[x[0] x[0]']."""
    now: NDArray[np.float64]
    cross: NDArray[np.float64]
    before: NDArray[np.float64]
    rest: NDArray[np.float64]
    """[C] sum of E[(z - l - x)^2] over recorded days."""
    rest_inputs: NDArray[np.float64]
    """[C, V] sum of E[z - l - x] v'"""
    squares: NDArray[np.float64]
    """[C, V, V] sum of v v'"""
    recorded: NDArray[np.float64]

    @classmethod
    def zero(cls, channels: int, inputs: int) -> _Sums:
        square = (channels, channels)
        return cls(
            0, 0, np.zeros(square), np.zeros(square), np.zeros(square), np.zeros(square), np.zeros(square),
            np.zeros(channels), np.zeros((channels, inputs)), np.zeros((channels, inputs, inputs)), np.zeros(channels),
        )  # fmt: skip

    def add(self, other: _Sums) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


def fit(days: StandardDays, iterations: int, first: DayDynamics | None = None) -> tuple[DayDynamics, list[float]]:
    """Parameters of the population, by EM.

    Args:
        iterations: EM steps.
        first: where to start; by default moments of the recorded values.

    Returns:
        The parameters, and the log-likelihood per recorded value before each step: it never falls.
    """
    place = CONTEXT.index("migraine_by_evening")
    pain = float(days.context[..., place].sum() / max(1, days.context_seen[..., place].sum()))
    inputs, doubt = inputs_of(days, pain)
    days = replace(days, seen=days.seen & ~doubt[..., None])
    dynamics = first or _moments(days, inputs.shape[-1], pain)
    log_likelihoods: list[float] = []
    for _ in range(iterations):
        found = filter_days(dynamics, days.z, days.seen, inputs, np.zeros_like(doubt))
        log_likelihoods.append(float(found.log_likelihood.sum() / max(1, days.seen.sum())))
        dynamics = _maximise(_expect(dynamics, days, inputs), dynamics)
    return dynamics, log_likelihoods


def _moments(days: StandardDays, inputs: int, pain: float) -> DayDynamics:
    """A start that is roughly right: how persons' means differ, how their days do; no effects."""
    count = days.seen.sum(axis=1)
    mean = np.where(days.seen, days.z, 0.0).sum(axis=1) / np.maximum(1, count)
    off = np.where(days.seen, days.z - mean[:, None], 0.0)
    within = np.maximum((off**2).sum(axis=(0, 1)) / np.maximum(1, (count - 1).clip(0).sum(axis=0)), SMALLEST_MOMENT)
    known = np.maximum(1, (count > 0).sum(axis=0))
    by_chance = within * np.where(count > 0, 1 / np.maximum(1, count), 0.0).sum(axis=0) / known
    between = np.maximum((mean**2).sum(axis=0) / known - by_chance, SMALLEST_MOMENT)
    return DayDynamics(
        phi=np.full(days.z.shape[-1], 0.3),
        noise=np.diag(0.8 * within * (1 - 0.3**2)),
        error=0.2 * within,
        between=np.diag(between),
        effect=np.zeros((days.z.shape[-1], inputs)),
        pain=pain,
    )


def _expect(dynamics: DayDynamics, days: StandardDays, inputs: NDArray[np.float64]) -> _Sums:
    """Smooth every patient and add up."""
    patients, _, channels = days.z.shape
    total = _Sums.zero(channels, inputs.shape[-1])
    parts: list[_Sums] = []

    def work(first: int, last: int) -> None:
        own = _Sums.zero(channels, inputs.shape[-1])
        for i in range(first, last):
            begun = days.begun[i]
            if begun < days.z.shape[1]:
                own.add(_expect_one(dynamics, days.z[i, begun:], days.seen[i, begun:], inputs[i, begun:]))
        parts.append(own)

    in_parallel(patients, work)
    for part in sorted(parts, key=lambda sums: (sums.patients, float(sums.rest.sum()))):
        total.add(part)
    return total


def _expect_one(
    dynamics: DayDynamics, z: NDArray[np.float64], seen: NDArray[np.bool_], inputs: NDArray[np.float64]
) -> _Sums:
    channels = len(dynamics.phi)
    found = smooth(dynamics, z, seen, inputs)
    level, x = slice(None, channels), slice(channels, None)
    second = found.covariance + found.mean[:, :, None] * found.mean[:, None, :]
    lagged = found.lagged[1:] + found.mean[1:, :, None] * found.mean[:-1, None, :]
    rest = np.where(seen, z - found.mean[:, level] - found.mean[:, x], 0.0)
    diagonal = np.diagonal(found.covariance, axis1=1, axis2=2)
    cross = np.diagonal(found.covariance[:, level, x], axis1=1, axis2=2)
    spread = np.where(seen, diagonal[:, level] + diagonal[:, x] + 2 * cross, 0.0)
    return _Sums(
        1,
        len(z) - 1,
        second[-1, level, level],
        second[0, x, x],
        second[1:, x, x].sum(axis=0),
        lagged[:, x, x].sum(axis=0),
        second[:-1, x, x].sum(axis=0),
        (rest**2 + spread).sum(axis=0),
        rest.T @ inputs,
        np.einsum("kc,kv,kw->cvw", seen.astype(np.float64), inputs, inputs),
        seen.sum(axis=0).astype(np.float64),
    )


def _maximise(sums: _Sums, before: DayDynamics) -> DayDynamics:
    """The M step; an input that never happened has no effect."""
    phi, noise = _transition(sums, before.phi, before.noise)
    ridge = sums.squares + 1e-6 * np.eye(sums.squares.shape[-1])
    effect = np.linalg.solve(ridge, sums.rest_inputs[..., None])[..., 0]
    explained = 2 * (effect * sums.rest_inputs).sum(axis=1) - np.einsum("cv,cvw,cw->c", effect, sums.squares, effect)
    error = np.asarray(np.maximum((sums.rest - explained) / np.maximum(1, sums.recorded), SMALLEST_ERROR))
    return DayDynamics(phi, noise, error, sums.level / max(1, sums.patients), np.asarray(effect), before.pain)


def _transition(
    sums: _Sums, phi: NDArray[np.float64], noise: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Phi and Q that make the smoothed states likelier; those of before if nothing does, or if nobody has two days."""
    if not sums.steps:
        return phi, noise
    weight = np.linalg.inv(noise)
    best = np.linalg.solve(weight * sums.before, np.diag(weight @ sums.cross))
    best = np.clip(best, -LARGEST_PHI, LARGEST_PHI)
    spread = _residual(sums, best) / sums.steps
    held = _likelihood(sums, phi, noise)
    for share in 0.5 ** np.arange(8):
        step = phi + share * (best - phi), noise + share * (spread - noise)
        if _likelihood(sums, *step) >= held:
            return step
    return phi, noise


def _residual(sums: _Sums, phi: NDArray[np.float64]) -> NDArray[np.float64]:
    """[C, C] sum of E[(x[t] - Phi x[t-1]) (...)']"""
    crossed = sums.cross * phi
    out = sums.now - crossed - crossed.T + np.outer(phi, phi) * sums.before
    return np.asarray((out + out.T) / 2)


def _likelihood(sums: _Sums, phi: NDArray[np.float64], noise: NDArray[np.float64]) -> float:
    """Expected log-likelihood of the states, but for a constant."""
    start = noise / (1 - np.outer(phi, phi))
    first = sums.patients * np.linalg.slogdet(start)[1] + np.trace(np.linalg.solve(start, sums.start))
    later = sums.steps * np.linalg.slogdet(noise)[1] + np.trace(np.linalg.solve(noise, _residual(sums, phi)))
    return float(-0.5 * (first + later))


def filter_histories(
    dynamics: DayDynamics, days: StandardDays, beliefs: StateBeliefs | None = None, first: int = 0
) -> FilteredStates:
    """The filter on patients' days.

    Args:
        beliefs: as of the evening before the first day that counts.
        first: days before it tell only of the pain that came before.
    """
    inputs, doubt = inputs_of(days, dynamics.pain)
    since = slice(first, None)
    return filter_days(dynamics, days.z[:, since], days.seen[:, since], inputs[:, since], doubt[:, since], beliefs)


def ahead(
    dynamics: DayDynamics, beliefs: StateBeliefs, inputs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and variance [P, S, C] of the recorded channels of the next S days.

    Args:
        beliefs: as of the last evening.
        inputs: [P, S, V] v of the days to come, as far as they are known.
    """
    channels, steps = len(dynamics.phi), inputs.shape[1]
    level, x = beliefs.mean[:, :channels], beliefs.mean[:, channels:]
    p = beliefs.covariance
    own = np.diagonal(p[:, :channels, :channels], axis1=1, axis2=2)
    both = np.diagonal(p[:, :channels, channels:], axis1=1, axis2=2)
    spread = np.diagonal(p[:, channels:, channels:], axis1=1, axis2=2)
    decay = dynamics.phi ** np.arange(1, steps + 1)[:, None]
    gained = np.diag(dynamics.noise) * (1 - decay**2) / (1 - dynamics.phi**2)
    mean = level[:, None] + decay * x[:, None] + inputs @ dynamics.effect.T
    variance = own[:, None] + 2 * decay * both[:, None] + decay**2 * spread[:, None] + gained + dynamics.error
    return mean, variance
