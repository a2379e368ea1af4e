from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp
from scipy.stats import norm

from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.twin.hazard.amortised import start
from migraine_platform.twin.hazard.hypotheses import Effects, Points, initial_filter_state
from migraine_platform_tests.twin.modelled import effects_of

PATIENTS, POINTS = 4, 512
EVERYBODY = np.ones(PATIENTS, dtype=bool)


@pytest.fixture(scope="module")
def points() -> Points:
    """Of a population in which every susceptibility is equally likely."""
    rng = np.random.default_rng(1)
    weekend, log_prior = np.zeros(POINTS), np.full(POINTS, -np.log(POINTS))
    return Points(rng.normal(-2, 1, POINTS), rng.uniform(0.1, 1, (POINTS, TRIGGER_COUNT)), weekend, log_prior)


@pytest.fixture(scope="module")
def effects() -> Effects:
    return effects_of()


def baseline(points: Points) -> tuple[np.ndarray, np.ndarray]:
    """The population's moments, as findings of everybody."""
    s = points.susceptibility
    return np.tile(s.mean(axis=0), (PATIENTS, 1)), np.tile(s.std(axis=0), (PATIENTS, 1))


def moments(points: Points, log_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    share = np.exp(log_weight)
    mean = share @ points.susceptibility
    return mean, np.sqrt(share @ points.susceptibility**2 - mean**2)


def test_who_is_found_to_be_like_everybody_starts_like_everybody(points, effects) -> None:
    mean, sd = baseline(points)
    for one, other in zip(
        start(points, effects, mean, sd, EVERYBODY), initial_filter_state(points, effects, PATIENTS), strict=True
    ):
        assert_allclose(one, other, rtol=0, atol=1e-12)


def test_weights_are_those_of_the_formula(points, effects) -> None:
    rng = np.random.default_rng(2)
    mean, sd = rng.uniform(0.2, 0.9, (PATIENTS, TRIGGER_COUNT)), rng.uniform(0.05, 0.3, (PATIENTS, TRIGGER_COUNT))
    found = start(points, effects, mean, sd, EVERYBODY)
    s = points.susceptibility
    for i in range(PATIENTS):
        ratio = norm.pdf(s, mean[i], sd[i]) / norm.pdf(s, s.mean(axis=0), s.std(axis=0))
        weight = ratio.prod(axis=1)
        assert_allclose(np.exp(found.log_weight[i]), weight / weight.sum(), rtol=1e-9)


@pytest.mark.parametrize("k", range(TRIGGER_COUNT))
def test_a_higher_finding_moves_the_mean_up_and_leaves_the_others(points, effects, k: int) -> None:
    """Other susceptibilities are independent in the population; 512 points know that to 1 / sqrt(512) = 0.04 sd."""
    mean, sd = baseline(points)
    mean[:, k] += sd[:, k] * np.array([-0.8, 0.0, 0.4, 0.8])
    sd[:, k] *= 0.5
    found, _ = moments(points, start(points, effects, mean, sd, EVERYBODY).log_weight)
    assert np.all(np.diff(found[:, k]) > 0)
    others = np.arange(TRIGGER_COUNT) != k
    spread = points.susceptibility.std(axis=0)
    assert np.all(np.abs(found - points.susceptibility.mean(axis=0))[:, others] < 4 * 0.04 * spread[others] * 2)


def test_a_finding_moves_the_mean_to_it_and_a_sharper_one_more_surely(points, effects) -> None:
    """The sharpest to a quarter of its deviation; the others to a quarter of the way, as the population is no normal.

    Where findings are hardly sharper than the population, a normal in its place makes them somewhat too strong.
    """
    mean, sd = baseline(points)
    before = points.susceptibility[:, 0].mean()
    mean[:, 0] = 0.75
    sd[:, 0] *= np.array([1.0, 0.7, 0.4, 0.2])
    found, spread = moments(points, start(points, effects, mean, sd, EVERYBODY).log_weight)
    assert np.all(np.abs(found[:, 0] - 0.75) < (0.75 - before) / 4)
    assert abs(found[-1, 0] - 0.75) < sd[-1, 0] / 4
    assert np.all(np.diff(spread[:, 0]) < 0)


def test_long_histories_are_left_alone(points, effects) -> None:
    mean, sd = baseline(points)
    short = np.array([True, False, True, False])
    found, plain = start(points, effects, mean + 0.2, sd / 2, short), initial_filter_state(points, effects, PATIENTS)
    assert_allclose(found.log_weight[~short], plain.log_weight[~short], rtol=0, atol=1e-12)
    assert np.all(np.abs(found.log_weight[short] - plain.log_weight[short]).max(axis=1) > 0.1)
    for name in ("ill", "hazard", "attack_history", "onset", "numbers"):
        assert_array_equal(getattr(found, name), getattr(plain, name))


def test_weights_sum_to_one_however_sure_a_finding_is(points, effects) -> None:
    mean, sd = baseline(points)
    found = start(points, effects, mean + 3.0, np.full_like(sd, 1e-3), EVERYBODY)
    assert_allclose(logsumexp(found.log_weight, axis=1), 0, atol=1e-12)
    assert np.isfinite(found.log_weight).all()
