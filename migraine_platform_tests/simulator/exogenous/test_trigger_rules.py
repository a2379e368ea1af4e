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
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGER_NAMES, TRIGGERS
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.trigger_rates import trigger_rates
from migraine_platform.simulator.exogenous.cycle import day_of_menses
from migraine_platform.simulator.exogenous.trigger_rules import (
    EXPOSURE_COLUMNS,
    CompiledRules,
    memory_size,
    read_triggers,
)
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform_tests.conftest import trigger_rule
from migraine_platform_tests.simulator.conftest import STEADY


def rows(weather: Any, sleep: Any, stress: Any, diet: int, lags: Any = (0, 0, 0, 0)) -> dict[str, TriggerRule]:
    given = zip(TRIGGER_NAMES, (weather, sleep, stress, ("at least", diet)), lags, strict=True)
    return {name: trigger_rule(name, rule, threshold, lag=lag) for name, (rule, threshold), lag in given}


OTHERS = {
    "above, below, fall": rows(("above", 4.0), ("below", 6.0), ("fall", 2.0), 1),
    "outside, rise, above": rows(("outside", (-6.0, 6.0)), ("rise", 1.5), ("above", 6.5), 3),
    "nothing of yesterday": rows(("below", -3.0), ("above", 8.0), ("outside", (2.0, 8.0)), 2),
    "later": rows(("below", -3.0), ("below", 6.0), ("rise", 1.5), 2, lags=(1, 2, 1, 3)),
    "on several days": rows(("below", -4.0), ("above", 8.5), ("fall", 3.0), 3, lags=((0, 1), (1, 2), (0, 2), (1, 3))),
    "off the usual": rows(
        ("outside", (-6.0, 6.0)), ("below usual", 1.0), ("off usual", 2.0), 2, lags=(0, (0, 1), 0, 0)
    ),
    "above the usual": rows(("below", -3.0), ("off usual", 1.5), ("above usual", 1.5), 1, lags=(0, 1, 0, 0)),
}

value = st.sampled_from([-5.0, -1.0, 0.0, 1.0, 2.0, 5.0, 6.0, 9.0])
plain = st.tuples(st.sampled_from(["below", "above"]), value)
two_sided = value.map(lambda low: ("outside", (low, low + 1)))
step = st.tuples(
    st.sampled_from(["rise", "fall", "above usual", "below usual", "off usual"]), st.sampled_from([1.0, 3.0])
)
lag = st.integers(0, 7) | st.tuples(st.integers(0, 7), st.integers(0, 7)).map(lambda days: (min(days), max(days)))


def usual(values: list[float]) -> float:
    """The mean of the days so far, in which no day counts less than one in 28."""
    mean = 0.0
    for days, one in enumerate(values, start=1):
        mean += (one - mean) / min(days, 28)
    return mean


def held(row: TriggerRule, days: list[list[float]]) -> bool:
    """Whether a trigger's rule held on the last of the days, of its exposures."""
    today, before = days[-1], days[:-1]
    if row.rule == "at least":
        return sum(today) >= row.low
    if row.rule in ("below", "above", "outside"):
        return {"below": today[0] <= row.low, "above": today[0] >= row.low}.get(
            row.rule, not row.low <= today[0] <= row.high
        )
    if not before:
        return False
    change = today[0] - (before[-1][0] if row.rule in ("rise", "fall") else usual([day[0] for day in before]))
    return {"rise": change, "above usual": change, "off usual": abs(change)}.get(row.rule, -change) >= row.low


def by_hand(row: TriggerRule, days: list[list[float]]) -> bool:
    """Whether a trigger acts on the evening of the last day."""
    first, last = row.lag
    return any(held(row, days[: len(days) - later]) for later in range(first, last + 1) if later < len(days))


@settings(max_examples=200)
@given(
    plain | two_sided,
    plain | two_sided | step,
    plain | two_sided | step,
    st.integers(1, 3),
    st.tuples(lag, lag, lag, lag),
    st.lists(st.lists(value, min_size=len(EXPOSURE_COLUMNS), max_size=len(EXPOSURE_COLUMNS)), min_size=1, max_size=12),
)
def test_compiled_rules_are_the_rules(weather, sleep, stress, diet: int, lags, days: list[list[float]]) -> None:
    table = rows(weather, sleep, stress, diet, lags)
    rules = CompiledRules.of(table)
    before, out = np.zeros(memory_size(rules)), np.zeros(len(TRIGGERS), dtype=np.bool_)
    past = np.array(days)
    items = [EXPOSURE_COLUMNS.index(name) for name in ITEM_COLUMNS]
    past[:, items] = past[:, items] > 0
    for t, today in enumerate(past):
        read_triggers(rules, today, before, t, out)
        for k, trigger in enumerate(TRIGGERS):
            places = [EXPOSURE_COLUMNS.index(name) for name in trigger.exposures]
            wanted = by_hand(table[trigger.name], past[: t + 1, places].tolist())
            assert out[k] == wanted, (trigger.name, t)


