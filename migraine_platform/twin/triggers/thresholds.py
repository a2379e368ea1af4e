"""From which value on an exposure raises the hazard: profile likelihood of a step, pooled and personal.

    logit P(y[i, t] = 1) = o[i, t] + theta_i 1{x[i, t] >= tau_i}        o: the log-odds without this trigger
    theta_i ~ N(mu, between^2),   mu ~ N(0, effect^2)                   how strong
    tau_i   ~ N(tau, threshold_between^2) on the grid,   tau flat       from where on

Both are summed over grids, so that nothing is linearised: with G thresholds and J effects, a row that lies beyond the
first threshold adds y theta_j - log(1 + p (exp(theta_j) - 1)), p = expit(o), to the cell of its highest threshold;
cumulative sums over the cells give the log-likelihoods D[i, g, j] of all steps at once. A person's posterior is his own
likelihood times what the population's posterior of tau says of him: shrinkage, whole where his days say nothing.

Belongs here: the threshold of one exposure on one side. Does not: the effect of a trigger as it is defined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Side = Literal["above", "below"]

EFFECTS = np.linspace(-2.0, 4.0, 49)
"""Nodes of theta, log-odds; steps of an eighth."""

MEANS = np.linspace(-1.5, 3.0, 37)
"""Nodes of mu."""

TINY = 1e-300
"""A likelihood below it would be zero, whose logarithm is none."""


class TriggerThresholdError(UserError):
    """Days or a grid that no threshold can be read from."""


@dataclass(frozen=True)
class StepPrior:
    """What is believed before the days are seen."""

    threshold_between: float
    """sd of a person's threshold around the population's, in the exposure's unit; with 0 everybody shares one"""
    effect: float = 1.0
    """sd of mu around no effect, log-odds"""
    between: float = 0.3
    """sd of a person's effect around mu, log-odds; at least a step of EFFECTS, so that the sum over nodes is close"""


@dataclass(frozen=True)
class PosteriorThresholds:
    """Posterior thresholds on the grid, in the exposure's unit."""

    grid: NDArray[np.float64]
    """[G] ascending"""
    profile: NDArray[np.float64]
    """[G] greatest log-likelihood over mu, against no step at all"""
    population: NDArray[np.float64]
    """[G] posterior of tau"""
    effect: float
    """Posterior mean of mu, log-odds"""
    log_bayes_factor: float
    """Log of how much likelier the days are with a step somewhere than with none"""
    personal: NDArray[np.float64]
    """[P, G] posterior of tau_i"""

    def mean(self) -> NDArray[np.float64]:
        """[P] posterior mean of each person's threshold."""
        return np.asarray(self.personal @ self.grid)

    def interval(self, level: float = 0.9) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P], [P] ends of each person's credible interval, both of the grid."""
        return credible(self.grid, self.personal, level)

    def population_interval(self, level: float = 0.9) -> tuple[float, float]:
        """Ends of the credible interval of the population's threshold."""
        low, high = credible(self.grid, self.population[None], level)
        return float(low[0]), float(high[0])


