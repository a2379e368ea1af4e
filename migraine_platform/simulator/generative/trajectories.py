"""Trajectories, forward in time: attacks act on the days that follow, days on the attacks that follow.

One day of one patient, in the order in which it happens:

    midnight   the latent state moves on; the hazard decides whether an attack begins today, and at which hour
    morning    the night's sleep, worse after pain and stress
    day        stress, activity, diet; pain changes them
    evening    triggers and latent inputs are read off what happened; signs of an attack; at 20:00 tomorrow is forecast

Every draw has a place of its own (streams.py), so that no day's draws depend on another day's outcome. Belongs here:
the loop. Does not: its parts (hazard.py, attacks.py, features.py, latent_inputs.py, drift.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.simulator.exogenous.features import (
    NIGHT,
    STRESS,
    advance,
    at,
    position_of,
    scratch_size,
)
from migraine_platform.simulator.exogenous.trigger_rules import exposure_count, memory_size, read_triggers
from migraine_platform.simulator.generative.attacks import EVENING, HOURS, begin_attack, draw_day
from migraine_platform.simulator.generative.drift import COVARIATE, LABEL, level_at
from migraine_platform.simulator.generative.hazard import (
    Evening,
    carried,
    expit,
    forecast,
    mean_expit,
    next_attack_history,
)
from migraine_platform.simulator.generative.latent_inputs import (
    INPUT_COUNT,
    LATENT,
    add_noise,
    drift_of,
)
from migraine_platform.simulator.generative.model import (
    DayEffects,
    ModelParameters,
    Persons,
    SimulatedDays,
    baseline_logit,
    own_of,
)
from migraine_platform.simulator.generative.outputs import keep_attack, keep_events, keep_flags, keep_values
from migraine_platform.simulator.generative.readings import (
    NIGHT_BEGINS,
    NIGHT_ENDS,
    add_loads,
    add_triggers,
    keep_exposures,
    overlaps,
    read_scores,
    reported_on,
    weather_at,
    weighted,
)
from migraine_platform.simulator.generative.signs import CAME, NONE, UNASKED, evening_entry, prodrome_entry, sign_shift
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.quantiles import later_hour, quantile
from migraine_platform.simulator.random.streams import Stream, fill_normals, fill_uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENT_STREAM, DIARY_STREAM = int(Stream.LATENT), int(Stream.DIARY)


def simulate_days(
    parameters: ModelParameters, persons: Persons, day_effects: DayEffects, days: SimulatedDays, replicate: int = 0
) -> SimulatedDays:
    """Simulate the patients; fills and returns `days`.

    Args:
        replicate: of the draws: the same persons under other draws. 0 is the cohort's.
    """
    in_parallel(
        len(persons.index),
        lambda first, last: _simulate_some(parameters, persons, day_effects, days, replicate, first, last),
    )
    return days


@njit(cache=True, nogil=True)
def _simulate_some(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    days: SimulatedDays,
    replicate: int,
    first: int,
    last: int,
) -> None:
    for i in range(first, last):
        _simulate_patient(parameters, persons, day_effects, days, replicate, i)


@njit(cache=True, inline="always")
def _simulate_patient(
    parameters: ModelParameters, persons: Persons, day_effects: DayEffects, days: SimulatedDays, replicate: int, i: int
) -> None:
    course, carry, inputs, own = parameters.course, parameters.carry, parameters.inputs, own_of(persons, i)
    person, seed = persons.index[i], parameters.seed
    count, items = persons.level.shape[1], persons.habit.shape[1]
    e, u = np.empty(scratch_size(count)), np.empty(8)
    z, ahead, scores = np.zeros(LATENT), np.zeros(LATENT), np.zeros(INPUT_COUNT)
    x, latent = np.zeros(count), np.zeros(count)
    values, weather = np.zeros(count), np.zeros(4)
    diet, trigger = np.zeros(items, dtype=np.bool_), np.zeros(len(parameters.rules.rule), dtype=np.bool_)
    exposures, before = np.zeros(exposure_count(count, items)), np.zeros(memory_size(parameters.rules))
    logit, expected, stress_excess = baseline_logit(persons, day_effects, i, 0), persons.attack_history[i], 0.0
    attack_history, was_migraine = persons.attack_history[i], False
    end, start, drug = -1e9, -1e9, UNTREATED
    intake, sign, shift = -1, UNASKED, 0.0
    for t in range(parameters.total):
        # Midnight: the latent state, the hazard, the attack.
        fill_normals(e, seed, LATENT_STREAM, person, t, 0, replicate, LATENT)
        add_noise(inputs, e, ahead)
        z[:] = ahead
        if was_migraine:  # an attack that began after the evening leaves its sign nothing to say
            sign, shift = UNASKED, 0.0
        p = expit(logit + weighted(persons.latent_weights[i], z) + carried(carry, attack_history, was_migraine) + shift)
        if t > 0:
            attack_history = next_attack_history(carry, attack_history, was_migraine)
        left_over = max(0.0, end - HOURS * t)
        at_risk = left_over < course.migraine_day_hours

        draw_day(u, seed, person, t, 0, replicate)
        share = own.sign_share[sign]
        direct, entry, for_sign = p * (1.0 - share), prodrome_entry(course, own, p, sign), u[4]
        hour = max(later_hour(quantile(course.onset_hours, u[2]), day_effects.onset_later[t], EVENING), left_over)
        prodromal = at_risk and direct <= u[0] < direct + entry
        onset = at_risk and (u[0] < direct or (prodromal and u[1] * entry < p * share))
        previous_end, medication = end, intake == t
        if onset:
            treatment = u[3]
            drug = day_effects.drug[t] if treatment < day_effects.treated_share[t] else UNTREATED
            draw_day(u, seed, person, t, 1, replicate)
            attack = begin_attack(
                course,
                persons.has_aura[i],
                persons.symptoms[i],
                drug,
                t,
                hour,
                end,
                prodromal,
                sign == CAME,
                treatment,
                u,
            )
            start, end = attack.start, attack.start + attack.duration
            intake = reported_on(start + course.intake_delay) if drug != UNTREATED else -1
            medication = medication or intake == t
            keep_attack(days, i, t, attack)
        is_migraine = onset or not at_risk
        by_evening = is_migraine and not (onset and hour >= EVENING)
        signalled = prodromal and hour < EVENING
        runs = by_evening and end > HOURS * t + EVENING

        # Morning and day: the features, moved by pain, stress, drift and intervention.
        night = overlaps(t, NIGHT_BEGINS, NIGHT_ENDS, previous_end, onset, start, end)
        day = overlaps(t, NIGHT_ENDS, EVENING, previous_end, onset, start, end)
        change = level_at(persons.change, i, t) * persons.change.strength[i] if persons.change.kind[i] else 0.0
        advance(parameters.copula, x, e, seed, person, t, replicate)
        _features(parameters, persons, day_effects, i, t, x, night, day, stress_excess, change, latent, values)
        stress_excess = latent[STRESS] - persons.level[i, STRESS]
        for item in range(items):
            if item % 8 == 0:
                fill_uniforms(u, seed, DIARY_STREAM, person, t, item // 8, replicate)
            share = (persons.habit[i, item] + day_effects.diet_extra[item, t]) * day_effects.diet_factor[item, t]
            diet[item] = u[item % 8] < share
        weather_at(
            parameters.weather, parameters.humidity_range, persons.site[i], persons.weather_offset[i], t, weather
        )

        # Evening: what the day was like decides tomorrow's hazard.
        keep_exposures(weather, values, diet, persons.cycle_day[i, t], persons.cycle_standard[i, t], exposures)
        read_triggers(parameters.rules, exposures, before, t, trigger)
        read_scores(inputs, latent, persons.cycle_standard[i, t], weather, scores)
        drift_of(inputs, z, scores, ahead)
        add_loads(parameters.rules, trigger, ahead)
        logit = _tomorrows_logit(parameters, persons, day_effects, i, t, trigger, change)
        outlook = logit + weighted(persons.latent_weights[i], ahead)
        sign_today, sign, shift = sign, UNASKED, 0.0
        if not by_evening and not signalled:
            q = mean_expit(outlook + carried(carry, attack_history, False), persons.noise_factor[i])
            sign = CAME if for_sign < evening_entry(course, own, q) else NONE
            shift = sign_shift(course, own, q, sign)

        if t >= parameters.burn_in:
            k = t - parameters.burn_in
            keep_values(days.values, i, k, values, weather)
            keep_flags(days.flags, i, k, diet, trigger)
            sign_noted = signalled or sign == CAME
            keep_events(days.flags, i, k, is_migraine, onset, by_evening, sign_noted, medication, runs)
            days.announced[i, k] = sign == CAME
            days.at_risk[i, k] = at_risk
            days.z[:, i, k] = z
            days.onset_probability[i, k] = p
            days.migraine_probability[i, k] = expected
        evening = Evening(
            outlook,
            persons.noise_factor[i],
            attack_history,
            by_evening,
            HOURS * t + EVENING - start if runs else -1.0,
            drug,
            at_risk and not signalled,
            p,
            sign_today,
            shift,
            day_effects.treated_share[t],
            day_effects.drug[t],
        )
        expected = forecast(course, own, carry, evening)
        was_migraine = is_migraine


@njit(cache=True, inline="always")
def _features(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    i: int,
    t: int,
    x: NDArray[np.float64],
    night: bool,
    day: bool,
    stress_excess: float,
    change: float,
    latent: NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:
    """The day's features, moved by pain, stress, drift and intervention.

    Args:
        x: [F] state of the copula.
        night, day: whether there is pain.
        stress_excess: yesterday's stress above the person's level.
        change: how far the person's change has come, times its strength.
        latent, values: [F] to be filled, on the copula's scale and in units.
    """
    moved = persons.change.target[i] if persons.change.kind[i] == COVARIATE else -1
    for f in range(len(x)):
        spread = parameters.copula.spread[f] * day_effects.scale[f, t]
        shift = day_effects.shift[f, t]
        if f < NIGHT:
            shift += parameters.coupling.stress_night[f] * stress_excess
        if night if f < NIGHT else day:
            shift += parameters.coupling.pain[f]
        if f == moved:
            shift += change
        latent[f] = persons.level[i, f] + spread * x[f] + shift
        values[f] = np.float32(
            at(parameters.copula.tables[f], position_of(latent[f], parameters.copula.tables.shape[1]))
        )


@njit(cache=True, inline="always")
def _tomorrows_logit(
    parameters: ModelParameters,
    persons: Persons,
    day_effects: DayEffects,
    i: int,
    t: int,
    trigger: NDArray[np.bool_],
    change: float,
) -> float:
    """Log-odds of an onset on the day after t, without the latent state and what attacks leave behind."""
    logit = baseline_logit(persons, day_effects, i, t + 1)
    logit = add_triggers(logit, parameters, persons, day_effects, i, t, trigger, change)
    if persons.change.kind[i] == LABEL:
        logit += level_at(persons.change, i, t + 1) * persons.change.strength[i]
    return float(logit)
