from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.simulator.attacks import AttackHistory, Course, CourseError, simulate_attacks

PERSONS, DAYS = 400, 300


@pytest.fixture(scope="module")
def course(settings) -> Course:
    return Course.of(settings.simulator.attacks)


@pytest.fixture(scope="module")
def history(course: Course) -> AttackHistory:
    triggers = np.random.default_rng(1).random((PERSONS, DAYS, 4)) < 0.2
    return simulate_attacks(
        course,
        triggers,
        np.full(PERSONS, -1.5),
        np.full((PERSONS, 4), 0.8),
        np.arange(PERSONS) % 2 == 0,
        np.arange(PERSONS),
        3,
    )


def test_hazard_is_the_logit_of_the_model(course: Course) -> None:
    triggers = np.zeros((1, 3, 4), dtype=bool)
    triggers[0, 0] = [True, False, True, False]
    weights = np.array([[0.5, 1.0, 2.0, 4.0]])
    history = simulate_attacks(course, triggers, np.array([-1.0]), weights, np.array([False]), np.array([0]), 3)
    expected = 1 / (1 + np.exp(-np.array([-1.0, -1.0 + 0.5 + 2.0, -1.0])))
    assert_allclose(history.onset_probability[0], expected)


def test_onsets_happen_as_often_as_the_hazard_says(history: AttackHistory) -> None:
    """Sum of Bernoulli draws with known probabilities; false alarm 6e-5 at four standard errors."""
    p = history.onset_probability[history.at_risk]
    assert abs(history.onset.sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())


def test_a_migraine_day_is_an_onset_or_four_hours_of_an_attack_that_goes_on(history: AttackHistory) -> None:
    """The kernel's days recomputed from the attacks alone."""
    expected = history.onset.copy()
    for person, day in zip(*np.nonzero(history.onset), strict=True):
        end = history.headache_start[person, day] + history.duration[person, day]
        for later in range(day + 1, min(DAYS, int(end // 24) + 1)):
            if end - 24 * later >= 4:
                expected[person, later] = True
    assert_array_equal(history.migraine, expected)
    assert not np.any(history.onset & ~history.at_risk)


def test_attacks_do_not_overlap(history: AttackHistory) -> None:
    for person in range(PERSONS):
        days = np.flatnonzero(history.onset[person])
        start = history.headache_start[person, days]
        end = start + history.duration[person, days]
        assert np.all(start[1:] - history.aura[person, days][1:] >= end[:-1] - 1e-9)


def test_courses_keep_their_ranges_and_medians(history: AttackHistory) -> None:
    duration, treated = history.duration[history.onset], history.treated[history.onset]
    assert duration.min() >= 4
    assert duration.max() <= 72
    assert_allclose(np.median(duration[~treated]), 24, rtol=0.05)
    assert np.median(duration[treated]) < 12
    assert_allclose(treated.mean(), 0.6, atol=0.02)
    severity = history.severity[history.onset]
    assert severity.min() >= 3
    assert severity.max() <= 10


@pytest.mark.parametrize("median", [5.0, 24.0, 60.0])
def test_any_reachable_median_is_met(settings, median: float) -> None:
    attacks = settings.simulator.attacks.model_copy(update={"duration_median": median})
    assert_allclose(np.median(Course.of(attacks).durations), median, rtol=1e-6)


def test_an_unreachable_median_is_named_with_what_is_reachable(settings) -> None:
    attacks = settings.simulator.attacks.model_copy(update={"duration_median": 71.0})
    with pytest.raises(CourseError, match=r"duration_median: 71 h cannot be reached .* expected 4\.\d to 6\d\.\d"):
        Course.of(attacks)


def test_onsets_peak_in_the_morning(history: AttackHistory) -> None:
    hours = (history.headache_start[history.onset] % 24).astype(int)
    by_quarter = np.bincount(hours // 6, minlength=4) / len(hours)
    assert by_quarter.argmax() == 1
    assert by_quarter[1] > 0.35


def test_aura_comes_to_patients_with_aura_and_lasts_five_to_sixty_minutes(history: AttackHistory) -> None:
    assert np.all(history.aura[1::2] == 0)
    auras = history.aura[::2][history.onset[::2]]
    assert_allclose((auras > 0).mean(), 0.6, atol=0.03)
    assert auras[auras > 0].min() >= 5 / 60
    assert auras.max() <= 1


def test_certain_hazard_leaves_no_free_day(course: Course) -> None:
    triggers = np.zeros((2, 50, 4), dtype=bool)
    history = simulate_attacks(
        course, triggers, np.array([50.0, -50.0]), np.zeros((2, 4)), np.array([True, True]), np.arange(2), 3
    )
    assert history.migraine[0].all()
    assert not history.migraine[1].any()
