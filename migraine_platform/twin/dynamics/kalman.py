"""Linear-Gaussian model of how a person's days follow each other: filter and smoother, batched over patients.

    z[t, c]  = l[c] + x[t, c] + (D v[t])[c] + e[t, c],   e ~ N(0, R)       C channels on the standard scale
    x[t]     = Phi x[t-1] + n[t],                        n ~ N(0, Q)       Phi diagonal; x starts stationary
    l        ~ N(0, L)                                                     the person's own level, for all days

The level is part of the state s = (l, x), so that a filter learns it day by day, shrunk to the population as far as
the days so far leave it open. A channel that was not recorded is left out of the day's update: nothing is imputed. R is
diagonal, so channels are taken one after the other, and no matrix is inverted on the way forward.

Belongs here: the recursions. Does not: where the parameters come from (state_space.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.layout import all_in_one_layout, in_one_layout
from migraine_platform.compiled.parallel import in_parallel

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOG_2PI = float(np.log(2 * np.pi))


class DayDynamics(NamedTuple):
    """Parameters of the model, the same for everybody."""

    phi: NDArray[np.float64]
    """[C]"""
    noise: NDArray[np.float64]
    """[C, C] Q"""
    error: NDArray[np.float64]
    """[C] diagonal of R"""
    between: NDArray[np.float64]
    """[C, C] L"""
    effect: NDArray[np.float64]
    """[C, V] D"""
    pain: float
    """Usual share of days of pain, for days of which it is not known."""

    def start(self) -> NDArray[np.float64]:
        """[2C, 2C] covariance of the state before anything is known."""
        channels = len(self.phi)
        out = np.zeros((2 * channels, 2 * channels))
        out[:channels, :channels] = self.between
        out[channels:, channels:] = self.noise / (1 - np.outer(self.phi, self.phi))
        return out


class StateBeliefs(NamedTuple):
    """What is believed of P patients' states, as of the evening of some day; all that an update needs."""

    mean: NDArray[np.float64]
    """[P, 2C]"""
    covariance: NDArray[np.float64]
    """[P, 2C, 2C]"""


class FilteredStates(NamedTuple):
    """What the filter makes of P patients' K days."""

    mean: NDArray[np.float64]
    """[P, K, C] channels of the day, as of its evening; what was recorded is what it is, save for its error."""
    variance: NDArray[np.float64]
    """[P, K, C] of the same; where nothing was recorded, of what a diary or device would have recorded: R included."""
    level: NDArray[np.float64]
    """[P, K, C] the person's own level, as far as it is known by then."""
    next_mean: NDArray[np.float64]
    """[P, K, C] channels of the following day as a diary or device would record them, without tomorrow's D v."""
    next_variance: NDArray[np.float64]
    next_covariance: NDArray[np.float64]
    """[P, K, C] of the following day's with the day's own: that of level plus deviation, as errors are independent."""
    shift: NDArray[np.float64]
    """[P, K, C] the day's D v, with its pain as judged by the evening."""
    innovation: NDArray[np.float64]
    """[P, K, C] recorded minus expected, in standard deviations; 0 where nothing was recorded."""
    log_likelihood: NDArray[np.float64]
    """[P, K]"""
    pain: NDArray[np.float64]
    """[P, K] log-likelihood ratio of the day's channels, pain against none; 0 where the diary says which."""
    beliefs: StateBeliefs
    """As of the last evening."""

    def then(self, later: FilteredStates) -> FilteredStates:
        """Both stretches of days as one."""
        d = [np.concatenate(parts, axis=1) for parts in zip(self[:-1], later[:-1], strict=True)]
        return FilteredStates(d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7], d[8], d[9], later.beliefs)


def first_beliefs(dynamics: DayDynamics, patients: int) -> StateBeliefs:
    """What is believed of persons of whom nothing is known."""
    start = dynamics.start()
    return StateBeliefs(np.zeros((patients, len(start))), np.tile(start, (patients, 1, 1)))


