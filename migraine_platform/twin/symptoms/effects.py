"""How much more likely an onset is with a sign than without, person by person.

    logit P(onset | sign x) = a_ic + b_i x,      b_i ~ N(mu, tau^2),      c the kind of day

Yes-or-no signs have the conditional (noncentral hypergeometric) likelihood of their tables, which owes nothing to a_ic
and needs no correction of empty cells; b_i, mu and tau are integrated out on grids. Continuous signs have a logistic
likelihood, expanded to second order at each person's posterior mean, again and again: a Laplace approximation.

Belongs here: likelihoods of days that are comparable, and the posterior. Does not: which days are (prodrome.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.twin.symptoms.shrinkage import normal_effects, totals

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLAG, NUMBER = (2.0, 0.5), (0.5, 0.1)
"""Priors: sd of the population's log odds ratio around 0, and median of the sd between persons, whose log has sd 1; of
a flag, and per standard deviation of a number."""

GRID = np.arange(-60, 61) / 10.0
"""Of a flag's log odds ratio."""

SPREADS = np.geomspace(0.1, 2.5, 14)
"""Grid of its sd between persons: none below the step of GRID."""

ROUNDS = 6
STEP = 1.5
"""Farthest that a person's log odds ratio moves in a round."""

LEAST_INFORMATION = 1e-3
"""Below, a person says nothing of a sign."""


class DaysAtRisk(NamedTuple):
    """D days at risk that a sign was looked for."""

    cell: NDArray[np.int64]
    """[D] twice the person's place, plus 1 if migraine was recent."""
    sign: NDArray[np.float64]
    onset: NDArray[np.float64]


def flag_effects(days: DaysAtRisk, persons: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P], [P] posterior mean and sd of each person's log odds ratio of a sign that is 1 or 0."""
    likelihood = _Tables.of(days, persons).likelihood()
    means = np.linspace(-4, 4, 33)
    for _ in range(2):  # the second time around where the population is
        prior, log = _populations(means)
        marginal = likelihood @ prior.T
        log = log + np.log(marginal).sum(axis=0)
        weight = np.exp(log - log.max())
        weight /= weight.sum()
        centre = float(weight @ np.repeat(means, len(SPREADS)))
        wide = float(np.sqrt(weight @ (np.repeat(means, len(SPREADS)) - centre) ** 2))
        means = centre + max(wide, 0.1) * np.linspace(-4, 4, 33)
    posterior = likelihood * ((weight / marginal) @ prior)
    mean = posterior @ GRID
    return mean, np.sqrt(np.maximum(posterior @ GRID**2 - mean**2, 0))


