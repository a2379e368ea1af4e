"""What the attack process, and the diary of it, do to a cloud of particles.

What is recorded is never drawn at random and compared: each particle is weighted by the probability of the record and
then drawn given it. Where nothing is recorded, half the particles are drawn for what the next diary may need, and
weighted back. A running headache's end is drawn anew every day from what is possible, because tomorrow depends on no
more than that it runs.

Belongs here: attacks. Does not: features (observed_features.py), signs of tomorrow's attack (observed_signs.py), the
loop over days (oracle.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.domain.events import AT_EVENING, BY_EVENING, MEDICATION, ONSET, PRODROME
from migraine_platform.simulator.filtering.particles import LONG_AGO, Cloud, RandomSource, draw_end, uniform
from migraine_platform.simulator.filtering.recorded import DayRecord
from migraine_platform.simulator.generative.attacks import EVENING, HOURS, AttackCourse, Own, lasting_share
from migraine_platform.simulator.generative.model import DayEffects, ModelParameters, Persons, own_of
from migraine_platform.simulator.generative.readings import (
    reported_on,
)
from migraine_platform.simulator.generative.signs import prodrome_entry
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.quantiles import earlier_hour, later_hour, quantile, share_below

if TYPE_CHECKING:
    from numpy.typing import NDArray


OUTCOMES = 5
GOES_ON, PLAIN, SIGNALLED, ALARM, NOTHING_HAPPENED = range(OUTCOMES)
"""What a day may bring by the evening: an attack goes on, one begins without or with a prodrome, a false alarm."""

EVENLY = 0.5
"""Share of the particles that are drawn for what a later record may need, not by chance, and weighted back."""


class Chances(NamedTuple):
    """Of what a particle's day may bring by the evening."""

    goes_on: float
    plain: float
    """An attack begins without a prodrome."""
    signalled: float
    """One begins with a prodrome."""
    alarm: float
    """A prodrome that no attack follows."""
    nothing: float


@njit(cache=True)
def _propose(log_weight: NDArray[np.float64], n: int, chances: Chances, u: float) -> int:
    """An event of a day without a diary, drawn half by its chance and half evenly, and weighted back.

    What the next diary tells may need an event that few particles would have had by chance.
    """
    possible = 0
    for event in range(OUTCOMES):
        possible += chances[event] > 0
    reached, drawn = 0.0, NOTHING_HAPPENED
    for event in range(OUTCOMES):
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
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    cloud: Cloud,
    source: RandomSource,
    i: int,
    t: int,
    record: DayRecord,
) -> None:
    """The attack process of person i's day t until the evening, given the diary where there is one."""
    course, own, seed, person = parameters.course, own_of(persons, i), parameters.seed, persons.index[i]
    morning = HOURS * t + course.migraine_day_hours
    events, entries, has_diary = record.events, record.entries, record.has_diary
    told_until = earlier_hour(EVENING - course.intake_delay, day_effects.onset_later[t], EVENING)
    told_today = share_below(course.onset_hours, told_until)
    evening_share = 1.0 - told_today / (1.0 - course.late_share)
    for n in range(len(cloud.p)):
        running = np.isinf(cloud.previous_end[n])
        since = max(HOURS * (t - 1.0) + EVENING, cloud.start[n]) if running else LONG_AGO
        chances = _chances(course, own, cloud, n, running, since, morning)
        migraine, onset, prodrome = _event(cloud, source, seed, person, t, n, chances, own, has_diary, events)
        if record.reported:
            entered = entries[1 if migraine else 0]
            cloud.log_weight[n] += np.log(entered if has_diary else 1.0 - entered)

        medication = reported_on(cloud.start[n] + course.intake_delay) == t and cloud.drug[n] != UNTREATED
        if running:
            low, high = (morning, np.inf) if migraine and not onset else (since, morning)
            if has_diary and migraine and not onset:
                low, high = _end_told(course, own, cloud, n, morning, HOURS * t + EVENING, events[AT_EVENING])
            u = uniform(source, seed, person, t)
            cloud.previous_end[n] = draw_end(course, own.headache, cloud.drug[n], cloud.start[n], low, high, u)
        cloud.end[n] = cloud.previous_end[n]
        cloud.began[n] = onset
        if onset:
            medication = _begin_headache(
                course,
                own,
                day_effects,
                cloud,
                source,
                seed,
                person,
                t,
                n,
                has_diary,
                events,
                medication,
                evening_share,
            )

        if has_diary and medication != events[MEDICATION]:
            cloud.log_weight[n] = -np.inf
        cloud.by_evening[n] = migraine
        cloud.may_begin[n] = not migraine and not prodrome