def filter_days(
    dynamics: DayDynamics,
    z: NDArray[np.float64],
    seen: NDArray[np.bool_],
    inputs: NDArray[np.float64],
    doubt: NDArray[np.bool_],
    beliefs: StateBeliefs | None = None,
) -> FilteredStates:
    """Run the filter over K days.

    Where it is not known whether a day was one of pain, both are followed through the day, and their means mixed by
    what the channels make of it.

    Args:
        z: [P, K, C] recorded channels.
        seen: [P, K, C] whether they are recorded.
        inputs: [P, K, V] v of each day; the first is pain, or its probability where it is in doubt.
        doubt: [P, K] whether it is.
        beliefs: as of the evening before the first of the days; by default nothing is known yet.
    """
    patients, days, channels = z.shape
    shape = (patients, days, channels)
    begun = beliefs is not None
    kept = beliefs or first_beliefs(dynamics, patients)
    end = StateBeliefs(kept.mean.copy(), kept.covariance.copy())
    m, totals = [np.zeros(shape) for _ in range(8)], [np.zeros((patients, days)) for _ in range(2)]
    out = FilteredStates(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], totals[0], totals[1], end)

    dynamics, seen = all_in_one_layout(dynamics), in_one_layout(seen)

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            _filter_one(dynamics, z[i], seen[i], inputs[i], doubt[i], begun, i, out)

    in_parallel(patients, work)
    return out


@njit(cache=True, nogil=True)
def _step(phi: NDArray[np.float64], noise: NDArray[np.float64], s: NDArray[np.float64], p: NDArray[np.float64]) -> None:
    """One day ahead, in place."""
    channels = len(phi)
    for i in range(channels):
        s[channels + i] *= phi[i]
        for j in range(2 * channels):
            p[channels + i, j] *= phi[i]
    for i in range(2 * channels):
        for j in range(channels):
            p[i, channels + j] *= phi[j]
    for i in range(channels):
        for j in range(channels):
            p[channels + i, channels + j] += noise[i, j]


@njit(cache=True, nogil=True)
def _learn(
    s: NDArray[np.float64], p: NDArray[np.float64], c: int, surprise: float, error: float, gain: NDArray[np.float64]
) -> float:
    """Update by one recorded channel, in place; its variance before it was recorded."""
    size, channels = len(s), len(s) // 2
    for i in range(size):
        gain[i] = p[i, c] + p[i, channels + c]
    variance = gain[c] + gain[channels + c] + error
    for i in range(size):
        share = gain[i] / variance
        s[i] += share * surprise
        for j in range(i + 1):
            p[i, j] -= share * gain[j]
            p[j, i] = p[i, j]
    return float(variance)


@njit(cache=True, nogil=True)
def _filter_one(
    dynamics: DayDynamics,
    z: NDArray[np.float64],
    seen: NDArray[np.bool_],
    inputs: NDArray[np.float64],
    doubt: NDArray[np.bool_],
    begun: bool,
    i: int,
    out: FilteredStates,
) -> None:
    channels = len(dynamics.phi)
    s, p, gain = out.beliefs.mean[i], out.beliefs.covariance[i], np.empty(2 * channels)
    other = np.empty(2 * channels)
    for k in range(len(z)):
        if begun or k > 0:
            _step(dynamics.phi, dynamics.noise, s, p)
        shift = dynamics.effect @ inputs[k]
        chance = inputs[k, 0]
        if doubt[k]:
            shift -= dynamics.effect[:, 0] * chance
            other[:] = s
        total, rival = 0.0, 0.0
        for c in range(channels):
            if seen[k, c]:
                surprise = z[k, c] - s[c] - s[channels + c] - shift[c]
                painful = z[k, c] - other[c] - other[channels + c] - shift[c] - dynamics.effect[c, 0]
                variance = _learn(s, p, c, surprise, dynamics.error[c], gain)
                out.innovation[i, k, c] = surprise / np.sqrt(variance)
                total -= 0.5 * (LOG_2PI + np.log(variance) + surprise * surprise / variance)
                if doubt[k]:
                    rival += 0.5 * (surprise * surprise - painful * painful) / variance
                    for n in range(2 * channels):
                        other[n] += gain[n] / variance * painful
        if doubt[k]:
            out.pain[i, k] = rival
            chance = chance / (chance + (1.0 - chance) * np.exp(-rival))
            total += np.log(1.0 - inputs[k, 0] + inputs[k, 0] * np.exp(rival))
            for n in range(2 * channels):
                s[n] += chance * (other[n] - s[n])
            shift += dynamics.effect[:, 0] * chance
        out.log_likelihood[i, k] = total
        _note(dynamics, s, p, shift, seen[k], out, i, k)


