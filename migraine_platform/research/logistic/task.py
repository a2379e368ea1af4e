"""Logistic regression of migraine on a few features: the mock distribution of the feature table, as a task.

    x ~ N(0, C)                         standardised features of one day, C the mock's correlation
    theta_j ~ N(m_j, PRIOR_SD^2)        intercept and one slope per feature
    p(migraine | x, theta) = 1 / (1 + exp(-(theta_0 + sum_j theta_j x_j)))

The features are the workbook's most relevant ones; m is the linear fit of the mock's log-odds on them. A query is a day
x, its answer the label. A token's answer part is the signed row s (1, x), s = 1 with migraine and -1 without: all that
the likelihood, prod sigmoid(theta' s (1, x)), depends on. Targets: theta, and the chance of migraine on a bad day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from migraine_platform.aline.tasks.task import CHANCE, Context, Episode, Layout, Target, seeded
from migraine_platform.priors.mock import MockDistribution, correlation_of

NAME = "logistic"
FEATURES = 4
HORIZON = 50
"""Days in a data set, at most."""

PRIOR_SD = 1.0
BAD_DAY = 1.0
"""How far every feature lies on its harmful side on a bad day, in standard deviations."""


@dataclass(frozen=True)
class LogisticPrior:
    """Where days and parameters come from: F features, P = F + 1 parameters, intercept first."""

    variables: tuple[str, ...]
    correlation: Tensor
    """[F, F] of the features of a day."""
    mean: Tensor
    """[P]"""
    sd: Tensor
    """[P]"""
    bad_day: Tensor
    """[P] the row (1, x) of a bad day."""

    @property
    def parameters(self) -> int:
        """P"""
        return len(self.mean)

    def draw_parameters(self, size: int, generator: torch.Generator) -> Tensor:
        """[size, P]"""
        return self.mean + self.sd * torch.randn(size, self.parameters, generator=generator)

    def draw_days(self, size: int, days: int, generator: torch.Generator) -> Tensor:
        """[size, days, F] standardised features."""
        root = torch.linalg.cholesky(self.correlation)
        return torch.as_tensor(torch.randn(size, days, len(root), generator=generator) @ root.T)


def logistic_prior(mock: MockDistribution, features: int = FEATURES) -> LogisticPrior:
    """The prior of the mock's most relevant features (ties: in the order of the table).

    The mean of the parameters is the least-squares fit of the mock's log-odds on the standardised features, so that
    what the other features do is in the intercept and, through the common factor, in the slopes.
    """
    chosen = np.argsort(-mock.relevance, kind="stable")[:features]
    sd = np.sqrt(np.diag(mock.sigma_prior))
    rows = np.column_stack([np.ones(len(mock.samples)), ((mock.samples - mock.mu_prior) / sd)[:, chosen]])
    log_odds = np.log(mock.p_migraine) - np.log1p(-mock.p_migraine)
    mean = np.linalg.lstsq(rows, log_odds, rcond=None)[0]
    correlation = correlation_of(mock.sigma_prior)[np.ix_(chosen, chosen)]
    return LogisticPrior(
        variables=tuple(mock.variables[index] for index in chosen),
        correlation=torch.as_tensor(correlation, dtype=torch.float32),
        mean=torch.as_tensor(mean, dtype=torch.float32),
        sd=torch.full((features + 1,), PRIOR_SD),
        bad_day=torch.as_tensor(np.append(1.0, BAD_DAY * mock.directions[chosen]), dtype=torch.float32),
    )


class LogisticEpisode(Episode):
    """B data sets; the labels of all candidate days are drawn beforehand, so that every policy meets the same."""

    rows: Tensor
    """[B, Q, P] signed rows of the candidates."""

    def answers(self, choice: Tensor) -> Tensor:
        """Look them up.

        Args:
            choice: [B] the candidate that each episode asks for.
        """
        return self.rows.gather(1, choice[..., None].expand(-1, -1, self.rows.shape[-1]))


class Logistic:
    """The task.

    Args:
        prior: of days and parameters.
        candidates: days on offer in an episode.
    """

    name = NAME

    def __init__(self, prior: LogisticPrior, candidates: int = 2 * HORIZON) -> None:
        self.prior, self.candidates = prior, candidates
        numbers = [
            Target(name, mean=float(mean), sd=float(sd))
            for name, mean, sd in zip(
                ("intercept", *(f"slope_{name}" for name in prior.variables)), prior.mean, prior.sd, strict=True
            )
        ]
        bad_day = Target("migraine_on_a_bad_day", CHANCE, group="forecast")
        self.layout = Layout(prior.parameters - 1, prior.parameters, (*numbers, bad_day), HORIZON)

    def draw(self, size: int, seed: tuple[int, ...]) -> LogisticEpisode:
        """Fresh parameters and days, nothing asked."""
        return self._draw(size, self.candidates, seeded(seed))

    def draw_complete(self, size: int, seed: tuple[int, ...]) -> LogisticEpisode:
        """Data sets of 0 to HORIZON labelled days, any size as likely as any other; nothing left to ask."""
        generator = seeded(seed)
        episode = self._draw(size, HORIZON, generator)
        days = torch.randint(0, HORIZON + 1, (size, 1), generator=generator)
        episode.context = Context(episode.candidates, episode.rows, torch.arange(HORIZON) < days)
        episode.available = torch.zeros_like(episode.available)
        return episode

    def targets(self, theta: Tensor) -> Tensor:
        """[..., K] standardised parameters, and the chance on a bad day.

        Args:
            theta: [..., P] parameters.
        """
        prior = self.prior
        standardised = (theta - prior.mean.to(theta)) / prior.sd.to(theta)
        return torch.cat([standardised, torch.sigmoid(theta @ prior.bad_day.to(theta))[..., None]], -1)

    def _draw(self, size: int, days: int, generator: torch.Generator) -> LogisticEpisode:
        theta = self.prior.draw_parameters(size, generator)
        x = self.prior.draw_days(size, days, generator)
        rows = torch.cat([torch.ones_like(x[..., :1]), x], -1)
        chance = torch.sigmoid((rows * theta[:, None]).sum(-1))
        migraine = torch.rand(size, days, generator=generator) < chance
        nothing = torch.zeros(size, 0, dtype=torch.bool)
        empty = Context(x[:, :0], rows[:, :0], nothing)
        episode = LogisticEpisode(empty, x, torch.ones(size, days, dtype=torch.bool), self.targets(theta))
        episode.rows = torch.where(migraine[..., None], rows, -rows)
        return episode
