"""Probabilities of triggers that were not recorded: against draws of the same distribution."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.config.simulator.change import Hormones
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.simulator.exogenous.cycle import cycle_days
from migraine_platform.twin.data.channels import CHANNELS, grid
from migraine_platform.twin.data.features import POSITION
from migraine_platform.twin.hazard.trigger_probability import (
    day_values,
    of_a_difference,
    of_a_phase,
    of_a_step,
    of_a_value,
    of_items,
    on_any_day,
    recorded_cycles,
)
from migraine_platform_tests.conftest import trigger_rule

TABLE = np.interp(grid(), [grid()[0], grid()[-1]], [1.0, 10.0])
"""Points of stress, linear in z."""

DRAWS = 400_000


def row(rule: str, threshold: Any) -> TriggerRule:
    return trigger_rule("stress", rule, threshold)


def about_menses(first: int, last: int) -> TriggerRule:
    given = {"label": "Menses", "reads": ["cycle_day"], "rule": "window", "unit": "day", "effect": 0.1}
    return TriggerRule.model_validate({**given, "threshold": [first, last]})


def units(z: np.ndarray) -> np.ndarray:
    return np.interp(z, grid(), TABLE)


@pytest.mark.parametrize("rule", ["rise", "fall"])
@pytest.mark.parametrize(("known_before", "known_today"), list(product([True, False], repeat=2)))
def test_a_step_has_the_probability_of_drawn_pairs_of_days(rule: str, known_before: bool, known_today: bool) -> None:
    """Yesterday's z ~ N(0.3, 0.8^2), today's 0.6 of it and noise: what was recorded is held, the rest drawn.

    Three nodes stand for yesterday's normal where neither day was recorded: within 0.015.
    """
    rng, own, mean, sd, noise = np.random.default_rng(4), row(rule, 1.0), 0.3, 0.8, 0.7
    yesterday = rng.normal(mean, sd, DRAWS)
    today = 0.6 * yesterday + rng.normal(0, noise, DRAWS)
    held_before, held_today = 0.5, 0.9
    expected, spread, shared = 0.6 * mean, (0.6 * sd) ** 2 + noise**2, 0.6 * sd**2
    if known_before:
        yesterday = np.full(DRAWS, held_before)
        today = 0.6 * yesterday + rng.normal(0, noise, DRAWS)
        expected, spread, shared = 0.6 * held_before, noise**2, 0.0
    if known_today:
        slope = shared / spread
        rest = np.sqrt(max(sd**2 - slope**2 * spread, 0.0)) if not known_before else 0.0
        centre = held_before if known_before else mean + slope * (held_today - expected)
        yesterday, today = centre + rest * rng.standard_normal(DRAWS), np.full(DRAWS, held_today)
    change = units(today) - units(yesterday)
    wanted = ((change if rule == "rise" else -change) >= 1.0).mean()
    before = [units(np.array(held_before)), held_before, 0.0] if known_before else [0.0, mean, sd**2]
    now = [units(np.array(held_today)), held_today, 0.0] if known_today else [0.0, expected, spread]
    found = of_a_step(
        own, TABLE, np.array([[*now, 0.0, 1.0, 0.0]]), np.zeros(1), np.array([[*before, expected, spread, shared]])
    )
    assert_allclose(found, wanted, atol=0.015)


@given(st.floats(1, 10), st.floats(1, 10), st.sampled_from([0.5, 1.0, 3.0]))
def test_a_fall_is_a_rise_of_the_days_in_the_other_order(first: float, second: float, step: float) -> None:
    days = [[value, float(np.interp(value, TABLE, grid())), 0.0, 0.0, 1.0, 0.0] for value in (first, second)]
    one, other = (np.array([day]) for day in days)
    rise = of_a_step(row("rise", step), TABLE, other, np.zeros(1), one)
    fall = of_a_step(row("fall", step), TABLE, one, np.zeros(1), other)
    assert rise == fall == float(second - first >= step)


@pytest.mark.parametrize(
    ("rule", "threshold"), [("below", 5.5), ("above", 8.0), ("outside", (5.0, 9.0)), ("below", 100.0), ("above", -3.0)]
)
def test_a_value_has_the_share_of_its_normal(histories, model, rule: str, threshold: Any) -> None:
    c, rng = CHANNELS.index("total_sleep_hours"), np.random.default_rng(1)
    there = histories.present[..., POSITION["total_sleep_hours"]]
    mean = rng.normal(0, 1, (*there.shape, len(CHANNELS)))
    sd = rng.uniform(0.2, 1, mean.shape)
    own = row(rule, threshold)
    found = of_a_value(own, "total_sleep_hours", model.scales, histories, mean, sd)
    values = histories.values[..., POSITION["total_sleep_hours"]]
    assert_array_equal(found[there], own.happened(values[there]))
    p, k = np.argwhere(~there)[0]
    drawn = np.interp(rng.normal(mean[p, k, c], sd[p, k, c], DRAWS), grid(), model.scales.table[c])
    assert_allclose(found[p, k], own.happened(drawn).mean(), atol=0.005)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=5), st.integers(1, 5))
def test_items_are_counted_as_by_enumeration(shares: list[float], least: int) -> None:
    wanted = 0.0
    for taken in product([0, 1], repeat=len(shares)):
        if sum(taken) >= least:
            wanted += float(np.prod([p if one else 1 - p for p, one in zip(shares, taken, strict=True)]))
    assert_allclose(of_items(row("at least", least), np.array([shares])), wanted, atol=1e-12)


@pytest.mark.parametrize("rule", ["above usual", "below usual", "off usual"])
def test_a_difference_from_the_usual_has_the_share_of_its_normal(rule: str) -> None:
    """Where the day was recorded it is or is not; else against draws, within five standard errors."""
    rng, own, usual = np.random.default_rng(7), row(rule, 1.5), np.array([5.0, 5.0, 5.0])
    mean, sd = 0.4, 0.7
    today = np.array([[7.0, 0.9, 0.0, 7.0], [3.4, -1.0, 0.0, 3.4], [0.0, mean, sd, 5.9]])
    found = of_a_difference(own, TABLE, today, usual)
    assert found[:2].tolist() == {"above usual": [1, 0], "below usual": [0, 1], "off usual": [1, 1]}[rule]
    drawn = units(rng.normal(mean, sd, DRAWS)) - 5.0
    assert_allclose(found[2], own.exceeded(drawn).mean(), atol=0.004)


def test_what_is_expected_of_a_day_is_the_mean_of_its_draws(histories, model) -> None:
    """Three nodes stand for the normal: within 1 % of the mean of draws; what was recorded is what it is."""
    column, rng = "total_sleep_hours", np.random.default_rng(2)
    c, there = CHANNELS.index(column), histories.present[..., POSITION[column]]
    mean = rng.normal(0, 1, (*there.shape, len(CHANNELS)))
    sd = np.full(mean.shape, 0.4)
    found = day_values(column, model.scales, histories, mean, sd)[..., -1]
    assert_array_equal(found[there], histories.values[..., POSITION[column]][there])
    p, k = np.argwhere(~there)[0]
    drawn = np.interp(rng.normal(mean[p, k, c], 0.4, DRAWS), grid(), model.scales.table[c])
    assert_allclose(found[p, k], drawn.mean(), rtol=0.01)


@pytest.mark.parametrize("window", [(-2, 3), (-3, -1), (1, 3)])
def test_days_about_menses_have_the_share_of_simulated_cycles(settings, window: tuple[int, int]) -> None:
    """By day of the cycle, over 4,000 persons' 200 days; five standard errors, and a person counts for some."""
    hormones = settings.simulator.hormones
    day, standard = cycle_days(hormones, np.arange(4000), np.ones(4000, dtype=np.bool_), 200, 3)
    own = about_menses(*window)
    phase = np.where(standard > 14, standard - 29, standard)
    inside = (phase >= window[0]) & (phase <= window[1])
    found = of_a_phase(own, hormones, np.arange(36.0), np.zeros((36, 2)))
    assert found[0] == 0
    for of in range(1, 33):
        chosen = (day == of)[:, 40:]  # the first cycle is entered at any day
        share, count = inside[:, 40:][chosen].mean(), chosen.sum()
        assert abs(share - found[of]) < 5 * np.sqrt(max(share * (1 - share), 0.01) / count) * 2, of


