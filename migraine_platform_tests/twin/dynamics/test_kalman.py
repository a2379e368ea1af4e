"""The recursions against statsmodels, and against what they say of themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chi2

from migraine_platform.twin.dynamics.kalman import FilteredStates, StateBeliefs, filter_days, first_beliefs, smooth
from migraine_platform_tests.twin.drawn import Drawn, draw, dynamics_of, statsmodels_smoother

seeds = st.integers(0, 2**32 - 1)


def certain(drawn: Drawn) -> np.ndarray:
    return np.zeros(drawn.inputs.shape[:2], dtype=bool)


def filtered(dynamics, drawn: Drawn, beliefs: StateBeliefs | None = None, since: int = 0, until: int | None = None):
    part = slice(since, until)
    days = drawn.days
    return filter_days(
        dynamics, days.z[:, part], days.seen[:, part], drawn.inputs[:, part], certain(drawn)[:, part], beliefs
    )


def random_case(seed: int, channels: int, days: int, missing: float, patients: int = 1):
    rng = np.random.default_rng(seed)
    dynamics = dynamics_of(rng, channels)
    return dynamics, draw(rng, dynamics, patients, days, missing)


@settings(max_examples=25)
@given(seeds, st.integers(1, 4), st.integers(1, 15), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_the_filter_agrees_with_statsmodels(seed: int, channels: int, days: int, missing: float) -> None:
    dynamics, drawn = random_case(seed, channels, days, missing)
    ours, theirs = filtered(dynamics, drawn), statsmodels_smoother(dynamics, drawn, 0)
    design = np.hstack([np.eye(channels), np.eye(channels)])
    shift = drawn.inputs[0] @ dynamics.effect.T
    now = np.einsum("ci,ijk,cj->kc", design, theirs.filtered_state_cov, design)
    following = np.einsum("ci,ijk,cj->kc", design, theirs.predicted_state_cov[..., 1:], design)
    assert_allclose(ours.log_likelihood[0], theirs.llf_obs, rtol=1e-6, atol=1e-9)
    assert_allclose(ours.mean[0], theirs.filtered_state.T @ design.T + shift, rtol=1e-6, atol=1e-9)
    assert_allclose(ours.variance[0], np.where(drawn.days.seen[0], now, now + dynamics.error), rtol=1e-6)
    assert_allclose(ours.level[0], theirs.filtered_state[:channels].T, rtol=1e-6, atol=1e-9)
    assert_allclose(ours.next_mean[0], theirs.predicted_state[:, 1:].T @ design.T, rtol=1e-6, atol=1e-9)
    assert_allclose(ours.next_variance[0], following + dynamics.error, rtol=1e-6)
    passing = design * np.concatenate([np.ones(channels), dynamics.phi])
    shared = np.einsum("ci,ijk,cj->kc", design, theirs.filtered_state_cov, passing)
    assert_allclose(ours.next_covariance[0], shared, rtol=1e-6, atol=1e-9)
    assert_allclose(ours.shift[0], shift, rtol=1e-9, atol=1e-12)
    assert_allclose(ours.beliefs.mean[0], theirs.filtered_state[:, -1], rtol=1e-6, atol=1e-9)
    assert_allclose(ours.beliefs.covariance[0], theirs.filtered_state_cov[..., -1], rtol=1e-6, atol=1e-9)


@settings(max_examples=25)
@given(seeds, st.integers(1, 4), st.integers(1, 15), st.sampled_from([0.0, 0.3, 0.7, 1.0]))
def test_the_smoother_agrees_with_statsmodels(seed: int, channels: int, days: int, missing: float) -> None:
    dynamics, drawn = random_case(seed, channels, days, missing)
    ours = smooth(dynamics, drawn.days.z[0], drawn.days.seen[0], drawn.inputs[0])
    theirs = statsmodels_smoother(dynamics, drawn, 0)
    assert_allclose(ours.mean, theirs.smoothed_state.T, rtol=1e-6, atol=1e-9)
    assert_allclose(ours.covariance, np.moveaxis(theirs.smoothed_state_cov, 2, 0), rtol=1e-6, atol=1e-9)
    lagged = np.moveaxis(theirs.smoothed_state_autocov, 2, 0)
    assert_array_equal(ours.lagged[0], 0)
    assert_allclose(ours.lagged[1:], lagged[: days - 1], rtol=1e-6, atol=1e-9)


def test_a_single_day_agrees_with_conditioning_a_gaussian_vector() -> None:
    """Of a first day: state and recorded channels are jointly Gaussian, and nothing else is needed."""
    dynamics, drawn = random_case(3, 4, 1, 0.4)
    seen = drawn.days.seen[0, 0]
    design = np.hstack([np.eye(4), np.eye(4)])[seen]
    prior = dynamics.start()
    spread = design @ prior @ design.T + np.diag(dynamics.error[seen])
    gain = np.linalg.solve(spread, design @ prior).T
    surprise = drawn.days.z[0, 0, seen] - (dynamics.effect @ drawn.inputs[0, 0])[seen]
    found = filtered(dynamics, drawn)
    assert 0 < seen.sum() < 4
    assert_allclose(found.beliefs.mean[0], gain @ surprise, rtol=1e-9)
    assert_allclose(found.beliefs.covariance[0], prior - gain @ design @ prior, rtol=1e-9, atol=1e-12)


def test_a_long_history_tells_the_level() -> None:
    """Squared distances of 100 true levels, in the belief's own metric, add up to chi-squared; false alarm 2e-6."""
    dynamics, drawn = random_case(5, 2, 400, 0.3, patients=100)
    beliefs = filtered(dynamics, drawn).beliefs
    off = (drawn.state[:, -1] - beliefs.mean)[:, :2]
    own = beliefs.covariance[:, :2, :2]
    distance = np.einsum("pi,pij,pj->", off, np.linalg.inv(own), off)
    assert chi2.ppf(1e-6, 200) < distance < chi2.ppf(1 - 1e-6, 200)
    # No worse than the mean of the recorded days; a fifth is allowed for gaps that lie unevenly.
    usual, own_days = np.diag(dynamics.start())[2:], drawn.days.seen.sum(axis=1)
    mean_of_days = (usual + dynamics.error) / own_days + usual * 2 * dynamics.phi / (1 - dynamics.phi) / 400
    assert np.all(np.diagonal(own, axis1=1, axis2=2) < 1.2 * mean_of_days)
    early = filtered(dynamics, drawn, until=5).level[:, -1]
    assert np.mean(off**2) < 0.5 * np.mean((early - drawn.state[:, -1, :2]) ** 2)


