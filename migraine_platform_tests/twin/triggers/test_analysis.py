from __future__ import annotations

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.config import load_settings
from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_COUNT, TRIGGER_NAMES, TRIGGERS
from migraine_platform.twin.data.features import FEATURES, POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.hazard.contributions import FIRST_TRIGGER
from migraine_platform.twin.triggers import analysis
from migraine_platform.twin.triggers.analysis import TriggerDays, days_of, interaction_frame, threshold_frame
from migraine_platform.twin.triggers.interactions import pairs_of
from migraine_platform_tests.conftest import REPOSITORY, trigger_rule

RULES = load_settings("default", REPOSITORY).simulator.triggers
SEARCHES = {one.exposure: (name, one) for name, row in RULES.items() for one in row.search}
TERMS = 11
COLUMNS = {"weather": "pressure_change_24h", "sleep": "total_sleep_hours", "stress": "stress_level"}


@pytest.fixture(scope="module")
def reported(built, model, histories) -> TriggerDays:
    return days_of(built.points, model.effects, built.twins.filter_state, built.replay, histories)


def test_a_day_counts_if_both_evenings_were_written_and_no_attack_went_on(reported, histories) -> None:
    """Day by day, from what an entry means."""
    place = {name: EVENTS.index(name) for name in EVENTS}
    assert not reported.usable[:, -2:].any()  # what came of the last day is complete only tomorrow
    counted = {"gap": 0, "goes on": 0, "onset": 0, "quiet": 0}
    for i in range(histories.count):
        for k in range(histories.days - 2):
            tomorrow = histories.events[i, k + 1]
            both = histories.diary[i, k] and histories.diary[i, k + 1]
            goes_on = tomorrow[place["migraine_by_evening"]] and not tomorrow[place["onset"]]
            assert reported.usable[i, k] == (both and not goes_on)
            if reported.usable[i, k]:
                assert reported.onset[i, k] == (tomorrow[place["has_migraine"]] and tomorrow[place["onset"]])
            counted["gap" if not both else "goes on" if goes_on else "onset" if reported.onset[i, k] else "quiet"] += 1
    assert min(counted.values()) > 10, counted


def test_terms_are_those_of_the_evenings(reported, built, histories) -> None:
    assert reported.terms.shape == (histories.count, histories.days, TERMS)
    trigger = built.replay.covariates.trigger
    assert_array_equal(reported.there, trigger > 0.5)
    assert_array_equal(reported.known, np.minimum(trigger, 1 - trigger) < 1e-6)
    assert 0.5 < reported.known.mean() < 0.99
    for k in range(len(TRIGGER_NAMES)):
        below = built.replay.covariates.trigger[..., k] < built.replay.covariates.baseline[..., k]
        assert np.all(reported.terms[..., FIRST_TRIGGER + k][below] <= 0)


def test_rows_are_one_for_each_patient_and_question_finite_and_in_order(reported, histories) -> None:
    steps = threshold_frame(reported, histories, RULES)
    pairs = interaction_frame(reported, histories, np.ones(TRIGGER_COUNT))
    assert set(steps.select("patient_id", "exposure").iter_rows()) == {
        (patient, name) for patient in histories.patient_ids for name in SEARCHES
    }
    assert steps.height == histories.count * len(SEARCHES)
    units = {trigger.name: trigger.unit for trigger in TRIGGERS}
    for exposure, (trigger, one) in SEARCHES.items():
        rows = steps.filter(steps["exposure"] == exposure)
        assert rows["unit"].unique().to_list() == [units[trigger]]
        for name in ("mean", "lower", "upper"):
            assert rows[name].is_between(one.grid[0] - 1e-9, one.grid[1] + 1e-9).all()
    assert pairs.height == histories.count * len(pairs_of(TRIGGER_NAMES))
    assert pairs.n_unique(["patient_id", "pair"]) == pairs.height
    assert pairs["pair"][:6].to_list() == [
        "weather and sleep", "weather and stress", "weather and diet", "sleep and stress", "sleep and diet",
        "stress and diet",
    ]  # fmt: skip
    assert pairs["probability_positive"].is_between(0, 1).all()
    for frame in (steps, pairs):
        assert (frame["lower"] <= frame["upper"]).all()
        assert np.isfinite(frame.select("mean", "lower", "upper").to_numpy()).all()


class Planted(NamedTuple):
    """Days of which one exposure has a step."""

    days: TriggerDays
    histories: Histories