def test_days_before_menses_are_as_likely_as_said_once_a_persons_cycles_are_known(settings) -> None:
    """After four cycles, by tenths of what was said: within 0.03; it tells more than the population's lengths."""
    hormones = settings.simulator.hormones
    rng, persons = np.random.default_rng(5), 20_000
    mean = hormones.cycle_days + hormones.between_sd * rng.standard_normal(persons)
    drawn = mean[:, None] + hormones.within_sd * rng.standard_normal((persons, 5))
    lengths = np.floor(np.clip(drawn, *hormones.cycle_range) + 0.5)
    day = np.floor(rng.uniform(15, 36, persons))
    day = np.where(day <= lengths[:, 4], day, 0)
    own = TriggerRule.model_validate(
        {
            "label": "Menses",
            "reads": ["cycle_day"],
            "rule": "window",
            "threshold": [-3, -1],
            "unit": "day",
            "effect": 0.1,
        }
    )
    came = (lengths[:, 4] - day < 3)[day > 0]
    known = np.column_stack([np.full(persons, 4.0), lengths[:, :4].sum(axis=1)])
    told, untold = (of_a_phase(own, hormones, day, cycles)[day > 0] for cycles in (known, np.zeros((persons, 2))))
    for low in np.arange(0, 1, 0.1):
        chosen = (told >= low) & (told < low + 0.1)
        if chosen.sum() > 1000:
            assert abs(told[chosen].mean() - came[chosen].mean()) < 0.03
    loss, usual = (-np.log(np.clip(np.where(came, p, 1 - p), 1e-6, 1)).mean() for p in (told, untold))
    assert loss < 0.93 * usual