def test_a_day_without_a_record_moves_time_alone() -> None:
    dynamics, drawn = random_case(7, 3, 9, 0.2, patients=2)
    drawn.days.seen[:, -1] = False
    before, after = filtered(dynamics, drawn, until=8), filtered(dynamics, drawn)
    passing = np.concatenate([np.ones(3), dynamics.phi])
    noise = np.zeros((6, 6))
    noise[3:, 3:] = dynamics.noise
    assert_allclose(after.beliefs.mean, before.beliefs.mean * passing, rtol=1e-12)
    expected = before.beliefs.covariance * np.outer(passing, passing) + noise
    assert_allclose(after.beliefs.covariance, expected, rtol=1e-12)
    assert_array_equal(after.level[:, -1], before.level[:, -1])
    assert_array_equal(after.log_likelihood[:, -1], 0)
    assert_array_equal(after.innovation[:, -1], 0)


def test_nobody_is_known_before_his_first_record() -> None:
    """The process is stationary: days before the first record leave the belief where it began."""
    dynamics, drawn = random_case(8, 3, 30, 1.0)
    found, first = filtered(dynamics, drawn).beliefs, first_beliefs(dynamics, 1)
    assert_array_equal(found.mean, first.mean)
    assert_allclose(found.covariance, first.covariance, rtol=1e-12)


def test_what_is_not_seen_is_not_read() -> None:
    dynamics, drawn = random_case(9, 3, 12, 0.5, patients=3)
    other = drawn._replace(days=replace(drawn.days, z=np.where(drawn.days.seen, drawn.days.z, 1e6)))
    for name in ("mean", "variance", "next_mean", "log_likelihood", "innovation"):
        assert_array_equal(getattr(filtered(dynamics, other), name), getattr(filtered(dynamics, drawn), name))


def assert_same(one: FilteredStates, other: FilteredStates, rtol: float) -> None:
    for name in FilteredStates._fields[:-1]:
        assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol, atol=rtol, err_msg=name)
    for name in StateBeliefs._fields:
        assert_allclose(getattr(one.beliefs, name), getattr(other.beliefs, name), rtol=rtol, atol=rtol, err_msg=name)


def in_doubt(seed: int, patients: int, days: int):
    """Days of which a third may or may not have been days of pain."""
    dynamics, drawn = random_case(seed, 4, days, 0.3, patients)
    doubt = np.random.default_rng(seed).random((patients, days)) < 0.3
    inputs = drawn.inputs.copy()
    inputs[..., 0] = np.where(doubt, dynamics.pain, inputs[..., 0])
    return dynamics, drawn.days, inputs, doubt


