"""What is read off a day: weather, triggers, latent inputs, pain at night and by day.

Shared by those who simulate (trajectories.py) and those who infer (observed_events.py, observed_features.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.exogenous.cycle import day_of_menses
from migraine_platform.simulator.exogenous.features import at, position_of
from migraine_platform.simulator.exogenous.trigger_rules import FIRST_FEATURE, OF_THE_CYCLE, CompiledRules
from migraine_platform.simulator.generative.attacks import EVENING, HOURS
from migraine_platform.simulator.generative.drift import CONCEPT
from migraine_platform.simulator.generative.latent_inputs import (
    CYCLE_INPUT,
    DRAWN_INPUTS,
    FIRST_WEATHER_INPUT,
    Inputs,
    weather_score,
)
from migraine_platform.simulator.generative.model import DayEffects, ModelParameters, Persons

if TYPE_CHECKING:
    from numpy.typing import NDArray

NIGHT_BEGINS, NIGHT_ENDS = -2, 6
"""Hours of the day between which a headache spoils the night's sleep."""


@njit(cache=True)
def weighted(weights: NDArray[np.float64], z: NDArray[np.float64]) -> float:
    """w . Z, summed in a fixed order.

    Args:
        weights, z: [LATENT] a person's weights, and the state.
    """
    return float(weights[0] * z[0] + weights[1] * z[1] + weights[2] * z[2] + weights[3] * z[3])


@njit(cache=True)
def reported_on(moment: float) -> int:
    """The day whose diary, filled at 20:00, is the first to know of a moment."""
    return int((moment + HOURS - EVENING) // HOURS)


@njit(cache=True)
def overlaps(t: int, first: int, last: int, previous_end: float, onset: bool, start: float, end: float) -> bool:
    """Whether a headache falls into some hours of day t: one from before, or today's."""
    return previous_end > HOURS * t + first or (onset and start < HOURS * t + last and end > HOURS * t + first)


@njit(cache=True)
def sensitivity(own: float, change: float) -> float:
    """s_ik today: a concept change moves it, within 0-1."""
    return min(max(own + change, 0.0), 1.0)


@njit(cache=True)
def weather_at(
    weather: NDArray[np.float64],
    humidity_range: tuple[float, float],
    site: int,
    offset: NDArray[np.float64],
    t: int,
    out: NDArray[np.float64],
) -> None:
    """The weather where the patient is into `out` [4]: the site's plus the patient's own offset.

    Args:
        weather: [4, sites, T] of the sites.
        out: [4] to be filled.
        offset: [4] of the patient's home.
    """
    low, high = humidity_range
    out[0] = np.float32(weather[0, site, t] + offset[0])
    out[1] = np.float32(min(max(weather[1, site, t] + offset[1], low), high))
    out[2] = np.float32(weather[2, site, t] + offset[2])
    out[3] = np.float32(weather[3, site, t])


@njit(cache=True)
def keep_exposures(
    weather: NDArray[np.float64],
    values: NDArray[np.float64],
    diet: NDArray[np.bool_],
    cycle_day: int,
    cycle_standard: int,
    out: NDArray[np.float64],
) -> None:
    """The day's exposures into `out`, in the order of trigger_rules.EXPOSURE_COLUMNS.

    Args:
        weather: [4] of the day.
        values: [F] features, in units.
        diet: [ITEMS] what was eaten, and others of yes or no.
        cycle_day, cycle_standard: 0 for none.
        out: [exposure_count] to be filled.
    """
    for place in range(FIRST_FEATURE):
        out[place] = weather[place]
    cycle = len(out) - OF_THE_CYCLE
    first_item = cycle - len(diet)
    for place in range(FIRST_FEATURE, first_item):
        out[place] = values[place - FIRST_FEATURE]
    for item in range(len(diet)):
        out[first_item + item] = diet[item]
    out[cycle] = cycle_day if cycle_day > 0 else np.nan
    out[cycle + 1] = day_of_menses(cycle_standard) if cycle_day > 0 else np.nan


@njit(cache=True)
def read_scores(
    inputs: Inputs,
    latent: NDArray[np.float64],
    cycle_standard: int,
    weather: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """u of the day into `out`, in the order of config.latent.INPUTS.

    Args:
        latent: [F] features on the copula's scale.
        weather: [4] of the day.
        out: [INPUT_COUNT] to be filled.
    """
    for k in range(len(DRAWN_INPUTS)):
        table = inputs.by_z[k]
        out[k] = at(table, position_of(latent[DRAWN_INPUTS[k]], len(table)))
    out[CYCLE_INPUT] = inputs.by_cycle_day[cycle_standard]
    out[FIRST_WEATHER_INPUT] = weather_score(inputs, 0, weather[3])
    out[FIRST_WEATHER_INPUT + 1] = weather_score(inputs, 1, weather[0])
    out[FIRST_WEATHER_INPUT + 2] = weather_score(inputs, 2, weather[1])


@njit(cache=True)
def sleep_quality(deep: float, rem: float, awake_minutes: float) -> float:
    """Quality of a night, 0-100: 50 + 100 (2 deep + rem - awake / 120) (generator design document, 3.1)."""
    return min(max(50 + 100 * (2 * deep + rem - awake_minutes / 120), 0.0), 100.0)


@njit(cache=True)
def add_loads(rules: CompiledRules, trigger: NDArray[np.bool_], out: NDArray[np.float64]) -> None:
    """Add to tomorrow's latent state what the day's triggers load its axes with.

    Args:
        trigger: [K] which act.
        out: [LATENT] tomorrow's mean, to be moved.
    """
    for k in range(len(trigger)):
        if trigger[k] and rules.axis[k] >= 0:
            out[rules.axis[k]] += rules.load[k]


@njit(cache=True, inline="always")
def add_triggers(
    logit: float,
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    i: int,
    t: int,
    trigger: NDArray[np.bool_],
    change: float,
) -> float:
    """Log-odds of an onset on the day after t, with what triggers of day t add to them for person i.

    Args:
        logit: without them.
        trigger: [K] which happened; those that an intervention forces or forbids count as it says.
        change: how far the person's change has come, times its strength.
    """
    for k in range(len(trigger)):
        on = trigger[k] if day_effects.forced[k, t] == 0 else day_effects.forced[k, t] > 0
        if on:
            concept = persons.change.kind[i] == CONCEPT and persons.change.target[i] == k
            logit += parameters.beta[k] * sensitivity(persons.susceptibility[i, k], change if concept else 0.0)
    return logit
