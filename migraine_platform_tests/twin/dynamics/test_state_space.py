"""EM finds the model that made the days, and its forecasts hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from migraine_platform.twin.data.channels import CHANNELS, CONTEXT, Scales, StandardDays
from migraine_platform.twin.dynamics.kalman import DayDynamics, filter_days
from migraine_platform.twin.dynamics.state_space import ahead, filter_histories, fit, inputs_of
from migraine_platform_tests.twin.conftest import everybody, simulated
from migraine_platform_tests.twin.drawn import covariance, draw, dynamics_of

ROUNDING = 1e-10
"""Of a mean log-likelihood: sums of 2,000 terms of size one, each to 1e-16, with room for the smoother's solves."""

WIDTH = norm.ppf(0.95)
PERSISTENT = DayDynamics(
    phi=np.array([0.85, 0.7, -0.6]),
    noise=np.array([[0.4, 0.2, 0.0], [0.2, 0.6, -0.2], [0.0, -0.2, 0.8]]),
    error=np.array([0.3, 0.2, 0.3]),
    between=np.array([[0.4, 0.1, 0.0], [0.1, 0.3, 0.1], [0.0, 0.1, 0.2]]),
    effect=np.array([[0.5, 0.2, -0.3], [0.0, 0.4, 0.0], [-0.6, 0.0, 0.2]]),
    pain=0.2,
)


