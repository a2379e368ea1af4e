from __future__ import annotations

import numpy as np
import pytest

from migraine_platform.simulator.checks.onset_ratios import before_menses_ratio, let_down_odds, menses_ratio

PERSONS, DAYS = 400, 280


@pytest.fixture(scope="module")
def cycle_day() -> np.ndarray:
    """Cycles of 28 days, begun anywhere; the last forty people have none."""
    begun = np.random.default_rng(0).integers(0, 28, PERSONS)
    day = ((begun[:, None] + np.arange(DAYS)) % 28 + 1).astype(float)
    day[-40:] = np.nan
    return day


def test_planted_rates_about_menses_are_found(cycle_day) -> None:
    """Twice as many onsets on days 1-3, one and a half times on the two before; within a tenth (4 standard errors)."""
    rate = np.full(cycle_day.shape, 0.1)
    rate[cycle_day <= 3] = 0.2
    rate[cycle_day >= 27] = 0.15
    onset = (np.random.default_rng(1).random(rate.shape) < rate).astype(float)
    assert menses_ratio(onset, cycle_day) == pytest.approx(2.0, abs=0.12)
    assert before_menses_ratio(onset, cycle_day) == pytest.approx(1.5, abs=0.12)


def test_a_planted_let_down_is_found_on_the_day_after() -> None:
    rng = np.random.default_rng(2)
    stress = rng.uniform(1, 10, (PERSONS, DAYS))
    fell = np.zeros(stress.shape, dtype=bool)
    fell[:, 1:] = stress[:, :-1] - stress[:, 1:] >= 2
    odds = np.full(stress.shape, 0.1 / 0.9)
    odds[:, 1:][fell[:, :-1]] *= 1.7
    onset = (rng.random(stress.shape) < odds / (1 + odds)).astype(float)
    assert let_down_odds(onset, stress) == pytest.approx(1.7, abs=0.1)
    assert let_down_odds(np.roll(onset, 1, axis=0), stress) == pytest.approx(1.0, abs=0.1)


def test_nobody_with_a_cycle_and_no_fall_are_no_figure() -> None:
    onset, nothing = np.zeros((3, 9)), np.full((3, 9), np.nan)
    assert np.isnan(menses_ratio(onset, nothing))
    assert np.isnan(before_menses_ratio(onset, nothing))
    assert np.isnan(let_down_odds(onset, np.ones((3, 9))))
