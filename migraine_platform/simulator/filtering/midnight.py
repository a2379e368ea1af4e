"""Midnight of a cloud of particles: attacks that began late last evening, the latent state, the hazard of the day.

Belongs here: what yesterday's diary still tells, and today's chance of an onset. Does not: what the day brings
(observed_events.py).
"""

from __future__ import annotations

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.filtering.observed_events import EVENLY
from migraine_platform.simulator.filtering.particles import LONG_AGO, Cloud, RandomSource, uniform
from migraine_platform.simulator.generative.attacks import EVENING, HOURS
from migraine_platform.simulator.generative.hazard import carried, expit, next_attack_history
from migraine_platform.simulator.generative.latent_inputs import LATENT, add_noise
from migraine_platform.simulator.generative.model import DayEffects, ModelParameters, Persons, own_of
from migraine_platform.simulator.generative.readings import weighted
from migraine_platform.simulator.generative.signs import UNASKED, late_onset
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.normal import fast_normal_quantile
from migraine_platform.simulator.random.quantiles import quantile

LATE_PROPOSAL = 0.25
"""How many of those begin an attack in an evening of which no diary tells."""


@njit(cache=True)
def begin_day(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
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
    course, carry, seed, person = parameters.course, parameters.carry, parameters.seed, persons.index[i]
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
                treated = uniform(source, seed, person, t) < day_effects.treated_share[t - 1]
                cloud.drug[n] = day_effects.drug[t - 1] if treated else UNTREATED
                cloud.start[n] = HOURS * (t - 1) + hour
                cloud.end[n] = LONG_AGO  # drawn below, with the day
        was_migraine = t > 0 and (cloud.by_evening[n] or began_late)
        for axis in range(LATENT):
            e[axis] = fast_normal_quantile(uniform(source, seed, person, t))
        cloud.z[n] = cloud.ahead[n]
        add_noise(parameters.inputs, e, cloud.z[n])
        if was_migraine:
            cloud.sign[n], cloud.shift[n] = UNASKED, 0.0
        else:
            cloud.sign[n] = cloud.sign_ahead[n]
        logit = cloud.logit[n] + weighted(persons.latent_weights[i], cloud.z[n])
        cloud.p[n] = expit(logit + carried(carry, cloud.attack_history[n], was_migraine) + cloud.shift[n])
        if t > 0:
            cloud.attack_history[n] = next_attack_history(carry, cloud.attack_history[n], was_migraine)
        if began_late:
            cloud.previous_end[n] = np.inf  # it runs at midnight
        elif cloud.end[n] > HOURS * (t - 1) + EVENING:
            cloud.previous_end[n] = np.inf
        else:
            cloud.previous_end[n] = cloud.end[n]
