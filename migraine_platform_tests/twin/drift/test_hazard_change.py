from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.drift.hazard_change import CORNERS, LEVELS, WAYS, Grid, _nodes, follow_changes
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import follow
from migraine_platform_tests.twin.drift.planted import EFFECTS, LEVEL_CHANGE, PERSONAL, persons

GRID = Grid.of(PERSONAL, LEVEL_CHANGE, EFFECTS.trigger)
COUNT = LEVELS * CORNERS


def ways_by_hand(points) -> list[np.ndarray]:
    """[M, M] of each way to change, found by comparing all pairs of hypotheses."""
    level, susceptibility = points.level, points.susceptibility
    same = susceptibility[:, None, :] == susceptibility
    near = np.exp(-((level[:, None] - level) ** 2) / (2 * LEVEL_CHANGE**2)) * same.all(axis=2)
    out = [near]
    for kind in range(4):
        others = np.delete(same, kind, axis=2).all(axis=2) & (level[:, None] == level)
        out.append(others.astype(float))
    return [each / each.sum(axis=1, keepdims=True) for each in out]


def sums_by_hand(log_weight, likelihood, memory: float) -> np.ndarray:
    """[K, WAYS]: for each day that a change may have begun on, who he was before and is since, against no change.

    sum over s <= k of memory^(k - s + 1) P(days s..k | who he was on s - 1, changed on s) / P(days s..k | the same)
    """
    ways, days = ways_by_hand(GRID.points), len(likelihood)
    before = [np.exp(log_weight)]
    for k in range(days):
        weight = before[-1] * np.exp(likelihood[k])
        before.append(weight / weight.sum())
    out = np.zeros((days, WAYS))
    for k in range(days):
        for s in range(k + 1):
            since = np.exp(likelihood[s : k + 1].sum(axis=0))
            unchanged = before[s] @ since
            for way, kernel in enumerate(ways):
                out[k, way] += memory ** (k - s + 1) * (before[s] @ kernel @ since) / unchanged
    return out


def some_likelihood(seed: int, patients: int, days: int):
    rng = np.random.default_rng(seed)
    weight = rng.dirichlet(np.ones(COUNT), patients)
    return np.log(weight), np.log(rng.uniform(0.02, 1.0, (patients, days, COUNT)))


def nothing(patients: int) -> np.ndarray:
    return np.zeros((patients, WAYS, COUNT))


def from_the_start(patients: int) -> np.ndarray:
    return np.zeros(patients, dtype=np.int64)


@pytest.mark.parametrize("memory", [1.0, 0.9])
def test_the_recursion_sums_over_all_days_and_all_persons(memory: float) -> None:
    log_weight, likelihood = some_likelihood(1, 3, 6)
    odds = follow_changes(GRID, log_weight, nothing(3), likelihood, memory, from_the_start(3))
    for i in range(3):
        assert_allclose(odds[i], sums_by_hand(log_weight[i], likelihood[i], memory), rtol=1e-10)


def test_a_grids_susceptibilities_have_the_moments_of_their_range() -> None:
    """Up to the third, as two nodes of Gauss' can: mean, variance, no skewness; independent of each other."""
    low, high, _ = PERSONAL.susceptibility
    weight = np.exp(GRID.points.log_prior)
    apart = GRID.points.susceptibility - (low + high) / 2
    assert_allclose(weight.sum(), 1)
    assert_allclose(weight @ apart, 0, atol=1e-12)
    assert_allclose((apart.T * weight) @ apart, np.eye(4) * (high - low) ** 2 / 12, atol=1e-12)
    assert_allclose(weight @ apart**3, 0, atol=1e-12)


def test_a_grids_levels_are_those_of_the_population() -> None:
    """Quantiles of the population hold the share that they say, to within a cell; rows of the kernel sum to one."""
    level, weight = GRID.points.level, np.exp(GRID.points.log_prior)
    for place in (13, 32, 64, 96, 115):
        step = level[CORNERS] - level[0]
        below = weight[level <= PERSONAL.levels[place] - step / 2].sum()
        above = weight[level <= PERSONAL.levels[place] + step / 2].sum()
        assert below - 0.01 <= place / 128 <= above + 0.01
    assert_allclose(weight @ level, PERSONAL.levels.mean(), atol=0.05)
    assert_allclose(GRID.kernel.sum(axis=1), 1)
    assert_array_equal(GRID.points.level.reshape(LEVELS, CORNERS), np.tile(level[::CORNERS, None], CORNERS))


def test_without_a_change_the_expected_odds_grow_by_one_a_day() -> None:
    """1,500 diaries drawn from the model, 12 days, all five ways; false alarm of this test 5 x 6e-5 (four errors)."""
    days = persons(2, 1500, 12)
    said, _ = follow(GRID.points, EFFECTS, days.covariates, days.evidence, with_likelihood=True)
    prior = np.tile(GRID.points.log_prior, (1500, 1))
    odds = follow_changes(GRID, prior, nothing(1500), said.likelihood, 1.0, days.evidence.begun)
    error = odds.std(axis=0) / np.sqrt(1500)
    assert np.all(np.abs(odds.mean(axis=0) - np.arange(1, 13)[:, None])[-1] < 4 * error[-1])
    assert np.all(error[-1] > 0.002)  # it is not that nothing is learned in twelve days