@given(
    st.lists(st.integers(21, 40), min_size=1, max_size=6),
    st.integers(0, 39),
    st.lists(st.booleans(), min_size=300, max_size=300),
)
def test_a_cycle_counts_if_its_menses_and_the_next_were_recorded(lengths: list[int], entered: int, wrote) -> None:
    """Any record of a cycle says when its menses were: by hand, cycles of which both have one, each after the other."""
    hormones = Hormones(menstruating_ages=(18, 50), cycle_days=28, between_sd=2.2, within_sd=2.0, cycle_range=(21, 40))
    days = [(number, day) for number, length in enumerate(lengths) for day in range(1, length + 1)][entered:]
    kept = np.array([[-1.0, 0.0, 0.0]])
    recorded = []
    for (number, day), written in zip(days, wrote, strict=False):
        kept = recorded_cycles(hormones, np.array([written]), np.array([float(day)]), kept)
        recorded += [number] * written
    seen = sorted(set(recorded))
    # Of two cycles on end, the length between their menses; if one between was not recorded, both would be too long.
    wanted = [lengths[one] for one, other in pairwise(seen) if other == one + 1]
    assert kept[0, 1:].tolist() == [len(wanted), sum(wanted)]


@given(st.lists(st.floats(0, 1), min_size=8, max_size=8), st.integers(0, 7), st.integers(0, 7))
def test_several_days_are_counted_as_by_enumeration(shares: list[float], one: int, other: int) -> None:
    days = sorted((one, other))
    own = row("above", 3.0).model_copy(update={"lag": tuple(days)})
    wanted = 1.0
    for share in shares[days[0] : days[1] + 1]:
        wanted *= 1 - share
    found = on_any_day(own, np.array(shares[:1]), np.array([shares[1:]]))
    assert_allclose(found, 1 - wanted, atol=1e-12)


def test_a_weather_that_was_not_recorded_is_left_to_the_persons_share(histories, model) -> None:
    """NaN there, and nowhere else."""
    gone = histories.present.copy()
    gone[::2, ::3, POSITION["pressure_change_24h"]] = False
    some = replace(histories, present=gone)
    none = np.zeros((*gone.shape[:2], len(CHANNELS)))
    found = of_a_value(row("below", -5.0), "pressure_change_24h", model.scales, some, none, none)
    assert_array_equal(np.isnan(found), ~gone[..., POSITION["pressure_change_24h"]])