def credible(
    grid: NDArray[np.float64], posterior: NDArray[np.float64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P], [P] grid points that leave at most (1 - level) / 2 of the mass [P, G] outside on either side.

    Args:
        posterior: [grid] weights.
        grid: [G]
    """
    below = np.cumsum(posterior, axis=1)
    above = np.cumsum(posterior[:, ::-1], axis=1)
    tail = (1 - level) / 2 + 1e-12  # a tail of exactly that mass is left out
    low, high = (below > tail).argmax(axis=1), (above > tail).argmax(axis=1)
    return grid[low], grid[::-1][high]


def thresholds(
    outcome: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    offset: NDArray[np.float64],
    exposure: NDArray[np.float64],
    seen: NDArray[np.bool_],
    grid: NDArray[np.float64],
    prior: StepPrior,
    side: Side = "above",
) -> PosteriorThresholds:
    """Posterior of the value from which on an exposure raises, or lowers, the log-odds of an onset.

    Args:
        outcome: [P, K] an onset on the day after.
        usable: [P, K] the outcome is known and could have happened.
        offset: [P, K] log-odds without this trigger.
        exposure: [P, K] in its unit.
        seen: [P, K] the exposure was recorded.
        grid: [G] candidate thresholds, ascending.
        prior: how far persons may differ.
        side: the step is on at and above its threshold, or at and below it.

    Raises:
        ThresholdError: if shapes differ, the grid is not ascending, the prior is too narrow for the nodes, or a used
            number is not finite.
    """
    used = usable & seen
    _check(outcome, used, offset, exposure, grid, prior)
    sign = 1.0 if side == "above" else -1.0
    ascending = grid if side == "above" else -grid[::-1]
    gains = _gains(outcome, used, offset, sign * exposure, ascending, EFFECTS)
    if side == "below":
        gains = gains[:, ::-1]
    return _posterior(gains, grid, prior)


def _posterior(gains: NDArray[np.float64], grid: NDArray[np.float64], prior: StepPrior) -> PosteriorThresholds:
    """From log-likelihoods [P, G, J] against no step to posteriors."""
    peak = gains.max(axis=(1, 2), keepdims=True)
    near = _nodes(grid, grid, prior.threshold_between)  # [tau, tau_i]
    own = np.exp(gains - peak) @ _nodes(MEANS, EFFECTS, prior.between).T  # [P, tau_i, mu]
    whole = np.maximum(near @ own, TINY)  # [P, tau, mu]
    shared = (peak + np.log(whole)).sum(axis=0)
    weight = np.exp(-0.5 * (MEANS / prior.effect) ** 2)
    weight /= weight.sum() * len(grid)
    joint = np.exp(shared - shared.max()) * weight
    evidence = joint.sum()
    joint /= evidence
    # p(tau_i | all) = sum over (tau, mu) of p(tau, mu | all) p(tau_i | tau, mu, own days): nobody's days count twice.
    personal = (own * (near.T @ (joint / whole))).sum(axis=2)
    return PosteriorThresholds(
        grid=grid,
        profile=shared.max(axis=1),
        population=joint.sum(axis=1),
        effect=float(joint.sum(axis=0) @ MEANS),
        log_bayes_factor=float(shared.max() + np.log(evidence)),
        personal=personal / personal.sum(axis=1, keepdims=True),
    )


def _nodes(centres: NDArray[np.float64], nodes: NDArray[np.float64], sd: float) -> NDArray[np.float64]:
    """[centres, nodes] weights of a normal around each centre; without a spread, all at the centre."""
    if sd == 0:
        return np.eye(len(centres))
    weight = np.exp(-0.5 * ((nodes - centres[:, None]) / sd) ** 2)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


@njit(cache=True)
def _gains(
    outcome: NDArray[np.bool_],
    used: NDArray[np.bool_],
    offset: NDArray[np.float64],
    exposure: NDArray[np.float64],
    grid: NDArray[np.float64],
    effects: NDArray[np.float64],
) -> NDArray[np.float64]:
    """[P, G, J] log-likelihood of a step of each effect at each threshold, against none."""
    persons, days = outcome.shape
    out = np.zeros((persons, len(grid), len(effects)))
    growth = np.expm1(effects)
    for i in range(persons):
        for t in range(days):
            if used[i, t] and exposure[i, t] >= grid[0]:
                cell = np.searchsorted(grid, exposure[i, t], side="right") - 1
                p = 1.0 / (1.0 + np.exp(-offset[i, t]))
                for j in range(len(effects)):
                    out[i, cell, j] -= np.log1p(p * growth[j])
                    if outcome[i, t]:
                        out[i, cell, j] += effects[j]
        for g in range(len(grid) - 2, -1, -1):
            out[i, g] += out[i, g + 1]
    return out


def _check(
    outcome: NDArray[np.bool_],
    used: NDArray[np.bool_],
    offset: NDArray[np.float64],
    exposure: NDArray[np.float64],
    grid: NDArray[np.float64],
    prior: StepPrior,
) -> None:
    shapes = {outcome.shape, used.shape, offset.shape, exposure.shape}
    if len(shapes) > 1:
        raise TriggerThresholdError(f"arrays of {' and '.join(map(str, sorted(shapes)))}; expected all patients x days")
    if grid.ndim != 1 or not len(grid) or not (np.isfinite(grid).all() and (np.diff(grid) > 0).all()):
        raise TriggerThresholdError(
            "the grid of thresholds is not ascending; expected finite values, each above the last"
        )
    if prior.between < EFFECTS[1] - EFFECTS[0] or prior.effect <= 0 or prior.threshold_between < 0:
        raise TriggerThresholdError(
            f"{prior} is too narrow; expected persons' effects to differ by at least 0.125 log-odds"
        )
    if not (np.isfinite(offset[used]).all() and np.isfinite(exposure[used]).all()):
        raise TriggerThresholdError("a used day has no finite offset or exposure; expected `seen` to be false there")
