"""Models of days at random, days drawn from them, and statsmodels' filter of the same model."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from statsmodels.tsa.statespace.kalman_smoother import KalmanSmoother

from migraine_platform.twin.data.channels import CONTEXT, StandardDays
from migraine_platform.twin.dynamics.kalman import DayDynamics
from migraine_platform.twin.dynamics.state_space import INPUTS, inputs_of


class Drawn(NamedTuple):
    """P patients' K days, and the hidden state that made them."""

    days: StandardDays
    inputs: NDArray[np.float64]
    state: NDArray[np.float64]
    """[P, K, 2C] (l, x)"""


def covariance(rng: np.random.Generator, size: int, scale: float = 1.0) -> NDArray[np.float64]:
    """Variances of `scale`, correlations of any size."""
    root = rng.normal(size=(size, size + 1))
    raw = root @ root.T
    return scale * raw / np.sqrt(np.outer(np.diag(raw), np.diag(raw)))


def dynamics_of(rng: np.random.Generator, channels: int) -> DayDynamics:
    """Any model."""
    return DayDynamics(
        phi=rng.uniform(-0.5, 0.95, channels),
        noise=covariance(rng, channels, 0.5),
        error=rng.uniform(0.02, 0.5, channels),
        between=covariance(rng, channels, 0.4),
        effect=rng.normal(0, 0.5, (channels, len(INPUTS))),
        pain=0.2,
    )


def draw(rng: np.random.Generator, dynamics: DayDynamics, patients: int, days: int, missing: float = 0.3) -> Drawn:
    """Days as kalman.py's docstring says; migraine on a fifth of them, and never in doubt."""
    channels = len(dynamics.phi)
    context = np.zeros((patients, days, len(CONTEXT)))
    context[..., CONTEXT.index("migraine_by_evening")] = rng.random((patients, days)) < 0.2
    context[..., CONTEXT.index("weekend_today")] = np.arange(days) % 7 >= 5
    always = np.ones(context.shape, dtype=bool)
    seen = rng.random((patients, days, channels)) >= missing
    blank = StandardDays(np.zeros(seen.shape), seen, context, always, np.zeros(patients, dtype=np.int64))
    inputs, _ = inputs_of(blank, dynamics.pain)
    zero = np.zeros(channels)
    level = rng.multivariate_normal(zero, dynamics.between, patients)
    x = rng.multivariate_normal(zero, dynamics.noise / (1 - np.outer(dynamics.phi, dynamics.phi)), patients)
    state, z = np.zeros((patients, days, 2 * channels)), np.zeros(seen.shape)
    for k in range(days):
        if k:
            x = dynamics.phi * x + rng.multivariate_normal(zero, dynamics.noise, patients)
        state[:, k] = np.concatenate([level, x], axis=1)
        error = rng.normal(size=x.shape) * np.sqrt(dynamics.error)
        z[:, k] = level + x + inputs[:, k] @ dynamics.effect.T + error
    return Drawn(StandardDays(np.where(seen, z, 0.0), seen, context, always, blank.begun), inputs, state)


def statsmodels_smoother(dynamics: DayDynamics, drawn: Drawn, patient: int):
    """statsmodels' results for one patient: filtered, predicted, smoothed."""
    channels = len(dynamics.phi)
    reference = KalmanSmoother(k_endog=channels, k_states=2 * channels, tolerance=0)
    reference.bind(np.where(drawn.days.seen[patient], drawn.days.z[patient], np.nan))
    reference["design"] = np.hstack([np.eye(channels), np.eye(channels)])
    reference["obs_intercept"] = dynamics.effect @ drawn.inputs[patient].T
    reference["obs_cov"] = np.diag(dynamics.error)
    reference["transition"] = np.diag(np.concatenate([np.ones(channels), dynamics.phi]))
    reference["selection"] = np.eye(2 * channels)
    noise = np.zeros((2 * channels, 2 * channels))
    noise[channels:, channels:] = dynamics.noise
    reference["state_cov"] = noise
    start = noise.copy()
    start[channels:, channels:] /= 1 - np.outer(dynamics.phi, dynamics.phi)
    start[:channels, :channels] = dynamics.between
    reference.initialize_known(np.zeros(2 * channels), start)
    return reference.smooth()
