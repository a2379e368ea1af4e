"""What a day's features, and the record of them, do to a cloud of particles.

Recorded features weigh a particle by how probable they make its pain and yesterday; the others are drawn. The
wearable's features act on nothing: where they were not recorded, nothing is drawn, and the next record is held against
what the gap leaves of the last. Belongs here: features, and what they make of tomorrow's hazard. Does not: the attack
process (observed_events.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.exogenous.features import COUNT, EXPOSURES, NIGHT, SLEEP, STRESS, at, position_of
from migraine_platform.simulator.filtering.particles import (
    BOTH,
    DEVICE_ONLY,
    DIARY_ONLY,
    GAPS,
    NOTHING,
    Cloud,
    Factors,
    RandomSource,
    uniform,
)
from migraine_platform.simulator.generative.attacks import (
    EVENING,
)
from migraine_platform.simulator.generative.drift import CONCEPT, COVARIATE, LABEL, level_at
from migraine_platform.simulator.generative.latent_inputs import INPUT_COUNT, drift_of
from migraine_platform.simulator.generative.model import DIET, KINDS, Persons, Regime, World, usual_logit
from migraine_platform.simulator.generative.readings import (
    NIGHT_BEGINS,
    NIGHT_ENDS,
    overlaps,
    read_scores,
    read_triggers,
    sensitivity,
    weather_at,
)
from migraine_platform.simulator.random.normal import fast_normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def observe_features(
    world: World,
    persons: Persons,
    regime: Regime,
    cloud: Cloud,
    source: RandomSource,
    patterns: Factors,
    i: int,
    t: int,
    has_diary: bool,
    has_device: bool,
    values: NDArray[np.float64],
    latent: NDArray[np.float64],
    diet: NDArray[np.bool_],
    gap: int,
) -> None:
    """The day's features, and what they make of tomorrow's hazard.

    Args:
        gap: days since the device was last worn.
    """
    seed, person, change = world.seed, persons.index[i], persons.change
    pattern = (BOTH if has_device else DIARY_ONLY) if has_diary else (DEVICE_ONLY if has_device else NOTHING)
    order, mixing, recorded = patterns.order[pattern], patterns.mixing[pattern], patterns.recorded[pattern]
    gap = min(gap, GAPS - 1)
    worn_decay, worn_mixing = patterns.worn_decay[gap], patterns.worn_mixing[gap]
    moved = persons.change.target[i] if change.kind[i] == COVARIATE else -1
    level = level_at(change, i, t) * change.strength[i] if change.kind[i] else 0.0
    label = level_at(change, i, t + 1) * change.strength[i] if change.kind[i] == LABEL else 0.0
    usual = usual_logit(persons, regime, i, t + 1)
    weather, scores = np.zeros(4), np.zeros(INPUT_COUNT)
    weather_at(world.weather, world.humidity_range, persons.site[i], persons.weather_offset[i], t, weather)
    here, seen, y = np.empty(EXPOSURES), np.empty(EXPOSURES), np.empty(EXPOSURES)
    worn_y = np.empty(COUNT - EXPOSURES)
    eaten, trigger = np.zeros(DIET, dtype=np.bool_), np.zeros(KINDS, dtype=np.bool_)
    for n in range(len(cloud.p)):
        before, began, start, end = cloud.previous_end[n], cloud.began[n], cloud.start[n], cloud.end[n]
        night = overlaps(t, NIGHT_BEGINS, NIGHT_ENDS, before, began, start, end)
        day = overlaps(t, NIGHT_ENDS, EVENING, before, began, start, end)
        for row in range(EXPOSURES):
            f = order[row]
            shift = regime.shift[f, t] + persons.level[i, f]
            if f < NIGHT:
                shift += world.coupling.stress_night[f] * cloud.stress_excess[n]
            if night if f < NIGHT else day:
                shift += world.coupling.pain[f]
            if f == moved:
                shift += level
            spread = world.copula.spread[f] * regime.scale[f, t]
            innovation = 0.0
            for column in range(row):
                innovation += mixing[row, column] * y[column]
            mean = world.copula.lag1[f] * cloud.x[n, f] if t > 0 else 0.0
            fresh = world.copula.fresh[f] if t > 0 else 1.0
            if row < recorded:
                here[f], seen[f] = latent[f], values[f]
                x = (latent[f] - shift) / spread
                y[row] = ((x - mean) / fresh - innovation) / mixing[row, row]
                cloud.log_weight[n] -= 0.5 * y[row] * y[row]
            else:
                y[row] = fast_normal_quantile(uniform(source, seed, person, t))
                x = mean + fresh * (innovation + mixing[row, row] * y[row])
                here[f] = shift + spread * x
                seen[f] = at(world.copula.tables[f], position_of(here[f], world.copula.tables.shape[1]))
            cloud.x[n, f] = x
        if has_device:
            for row in range(COUNT - EXPOSURES):
                f = EXPOSURES + row
                shift = regime.shift[f, t] + persons.level[i, f] + (world.coupling.pain[f] if day else 0.0)
                x = (latent[f] - shift) / (world.copula.spread[f] * regime.scale[f, t])
                rest = x - worn_decay[row] * cloud.x[n, f]
                for column in range(row):
                    rest -= worn_mixing[row, column] * worn_y[column]
                worn_y[row] = rest / worn_mixing[row, row]
                cloud.log_weight[n] -= 0.5 * worn_y[row] * worn_y[row]
                cloud.x[n, f] = x
        for item in range(DIET):
            share = (persons.habit[i, item] + regime.diet_extra[item, t]) * regime.diet_factor[item, t]
            eaten[item] = diet[item] if has_diary else uniform(source, seed, person, t) < share
        rise = seen[STRESS] - cloud.stress[n] if t > 0 else 0.0
        cloud.stress[n] = seen[STRESS]
        cloud.stress_excess[n] = here[STRESS] - persons.level[i, STRESS]
        read_triggers(world.rules, weather[3], seen[SLEEP], rise, eaten, trigger)
        read_scores(world.inputs, here, persons.cycle_standard[i, t], weather, scores)
        drift_of(world.inputs, cloud.z[n], scores, cloud.ahead[n])
        logit = usual + label
        for k in range(KINDS):
            on = trigger[k] if regime.forced[k, t] == 0 else regime.forced[k, t] > 0
            if on:
                concept = change.kind[i] == CONCEPT and change.target[i] == k
                logit += world.beta[k] * sensitivity(persons.susceptibility[i, k], level if concept else 0.0)
        cloud.logit[n] = logit
