"""What a day's features, and the record of them, do to a cloud of particles.

Recorded features weigh a particle by how probable they make its pain and yesterday; the others are drawn. Unless a
trigger is read from them, the wearable's features act on nothing: where they were not recorded, nothing is drawn, and
the next record is held against what the gap leaves of the last. Belongs here: features, and what they make of
tomorrow's hazard. Does not: the attack process (observed_events.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.exogenous.features import NIGHT, STRESS, WORN, at, position_of
from migraine_platform.simulator.exogenous.trigger_rules import exposure_count, read_triggers
from migraine_platform.simulator.filtering.particles import Cloud, RandomSource, uniform
from migraine_platform.simulator.filtering.recorded import (
    BOTH,
    DEVICE_ONLY,
    DIARY_ONLY,
    GAPS,
    NOTHING,
    DayRecord,
    Factors,
)
from migraine_platform.simulator.generative.attacks import (
    EVENING,
)
from migraine_platform.simulator.generative.drift import COVARIATE, LABEL, level_at
from migraine_platform.simulator.generative.latent_inputs import INPUT_COUNT, drift_of
from migraine_platform.simulator.generative.model import DayEffects, ModelParameters, Persons, baseline_logit
from migraine_platform.simulator.generative.readings import (
    NIGHT_BEGINS,
    NIGHT_ENDS,
    add_loads,
    add_triggers,
    keep_exposures,
    overlaps,
    read_scores,
    weather_at,
)
from migraine_platform.simulator.random.normal import fast_normal_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Today(NamedTuple):
    """What is the same for all particles of a day."""

    order: NDArray[np.int64]
    """[drawn] the recorded ones first."""
    recorded: int
    """How many these are."""
    mixing: NDArray[np.float64]
    """[drawn, drawn] factor of the innovations, in that order."""
    weather: NDArray[np.float64]
    """[4]"""
    moved: int
    """Feature that the person's change has moved; -1 if none."""
    level: float
    """How far the change has come, times its strength."""
    baseline: float
    """Tomorrow's log-odds before triggers: the person's, the day's, and a change of the level."""


@njit(cache=True)
def observe_features(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    cloud: Cloud,
    source: RandomSource,
    patterns: Factors,
    i: int,
    t: int,
    record: DayRecord,
) -> None:
    """The features of person i's day t, and what they make of tomorrow's hazard."""
    today = _today(parameters, persons, day_effects, patterns, i, t, record)
    order, mixing, latent, values, diet = today.order, today.mixing, record.latent, record.values, record.diet
    copula, coupling, weather = parameters.copula, parameters.coupling, today.weather
    drawn, count, items = len(order), cloud.x.shape[1], persons.habit.shape[1]
    here, seen, y = np.empty(count), np.full(count, np.nan), np.empty(drawn)
    eaten, trigger = np.zeros(items, dtype=np.bool_), np.zeros(len(parameters.rules.rule), dtype=np.bool_)
    exposures = np.zeros(exposure_count(count, items))
    scores = np.zeros(INPUT_COUNT)
    for n in range(len(cloud.p)):
        before, began, start, end = cloud.previous_end[n], cloud.began[n], cloud.start[n], cloud.end[n]
        night = overlaps(t, NIGHT_BEGINS, NIGHT_ENDS, before, began, start, end)
        day = overlaps(t, NIGHT_ENDS, EVENING, before, began, start, end)

        # Recorded features weigh the particle, the others are drawn given them.
        for row in range(drawn):
            f = order[row]
            shift = day_effects.shift[f, t] + persons.level[i, f]
            if f < NIGHT:
                shift += coupling.stress_night[f] * cloud.stress_excess[n]
            if night if f < NIGHT else day:
                shift += coupling.pain[f]
            if f == today.moved:
                shift += today.level
            spread = copula.spread[f] * day_effects.scale[f, t]
            innovation = 0.0
            for column in range(row):
                innovation += mixing[row, column] * y[column]
            mean = copula.lag1[f] * cloud.x[n, f] if t > 0 else 0.0
            fresh = copula.fresh[f] if t > 0 else 1.0
            if row < today.recorded:
                here[f], seen[f] = latent[f], values[f]
                x = (latent[f] - shift) / spread
                y[row] = ((x - mean) / fresh - innovation) / mixing[row, row]
                cloud.log_weight[n] -= 0.5 * y[row] * y[row]
            else:
                y[row] = fast_normal_quantile(uniform(source, parameters.seed, persons.index[i], t))
                x = mean + fresh * (innovation + mixing[row, row] * y[row])
                here[f] = shift + spread * x
                seen[f] = at(copula.tables[f], position_of(here[f], copula.tables.shape[1]))
            cloud.x[n, f] = x

        for item in range(items):
            share = (persons.habit[i, item] + day_effects.diet_extra[item, t]) * day_effects.diet_factor[item, t]
            eaten[item] = (
                diet[item] if record.has_diary else uniform(source, parameters.seed, persons.index[i], t) < share
            )
        cloud.stress_excess[n] = here[STRESS] - persons.level[i, STRESS]

        keep_exposures(weather, seen, eaten, persons.cycle_day[i, t], persons.cycle_standard[i, t], exposures)
        read_triggers(parameters.rules, exposures, cloud.before[n], t, trigger)
        read_scores(parameters.inputs, here, persons.cycle_standard[i, t], weather, scores)
        drift_of(parameters.inputs, cloud.z[n], scores, cloud.ahead[n])
        add_loads(parameters.rules, trigger, cloud.ahead[n])
        cloud.logit[n] = add_triggers(today.baseline, parameters, persons, day_effects, i, t, trigger, today.level)
    if record.has_device and drawn < count:
        _worn(parameters, persons, day_effects, cloud, patterns, i, t, record)