def _populations(means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[H, N] every population's distribution of log odds ratios on GRID, and [H] its log prior."""
    mu, tau = (grid.ravel() for grid in np.meshgrid(means, SPREADS, indexing="ij"))
    density = np.exp(-0.5 * ((GRID - mu[:, None]) / tau[:, None]) ** 2)
    log = -0.5 * ((mu / FLAG[0]) ** 2 + np.log(tau / FLAG[1]) ** 2)
    return density / density.sum(axis=1, keepdims=True), log


def number_effects(days: DaysAtRisk, persons: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P], [P] posterior mean and sd of each person's log odds ratio by one standard deviation of a sign."""
    expand = _Logistic.of(days, persons)
    mean = np.zeros(persons)
    for _ in range(ROUNDS):
        score, information = expand.at(mean)
        knows = information > LEAST_INFORMATION
        variance = np.where(knows, 1 / np.where(knows, information, 1.0), np.inf)
        effect = mean + np.where(knows, score * np.where(knows, variance, 0), 0)
        target, sd = normal_effects(effect, variance, *NUMBER)
        mean = mean + np.clip(target - mean, -STEP, STEP)
    return mean, sd


class _Tables(NamedTuple):
    """Tables of a yes-or-no sign, one per person and kind of day: C of them, each with its support of U counts."""

    person: NDArray[np.int64]
    """[C]"""
    both: NDArray[np.float64]
    """[C] days with sign and onset."""
    counts: NDArray[np.float64]
    """[C, U] what they could have been, given the margins."""
    log_ways: NDArray[np.float64]
    """[C, U] log of the ways to have them; -inf beyond the support."""
    persons: int

    @classmethod
    def of(cls, days: DaysAtRisk, persons: int) -> _Tables:
        from scipy.special import gammaln

        size = 2 * persons
        total = totals(days.cell, size)
        with_sign = totals(days.cell, size, days.sign)
        onsets = totals(days.cell, size, days.onset)
        both = totals(days.cell, size, days.sign * days.onset)
        free = (with_sign > 0) & (with_sign < total) & (onsets > 0) & (onsets < total)  # else one table is possible
        n, m, without = with_sign[free, None], onsets[free, None], (total - with_sign)[free, None]
        low, high = np.maximum(0, m - without), np.minimum(n, m)
        widest = int((high - low).max(initial=0))
        counts = low + np.arange(widest + 1.0)
        inside = counts <= high
        u = np.minimum(counts, high)
        ways = -gammaln(u + 1) - gammaln(n - u + 1) - gammaln(m - u + 1) - gammaln(without - m + u + 1)
        log_ways = np.where(inside, ways, -np.inf)
        return cls(np.flatnonzero(free) // 2, both[free], counts, log_ways, persons)

    def likelihood(self) -> NDArray[np.float64]:
        """[P, N] of each person's log odds ratio on GRID, its greatest value 1; 1 throughout where nothing is known."""
        log = np.zeros((self.persons, len(GRID)))
        for node, effect in enumerate(GRID):
            ways = self.log_ways + effect * (self.counts - self.both[:, None])
            most = ways.max(axis=1)
            total = most + np.log(np.exp(ways - most[:, None]).sum(axis=1))
            log[:, node] = -totals(self.person, self.persons, total)
        return np.asarray(np.exp(log - log.max(axis=1, keepdims=True)))


class _Logistic:
    """A continuous sign: logistic in it, with an intercept per person and kind of day, which follows by Newton."""

    def __init__(self, days: DaysAtRisk, rows: int, person: NDArray[np.int64], persons: int) -> None:
        self.days, self.rows, self.person, self.persons = days, rows, person, persons
        self.onsets = self._sum(days.onset)
        self.count = self._sum(np.ones(len(days.cell)))
        self.intercept = np.log(self.onsets / (self.count - self.onsets))

    @classmethod
    def of(cls, days: DaysAtRisk, persons: int) -> _Logistic:
        total = totals(days.cell, 2 * persons)
        onsets = totals(days.cell, 2 * persons, days.onset)
        free = (onsets > 0) & (onsets < total)  # else the intercept explains everything
        keep = free[days.cell]
        rank = np.cumsum(free) - 1
        kept = DaysAtRisk(rank[days.cell[keep]], days.sign[keep], days.onset[keep])
        return cls(kept, int(free.sum()), np.flatnonzero(free) // 2, persons)

    def _sum(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return totals(self.days.cell, self.rows, values)

    def at(self, mean: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P], [P] score and information of each person's log odds ratio, the intercepts profiled out.

        Both are those of the likelihood given the number of onsets, to first order: n / (n - 1) of the profile's
        information.

        Args:
            mean: [P] each person's log odds ratio.
        """
        cell, x, y = self.days
        drive = mean[self.person][cell] * x
        for _ in range(2):
            p = 1 / (1 + np.exp(-self.intercept[cell] - drive))
            weight = p * (1 - p)
            self.intercept = self.intercept + np.clip((self.onsets - self._sum(p)) / self._sum(weight), -2, 2)
        p = 1 / (1 + np.exp(-self.intercept[cell] - drive))
        weight = p * (1 - p)
        centred = x - (self._sum(weight * x) / self._sum(weight))[cell]
        score = totals(self.person, self.persons, self._sum(centred * (y - p)))
        information = self._sum(weight * centred**2) * self.count / np.maximum(self.count - 1, 1)
        return score, totals(self.person, self.persons, information)
