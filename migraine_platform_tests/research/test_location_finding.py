"""Location finding, held against brute force: beliefs, gains, bounds, symmetries, and what training is worth."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from migraine_platform.research.budget import Budget
from migraine_platform.research.location_finding import published
from migraine_platform.research.location_finding.beliefs import believe
from migraine_platform.research.location_finding.exact import exact_posterior, log_likelihood, log_posterior, spce
from migraine_platform.research.location_finding.finder import Finder, FinderSize, LearnedPlaces, decide, log_densities
from migraine_platform.research.location_finding.gains import expected_gains
from migraine_platform.research.location_finding.learning import Practice, climbed, train, turned
from migraine_platform.research.location_finding.rollouts import (
    GreedyAmong,
    GreedyPlaces,
    RandomPlaces,
    Rollouts,
    roll_out,
)
from migraine_platform.research.location_finding.signal import NOISE, signal
from migraine_platform.research.location_finding.task import log_intensity

SMALL = Practice(Budget(rounds=3), size=FinderSize(width=32, components=6), episodes=16, batches=6, batch=128)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def at_random() -> Rollouts:
    return roll_out(RandomPlaces(), 40, (3,), horizon=8)


@pytest.fixture(scope="module")
def adaptive() -> Rollouts:
    return roll_out(GreedyPlaces(), 40, (4,))


@pytest.fixture(scope="module")
def net() -> Finder:
    return train(SMALL)


def gain(played: Rollouts) -> np.ndarray:
    return exact_posterior(played.x, played.y).gain


def test_the_task_and_the_kernels_share_one_formula() -> None:
    x, theta = torch.rand(2, 50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_allclose(signal(((x - theta) ** 2).sum(-1).numpy()), log_intensity(x, theta).numpy(), rtol=1e-12)


def test_zoomed_posterior_agrees_with_a_dense_grid(at_random: Rollouts) -> None:
    side = (np.arange(600) + 0.5) / 600
    dense = np.stack(np.meshgrid(side, side, indexing="ij"), -1).reshape(1, -1, 2)
    for row in range(4):
        x, y = at_random.x[row : row + 1], at_random.y[row : row + 1]
        likelihood = np.exp(log_likelihood(x, y, dense)[0])
        p = likelihood / likelihood.sum()
        brute = (p * np.log(np.maximum(p, 1e-300) * dense.shape[1])).sum()
        assert_allclose(exact_posterior(x, y).gain[0], brute, atol=0.01)
        assert_allclose(exact_posterior(x, y).log_evidence[0], np.log(likelihood.mean()), atol=0.01)


def test_exact_log_density_at_the_truth_is_the_gain_on_average(adaptive: Rollouts) -> None:
    difference = log_posterior(adaptive.x, adaptive.y, adaptive.theta) - gain(adaptive)
    assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(len(difference))


def test_spce_is_the_exact_gain_where_contrasts_are_many(at_random: Rollouts) -> None:
    bound = spce(at_random.x, at_random.y, at_random.theta, contrasts=100_000, seed=0)
    exact = log_posterior(at_random.x, at_random.y, at_random.theta)
    assert_allclose(bound, exact, atol=0.15)
    assert_allclose(bound.mean(), exact.mean(), atol=0.02)


def test_spce_skips_nothing_that_matters(adaptive: Rollouts) -> None:
    contrasts = np.random.default_rng(5).random((1, 4000, 2))
    own = log_likelihood(adaptive.x, adaptive.y, adaptive.theta[:, None])
    every = np.concatenate([own, log_likelihood(adaptive.x, adaptive.y, np.repeat(contrasts, len(own), 0))], 1)
    brute = own[:, 0] - np.logaddexp.reduce(every, 1) + math.log(4001)
    assert_allclose(spce(adaptive.x, adaptive.y, adaptive.theta, 4000, seed=5), brute, atol=1e-9)


@pytest.mark.parametrize("answers", [1, 2, 5, 12, 30])
def test_a_belief_is_the_posterior_at_its_points(adaptive: Rollouts, answers: int) -> None:
    x, y = adaptive.x[:, :answers], adaptive.y[:, :answers]
    beliefs = believe(x, y)
    likelihood = log_likelihood(x, y, beliefs.points())
    inside = ((beliefs.points() >= 0) & (beliefs.points() <= 1)).all(-1)
    expected = np.where(inside, np.exp(likelihood - likelihood.max(1, keepdims=True)), 0)
    expected /= expected.sum(1, keepdims=True)
    assert_allclose(beliefs.weight, expected, atol=1e-9)


def test_late_beliefs_have_the_moments_of_the_exact_posterior(adaptive: Rollouts) -> None:
    exact, beliefs = exact_posterior(adaptive.x, adaptive.y), believe(adaptive.x, adaptive.y)
    mean = (exact.weight[..., None] * exact.points()).sum((1, 2))
    off = exact.points() - mean[:, None, None]
    covariance = np.einsum("bij,bijk,bijl->bkl", exact.weight, off, off)
    points = beliefs.points()
    found = (beliefs.weight[..., None] * points).sum(1)
    off = points - found[:, None]
    sd = np.sqrt(np.trace(covariance, axis1=1, axis2=2))
    assert (np.linalg.norm(found - mean, axis=1) < 0.02 * sd).all()
    spread = np.einsum("bi,bik,bil->bkl", beliefs.weight, off, off)
    assert_allclose(np.trace(spread, axis1=1, axis2=2), sd**2, rtol=0.03)


def test_a_signal_that_no_place_explains_still_gives_a_belief() -> None:
    beliefs = believe(np.array([[[0.5, 0.5]]]), np.array([[-6.0]]))
    assert_allclose(beliefs.weight.sum(), 1)
    assert np.isfinite(beliefs.points()).all()


@pytest.mark.parametrize("answers", [1, 4, 20])
def test_beliefs_turn_with_the_square(adaptive: Rollouts, answers: int) -> None:
    x, y = adaptive.x[:, :answers], adaptive.y[:, :answers]
    mirrored = np.stack([x[..., 1], 1 - x[..., 0]], -1)
    here, there = believe(x, y), believe(mirrored, y)
    gain_here, _ = expected_gains(here, x[:, :1] * 0.9)
    gain_there, _ = expected_gains(there, np.stack([x[:, :1, 1] * 0.9, 1 - x[:, :1, 0] * 0.9], -1))
    assert_allclose(gain_here.mean(), gain_there.mean(), atol=0.02)
    assert_allclose(np.median(np.abs(gain_here - gain_there)), 0, atol=0.01)


def test_training_symmetries_keep_what_a_query_tells(adaptive: Rollouts) -> None:
    beliefs = believe(adaptive.x[:, :4], adaptive.y[:, :4])
    seen = turned(beliefs, np.random.default_rng(0))
    offsets = np.random.default_rng(1).standard_normal((len(beliefs.mean), 3, 2))
    assert_allclose(climbed(beliefs, offsets)[0].numpy(), climbed(seen, offsets)[0].numpy(), atol=1e-5)
    assert (seen.points()[beliefs.weight > 0] >= -1e-9).all()


def test_expected_gain_is_the_mutual_information_by_brute_force(adaptive: Rollouts) -> None:
    beliefs = believe(adaptive.x[:3, :5], adaptive.y[:3, :5])
    x = np.random.default_rng(0).random((3, 4, 2))
    gains, _ = expected_gains(beliefs, x)
    y = np.linspace(-8, 16, 4000)
    for row in range(3):
        for query in range(4):
            f = signal(((x[row, query] - beliefs.points()[row]) ** 2).sum(-1))
            normal = np.exp(-0.5 * ((y[:, None] - f) / NOISE) ** 2) / (NOISE * math.sqrt(2 * math.pi))
            p = normal @ beliefs.weight[row]
            entropy = -(p * np.log(np.maximum(p, 1e-300))).sum() * (y[1] - y[0])
            brute = entropy - 0.5 * math.log(2 * math.pi * math.e * NOISE**2)
            assert_allclose(gains[row, query], brute, atol=0.01)


def test_the_gradient_of_the_gain_points_uphill(adaptive: Rollouts) -> None:
    beliefs = believe(adaptive.x[:, :10], adaptive.y[:, :10])
    x = np.clip(beliefs.mean[:, None] + np.random.default_rng(0).normal(0, 0.05, (len(beliefs.mean), 4, 2)), 0, 1)
    before, gradient = expected_gains(beliefs, x)
    steep = np.linalg.norm(gradient, axis=-1) > 0.5
    step = 1e-3 * gradient / np.linalg.norm(gradient, axis=-1, keepdims=True)
    after, _ = expected_gains(beliefs, x + step)
    assert (after > before)[steep].mean() > 0.95


def test_a_mixture_is_a_density(net: Finder, adaptive: Rollouts) -> None:
    beliefs = believe(adaptive.x[:, :6], adaptive.y[:, :6])
    side = torch.linspace(-14, 14, 700)
    u = torch.cartesian_prod(side, side).expand(len(beliefs.mean), -1, -1)[:5]
    with torch.no_grad():
        density = net.outlook(beliefs.take(slice(0, 5)), 6).posterior.log_density(u).exp()
    assert_allclose((density.sum(1) * (side[1] - side[0]) ** 2).numpy(), 1, atol=0.01)


def test_a_decision_is_a_point_of_the_square_and_a_posterior_there(net: Finder, adaptive: Rollouts) -> None:
    for answers in (1, 3, 30):
        decision = decide(net, adaptive.x[0, :answers], adaptive.y[0, :answers])
        assert decision.query.shape == (2,)
        assert ((decision.query >= 0) & (decision.query <= 1)).all()
        weight, mean, covariance = decision.components()
        off = adaptive.theta[0] - mean
        square = np.einsum("ki,kij,kj->k", off, np.linalg.inv(covariance), off)
        density = weight * np.exp(-0.5 * square) / (2 * np.pi * np.sqrt(np.linalg.det(covariance)))
        stated = log_densities(net, decision.beliefs, answers, adaptive.theta[:1])[0]
        assert_allclose(np.log(density.sum() + decision.reserve), stated, atol=1e-3)


def test_rules_stay_in_the_square_and_a_pool_is_not_asked_twice(net: Finder) -> None:
    for rule in (LearnedPlaces(net), LearnedPlaces(net, checked=True), GreedyPlaces(), RandomPlaces(), GreedyAmong(50)):
        played = roll_out(rule, 10, (6,), horizon=12)
        assert ((played.x >= 0) & (played.x <= 1)).all()
    assert all(len(np.unique(x, axis=0)) == 12 for x in played.x)


def test_a_seed_repeats_training() -> None:
    weights = [train(Practice(Budget(rounds=1), size=SMALL.size, episodes=4, batches=2, batch=16)) for _ in range(2)]
    for ours, again in zip(*(one.state_dict().values() for one in weights), strict=True):
        assert torch.equal(ours, again)


def test_training_needs_an_end() -> None:
    with pytest.raises(ValueError, match="give rounds or minutes"):
        Budget()


@pytest.mark.slow
def test_a_short_training_comes_near_greedy_and_states_the_exact_posterior() -> None:
    net = train(Practice(Budget(rounds=12)))
    ours, greedy, blind = (roll_out(rule, 60, (9,)) for rule in (LearnedPlaces(net), GreedyPlaces(), RandomPlaces()))
    difference = gain(ours) - gain(greedy)
    assert difference.mean() > -0.05 - 2 * difference.std() / math.sqrt(60)
    assert gain(ours).mean() > gain(blind).mean() + 4
    off = log_posterior(ours.x, ours.y, ours.theta) - log_densities(net, believe(ours.x, ours.y), 30, ours.theta)
    assert abs(off.mean()) < 0.05 + 2 * off.std() / math.sqrt(60)


@pytest.mark.slow
def test_the_published_training_runs_on_the_generic_network() -> None:
    budget = Budget(rounds=4)
    net = published.train(published.PublishedSettings(budget, batch=4, pool=20, warm_up=0.5))
    played, stated = published.play(net, 5, 40, (1,))
    assert played.x.shape == (5, 30, 2)
    assert np.isfinite(stated).all()
