from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.drift.exposure_change import (
    FARTHEST,
    JUMP,
    MEANS,
    expectations,
    follow_exposures,
    no_exposure_changes,
)
from migraine_platform.twin.dynamics.kalman import DayDynamics, filter_days

CHANNELS_HERE = 3
PRIOR = np.random.default_rng(0).dirichlet(np.ones(CHANNELS_HERE * len(MEANS))).reshape(CHANNELS_HERE, -1)


def innovations(seed: int, patients: int, days: int, seen: float = 0.8) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (patients, days, CHANNELS_HERE)
    return rng.normal(size=shape) * (rng.random(shape) < seen)


def followed(innovation, memory=1.0, begun=None, strayed=None) -> np.ndarray:
    patients = len(innovation)
    begun = np.zeros(patients, dtype=np.int64) if begun is None else begun
    strayed = no_exposure_changes(patients, CHANNELS_HERE) if strayed is None else strayed
    return follow_exposures(strayed, innovation, PRIOR, memory, begun)


def log_ratio(e: float, mean: float) -> float:
    """N(mean, 1) against N(0, 1)."""
    return norm.logpdf(e, mean) - norm.logpdf(e)


@pytest.mark.parametrize("memory", [1.0, 0.9])
def test_the_recursion_sums_over_all_days_and_all_means(memory: float) -> None:
    e = innovations(1, 2, 6)
    expected = np.zeros((2, 6, CHANNELS_HERE))
    for (i, k, c), _ in np.ndenumerate(expected):
        for s in range(k + 1):
            for place, mean in enumerate(MEANS):
                ratio = sum(
                    log_ratio(e[i, t, c], mean * (JUMP if t == s else 1)) for t in range(s, k + 1) if e[i, t, c] != 0
                )
                expected[i, k, c] += PRIOR[c, place] * memory ** (k - s + 1) * np.exp(ratio)
    assert_allclose(followed(e, memory), expected, rtol=1e-10)


def test_as_long_as_nothing_changes_the_odds_grow_by_one_a_day_at_most() -> None:
    """40,000 normal streams of 5 days; false alarm of this test 15 x 6e-5 (four errors).

    E R[n] = first (1 + on + .. + on^(n-1)), of which `first` and `on` fall short of 1 by what is cut at FARTHEST.
    """

    def kept(mean: float) -> float:
        inside = norm.cdf(FARTHEST - mean) - norm.cdf(-FARTHEST - mean)
        ends = np.exp(-mean * FARTHEST) * norm.sf(FARTHEST) + np.exp(mean * FARTHEST) * norm.sf(FARTHEST)
        return float(inside + np.exp(-(mean**2) / 2) * ends)

    odds = followed(innovations(2, 40_000, 5, seen=1.0))
    error = odds.std(axis=0) / 200
    for n in range(1, 6):
        grown = [kept(JUMP * mean) * sum(kept(mean) ** age for age in range(n)) for mean in MEANS]
        expected = PRIOR @ grown
        assert np.all(np.abs(odds[:, n - 1].mean(axis=0) - expected) < 4 * error[n - 1])
        assert np.all(expected <= n * PRIOR.sum(axis=1))
        assert np.all(expected >= 0.98 * n * PRIOR.sum(axis=1))


def test_a_missing_value_says_nothing() -> None:
    e = innovations(3, 4, 10)
    e[:, 6:] = 0.0
    odds = followed(e, 0.9)
    after = odds[:, 5]
    for k in range(6, 10):
        after = 0.9 * (after + PRIOR.sum(axis=1))
        assert_allclose(odds[:, k], after, rtol=1e-12)


def test_a_slip_of_the_pen_is_no_change() -> None:
    """One day, however far out, tells no more than FARTHEST does."""
    e = innovations(4, 1, 8)
    absurd, far = e.copy(), e.copy()
    absurd[0, 4], far[0, 4] = 1e6, FARTHEST
    assert_array_equal(followed(absurd), followed(far))
    assert np.all(np.isfinite(followed(absurd)))


@pytest.mark.parametrize("step", [1, 7])
def test_day_by_day_is_as_all_at_once(step: int) -> None:
    e, begun = innovations(5, 9, 21), np.array([0, 0, 0, 5, 5, 12, 20, 21, 30])
    strayed = no_exposure_changes(9, CHANNELS_HERE)
    said = [followed(e[:, first : first + step], 0.95, begun - first, strayed) for first in range(0, 21, step)]
    assert_array_equal(np.concatenate(said, axis=1), followed(e, 0.95, begun))


def test_rows_may_come_in_any_order_and_alone() -> None:
    e, order = innovations(6, 9, 21), np.random.default_rng(0).permutation(9)
    odds = followed(e, 0.95)
    assert_array_equal(followed(e[order], 0.95), odds[order])
    assert_array_equal(followed(e[3:4], 0.95)[0], odds[3])


def test_the_days_before_a_patient_began_change_nothing() -> None:
    e = innovations(7, 1, 20)
    late = followed(np.concatenate([np.zeros((1, 8, CHANNELS_HERE)), e], axis=1), 0.95, np.array([8]))
    assert_array_equal(late[:, :8], 0)
    assert_array_equal(late[:, 8:], followed(e, 0.95))


def test_a_channel_that_moves_is_told_from_the_others() -> None:
    """After sixty days of 0.8 standard deviations its odds are a thousand times another's in four of five patients."""
    e = innovations(8, 50, 60, seen=1.0)
    e[..., 1] += 0.8
    odds = followed(e)[:, -1]
    assert np.mean(odds[:, 1] > 1000 * np.maximum(odds[:, 0], odds[:, 2])) > 0.8


def test_what_clinicians_expect_gets_its_share_in_its_direction() -> None:
    prior = expectations({"stress_level": 1.0, "total_sleep_hours": -1.0}, 0.7)
    assert prior.sum() == pytest.approx(1)
    stress, sleep = prior[CHANNELS.index("stress_level")], prior[CHANNELS.index("total_sleep_hours")]
    rest = prior[CHANNELS.index("rmssd")]
    assert np.all(stress[MEANS > 0] > 10 * rest[MEANS > 0])
    assert np.all(sleep[MEANS < 0] > 10 * rest[MEANS < 0])
    assert_allclose(stress[MEANS < 0], rest[MEANS < 0])
    assert (stress - rest).sum() + (sleep - rest).sum() == pytest.approx(0.7)
    assert_allclose(expectations({}, 0.7), 1 / (len(CHANNELS) * len(MEANS)))


def test_innovations_of_a_level_that_steps_jump_once_and_stay_strayed() -> None:
    """JUMP is what a filter that knows the person makes of a step: d, then (1 - phi) d, where nothing is misread."""
    phi = np.array([0.37])
    dynamics = DayDynamics(phi, np.array([[0.6]]), np.zeros(1), np.array([[0.5]]), np.zeros((1, 1)), 0.1)
    rng = np.random.default_rng(9)
    days = 400
    z = rng.normal(size=(1, days, 1))
    stepped = z + (np.arange(days) >= 300)[:, None]
    every = np.ones((1, days, 1), dtype=bool)
    before, after = (
        filter_days(dynamics, each, every, np.zeros((1, days, 1)), np.zeros((1, days), dtype=bool)).innovation[0, :, 0]
        for each in (z, stepped)
    )
    strayed = after - before
    assert_array_equal(strayed[:300], 0)
    assert strayed[300] / strayed[301] == pytest.approx(JUMP, rel=0.05)
    assert np.all(strayed[301:330] > 0.8 * strayed[301])
