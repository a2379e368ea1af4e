"""Latent dynamics: how stress, sleep debt, hormones and environmental load evolve.

    Z[t+1] = A Z[t] + B u[t] + eta,    eta ~ N(0, Q)

Belongs here: the linear-Gaussian process and its exact change of time step. Does not: what drives it
(latent_inputs.py) or what it causes (hazard.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.latent import Latent
from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOURS_A_DAY = 24
IMAGINARY = 1e-9
NEGATIVE = 1e-12


class DynamicsError(UserError):
    """A, B and Q that no hourly process has."""


@dataclass(frozen=True)
class LatentDynamics:
    """A linear-Gaussian process on one clock."""

    A: NDArray[np.float64]
    """[d, d]"""
    B: NDArray[np.float64]
    """[d, n]"""
    Q: NDArray[np.float64]
    """[d, d] covariance of a step's noise."""

    @classmethod
    def daily(cls, latent: Latent) -> LatentDynamics:
        """The configured process."""
        return cls(np.array(latent.A), np.array(latent.columns()), np.array(latent.Q))

    def root(self) -> NDArray[np.float64]:
        """[d, d] factor L with L L' = Q; Q need not have full rank."""
        values, vectors = np.linalg.eigh(self.Q)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def stationary(self) -> NDArray[np.float64]:
        """[d, d] covariance of Z in the long run, had it no input."""
        from scipy.linalg import solve_discrete_lyapunov

        return np.asarray(solve_discrete_lyapunov(self.A, self.Q))


def to_hourly(daily: LatentDynamics, steps: int = HOURS_A_DAY) -> LatentDynamics:
    """The same process on a finer clock.

    A_h = expm(logm(A) / steps); B_h solves (sum_k A_h^k) B_h = B, for an input that is held over the day; Q_h solves
    sum_k A_h^k Q_h A_h^k' = Q. `steps` fine steps therefore have exactly the coarse step's mean and covariance.

    Raises:
        DynamicsError: if A has no real root (an eigenvalue at or below zero, or complex branches), or if no covariance
            Q_h adds up to Q.
    """
    from scipy.linalg import expm, logm

    eigenvalues = np.linalg.eigvals(daily.A)
    blocked = (np.abs(eigenvalues.imag) < IMAGINARY) & (eigenvalues.real <= 0)
    if blocked.any():
        raise DynamicsError(
            f"simulator.latent.A: eigenvalue {eigenvalues.real[blocked][0]:.4g} has no real root of order {steps}; "
            "expected eigenvalues above 0, so that an hourly process exists"
        )
    logarithm = logm(daily.A)
    if np.abs(np.imag(logarithm)).max() > IMAGINARY:
        raise DynamicsError("simulator.latent.A: its logarithm is complex, so that no real hourly process exists")
    fine = np.real(expm(np.real(logarithm) / steps))
    powers = [np.eye(len(fine))]
    for _ in range(steps - 1):
        powers.append(powers[-1] @ fine)
    drive = np.linalg.solve(sum(powers, np.zeros_like(fine)), daily.B)
    sums = sum((np.kron(power, power) for power in powers), np.zeros((len(fine) ** 2,) * 2))
    noise = np.linalg.solve(sums, daily.Q.ravel()).reshape(daily.Q.shape)
    noise = (noise + noise.T) / 2
    smallest = np.linalg.eigvalsh(noise).min()
    if smallest < -NEGATIVE * max(1.0, np.abs(noise).max()):
        raise DynamicsError(
            f"simulator.latent.Q: the hourly noise would have a variance of {smallest:.3g}; expected a Q that {steps} "
            "steps of this A can add up to"
        )
    return LatentDynamics(fine, drive, noise)


def simulate_steps(
    process: LatentDynamics,
    state: NDArray[np.float64],
    inputs: NDArray[np.float64],
    steps: int,
    noise: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Run the process with an input that is held.

    Args:
        state: [P, d] where it starts.
        inputs: [P, n] held over all steps.
        noise: [P, steps, d] standard normal deviates.

    Returns:
        [P, steps, d] the state after each step.
    """
    drive = inputs @ process.B.T
    spread = noise @ process.root().T
    path = np.empty((len(state), steps, len(process.A)))
    for step in range(steps):
        state = state @ process.A.T + drive + spread[:, step]
        path[:, step] = state
    return path
