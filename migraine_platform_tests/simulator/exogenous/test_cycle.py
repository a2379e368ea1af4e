from __future__ import annotations

import numpy as np
import pytest

from migraine_platform.simulator.exogenous.cycle import cycle_days, menstruates

PERSONS, DAYS = 1500, 400


@pytest.fixture(scope="module")
def cycles(settings) -> tuple[np.ndarray, np.ndarray]:
    return cycle_days(settings.simulator.hormones, np.arange(PERSONS), np.arange(PERSONS) % 3 > 0, DAYS, 5)


def lengths_of(days: np.ndarray) -> list[int]:
    starts = np.flatnonzero(days == 1)
    return np.diff(starts).tolist()


def test_days_count_up_from_menses_and_start_again(cycles) -> None:
    day, _ = cycles
    for person in range(1, 300):
        steps = np.diff(day[person])
        assert np.all((steps == 1) | (day[person, 1:] == 1)) if person % 3 else np.all(day[person] == 0)


def test_lengths_are_28_days_give_or_take_three(cycles) -> None:
    """About 17,000 cycles; the spread between and within persons adds to 3 days."""
    lengths = np.concatenate([lengths_of(row) for row in cycles[0][np.arange(PERSONS) % 3 > 0]])
    assert abs(lengths.mean() - 28) < 0.4
    assert abs(lengths.std() - 3) < 0.3
    assert lengths.min() >= 21
    assert lengths.max() <= 40


def test_the_days_before_menses_are_counted_backwards(cycles) -> None:
    day, standard = cycles
    for person in (1, 2, 4, 5, 7):
        starts = np.flatnonzero(day[person] == 1)[1:]
        assert np.all(standard[person][starts] == 1)
        assert np.all(standard[person][starts - 1] == 28)
        assert np.all(standard[person][starts - 2] == 27)
        assert standard[person].max() <= 28


def test_first_phases_are_spread_over_the_cycle(cycles) -> None:
    first = cycles[0][np.arange(PERSONS) % 3 > 0, 0]
    assert 12 < first.mean() < 17
    assert first.min() == 1


def test_who_menstruates(settings) -> None:
    ages, female = np.array([17, 18, 50, 51, 30]), np.array([True, True, True, True, False])
    assert menstruates(settings.simulator.hormones, ages, female).tolist() == [False, True, True, False, False]