def test_day_by_day_is_one_pass() -> None:
    dynamics, days, inputs, doubt = in_doubt(11, 3, 20)
    whole = filter_days(dynamics, days.z, days.seen, inputs, doubt)
    bit = [slice(k, k + 1) for k in range(20)]
    found = filter_days(dynamics, days.z[:, bit[0]], days.seen[:, bit[0]], inputs[:, bit[0]], doubt[:, bit[0]])
    for k in bit[1:]:
        found = found.then(
            filter_days(dynamics, days.z[:, k], days.seen[:, k], inputs[:, k], doubt[:, k], found.beliefs)
        )
    assert_same(found, whole, 1e-9)


def test_an_update_leaves_the_beliefs_that_it_began_with_alone() -> None:
    dynamics, drawn = random_case(12, 2, 6, 0.2)
    begun = filtered(dynamics, drawn, until=3).beliefs
    mean, spread = begun.mean.copy(), begun.covariance.copy()
    filtered(dynamics, drawn, begun, since=3)
    assert_array_equal(begun.mean, mean)
    assert_array_equal(begun.covariance, spread)


def test_patients_together_are_patients_alone() -> None:
    """70 patients are shared out between threads where there are several cores."""
    dynamics, days, inputs, doubt = in_doubt(13, 70, 8)
    together = filter_days(dynamics, days.z, days.seen, inputs, doubt)
    for i in (0, 34, 35, 69):
        own = slice(i, i + 1)
        alone = filter_days(dynamics, days.z[own], days.seen[own], inputs[own], doubt[own])
        for name in FilteredStates._fields[:-1]:
            assert_array_equal(getattr(alone, name)[0], getattr(together, name)[i])
        assert_array_equal(alone.beliefs.covariance[0], together.beliefs.covariance[i])


@settings(max_examples=25)
@given(seeds, st.integers(1, 4), st.integers(1, 8), st.floats(0.01, 0.99))
def test_doubt_weighs_both_ordinary_filters(seed: int, channels: int, days: int, chance: float) -> None:
    """The last day's pain is in doubt: its ratio, likelihood and mean follow from the filters that know."""
    dynamics, drawn = random_case(seed, channels, days, 0.3)
    inputs = [drawn.inputs.copy() for _ in range(3)]
    for own, pain in zip(inputs, (0.0, 1.0, chance), strict=True):
        own[:, -1, 0] = pain
    doubt = certain(drawn)
    without, with_pain = (filter_days(dynamics, drawn.days.z, drawn.days.seen, own, doubt) for own in inputs[:2])
    doubt[:, -1] = True
    mixed = filter_days(dynamics, drawn.days.z, drawn.days.seen, inputs[2], doubt)
    ratio = with_pain.log_likelihood[0, -1] - without.log_likelihood[0, -1]
    weight = chance * np.exp(ratio) / (1 - chance + chance * np.exp(ratio))
    assert_allclose(mixed.pain[0, -1], ratio, rtol=1e-8, atol=1e-9)
    assert_array_equal(mixed.pain[0, :-1], 0)
    total = np.log(1 - chance + chance * np.exp(ratio)) + without.log_likelihood[0, -1]
    assert_allclose(mixed.log_likelihood[0, -1], total, rtol=1e-8, atol=1e-9)
    for name in ("mean", "level", "next_mean"):
        both = weight * getattr(with_pain, name)[0, -1] + (1 - weight) * getattr(without, name)[0, -1]
        assert_allclose(getattr(mixed, name)[0, -1], both, rtol=1e-7, atol=1e-9, err_msg=name)
    both = weight * with_pain.beliefs.mean + (1 - weight) * without.beliefs.mean
    assert_allclose(mixed.beliefs.mean, both, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("pain", [0.0, 1.0])
def test_doubt_of_what_is_certain_is_no_doubt(pain: float) -> None:
    dynamics, drawn = random_case(17, 3, 10, 0.3, patients=2)
    drawn.inputs[..., 0] = pain
    every = ~certain(drawn)
    doubtful = filter_days(dynamics, drawn.days.z, drawn.days.seen, drawn.inputs, every)
    plain = filtered(dynamics, drawn)
    assert_allclose(doubtful.mean, plain.mean, rtol=1e-9, atol=1e-9)
    assert_allclose(doubtful.log_likelihood, plain.log_likelihood, rtol=1e-9, atol=1e-9)


def test_pain_that_leaves_no_trace_in_the_channels_cannot_be_told() -> None:
    dynamics, days, inputs, doubt = in_doubt(19, 2, 10)
    effect = dynamics.effect.copy()
    effect[:, 0] = 0
    found = filter_days(dynamics._replace(effect=effect), days.z, days.seen, inputs, doubt)
    assert_array_equal(found.pain, 0)
