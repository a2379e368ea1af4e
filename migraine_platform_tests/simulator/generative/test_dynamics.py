from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.linalg import expm

from migraine_platform.simulator.generative.dynamics import DynamicsError, LatentDynamics, simulate_steps, to_hourly


@st.composite
def processes(draw: st.DrawFn) -> LatentDynamics:
    """Daily processes that some hourly process makes: A = expm(-stable), Q summed up from an hourly covariance."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    size = draw(st.integers(1, 5))
    rates = rng.normal(size=(size, size)) * 0.3
    generator = -(rates @ rates.T + np.diag(rng.uniform(0.2, 1.0, size)))
    root = rng.normal(size=(size, size))
    fine = expm(generator / 24)
    powers = [np.linalg.matrix_power(fine, k) for k in range(24)]
    noise = sum(power @ (root @ root.T) @ power.T for power in powers)
    return LatentDynamics(expm(generator), rng.normal(size=(size, 3)), noise)


@given(processes())
def test_24_hourly_steps_have_the_daily_mean_and_covariance(daily: LatentDynamics) -> None:
    hourly = to_hourly(daily)
    powers = [np.linalg.matrix_power(hourly.A, k) for k in range(24)]
    assert_allclose(np.linalg.matrix_power(hourly.A, 24), daily.A, atol=1e-9)
    assert_allclose(sum(powers) @ hourly.B, daily.B, atol=1e-9)
    assert_allclose(sum(p @ hourly.Q @ p.T for p in powers), daily.Q, rtol=1e-8, atol=1e-9)


def test_simulated_hours_add_up_to_the_configured_day(settings) -> None:
    """20,000 days in hours: mean and covariance of the day within five standard errors."""
    daily = LatentDynamics.daily(settings.simulator.latent)
    hourly = to_hourly(daily)
    rng, count = np.random.default_rng(3), 20_000
    start, inputs = rng.normal(size=4) * 0.2, rng.uniform(-1, 1, size=daily.B.shape[1])
    noise = rng.standard_normal((count, 24, 4))
    end = simulate_steps(hourly, np.tile(start, (count, 1)), np.tile(inputs, (count, 1)), 24, noise)[:, -1]
    sd = np.sqrt(np.diag(daily.Q))
    assert np.all(np.abs(end.mean(axis=0) - (daily.A @ start + daily.B @ inputs)) < 5 * sd / np.sqrt(count))
    assert np.all(np.abs(np.cov(end.T) - daily.Q) < 5 * np.outer(sd, sd) * np.sqrt(2 / count))


def test_the_root_of_a_singular_covariance_is_exact() -> None:
    q = np.outer([1.0, 2.0], [1.0, 2.0])
    root = LatentDynamics(np.eye(2) / 2, np.zeros((2, 1)), q).root()
    assert_allclose(root @ root.T, q, atol=1e-12)


def test_the_stationary_covariance_solves_its_equation(settings) -> None:
    daily = LatentDynamics.daily(settings.simulator.latent)
    sigma = daily.stationary()
    assert_allclose(daily.A @ sigma @ daily.A.T + daily.Q, sigma, atol=1e-12)


@pytest.mark.parametrize(
    ("a", "q", "message"),
    [
        (np.diag([0.5, -0.3]), np.eye(2), r"latent\.A: eigenvalue -0\.3 has no real root of order 24"),
        (np.diag([0.5, 0.0]), np.eye(2), r"latent\.A: eigenvalue 0 has no real root"),
        (
            np.array([[0.9, 0.8], [0.0, 0.1]]),
            np.diag([1e-6, 1.0]),
            r"latent\.Q: the hourly noise would have a variance of -",
        ),
    ],
)
def test_a_process_without_hours_is_refused(a: np.ndarray, q: np.ndarray, message: str) -> None:
    with pytest.raises(DynamicsError, match=message):
        to_hourly(LatentDynamics(a, np.zeros((2, 1)), q))
