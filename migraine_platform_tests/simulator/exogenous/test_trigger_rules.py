"""Rules of the triggers, compiled: against the same rules in plain Python, and in whole cohorts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.vocabulary import TRIGGER_NAMES, TRIGGERS
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.exposure import trigger_rates
from migraine_platform.simulator.exogenous.trigger_rules import (
    EXPOSURE_COLUMNS,
    EXPOSURE_COUNT,
    FIRST_ITEM,
    CompiledRules,
    read_triggers,
)
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform_tests.conftest import trigger_rule
from migraine_platform_tests.simulator.conftest import STEADY


def rows(weather: Any, sleep: Any, stress: Any, diet: int) -> dict[str, TriggerRule]:
    given = zip(TRIGGER_NAMES, (weather, sleep, stress, ("at least", diet)), strict=True)
    return {name: trigger_rule(name, rule, threshold) for name, (rule, threshold) in given}


OTHERS = {
    "above, below, fall": rows(("above", 4.0), ("below", 6.0), ("fall", 2.0), 1),
    "outside, rise, above": rows(("outside", (-6.0, 6.0)), ("rise", 1.5), ("above", 6.5), 3),
    "nothing of yesterday": rows(("below", -3.0), ("above", 8.0), ("outside", (2.0, 8.0)), 2),
}

value = st.sampled_from([-5.0, -1.0, 0.0, 1.0, 2.0, 5.0, 6.0, 9.0])
plain = st.tuples(st.sampled_from(["below", "above"]), value)
two_sided = value.map(lambda low: ("outside", (low, low + 1)))
step = st.tuples(st.sampled_from(["rise", "fall"]), st.sampled_from([1.0, 3.0]))


def by_hand(row: TriggerRule, today: list[float], before: list[float] | None) -> bool:
    """Of one trigger: today's exposures and yesterday's."""
    if row.rule == "at least":
        return sum(today) >= row.low
    if row.rule in ("rise", "fall"):
        change = 0.0 if before is None else today[0] - before[0]
        return before is not None and (change if row.rule == "rise" else -change) >= row.low
    return {"below": today[0] <= row.low, "above": today[0] >= row.low}.get(
        row.rule, not row.low <= today[0] <= row.high
    )


@settings(max_examples=200)
@given(
    plain | two_sided,
    plain | two_sided | step,
    plain | two_sided | step,
    st.integers(1, 3),
    st.lists(st.lists(value, min_size=EXPOSURE_COUNT, max_size=EXPOSURE_COUNT), min_size=1, max_size=5),
)
def test_compiled_rules_are_the_rules(weather, sleep, stress, diet: int, days: list[list[float]]) -> None:
    table = rows(weather, sleep, stress, diet)
    rules = CompiledRules.of(table)
    before, out, last = np.zeros(len(rules.stepped)), np.zeros(len(TRIGGERS), dtype=np.bool_), None
    for t, day in enumerate(days):
        today = np.array(day)
        today[FIRST_ITEM:] = today[FIRST_ITEM:] > 0
        read_triggers(rules, today, before, t == 0, out)
        for k, trigger in enumerate(TRIGGERS):
            places = [EXPOSURE_COLUMNS.index(name) for name in trigger.exposures]
            yesterday = None if last is None else last[places].tolist()
            wanted = by_hand(table[trigger.name], today[places].tolist(), yesterday)
            assert out[k] == wanted, (trigger.name, t)
        last = today


@pytest.mark.parametrize("name", OTHERS)
def test_a_cohorts_flags_follow_the_configured_rules(simulator_of, name: str) -> None:
    """Read off the published columns, day by day."""
    simulator = simulator_of(triggers=OTHERS[name], cohort={"patients": 30, "days": 60, "batch_size": 30})
    days = simulator.batch(0)["cohort.patient_days"].sort("patient_id", "date")
    for trigger in TRIGGERS:
        row = OTHERS[name][trigger.name]
        exposures = days.select(trigger.exposures).to_numpy().astype(float).reshape(30, 60, -1)
        flags = days[trigger.flag].to_numpy().reshape(30, 60)
        if row.rule == "at least":
            assert_array_equal(flags, exposures.sum(axis=2) >= row.low)
        elif row.rule in ("rise", "fall"):
            change = np.diff(exposures[..., 0], axis=1) * (1 if row.rule == "rise" else -1)
            assert_array_equal(flags[:, 1:], change >= row.low)
        else:
            assert_array_equal(flags, row.happened(exposures[..., 0]))
        assert 0 < flags.mean() < 1, trigger.name


@pytest.mark.parametrize("name", OTHERS)
def test_average_rates_of_other_rules_match_long_trajectories(simulator_of, name: str) -> None:
    """Computed from a person's levels against 1,500 days without cycles or coupling; five standard errors."""
    simulator = simulator_of(triggers=OTHERS[name], cohort={"patients": 40, "days": 1500}, **STEADY)
    trajectories = simulator.trajectories(first_patients(simulator.settings, 40))
    rates = trigger_rates(simulator.settings, simulator.exposure, trajectories.persons)
    for k, trigger in enumerate(TRIGGER_NAMES):
        result = trajectories.days.trigger()[k].mean(axis=1)
        slack = 0.03 if trigger == "weather" else 0.0  # one draw for all who live there; the station's year repeats
        error = np.sqrt(np.maximum(rates[:, k] * (1 - rates[:, k]), 1e-3) / 1500) * 1.6
        assert np.all(np.abs(result - rates[:, k]) < 5 * error + slack), trigger


@pytest.mark.parametrize("name", OTHERS)
def test_the_particle_filter_reads_the_same_rules(simulator_of, name: str) -> None:
    """Its forecasts stay calibrated: a filter that read a trigger otherwise would be off on the days after it.

    Realised days against forecasts, after days with each trigger and without; four standard errors and the filter's
    own noise. With strengths of 2, a trigger moves tomorrow's probability by some 30 points.
    """
    simulator = simulator_of(triggers=OTHERS[name], cohort={"patients": 150, "days": 60})
    strong = replace(simulator.calibration, beta=np.full(len(TRIGGERS), 2.0))
    simulator = CohortSimulator(simulator.settings, simulator.features, strong)
    trajectories = simulator.trajectories(first_patients(simulator.settings, 150))
    forecast = simulator.filtered(trajectories, 64).forecast
    migraine, flags = trajectories.days.flag("has_migraine"), trajectories.days.trigger()
    for k, trigger in enumerate(TRIGGER_NAMES):
        for on in (False, True):
            chosen = np.zeros_like(migraine)
            chosen[:, 1:] = flags[k, :, :-1] == on
            p = forecast[chosen]
            error = np.sqrt((p * (1 - p)).sum())
            assert abs(migraine[chosen].sum() - p.sum()) < 4 * error + 0.01 * chosen.sum(), (trigger, on)
