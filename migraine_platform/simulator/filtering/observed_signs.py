"""What signs of tomorrow's attack, noted or not noted by 20:00, do to a cloud of particles.

Each particle is weighted by the probability of the diary's sign, or of there being none, as its own outlook for
tomorrow has it. Without a diary the sign is drawn, oftener than by chance, and weighted back. Belongs here: signs of
tomorrow's attack. Does not: signs of one of the same day (observed_events.py).
"""

from __future__ import annotations

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.filtering.observed_events import EVENLY
from migraine_platform.simulator.filtering.particles import Cloud, RandomSource, uniform
from migraine_platform.simulator.generative.hazard import carried, mean_expit
from migraine_platform.simulator.generative.model import ModelParameters, Persons, own_of
from migraine_platform.simulator.generative.readings import weighted
from migraine_platform.simulator.generative.signs import CAME, NONE, UNASKED, evening_entry, sign_shift

PROPOSAL = 0.25
"""How many of the particles that are not drawn by chance have a sign, on an evening without a diary."""


@njit(cache=True)
def observe_signs(
    parameters: ModelParameters,
    persons: Persons,
    cloud: Cloud,
    source: RandomSource,
    i: int,
    t: int,
    has_diary: bool,
    noted: bool,
) -> None:
    """The evening's signs, given the diary where there is one.

    Args:
        noted: whether it has signs of an attack. Where they were of today, `observe_events` has taken account of them.
    """
    course, own, seed, person = parameters.course, own_of(persons, i), parameters.seed, persons.index[i]
    for n in range(len(cloud.p)):
        cloud.sign_ahead[n], cloud.shift[n] = UNASKED, 0.0
        if cloud.may_begin[n]:
            logit = cloud.logit[n] + weighted(persons.latent_weights[i], cloud.ahead[n])
            q = mean_expit(logit + carried(parameters.carry, cloud.attack_history[n], False), persons.noise_factor[i])
            entry = evening_entry(course, own, q)
            announced = noted
            if has_diary:
                chance = entry if announced else 1.0 - entry
                cloud.log_weight[n] += np.log(chance) if chance > 0 else -np.inf
            elif entry > 0.0:
                proposal = (1.0 - EVENLY) * entry + EVENLY * PROPOSAL
                announced = uniform(source, seed, person, t) < proposal
                drawn, proposed = (entry, proposal) if announced else (1.0 - entry, 1.0 - proposal)
                cloud.log_weight[n] += np.log(drawn / proposed) if drawn > 0 else -np.inf
            else:
                announced = False
            cloud.sign_ahead[n] = CAME if announced else NONE
            cloud.shift[n] = sign_shift(course, own, q, cloud.sign_ahead[n])
