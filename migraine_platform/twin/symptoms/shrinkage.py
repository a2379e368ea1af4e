"""What one person's few events say, once it is known how persons differ.

Belongs here: populations fitted to many persons at once by marginal likelihood, and each person's posterior. Does not:
what is counted or measured (phases.py, effects.py).

    shares          k_i ~ Binomial(n_i, q_i),                q_i ~ Beta(alpha, beta)
    levels          y_ij ~ N(m_i, s^2), or only y_ij > c,    m_i ~ N(mu, tau^2)
    effects         e_i ~ N(b_i, v_i),                       b_i ~ N(mu, tau^2)
    spreads         (n_i - 1) v_i / s_i^2 ~ chi^2(n_i - 1),  s_i^2 ~ s0^2 d0 / chi^2(d0)

The population of shares, levels and spreads is a point estimate (the error of mu included); that of effects is
integrated out, because it decides whether anything is told of anybody. Populations have weak priors, so that a cohort
without any event has numbers too: wide ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CONCENTRATION = (np.log(8.0), 1.5)
"""Prior mean and sd of log(alpha + beta)."""

NODES = 21
"""Of the quadrature over the level of a person with censored events."""

PRIOR_DEGREES = 2.0
"""Degrees of freedom that the prior of s is worth: sd(log s) = 1 / sqrt(2 d) = 0.5."""

MOST_DEGREES = 1e4

TAUS = np.linspace(-4.0, 3.0, 57)
"""Grid of log tau of effects, around its prior median."""


class LevelPrior(NamedTuple):
    """Where a population's levels lie before any event is seen."""

    mean: float
    mean_sd: float
    within: float
    """Median of s; its log has sd 0.5."""
    between: float
    """Median of tau; its log has sd 1."""


@dataclass(frozen=True)
class Levels:
    """Each person's level, and what a new event of his may be."""

    mean: NDArray[np.float64]
    """[P] posterior mean of m_i."""
    mean_sd: NDArray[np.float64]
    """[P] its posterior sd, the uncertainty of mu included."""
    population_mean: float
    within: float
    """s"""
    between: float
    """tau"""
    degrees: float
    """Degrees of freedom with which s is known."""

    def interval(self, level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P], [P] central interval of a new event: Student's t, because s is estimated."""
        from scipy.special import stdtrit

        half = float(stdtrit(self.degrees, (1 + level) / 2)) * np.sqrt(self.mean_sd**2 + self.within**2)
        return self.mean - half, self.mean + half


def totals(who: NDArray[np.int64], persons: int, values: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """[P] sum of the values by person; their number where there are none.

    Args:
        who: [N] the person that each value is of.
        values: [N]
    """
    return np.asarray(np.bincount(who, values, minlength=persons), dtype=np.float64)


def beta_population(
    successes: NDArray[np.float64], trials: NDArray[np.float64], expected: float
) -> tuple[float, float]:
    """Beta distribution of the persons' shares.

    Args:
        successes: [P]
        trials: [P]
        expected: the share where there is no evidence; its logit has sd 1.5.
    """
    from scipy.special import betaln, expit

    centre = np.log(expected / (1 - expected))
    some = trials > 0
    k, n = successes[some], trials[some]

    def loss(at: NDArray[np.float64]) -> float:
        share, concentration = float(expit(at[0])), np.exp(at[1])
        alpha, beta = share * concentration, (1 - share) * concentration
        likelihood = (betaln(alpha + k, beta + n - k) - betaln(alpha, beta)).sum()
        prior = ((at[0] - centre) / 1.5) ** 2 + ((at[1] - CONCENTRATION[0]) / CONCENTRATION[1]) ** 2
        return float(prior / 2 - likelihood)

    at = _minimum(loss, [centre, CONCENTRATION[0]], [(-7.0, 7.0), (-4.0, 7.0)])
    share, concentration = float(expit(at[0])), float(np.exp(at[1]))
    return share * concentration, (1 - share) * concentration


def levels(
    values: NDArray[np.float64], who: NDArray[np.int64], censored: NDArray[np.bool_], persons: int, prior: LevelPrior
) -> Levels:
    """Each person's level from his events, those that go on by P(y > c) = Phi((m_i - c) / s).

    Args:
        values: [A] finite; what an event measured, or has reached so far.
        who: [A] whose it is, below `persons`.
        censored: [A] whether it goes on.
        persons: P
        prior: of the population.
    """
    ended = ~censored
    events = _Events.of(values[ended], who[ended], persons)
    running, whose = values[censored], who[censored]
    owners, place = np.unique(whose, return_inverse=True)

    def loss(at: NDArray[np.float64]) -> float:
        mu, s, tau = float(at[0]), float(np.exp(at[1])), float(np.exp(at[2]))
        total = events.log_likelihood(mu, s, tau)
        if len(owners):
            mean, sd = events.posterior(mu, s, tau)
            total += float(_running(mean[owners], sd[owners], running, place, s)[1].sum())
        penalty = ((mu - prior.mean) / prior.mean_sd) ** 2
        penalty += ((at[1] - np.log(prior.within)) / 0.5) ** 2 + (at[2] - np.log(prior.between)) ** 2
        return float(penalty / 2 - total)

    start = [prior.mean, np.log(prior.within), np.log(prior.between)]
    if len(values):
        start = [float(values.mean()), np.log(max(float(values.std()), 0.1 * prior.within)), start[2]]
    at = _minimum(loss, start, [(None, None), (start[1] - 4, start[1] + 4), (start[2] - 4, start[2] + 3)])
    mu, s, tau = float(at[0]), float(np.exp(at[1])), float(np.exp(at[2]))
    mean, sd = events.posterior(mu, s, tau)
    free = sd**2 / tau**2  # the share of a person's mean that is the population's
    if len(owners):
        mean[owners], sd[owners] = _running(mean[owners], sd[owners], running, place, s)[0]
    seen = events.size > 0
    known = 1 / prior.mean_sd**2 + (1 / (tau**2 + s**2 / events.size[seen])).sum()
    degrees = PRIOR_DEGREES + float(events.size.sum() - seen.sum())
    return Levels(mean, np.sqrt(sd**2 + free**2 / known), mu, s, tau, degrees)


class _Events(NamedTuple):
    """Number, mean and squares of each person's ended events."""

    size: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]
    """Sum of squares around the person's own mean."""

    @classmethod
    def of(cls, values: NDArray[np.float64], who: NDArray[np.int64], persons: int) -> _Events:
        size = totals(who, persons)
        mean = totals(who, persons, values) / np.maximum(size, 1)
        return cls(size, mean, totals(who, persons, (values - mean[who]) ** 2))

    def log_likelihood(self, mu: float, s: float, tau: float) -> float:
        """Of all ended events, the persons' levels integrated out; but for a constant."""
        spread = s**2 + self.size * tau**2
        fit = self.squares / s**2 + self.size * (self.mean - mu) ** 2 / spread
        scale = 2 * (self.size - 1) * np.log(s) + np.log(spread)
        return float(-0.5 * (fit + scale)[self.size > 0].sum())

    def posterior(self, mu: float, s: float, tau: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P], [P] mean and sd of every person's level."""
        precision = 1 / tau**2 + self.size / s**2
        return (mu / tau**2 + self.size * self.mean / s**2) / precision, precision**-0.5