@njit(cache=True)
def _note(
    dynamics: DayDynamics,
    s: NDArray[np.float64],
    p: NDArray[np.float64],
    shift: NDArray[np.float64],
    seen: NDArray[np.bool_],
    out: FilteredStates,
    i: int,
    k: int,
) -> None:
    """Put one evening's channels, and the next day's, down."""
    channels = len(dynamics.phi)
    for c in range(channels):
        x = channels + c
        out.mean[i, k, c] = s[c] + s[x] + shift[c]
        out.variance[i, k, c] = p[c, c] + 2 * p[c, x] + p[x, x] + (0.0 if seen[c] else dynamics.error[c])
        out.level[i, k, c] = s[c]
        out.shift[i, k, c] = shift[c]
        phi = dynamics.phi[c]
        out.next_mean[i, k, c] = s[c] + phi * s[x]
        out.next_covariance[i, k, c] = p[c, c] + (1 + phi) * p[c, x] + phi * p[x, x]
        ahead = p[c, c] + 2 * phi * p[c, x] + phi**2 * p[x, x]
        out.next_variance[i, k, c] = ahead + dynamics.noise[c, c] + dynamics.error[c]


class Smoothed(NamedTuple):
    """What all days say of one patient's states, looking back."""

    mean: NDArray[np.float64]
    """[K, 2C]"""
    covariance: NDArray[np.float64]
    """[K, 2C, 2C]"""
    lagged: NDArray[np.float64]
    """[K, 2C, 2C] covariance of each day's state with the day before; 0 for the first."""


def smooth(
    dynamics: DayDynamics, z: NDArray[np.float64], seen: NDArray[np.bool_], inputs: NDArray[np.float64]
) -> Smoothed:
    """Rauch-Tung-Striebel smoother of one patient's days.

    It keeps K matrices; patients are smoothed one after the other, so that memory does not grow with them.

    Args:
        z: [K, C] standard values.
        seen: [K, C] which of them were recorded.
        inputs: [K, U] what drives the state.
    """
    return Smoothed(*_smooth_one(dynamics, dynamics.start(), z, seen, inputs))


@njit(cache=True, nogil=True)
def _smooth_one(
    dynamics: DayDynamics,
    start: NDArray[np.float64],
    z: NDArray[np.float64],
    seen: NDArray[np.bool_],
    inputs: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    days, channels = z.shape
    size = 2 * channels
    before_mean, before = np.empty((days, size)), np.empty((days, size, size))
    mean, covariance = np.empty((days, size)), np.empty((days, size, size))
    lagged = np.zeros((days, size, size))
    s, p, gain = np.zeros(size), start.copy(), np.empty(size)
    for k in range(days):
        if k > 0:
            _step(dynamics.phi, dynamics.noise, s, p)
        before_mean[k], before[k] = s, p
        shift = dynamics.effect @ inputs[k]
        for c in range(channels):
            if seen[k, c]:
                _learn(s, p, c, z[k, c] - s[c] - s[channels + c] - shift[c], dynamics.error[c], gain)
        mean[k], covariance[k] = s, p
    transition = np.concatenate((np.ones(channels), dynamics.phi))
    for back in range(days - 1):
        k = days - 2 - back
        # J = P F' (P of the next day before it was seen)^-1, F diagonal
        gain_back = np.linalg.solve(before[k + 1], (covariance[k] * transition).T).T.copy()
        lagged[k + 1] = covariance[k + 1] @ gain_back.T
        mean[k] += gain_back @ (mean[k + 1] - before_mean[k + 1])
        covariance[k] += gain_back @ (covariance[k + 1] - before[k + 1]) @ gain_back.T
    return mean, covariance, lagged
