from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.generative.drift import (
    CONCEPT,
    COVARIATE,
    GRADUAL,
    LABEL,
    NEVER,
    RECURRING,
    SUDDEN,
    TrueChanges,
    draw_changes,
    drift_frame,
    level_at,
)
from migraine_platform.simulator.generative.model import FLAGS, SimulatedDays
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.simulator.generative.trajectories import simulate_days

PERSONS = 20_000


@pytest.fixture(scope="module")
def changes(settings) -> TrueChanges:
    susceptibility = np.random.default_rng(1).uniform(0.1, 1, (PERSONS, 4))
    return draw_changes(settings.simulator.drift, np.arange(PERSONS), susceptibility, 28, 9)


def test_as_many_may_change_as_configured_and_the_rest_never_does(settings, changes) -> None:
    share = settings.simulator.drift.share
    assert abs((changes.kind > 0).mean() - share) < 5 * np.sqrt(share * (1 - share) / PERSONS)
    assert np.all((changes.onset == NEVER) == (changes.kind == 0))


def test_onsets_come_from_a_daily_hazard_that_starts_with_the_first_day(settings, changes) -> None:
    """Of those who have not changed by a day, the hazard's share changes on the next; not uniform over any horizon."""
    hazard = settings.simulator.drift.daily_hazard
    waited = changes.onset[changes.kind > 0] - 28
    assert waited.min() == 0
    for day in (10, 100, 300):
        at_risk = waited > day
        share = (waited[at_risk] <= day + 20).mean()
        expected = 1 - (1 - hazard) ** 20
        assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / at_risk.sum())


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (SUDDEN, {9: 0, 10: 1, 500: 1}),
        (GRADUAL, {9: 0, 10: 1 / 40, 29: 0.5, 49: 1, 500: 1}),
        (RECURRING, {9: 0, 10: 1, 37: 1, 38: 0, 65: 0, 66: 1}),
    ],
)
def test_levels_take_their_shapes(shape: int, expected: dict[int, float]) -> None:
    one = np.array([1])
    change = TrueChanges(one, one * shape, one * 10, one, np.array([1.0]), 40.0, 56.0)
    for day, level in expected.items():
        assert level_at(change, 0, day) == pytest.approx(level)


def test_truth_drift_lists_changes_up_to_the_last_day(changes) -> None:
    calendar = Calendar(date(2024, 1, 1), 28, 90)
    frame = drift_frame(changes, [f"P{i:05d}" for i in range(PERSONS)], TRIGGER_NAMES, calendar)
    assert frame.height == (changes.onset < 118).sum()
    assert frame["date"].min() >= date(2024, 1, 1)
    assert frame["date"].max() <= date(2024, 3, 30)
    kinds = frame.group_by("kind").agg(pl.col("target").unique().sort())
    targets = {kind: set(names) for kind, names in kinds.iter_rows()}
    assert targets == {
        "covariate": {"stress_level", "total_sleep_hours"},
        "concept": set(TRIGGER_NAMES),
        "label": {"hazard"},
    }
    moves = frame.filter(kind="covariate")
    assert (moves.filter(target="stress_level")["strength"] > 0).all()
    assert (moves.filter(target="total_sleep_hours")["strength"] < 0).all()


@pytest.mark.parametrize("kind", [COVARIATE, CONCEPT, LABEL])
def test_a_change_changes_what_it_says_from_its_day_on(simulator_of, kind: int) -> None:
    """The same lives with one sudden change of everybody on day 20, against none: alike before, different after."""
    simulator = simulator_of(cohort={"patients": 300, "days": 60}, drift={"share": 0.0})
    persons = simulator.persons(first_patients(simulator.settings, 300))
    count, onset = np.ones(300, dtype=np.int64), simulator.calendar.burn_in + 20
    change = persons.change._replace(
        kind=count * kind,
        shape=count * SUDDEN,
        onset=count * onset,
        target=count * {COVARIATE: 4, CONCEPT: 3, LABEL: -1}[kind],
        strength=np.full(300, {COVARIATE: 1.0, CONCEPT: 0.5, LABEL: 1.5}[kind]),
    )
    before, after = (
        simulate_days(simulator.parameters, each, simulator.day_effects, SimulatedDays.empty(300, simulator.calendar))
        for each in (persons, persons._replace(change=change))
    )
    assert np.array_equal(before.values[:, :, :20], after.values[:, :, :20])
    others = np.arange(len(FLAGS)) != FLAGS.index("prodrome")  # which on the evening before tells of the first new day
    assert np.array_equal(before.flags[others, :, :20], after.flags[others, :, :20])
    assert np.array_equal(before.flags[:, :, :19], after.flags[:, :, :19])
    stress = after.value("stress_level")[:, 20:].mean() - before.value("stress_level")[:, 20:].mean()
    if kind == COVARIATE:
        assert 1.5 < stress < 2.5  # one standard deviation of the prior is two points
    else:
        more = after.onset_probability[:, 21:].mean() - before.onset_probability[:, 21:].mean()
        assert more > (0.02 if kind == CONCEPT else 0.1)