@pytest.mark.parametrize("days", [4, 60])
@pytest.mark.parametrize("seed", range(4))
def test_em_never_lowers_the_likelihood(seed: int, days: int) -> None:
    """Channels persist unlike each other under correlated noise, and short lives make the start count."""
    rng = np.random.default_rng(seed)
    truth = dynamics_of(rng, 3)._replace(noise=covariance(rng, 3, 0.5), error=np.full(3, 0.05))
    _, attack_history = fit(draw(rng, truth, 240 // days, days, 0.1).days, 60)
    assert np.diff(attack_history).min() > -ROUNDING
    assert attack_history[-1] > attack_history[0]


def test_em_never_lowers_the_likelihood_of_recorded_diaries(histories) -> None:
    _, attack_history = fit(Scales.of(histories).standard(histories), 12)
    assert np.diff(attack_history).min() > -ROUNDING


def test_em_finds_the_parameters() -> None:
    """Mean of 8 cohorts' estimates against the truth, in its own standard error.

    A |t| of 7 degrees of freedom beyond 8 has probability 9e-5, and 27 numbers make 0.2 %. EM is slow where error and
    noise are told apart: after 60 steps those numbers lie within 3 standard errors of where 250 steps take them.
    """
    found = [fit(draw(np.random.default_rng(seed), PERSISTENT, 50, 40, 0.2).days, 60)[0] for seed in range(8)]
    for name in ("phi", "noise", "error", "between", "effect"):
        estimates = np.stack([getattr(one, name) for one in found])
        error = estimates.std(axis=0, ddof=1) / np.sqrt(len(found))
        assert np.all(np.abs(estimates.mean(axis=0) - getattr(PERSISTENT, name)) < 8 * error), name
        assert estimates.std(axis=0).max() < 0.12, name  # so that the comparison above means something


def test_the_fitted_model_is_likelier_than_the_true_one() -> None:
    """On the days that it was fitted to, a maximum is at least as high as any point, the truth included."""
    drawn = draw(np.random.default_rng(1), PERSISTENT, 60, 40, 0.2)
    _, attack_history = fit(drawn.days, 60)
    at_truth = filter_histories(PERSISTENT, drawn.days).log_likelihood.sum() / drawn.days.seen.sum()
    assert attack_history[-1] > at_truth


def test_em_may_begin_at_any_model() -> None:
    drawn = draw(np.random.default_rng(2), PERSISTENT, 60, 30, 0.2)
    start, _ = fit(drawn.days, 5)
    _, whole = fit(drawn.days, 9)
    _, rest = fit(drawn.days, 4, start)
    assert_allclose(rest, whole[5:], rtol=1e-12)


def test_days_before_the_first_teach_nothing() -> None:
    """A patient who begins later gives the same estimates as one whose empty days were never there."""
    drawn = draw(np.random.default_rng(3), PERSISTENT, 20, 20, 0.1).days
    pad = ((0, 0), (5, 0), (0, 0))
    late = StandardDays(
        np.pad(drawn.z, pad),
        np.pad(drawn.seen, pad),
        np.pad(drawn.context, pad),
        np.pad(drawn.context_seen, pad),
        np.full(20, 5),
    )
    for one, other in zip(fit(drawn, 6)[0], fit(late, 6)[0], strict=True):
        assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_people_of_one_day_do_not_break_the_fit() -> None:
    drawn = draw(np.random.default_rng(4), PERSISTENT, 40, 1, 0.1)
    dynamics, attack_history = fit(drawn.days, 5)
    assert all(np.all(np.isfinite(part)) for part in dynamics)
    assert np.diff(attack_history).min() > -ROUNDING


def test_the_inputs_are_todays_and_yesterdays_pain_and_the_weekend() -> None:
    context = np.zeros((1, 4, len(CONTEXT)))
    context[0, :, CONTEXT.index("migraine_by_evening")] = [1, 0, 0, 1]
    context[0, :, CONTEXT.index("weekend_today")] = [0, 0, 1, 1]
    known = np.ones(context.shape, dtype=bool)
    known[0, 2, :3] = False
    blank = np.zeros((1, 4, 2))
    inputs, doubt = inputs_of(StandardDays(blank, blank > 0, context, known, np.zeros(1, dtype=np.int64)), 0.2)
    assert_array_equal(inputs[0], [[1, 0.2, 0], [0, 1, 0], [0.2, 0, 1], [1, 0.2, 1]])
    assert_array_equal(doubt[0], [False, False, True, False])


@pytest.mark.parametrize("seed", range(5))
def test_a_forecast_is_the_filter_with_nothing_recorded(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dynamics = dynamics_of(rng, 4)
    drawn = draw(rng, dynamics, 3, 30)
    past, future = filter_histories(dynamics, drawn.days), draw(rng, dynamics, 3, 10).inputs
    nothing = np.zeros((3, 10, 4))
    quiet = filter_days(dynamics, nothing, nothing > 0, future, future[..., 0] < 0, past.beliefs)
    mean, variance = ahead(dynamics, past.beliefs, future)
    assert_allclose(mean, quiet.mean, rtol=1e-9, atol=1e-12)
    assert_allclose(variance, quiet.variance, rtol=1e-9)


def test_a_forecast_far_ahead_is_the_persons_level() -> None:
    """After 400 days phi^400 is nothing: mean l + D v, variance that of l, of x for all time, and the error."""
    rng = np.random.default_rng(6)
    dynamics = dynamics_of(rng, 3)
    beliefs = filter_histories(dynamics, draw(rng, dynamics, 2, 20).days).beliefs
    mean, variance = ahead(dynamics, beliefs, np.zeros((2, 400, 3)))
    assert_allclose(mean[:, -1], beliefs.mean[:, :3], rtol=1e-7)
    usual = np.diag(dynamics.start())[3:] + dynamics.error
    assert_allclose(variance[:, -1], np.diagonal(beliefs.covariance, axis1=1, axis2=2)[:, :3] + usual, rtol=1e-7)


def test_the_last_day_before_the_first_tells_of_yesterdays_pain() -> None:
    """`first` keeps the evening before in view, so that an update goes on as if there had been no break."""
    drawn = draw(np.random.default_rng(7), PERSISTENT, 4, 12, 0.2).days
    whole = filter_histories(PERSISTENT, drawn)
    before = filter_histories(
        PERSISTENT, StandardDays(**{k: v[:, :8] for k, v in vars(drawn).items() if k != "begun"}, begun=drawn.begun)
    )
    later = filter_histories(PERSISTENT, drawn.since(7), before.beliefs, first=1)
    assert_allclose(before.then(later).mean, whole.mean, rtol=1e-12)
    assert_allclose(later.beliefs.covariance, whole.beliefs.covariance, rtol=1e-12)


@pytest.fixture(scope="module")
def unseen(settings, features, calibration) -> tuple[DayDynamics, StandardDays]:
    """A model of 120 simulated patients, and 80 others whom it has not seen."""
    both = everybody(simulated(settings, features, calibration, 200, 70)["measured.patient_days"])
    mine, others = both.of(slice(0, 120)), both.of(slice(120, None))
    scales = Scales.of(mine)
    return fit(scales.standard(mine), 10)[0], scales.standard(others)


def test_forecasts_of_unseen_patients_hold_what_they_promise(unseen) -> None:
    """90 % intervals of tomorrow's channels, given what tomorrow's diary says of pain: 87 to 93 % in every channel.

    At least 2,500 recorded days a channel: a standard error of 0.6 points, somewhat more for what the days of one
    person have in common.
    """
    dynamics, days = unseen
    inputs, doubt = inputs_of(days, dynamics.pain)
    found = filter_histories(dynamics, days)
    mean = found.next_mean[:, :-1] + inputs[:, 1:] @ dynamics.effect.T
    reported = days.seen[:, 1:] & ~doubt[:, 1:, None]
    held = np.abs(days.z[:, 1:] - mean) <= WIDTH * np.sqrt(found.next_variance[:, :-1])
    for c, name in enumerate(CHANNELS):
        share = held[..., c][reported[..., c]].mean()
        assert reported[..., c].sum() > 2500
        assert 0.87 <= share <= 0.93, (name, share)


def test_surprises_of_unseen_patients_have_unit_variance(unseen) -> None:
    """In every channel within 12 %: a variance of 4,000 days has a standard error of 2.2 %; lives are not linear."""
    dynamics, days = unseen
    found = filter_histories(dynamics, days)
    for c, name in enumerate(CHANNELS):
        surprise = found.innovation[..., c][days.seen[..., c]]
        assert abs(surprise.mean()) < 0.1, name
        assert 0.88 < surprise.var() < 1.12, (name, surprise.var())