@njit(cache=True, inline="always")
def _today(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    patterns: Factors,
    i: int,
    t: int,
    record: DayRecord,
) -> Today:
    change, weather = persons.change, np.zeros(4)
    weather_at(parameters.weather, parameters.humidity_range, persons.site[i], persons.weather_offset[i], t, weather)
    label = level_at(change, i, t + 1) * change.strength[i] if change.kind[i] == LABEL else 0.0
    if record.has_diary:
        pattern = BOTH if record.has_device else DIARY_ONLY
    else:
        pattern = DEVICE_ONLY if record.has_device else NOTHING
    return Today(
        patterns.order[pattern],
        patterns.recorded[pattern],
        patterns.mixing[pattern],
        weather,
        change.target[i] if change.kind[i] == COVARIATE else -1,
        level_at(change, i, t) * change.strength[i] if change.kind[i] else 0.0,
        baseline_logit(persons, day_effects, i, t + 1) + label,
    )


@njit(cache=True, inline="always")
def _worn(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    cloud: Cloud,
    patterns: Factors,
    i: int,
    t: int,
    record: DayRecord,
) -> None:
    """The wearable's features weigh the particles, given the last record and the gap since."""
    gap, y = min(record.gap, GAPS - 1), np.empty(WORN)
    drawn = cloud.x.shape[1] - WORN
    latent, decay, mixing = record.latent, patterns.worn_decay[gap], patterns.worn_mixing[gap]
    for n in range(len(cloud.p)):
        day = overlaps(t, NIGHT_ENDS, EVENING, cloud.previous_end[n], cloud.began[n], cloud.start[n], cloud.end[n])
        for row in range(WORN):
            f = drawn + row
            shift = day_effects.shift[f, t] + persons.level[i, f] + (parameters.coupling.pain[f] if day else 0.0)
            x = (latent[f] - shift) / (parameters.copula.spread[f] * day_effects.scale[f, t])
            rest = x - decay[row] * cloud.x[n, f]
            for column in range(row):
                rest -= mixing[row, column] * y[column]
            y[row] = rest / mixing[row, row]
            cloud.log_weight[n] -= 0.5 * y[row] * y[row]
            cloud.x[n, f] = x