@njit(cache=True, inline="always")
def _chances(
    course: AttackCourse, own: Own, cloud: Cloud, n: int, running: bool, since: float, morning: float
) -> Chances:
    """What particle n's day may bring.

    Args:
        running: whether a headache ran at midnight.
        since: hour until which it is known to have lasted.
        morning: hour until which it must last to make the day a migraine day.
    """
    p, early = cloud.p[n], 1.0 - course.late_share
    share, entry = own.sign_share[cloud.sign[n]], prodrome_entry(course, own, p, cloud.sign[n])
    direct, converted = p * (1.0 - share), p * share
    goes_on = 0.0
    if running:
        alive = lasting_share(course, own.headache, cloud.drug[n], since - cloud.start[n])
        lasting = lasting_share(course, own.headache, cloud.drug[n], morning - cloud.start[n])
        goes_on = lasting / alive if alive > 0 else 0.0

    free = 1.0 - goes_on
    plain, signalled = free * direct * early, free * converted * early
    alarm = free * (entry - converted) * early
    return Chances(goes_on, plain, signalled, alarm, free - plain - signalled - alarm)


@njit(cache=True, inline="always")
def _event(
    cloud: Cloud,
    source: RandomSource,
    seed: int,
    person: int,
    t: int,
    n: int,
    chances: Chances,
    own: Own,
    has_diary: bool,
    events: NDArray[np.bool_],
) -> tuple[bool, bool, bool]:
    """Whether there is migraine, an onset, a prodrome by the evening: told by the diary, or drawn."""
    if not has_diary:
        event = _propose(cloud.log_weight, n, chances, uniform(source, seed, person, t))
        onset = event in (PLAIN, SIGNALLED)
        return onset or event == GOES_ON, onset, event in (SIGNALLED, ALARM)

    # Whether an attack began after 20:00 is told tomorrow; today it must not be looked at.
    migraine, onset, prodrome = events[BY_EVENING], events[ONSET] and events[BY_EVENING], events[PRODROME]
    if migraine and not onset:
        chance = chances.goes_on
    elif migraine:
        chance = chances.signalled if prodrome else chances.plain
    elif prodrome:
        # A sign of today's that faded, or one of tomorrow's, which observed_signs.py weighs.
        early = cloud.p[n] * own.early_share
        prodrome, chance = _of_today(chances.alarm, chances.nothing, early, uniform(source, seed, person, t))
    else:
        chance = chances.nothing
    cloud.log_weight[n] += np.log(chance) if chance > 0 else -np.inf
    return migraine, onset, prodrome


@njit(cache=True, inline="always")
def _begin_headache(
    course: AttackCourse,
    own: Own,
    day_effects: DayEffects,
    cloud: Cloud,
    source: RandomSource,
    seed: int,
    person: int,
    t: int,
    n: int,
    has_diary: bool,
    events: NDArray[np.bool_],
    medication: bool,
    evening_share: float,
) -> bool:
    """When it begins, whether it is treated and when it ends; returns whether a drug is told of by this evening.

    Args:
        medication: whether the diary tells of one for an earlier headache.
        evening_share: of the attacks before 20:00, those whose drug tomorrow's diary will be the first to tell of.
    """
    left_over = max(0.0, cloud.end[n] - HOURS * t)
    u = _propose_hour(cloud.log_weight, n, evening_share, uniform(source, seed, person, t))
    hour = later_hour(quantile(course.onset_hours, (1.0 - course.late_share) * u), day_effects.onset_later[t], EVENING)
    cloud.start[n] = HOURS * t + max(hour, left_over)

    treated = uniform(source, seed, person, t) < day_effects.treated_share[t]
    if has_diary and not medication and reported_on(cloud.start[n] + course.intake_delay) == t:
        treated = events[MEDICATION]
        chance = day_effects.treated_share[t] if treated else 1.0 - day_effects.treated_share[t]
        cloud.log_weight[n] += np.log(chance) if chance > 0 else -np.inf
        medication = treated
    cloud.drug[n] = day_effects.drug[t] if treated else UNTREATED

    low, high = cloud.start[n], np.inf
    if has_diary:
        low, high = _end_told(course, own, cloud, n, cloud.start[n], HOURS * t + EVENING, events[AT_EVENING])
    u = uniform(source, seed, person, t)
    cloud.end[n] = draw_end(course, own.headache, cloud.drug[n], cloud.start[n], low, high, u)
    return medication


@njit(cache=True, inline="always")
def _end_told(
    course: AttackCourse, own: Own, cloud: Cloud, n: int, since: float, evening: float, is_there: bool
) -> tuple[float, float]:
    """Weigh particle n by what the diary tells of its headache at 20:00; moments between which it ends, then.

    Args:
        since: hour until which it is known to have lasted.
        evening: hour of the diary.
        is_there: whether there is a headache then.
    """
    alive = lasting_share(course, own.headache, cloud.drug[n], since - cloud.start[n])
    lasting = lasting_share(course, own.headache, cloud.drug[n], evening - cloud.start[n])
    goes_on = lasting / alive if alive > 0 else 0.0
    chance = goes_on if is_there else 1.0 - goes_on
    cloud.log_weight[n] += np.log(chance) if chance > 0 else -np.inf
    return (evening, np.inf) if is_there else (since, evening)