@pytest.mark.parametrize("window", [(-2, 3), (-7, -3), (1, 3)])
def test_a_window_is_counted_from_the_nearer_menses(window: tuple[int, int]) -> None:
    """In cycles of 21 to 40 days; two halves of 13 days never meet."""
    for length in range(21, 41):
        days = np.arange(1, length + 1)
        standard = np.where(days <= 14, days, np.maximum(28 - (length - days), 14))
        low, high = window
        wanted = [low <= day <= high or low <= day - length - 1 <= high for day in days]
        assert [low <= day_of_menses(day) <= high for day in standard] == wanted


@pytest.mark.parametrize("name", OTHERS)
def test_a_cohorts_flags_follow_the_configured_rules(simulator_of, name: str) -> None:
    """Read off the published columns, day by day."""
    simulator = simulator_of(triggers=OTHERS[name], cohort={"patients": 30, "days": 60, "batch_size": 30})
    days = simulator.batch(0)["cohort.patient_days"].sort("patient_id", "date")
    for trigger in TRIGGERS:
        row = OTHERS[name][trigger.name]
        exposures = days.select(trigger.exposures).to_numpy().astype(float).reshape(30, 60, -1)
        flags = days[trigger.flag].to_numpy().reshape(30, 60)
        assert 0 < flags.mean() < 1, trigger.name
        if row.rule.endswith("usual"):
            continue  # from days before the first that is kept
        since = row.lag[1] + (row.rule in ("rise", "fall"))
        for person in range(30):
            own = exposures[person].tolist()
            wanted = [by_hand(row, own[: k + 1]) for k in range(60)]
            assert_array_equal(flags[person, since:], wanted[since:])


@pytest.mark.parametrize("name", OTHERS)
def test_average_rates_of_other_rules_match_long_trajectories(simulator_of, name: str) -> None:
    """Computed from a person's levels against 1,500 days without cycles or coupling; five standard errors."""
    simulator = simulator_of(triggers=OTHERS[name], cohort={"patients": 40, "days": 1500}, **STEADY)
    trajectories = simulator.trajectories(first_patients(simulator.settings, 40))
    rates = trigger_rates(simulator.settings, simulator.exposure.triggers, trajectories.persons)
    for k, trigger in enumerate(TRIGGER_NAMES):
        result = trajectories.days.trigger()[k].mean(axis=1)
        slack = 0.03 if trigger == "weather" else 0.0  # one draw for all who live there; the station's year repeats
        first, last = OTHERS[name][trigger].lag
        together = (1.6 + last - first) ** 0.5 if last > first else 1.6  # days with one cause are no days of their own
        error = np.sqrt(np.maximum(rates[:, k] * (1 - rates[:, k]), 1e-3) / 1500) * max(1.6, together)
        assert np.all(np.abs(result - rates[:, k]) < 5 * error + slack), trigger


@pytest.mark.parametrize("name", OTHERS)
def test_the_particle_filter_reads_the_same_rules(simulator_of, name: str) -> None:
    """Its forecasts stay calibrated: a filter that read a trigger otherwise would be off on the days after it.

    Realised days against forecasts, after days with each trigger and without, where the record says which; four
    standard errors and the filter's own noise. With strengths of 2, a trigger moves tomorrow's probability by some
    30 points.
    """
    simulator = simulator_of(triggers=OTHERS[name], cohort={"patients": 150, "days": 60})
    strong = replace(simulator.calibration, beta=np.full(len(TRIGGERS), 2.0))
    simulator = CohortSimulator(simulator.settings, simulator.features, strong)
    trajectories = simulator.trajectories(first_patients(simulator.settings, 150))
    forecast = simulator.filtered(trajectories, 64).forecast
    migraine, flags = trajectories.days.flag("has_migraine"), trajectories.days.trigger()
    recorded = trajectories.recorded
    by = (np.ones_like(recorded.diary), recorded.device, recorded.diary, recorded.diary)
    for k, trigger in enumerate(TRIGGER_NAMES):
        row = OTHERS[name][trigger]
        days = row.lag[1] + (row.rule in ("rise", "fall"))
        known = np.lib.stride_tricks.sliding_window_view(by[k], days + 1, axis=1).all(axis=2)
        for on in (False, True):
            chosen = np.zeros_like(migraine)
            chosen[:, days + 1 :] = (flags[k, :, days:] == on)[:, :-1] & known[:, :-1]
            p = forecast[chosen]
            error = np.sqrt((p * (1 - p)).sum())
            assert abs(migraine[chosen].sum() - p.sum()) < 4 * error + 0.01 * chosen.sum(), (trigger, on)