def test_the_odds_of_a_change_grow_once_there_is_one() -> None:
    """Sixty would be usual after sixty days; and in three of four those of their own way grow most."""
    days = persons(3, 40, 60, "label", 20, 2.5)
    said, _ = follow(GRID.points, EFFECTS, days.covariates, days.evidence, with_likelihood=True)
    prior = np.tile(GRID.points.log_prior, (40, 1))
    odds = follow_changes(GRID, prior, nothing(40), said.likelihood, 1.0, days.evidence.begun)
    assert np.median(odds[:, 19, 0]) < 20
    assert np.median(odds[:, -1, 0]) > 3 * 60
    assert np.mean(odds[:, -1].argmax(axis=1) == 0) > 0.75


@pytest.mark.parametrize("step", [1, 4])
def test_day_by_day_is_as_all_at_once(step: int) -> None:
    log_weight, likelihood = some_likelihood(4, 5, 12)
    at_once, carried = nothing(5), nothing(5)
    odds = follow_changes(GRID, log_weight, at_once, likelihood, 0.95, from_the_start(5))
    said = []
    for first in range(0, 12, step):
        part = likelihood[:, first : first + step]
        said.append(follow_changes(GRID, log_weight, carried, part, 0.95, from_the_start(5) - first))
        log_weight = log_weight + part.sum(axis=1)
        log_weight -= np.log(np.exp(log_weight).sum(axis=1, keepdims=True))
    assert_allclose(np.concatenate(said, axis=1), odds, rtol=1e-12)
    assert_allclose(carried, at_once, rtol=1e-12)


def test_a_patient_in_a_batch_is_as_alone_wherever_his_row_is() -> None:
    log_weight, likelihood = some_likelihood(5, 70, 4)  # enough for a second thread
    odds = follow_changes(GRID, log_weight, nothing(70), likelihood, 0.95, from_the_start(70))
    order = np.random.default_rng(0).permutation(70)
    shuffled = follow_changes(GRID, log_weight[order], nothing(70), likelihood[order], 0.95, from_the_start(70))
    assert_array_equal(shuffled, odds[order])
    alone = follow_changes(GRID, log_weight[7:8], nothing(1), likelihood[7:8], 0.95, from_the_start(1))
    assert_array_equal(alone[0], odds[7])


def test_a_day_that_is_as_likely_under_every_hypothesis_says_nothing() -> None:
    log_weight, _ = some_likelihood(6, 2, 1)
    silent = np.full((2, 5, COUNT), -3.7)
    odds = follow_changes(GRID, log_weight, nothing(2), silent, 0.9, from_the_start(2))
    assert_allclose(odds, np.cumsum(0.9 ** np.arange(1, 6))[:, None] * np.ones((2, 5, WAYS)), rtol=1e-12)


def test_only_ratios_of_likelihoods_count() -> None:
    log_weight, likelihood = some_likelihood(7, 2, 5)
    shifted = likelihood + np.array([-700.0, 3, 0, 40, -5])[:, None]
    ours, theirs = (
        follow_changes(GRID, log_weight, nothing(2), each, 1.0, from_the_start(2)) for each in (likelihood, shifted)
    )
    assert_allclose(ours, theirs, rtol=1e-12)


def test_the_days_before_a_patient_began_change_nothing() -> None:
    """Nor do they make a late comer more suspicious than he is alone."""
    days = persons(8, 3, 10)
    begun = np.array([0, 4, 12])
    evidence = days.evidence._replace(begun=begun)
    said, _ = follow(GRID.points, EFFECTS, days.covariates, evidence, with_likelihood=True)
    prior = np.tile(GRID.points.log_prior, (3, 1))
    odds = follow_changes(GRID, prior, nothing(3), said.likelihood, 0.95, begun)
    own = Covariates(*(part[1:2, 4:] for part in days.covariates))
    late, _ = follow(GRID.points, EFFECTS, own, evidence.of_patients(slice(1, 2)).since(4), with_likelihood=True)
    alone = follow_changes(GRID, prior[:1], nothing(1), late.likelihood, 0.95, from_the_start(1))
    assert_array_equal(odds[1, :4], 0)
    assert_allclose(odds[1, 4:], alone[0], rtol=1e-12)
    assert_array_equal(odds[2], 0)


def test_two_values_of_a_susceptibility_that_few_have_keep_its_moments_or_stay_above_nothing() -> None:
    prior = SusceptibilityPrior(0.1, 1.0, np.array([1.0, 0.9, 0.2]))
    nodes = _nodes(prior)
    assert_allclose(nodes.mean(axis=1), prior.mean())
    assert_allclose(nodes[:2].std(axis=1), prior.sd()[:2])
    assert_allclose(nodes[2], [0.0, 2 * prior.mean()[2]], atol=1e-12)
