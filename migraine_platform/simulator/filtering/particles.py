"""A cloud of particles: possible trajectories of one patient.

Belongs here: what a particle is, its random numbers, its forecast, resampling. Does not: what a day does to it
(observed_events.py, observed_features.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.generative.attacks import (
    EVENING,
    HOURS,
    AttackCourse,
    lasting_share,
    shortest_headache,
)
from migraine_platform.simulator.generative.hazard import (
    Evening,
    forecast,
)
from migraine_platform.simulator.generative.latent_inputs import LATENT
from migraine_platform.simulator.generative.model import DayEffects, ModelParameters, Persons, own_of
from migraine_platform.simulator.generative.readings import (
    weighted,
)
from migraine_platform.simulator.generative.signs import UNASKED
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.streams import Stream, fill_uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

FILTER_STREAM = int(Stream.FILTER)
LONG_AGO = -1e9
LOGIT_STEP = 0.125
"""Width of the bins into which forecasts are counted, on the logit scale."""

LOGIT_BINS = 113
"""Bins of forecasts, the middle one around a probability of one half."""


class RandomSource(NamedTuple):
    """Where a patient's filter takes its random numbers: block after block of a day's own."""

    buffer: NDArray[np.float64]
    place: NDArray[np.int64]
    """[2] next block, next place in the buffer."""


class Cloud(NamedTuple):
    """N particles of one patient."""

    log_weight: NDArray[np.float64]
    z: NDArray[np.float64]
    """[N, 4] today's latent state."""
    ahead: NDArray[np.float64]
    """[N, 4] tomorrow's, without its noise."""
    x: NDArray[np.float64]
    """[N, F] state of the copula."""
    logit: NDArray[np.float64]
    """Tomorrow's log-odds of an onset, without latent state and carry-over."""
    attack_history: NDArray[np.float64]
    p: NDArray[np.float64]
    """Today's probability of an onset."""
    start: NDArray[np.float64]
    """Start of the last headache, in hours since the first midnight."""
    end: NDArray[np.float64]
    """A possible end of it."""
    drug: NDArray[np.int64]
    by_evening: NDArray[np.bool_]
    may_begin: NDArray[np.bool_]
    began: NDArray[np.bool_]
    """A headache began today."""
    sign: NDArray[np.int64]
    """What yesterday evening said of today's attack (signs.py)."""
    sign_ahead: NDArray[np.int64]
    """What this evening says of tomorrow's."""
    shift: NDArray[np.float64]
    """What that adds to tomorrow's log-odds."""
    previous_end: NDArray[np.float64]
    before: NDArray[np.float64]
    """[N, memory] what earlier days leave to the triggers (trigger_rules.py)."""
    stress_excess: NDArray[np.float64]


@njit(cache=True)
def new_cloud(particles: int, features: int, memory: int) -> Cloud:
    """Particles on the eve of the first simulated day.

    Args:
        features: that the copula draws.
        memory: what earlier days leave to the triggers (trigger_rules.py).
    """
    return Cloud(
        np.zeros(particles),
        np.zeros((particles, LATENT)),
        np.zeros((particles, LATENT)),
        np.zeros((particles, features)),
        np.zeros(particles),
        np.zeros(particles),
        np.zeros(particles),
        np.full(particles, LONG_AGO),
        np.full(particles, LONG_AGO),
        np.full(particles, UNTREATED),
        np.zeros(particles, dtype=np.bool_),
        np.zeros(particles, dtype=np.bool_),
        np.zeros(particles, dtype=np.bool_),
        np.full(particles, UNASKED),
        np.full(particles, UNASKED),
        np.zeros(particles),
        np.full(particles, LONG_AGO),
        np.zeros((particles, memory)),
        np.zeros(particles),
    )


@njit(cache=True)
def uniform(source: RandomSource, seed: int, person: int, t: int) -> float:
    """The next uniform deviate."""
    if source.place[1] == 8:
        fill_uniforms(source.buffer, seed, FILTER_STREAM, person, t, source.place[0], 0)
        source.place[0] += 1
        source.place[1] = 0
    source.place[1] += 1
    return float(source.buffer[source.place[1] - 1])


@njit(cache=True)
def draw_end(course: AttackCourse, own: float, drug: int, start: float, after: float, before: float, u: float) -> float:
    """The end of a person's headache that lies between two moments."""
    high, low = lasting_share(course, own, drug, after - start), lasting_share(course, own, drug, before - start)
    wanted = high + u * (low - high)
    shortest = max(after - start, shortest_headache(course, drug))
    longest = min(before - start, course.durations[-1])
    for _ in range(26):
        middle = (shortest + longest) / 2
        if lasting_share(course, own, drug, middle) > wanted:
            shortest = middle
        else:
            longest = middle
    return float(start + (shortest + longest) / 2)


