"""Triggers that came on the same days: found by the correlation of their days, and told by what both do together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from migraine_platform.priors.vocabulary import TRIGGER_COUNT, TRIGGER_NAMES
from migraine_platform.twin.hazard.hypotheses import Points, initial_filter_state
from migraine_platform.twin.triggers.interactions import pairs_of
from migraine_platform.twin.triggers.likeness import ALIKE, LEAST_DAYS, alike_frame, correlations
from migraine_platform_tests.twin.modelled import effects_of

EFFECTS = effects_of()
DAYS = 120


def points_of(rng: np.random.Generator, count: int = 2048) -> Points:
    susceptibility = rng.uniform(0.1, 1.0, (count, TRIGGER_COUNT))
    return Points(rng.normal(-2, 1, count), susceptibility, np.zeros(count), np.full(count, -np.log(count)))


def days_of(rng: np.random.Generator, persons: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Triggers that come independently, a fifth of them not known."""
    shape = (persons, DAYS, TRIGGER_COUNT)
    return rng.random(shape) < 0.3, rng.random(shape) < 0.8


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98), st.floats(0.1, 1.0))
def test_correlations_are_those_of_numpy_over_the_days_on_which_both_are_known(
    seed: int, often: float, seen: float
) -> None:
    rng = np.random.default_rng(seed)
    trigger, known = rng.random((40, TRIGGER_COUNT)) < often, rng.random((40, TRIGGER_COUNT)) < seen
    found, days = correlations(trigger, known)
    for place, (a, b) in enumerate(pairs_of(range(TRIGGER_COUNT))):
        both = known[:, a] & known[:, b]
        first, second = trigger[both, a], trigger[both, b]
        assert days[place] == (first & second).sum()
        if len(set(first)) == len(set(second)) == 2:
            assert_allclose(found[place], np.corrcoef(first, second)[0, 1], atol=1e-12)
        else:
            assert found[place] == 0


def frame_of(trigger: np.ndarray, known: np.ndarray, points: Points) -> list[dict]:
    state = initial_filter_state(points, EFFECTS, len(trigger))
    ids = tuple(f"P{number:04d}" for number in range(1, len(trigger) + 1))
    return alike_frame(points, EFFECTS, state, trigger, known, ids).to_dicts()


def test_those_that_come_by_themselves_are_not_reported() -> None:
    """Of 200 persons' pairs none: a correlation of 0.9 of independent days is beyond any chance."""
    rng = np.random.default_rng(1)
    assert frame_of(*days_of(rng, 200), points_of(rng)) == []


@pytest.mark.parametrize("apart", [0, 1])
def test_two_that_come_on_the_same_days_are(apart: int) -> None:
    """With the effect of both, known no worse than the population's; one day apart in some forty changes nothing."""
    rng = np.random.default_rng(2)
    points = points_of(rng)
    trigger, known = days_of(rng, 3)
    known[..., [1, 3]] = True
    trigger[1, :, 3] = trigger[1, :, 1]
    trigger[1, :apart, 3] ^= True
    (row,) = frame_of(trigger, known, points)
    assert (row["patient_id"], row["trigger"], row["other"]) == ("P0002", TRIGGER_NAMES[1], TRIGGER_NAMES[3])
    assert row["days"] == (trigger[1, :, 1] & trigger[1, :, 3]).sum()
    assert row["correlation"] >= ALIKE
    together = (points.susceptibility * EFFECTS.trigger)[:, [1, 3]].sum(axis=1)
    assert row["mean"] == pytest.approx(together.mean())
    assert_allclose([row["lower"], row["upper"]], np.quantile(together, [0.05, 0.95]), atol=0.01)


def test_coming_together_on_few_days_may_be_chance() -> None:
    rng = np.random.default_rng(3)
    for days in (LEAST_DAYS - 1, LEAST_DAYS):
        trigger, known = np.zeros((1, DAYS, TRIGGER_COUNT), dtype=bool), np.ones((1, DAYS, TRIGGER_COUNT), dtype=bool)
        trigger[0, :days, :2] = True
        assert len(frame_of(trigger, known, points_of(rng))) == (days >= LEAST_DAYS)


def test_those_that_are_there_when_the_other_is_not_are_told_apart() -> None:
    trigger, known = days_of(np.random.default_rng(4))
    trigger[..., 1] = ~trigger[..., 0]
    assert frame_of(trigger, known, points_of(np.random.default_rng(5))) == []