def _running(
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    reached: NDArray[np.float64],
    place: NDArray[np.int64],
    s: float,
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]:
    """Posterior (mean, sd) [O] with the running events too, and their log likelihood [O], by Gauss-Hermite."""
    from scipy.special import log_ndtr, logsumexp

    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    level = mean[:, None] + sd[:, None] * nodes
    log = np.zeros_like(level)
    np.add.at(log, place, log_ndtr((level[place] - reached[:, None]) / s))
    log += np.log(weights / weights.sum())
    total = logsumexp(log, axis=1)
    posterior = np.exp(log - total[:, None])
    centre = (posterior * level).sum(axis=1)
    return (centre, np.sqrt((posterior * (level - centre[:, None]) ** 2).sum(axis=1))), total


def normal_effects(
    effects: NDArray[np.float64], variances: NDArray[np.float64], mean_sd: float, between: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P], [P] posterior mean and sd of effects that were estimated with error, mu and tau integrated out.

    Args:
        effects: [P]
        variances: [P] of their errors; infinite where nothing is known.
        mean_sd: prior sd of mu, around 0.
        between: prior median of tau; its log has sd 1.
    """
    log_tau = np.log(between) + TAUS
    tau = np.exp(2 * log_tau)[:, None]
    known = np.isfinite(variances)
    e, spread = effects[known], variances[known] + tau
    precision = mean_sd**-2 + (1 / spread).sum(axis=1, keepdims=True)
    mu = (e / spread).sum(axis=1, keepdims=True) / precision
    fit = ((e - mu) ** 2 / spread + np.log(spread)).sum(axis=1) + ((mu / mean_sd) ** 2 + np.log(precision))[:, 0]
    loss = 0.5 * (fit + TAUS**2)
    weight = np.exp(loss.min() - loss)[:, None]
    weight = weight / weight.sum()
    left = 1 / (1 + tau / variances)  # the share of a person's effect that is the population's
    mean = effects + left * (mu - effects)
    centre = (weight * mean).sum(axis=0)
    spread = left * tau + left**2 / precision + (mean - centre) ** 2
    return centre, np.sqrt((weight * spread).sum(axis=0))


def spreads(squares: NDArray[np.float64], count: NDArray[np.float64], usual: float) -> NDArray[np.float64]:
    """[P] each person's sd, drawn to the population's by as much as persons are alike.

    The moments of log variances give the prior's s0 and d0 (Smyth 2004).

    Args:
        squares: [P] sum of squares around the person's own mean.
        count: [P] events.
        usual: sd where fewer than three persons have several events.
    """
    from scipy.special import polygamma, psi

    free = count - 1
    several = (free >= 1) & (squares > 0)
    if several.sum() < 3:
        return np.full(len(count), usual)
    half = free[several] / 2
    log = np.log(squares[several] / free[several]) - psi(half) + np.log(half)
    excess = float(log.var(ddof=1) - polygamma(1, half).mean())
    prior = _inverse_trigamma(excess)
    variance = np.exp(log.mean() + psi(prior)) / prior
    return np.asarray(np.sqrt((2 * prior * variance + squares) / (2 * prior + np.maximum(free, 0))))


def _inverse_trigamma(value: float) -> float:
    """The x whose trigamma is `value`, at most MOST_DEGREES."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    if value <= float(polygamma(1, MOST_DEGREES)):
        return MOST_DEGREES
    return float(np.exp(brentq(lambda x: float(polygamma(1, np.exp(x))) - value, -20.0, np.log(MOST_DEGREES))))


def _minimum(
    loss: Callable[[NDArray[np.float64]], float], start: list[float], bounds: list[tuple[float | None, float | None]]
) -> NDArray[np.float64]:
    from scipy.optimize import minimize

    return np.asarray(minimize(loss, np.array(start), method="L-BFGS-B", bounds=bounds).x)