@njit(cache=True)
def evening_forecast(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    cloud: Cloud,
    i: int,
    t: int,
    top: float,
    total: float,
    spread: NDArray[np.float64],
) -> float:
    """Mean over the particles of what each one's whole state forecasts.

    Args:
        top: largest log weight.
        total: sum of exp(log weight - top).
        spread: [LOGIT_BINS] receives the weight of the particles by their forecast; of length 0, it is not wanted.
    """
    now = HOURS * t + EVENING
    mean, own = 0.0, own_of(persons, i)
    spread[:] = 0.0
    for n in range(len(cloud.p)):
        weight = np.exp(cloud.log_weight[n] - top) / total
        if weight > 0:
            runs = cloud.by_evening[n] and cloud.end[n] > now
            evening = Evening(
                cloud.logit[n] + weighted(persons.latent_weights[i], cloud.ahead[n]),
                persons.noise_factor[i],
                cloud.attack_history[n],
                cloud.by_evening[n],
                now - cloud.start[n] if runs else -1.0,
                cloud.drug[n],
                cloud.may_begin[n],
                cloud.p[n],
                cloud.sign[n],
                cloud.shift[n],
                day_effects.treated_share[t],
                day_effects.drug[t],
            )
            p = forecast(parameters.course, own, parameters.carry, evening)
            mean += weight * p
            if len(spread):
                spread[logit_bin(p)] += weight
    return mean


@njit(cache=True)
def logit_bin(p: float) -> int:
    """The bin that a probability falls into."""
    if p <= 0.0 or p >= 1.0:
        return 0 if p <= 0.0 else LOGIT_BINS - 1
    place = round(np.log(p / (1.0 - p)) / LOGIT_STEP) + LOGIT_BINS // 2
    return int(min(max(place, 0), LOGIT_BINS - 1))


@njit(cache=True)
def resample(cloud: Cloud, source: RandomSource, person: int, seed: int, t: int) -> None:
    """Systematic resampling: every particle as often as its weight says, then equal weights."""
    particles = len(cloud.p)
    top = largest(cloud.log_weight)
    total = 0.0
    for n in range(particles):
        total += np.exp(cloud.log_weight[n] - top)
    chosen, scratch = np.empty(particles, dtype=np.int64), np.empty(particles)
    position, n = uniform(source, seed, person, t), 0
    reached = particles * np.exp(cloud.log_weight[0] - top) / total
    for slot in range(particles):
        while reached <= position + slot and n < particles - 1:
            n += 1
            reached += particles * np.exp(cloud.log_weight[n] - top) / total
        chosen[slot] = n
    for axis in range(LATENT):
        _reorder(cloud.z[:, axis], chosen, scratch)
        _reorder(cloud.ahead[:, axis], chosen, scratch)
    for f in range(cloud.x.shape[1]):
        _reorder(cloud.x[:, f], chosen, scratch)
    _reorder(cloud.logit, chosen, scratch)
    _reorder(cloud.attack_history, chosen, scratch)
    _reorder(cloud.p, chosen, scratch)
    _reorder(cloud.start, chosen, scratch)
    _reorder(cloud.end, chosen, scratch)
    _reorder(cloud.drug, chosen, scratch)
    _reorder(cloud.by_evening, chosen, scratch)
    _reorder(cloud.may_begin, chosen, scratch)
    _reorder(cloud.sign, chosen, scratch)
    _reorder(cloud.sign_ahead, chosen, scratch)
    _reorder(cloud.shift, chosen, scratch)
    for place in range(cloud.before.shape[1]):
        _reorder(cloud.before[:, place], chosen, scratch)
    _reorder(cloud.stress_excess, chosen, scratch)
    for n in range(particles):
        cloud.log_weight[n] = 0.0


@njit(cache=True)
def _reorder(values: NDArray[Any], chosen: NDArray[np.int64], scratch: NDArray[np.float64]) -> None:
    """values[n] becomes values[chosen[n]]."""
    for n in range(len(chosen)):
        scratch[n] = values[n]
    for n in range(len(chosen)):
        values[n] = scratch[chosen[n]]


@njit(cache=True)
def largest(values: NDArray[np.float64]) -> float:
    """The largest of some values.

    Args:
        values: [N]
    """
    top = -np.inf
    for n in range(len(values)):
        top = max(top, values[n])
    return top