def plant(
    trigger: str, side: str, threshold: float, persons: int = 80, count: int = 120, missing: float = 0.2
) -> Planted:
    """Everybody's step of 2.5 log-odds lies at the same value; a fifth of the days recorded nothing."""
    rng = np.random.default_rng(11)
    shape = (persons, count)
    value = {
        "weather": rng.normal(0, 5, shape),
        "sleep": rng.normal(7, 1.5, shape),
        "stress": rng.uniform(0, 10, shape),
    }[trigger]
    exposure = value.copy()
    if trigger == "stress":
        exposure[:, 1:] -= value[:, :-1]
        exposure[:, 0] = 0.0
    there = exposure >= threshold if side == "above" else exposure <= threshold
    level = rng.normal(-2, 0.5, (persons, 1))
    onset = rng.random(shape) < 1 / (1 + np.exp(-(level + 2.5 * there)))
    values, present = np.zeros((*shape, len(FEATURES))), np.zeros((*shape, len(FEATURES)), dtype=bool)
    seen = rng.random(shape) >= missing
    values[..., POSITION[COLUMNS[trigger]]] = np.where(seen, value, 0.0)
    present[..., POSITION[COLUMNS[trigger]]] = seen
    every, none = np.ones(shape, dtype=bool), np.zeros(persons, dtype=np.int64)
    events = np.zeros((*shape, len(EVENTS)), dtype=bool)
    ids = tuple(f"P{number:04d}" for number in range(persons))
    histories = Histories(ids, date(2024, 1, 1), values, present, every, every, events, none, none)
    terms = np.zeros((*shape, TERMS))
    terms[..., 0] = level
    return Planted(TriggerDays(onset, every, terms, *np.zeros((2, *shape, TRIGGER_COUNT), dtype=bool)), histories)


def test_pairs_are_of_the_strongest_where_there_are_many(reported, histories, monkeypatch) -> None:
    """A pair is named in the order of all triggers, whichever of the two is the stronger."""
    monkeypatch.setattr(analysis, "INTERACTING", 2)
    strength = np.zeros(TRIGGER_COUNT)
    strength[[3, 1]] = 2.0, 1.0
    found = interaction_frame(reported, histories, strength)
    assert found["pair"].unique().to_list() == [f"{TRIGGER_NAMES[1]} and {TRIGGER_NAMES[3]}"]
    monkeypatch.setattr(analysis, "INTERACTING", TRIGGER_COUNT)
    every = interaction_frame(reported, histories, strength)
    assert every.height == histories.count * len(pairs_of(TRIGGER_NAMES))
    days = every.filter(every["pair"] == found["pair"][0])["days"]
    assert (found["days"] >= days).all()  # with fewer triggers, fewer days are left out for one that is not known


@pytest.mark.parametrize(
    ("exposure", "threshold"),
    [("pressure change in 24 h", -5.0), ("time asleep, too short", 5.5), ("time asleep, too long", 8.5),
     ("rise of stress since yesterday", 3.0)],
)  # fmt: skip
def test_a_planted_step_is_found_to_a_step_of_its_grid(exposure: str, threshold: float) -> None:
    """The population's threshold is known far better than persons', who are believed to differ by `between`."""
    trigger, one = SEARCHES[exposure]
    days, histories = plant(trigger, one.side, threshold)
    rows = threshold_frame(days, histories, RULES)
    found = rows.filter(rows["exposure"] == exposure)
    assert abs(found["mean"].mean() - threshold) < one.grid[2]
    inside = (found["lower"] <= threshold + 1e-9) & (found["upper"] >= threshold - 1e-9)
    assert inside.mean() > 0.8


def test_the_trigger_in_question_is_left_out_of_what_is_held() -> None:
    """What the twin already gives to the weather does not hide the weather's step; what it gives to others counts."""
    days, histories = plant("weather", "below", -5.0)
    rng = np.random.default_rng(12)
    own, other = days.terms.copy(), days.terms.copy()
    own[..., FIRST_TRIGGER + TRIGGER_NAMES.index("weather")] = rng.normal(size=own.shape[:2])
    other[..., FIRST_TRIGGER + TRIGGER_NAMES.index("diet")] = rng.normal(size=own.shape[:2])
    plain, with_own, with_other = (
        threshold_frame(days._replace(terms=terms), histories, RULES)["mean"].to_numpy()[: histories.count]
        for terms in (days.terms, own, other)
    )
    assert_allclose(with_own, plain, rtol=1e-9)
    assert np.abs(with_other - plain).max() > 1e-3


def test_what_was_not_recorded_says_nothing() -> None:
    """Not of a day without a value, nor of a rise from a day without one."""
    for trigger, column in COLUMNS.items():
        days, histories = plant(trigger, "above", 3.0)
        values = histories.values.copy()
        values[~histories.present] = 777.0
        blind = Histories(**{**vars(histories), "values": values})
        assert threshold_frame(days, blind, RULES).equals(threshold_frame(days, histories, RULES)), column
        assert np.any(values != histories.values)


def test_another_search_of_the_settings_is_another_exposure() -> None:
    """A new one is looked for where it says; a row without one is looked for around its threshold."""
    days, histories = plant("sleep", "below", 6.0)
    search = {"exposure": "a bad night", "side": "below", "grid": (5.0, 7.0, 0.5), "between": 0.3, "within": (0, 9)}
    others = {name: row for name, row in RULES.items() if name != "sleep"}
    looked_for = {one.exposure for row in others.values() for one in row.search}
    for own, exposure in ((search, "a bad night"), (None, "Short or long nights")):
        row = trigger_rule("sleep", "below", 5.5, search=(own,) if own else ())
        rows = threshold_frame(days, histories, {**others, "sleep": row})
        assert set(rows["exposure"]) == {*looked_for, exposure}
        rows = rows.filter(pl.col("exposure") == exposure)
        assert abs(rows["mean"].mean() - 6.0) < 0.5
    nothing = Histories(**{**vars(histories), "present": np.zeros_like(histories.present)})
    assert exposure not in set(threshold_frame(days, nothing, {**others, "sleep": row})["exposure"])
    assert abs(rows["mean"].mean() - 6.0) < 0.5
