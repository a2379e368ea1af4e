"""What the attack process, and the diary of it, do to a cloud of particles.

What is recorded is never drawn at random and compared: each particle is weighted by the probability of the record and
then drawn given it. Where nothing is recorded, half the particles are drawn for what the next diary may need, and
weighted back. A running headache's end is drawn anew every day from what is possible, because tomorrow depends on no
more than that it runs.

Belongs here: attacks. Does not: features (observed_features.py), signs of tomorrow's attack (observed_signs.py), the
loop over days (oracle.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.filtering.particles import (
    LONG_AGO,
    Cloud,
    RandomSource,
    draw_end,
    uniform,
)
from migraine_platform.simulator.generative.attacks import EVENING, HOURS, lasting_share
from migraine_platform.simulator.generative.hazard import (
    carried,
    expit,
    next_trace,
)
from migraine_platform.simulator.generative.latent_inputs import LATENT, add_noise
from migraine_platform.simulator.generative.model import Persons, Regime, World, own_of
from migraine_platform.simulator.generative.readings import (
    reported_on,
    weighted,
)
from migraine_platform.simulator.generative.signs import UNASKED, late_onset, prodrome_entry
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.normal import fast_normal_quantile
from migraine_platform.simulator.random.quantiles import quantile, share_below

if TYPE_CHECKING:
    from numpy.typing import NDArray


EVENTS = 5
GOES_ON, PLAIN, SIGNALLED, ALARM, NOTHING_HAPPENED = range(EVENTS)
"""What a day may bring by the evening: an attack goes on, one begins without or with a prodrome, a false alarm."""

EVENLY = 0.5
"""Share of the particles that are drawn for what a later record may need, not by chance, and weighted back."""

LATE_PROPOSAL = 0.25
"""How many of those begin an attack in an evening of which no diary tells."""


@njit(cache=True)
def begin_day(
    world: World,
    persons: Persons,
    regime: Regime,
    cloud: Cloud,
    source: RandomSource,
    i: int,
    t: int,
    told_late: bool,
    late: bool,
) -> None:
    """Midnight: whether an attack began late last evening, then the latent state and the hazard.

    Args:
        told_late: whether yesterday's diary has told by now.
        late: what it told.
    """
    course, carry, seed, person = world.course, world.carry, world.seed, persons.index[i]
    own = own_of(persons, i)
    e = np.empty(8)
    for n in range(len(cloud.p)):
        began_late = False
        if t > 0 and not cloud.by_evening[n]:
            chance = late_onset(course, own, cloud.p[n], cloud.sign[n]) if cloud.may_begin[n] else 0.0
            if told_late:
                cloud.log_weight[n] += np.log(chance if late else 1.0 - chance) if chance > 0 or not late else -np.inf
                began_late = late
            elif chance > 0:
                proposal = (1.0 - EVENLY) * chance + EVENLY * LATE_PROPOSAL
                began_late = uniform(source, seed, person, t) < proposal
                drawn, proposed = (chance, proposal) if began_late else (1.0 - chance, 1.0 - proposal)
                cloud.log_weight[n] += np.log(drawn / proposed)
            if began_late:
                hour = quantile(course.onset_hours, 1.0 - course.late_share * uniform(source, seed, person, t))
                treated = uniform(source, seed, person, t) < regime.treated_share[t - 1]
                cloud.drug[n] = regime.drug[t - 1] if treated else UNTREATED
                cloud.start[n] = HOURS * (t - 1) + hour
                cloud.end[n] = LONG_AGO  # drawn below, with the day
        was_migraine = t > 0 and (cloud.by_evening[n] or began_late)
        for axis in range(LATENT):
            e[axis] = fast_normal_quantile(uniform(source, seed, person, t))
        cloud.z[n] = cloud.ahead[n]
        add_noise(world.inputs, e, cloud.z[n])
        if was_migraine:
            cloud.sign[n], cloud.shift[n] = UNASKED, 0.0
        else:
            cloud.sign[n] = cloud.sign_ahead[n]
        logit = cloud.logit[n] + weighted(persons.latent_weights[i], cloud.z[n])
        cloud.p[n] = expit(logit + carried(carry, cloud.trace[n], was_migraine) + cloud.shift[n])
        if t > 0:
            cloud.trace[n] = next_trace(carry, cloud.trace[n], was_migraine)
        if began_late:
            cloud.previous_end[n] = np.inf  # it runs at midnight
        elif cloud.end[n] > HOURS * (t - 1) + EVENING:
            cloud.previous_end[n] = np.inf
        else:
            cloud.previous_end[n] = cloud.end[n]


@njit(cache=True)
def _propose(log_weight: NDArray[np.float64], n: int, chances: NDArray[np.float64], u: float) -> int:
    """An event of a day without a diary, drawn half by its chance and half evenly, and weighted back.

    What the next diary tells may need an event that few particles would have had by chance.
    """
    possible = 0
    for event in range(EVENTS):
        possible += chances[event] > 0
    reached, drawn = 0.0, NOTHING_HAPPENED
    for event in range(EVENTS):
        if chances[event] > 0:
            proposal = (1.0 - EVENLY) * chances[event] + EVENLY / possible
            if reached <= u < reached + proposal:
                log_weight[n] += np.log(chances[event] / proposal)
                drawn = event
            reached += proposal
    return drawn


@njit(cache=True)
def _propose_hour(log_weight: NDArray[np.float64], n: int, share: float, u: float) -> float:
    """Where among the hours before 20:00 an attack begins: half by chance, half in the last share of them."""
    if share <= 0.0 or share >= 1.0:
        return u
    mixed = (1.0 - EVENLY) * (1.0 - share)
    if u < mixed:
        log_weight[n] -= np.log(1.0 - EVENLY)
        return u / (1.0 - EVENLY)
    log_weight[n] += np.log(share / (1.0 - mixed))
    return 1.0 - share + share * (u - mixed) / (1.0 - mixed)


@njit(cache=True)
def _of_today(alarm: float, quiet: float, early: float, u: float) -> tuple[bool, float]:
    """Whether a sign without a migraine was of today, half by guess and half evenly; its chance, weighted back.

    Args:
        early: about how likely a sign of tomorrow's attack is.
    """
    ahead = quiet * early
    if alarm <= 0.0 or ahead <= 0.0:
        return alarm > 0.0, alarm if alarm > 0.0 else quiet
    proposal = (1.0 - EVENLY) * alarm / (alarm + ahead) + EVENLY / 2.0
    return (True, alarm / proposal) if u < proposal else (False, quiet / (1.0 - proposal))


@njit(cache=True)
def observe_events(
    world: World,
    persons: Persons,
    regime: Regime,
    cloud: Cloud,
    source: RandomSource,
    i: int,
    t: int,
    has_diary: bool,
    events: NDArray[np.bool_],
    entries: NDArray[np.float64],
    told: bool,
) -> None:
    """The attack process until the evening, given the diary where there is one.

    Args:
        told: whether it says something that there is no entry.
    """
    course, own, seed, person = world.course, own_of(persons, i), world.seed, persons.index[i]
    morning = HOURS * t + course.migraine_day_hours
    early = 1.0 - course.late_share
    # Of the attacks before 20:00, those whose drug tomorrow's diary will be the first to tell of.
    evening_share = 1.0 - share_below(course.onset_hours, EVENING - course.intake_delay) / early
    chances = np.empty(EVENTS)
    for n in range(len(cloud.p)):
        p = cloud.p[n]
        share, entry = own.sign_share[cloud.sign[n]], prodrome_entry(course, own, p, cloud.sign[n])
        direct, converted = p * (1.0 - share), p * share
        running = np.isinf(cloud.previous_end[n])
        goes_on, since = 0.0, LONG_AGO
        if running:
            since = max(HOURS * (t - 1.0) + EVENING, cloud.start[n])
            alive = lasting_share(course, own.headache, cloud.drug[n], since - cloud.start[n])
            goes_on = (
                lasting_share(course, own.headache, cloud.drug[n], morning - cloud.start[n]) / alive
                if alive > 0
                else 0.0
            )
        # Probabilities of: goes on; begins today without, with prodrome; false alarm; nothing by the evening.
        free = 1.0 - goes_on
        plain, signalled = free * direct * early, free * converted * early
        alarm = free * (entry - converted) * early
        if has_diary:
            # Whether an attack began after 20:00 is told tomorrow; today it must not be looked at.
            migraine, onset, prodrome = events[2], events[1] and events[2], events[3]
            if migraine and not onset:
                chance = goes_on
            elif migraine:
                chance = signalled if prodrome else plain
            elif prodrome:
                # A sign of today's that faded, or one of tomorrow's, which observed_signs.py weighs.
                quiet = free - plain - signalled - alarm
                prodrome, chance = _of_today(alarm, quiet, p * own.early_share, uniform(source, seed, person, t))
            else:
                chance = free - plain - signalled - alarm
            cloud.log_weight[n] += np.log(chance) if chance > 0 else -np.inf
        else:
            chances[0], chances[1], chances[2] = goes_on, plain, signalled
            chances[3], chances[4] = alarm, free - plain - signalled - alarm
            event = _propose(cloud.log_weight, n, chances, uniform(source, seed, person, t))
            onset = event in (PLAIN, SIGNALLED)
            migraine = onset or event == GOES_ON
            prodrome = event in (SIGNALLED, ALARM)
        if told:
            entered = entries[1 if migraine else 0]
            cloud.log_weight[n] += np.log(entered if has_diary else 1.0 - entered)

        window_before = reported_on(cloud.start[n] + course.intake_delay)
        medication = window_before == t and cloud.drug[n] != UNTREATED
        if running:
            low, high = (morning, np.inf) if migraine and not onset else (since, morning)
            u = uniform(source, seed, person, t)
            cloud.previous_end[n] = draw_end(course, own.headache, cloud.drug[n], cloud.start[n], low, high, u)
        cloud.end[n] = cloud.previous_end[n]
        cloud.began[n] = onset
        if onset:
            left_over = max(0.0, cloud.end[n] - HOURS * t)
            u = _propose_hour(cloud.log_weight, n, evening_share, uniform(source, seed, person, t))
            hour = max(quantile(course.onset_hours, early * u), left_over)
            cloud.start[n] = HOURS * t + hour
            treated_share = regime.treated_share[t]
            treated = uniform(source, seed, person, t) < treated_share
            if has_diary and not medication and reported_on(cloud.start[n] + course.intake_delay) == t:
                treated = events[4]
                chance = treated_share if treated else 1.0 - treated_share
                cloud.log_weight[n] += np.log(chance) if chance > 0 else -np.inf
                medication = treated
            cloud.drug[n] = regime.drug[t] if treated else UNTREATED
            u = uniform(source, seed, person, t)
            cloud.end[n] = draw_end(course, own.headache, cloud.drug[n], cloud.start[n], cloud.start[n], np.inf, u)
        if has_diary and medication != events[4]:
            cloud.log_weight[n] = -np.inf
        cloud.by_evening[n] = migraine
        cloud.may_begin[n] = not migraine and not prodrome
