"""Posteriors that the network states: a Gaussian mixture per number, a probability per yes or no.

Belongs here: densities, moments, quantiles and entropies of what the heads put out. Does not: how they come about.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

SMALLEST_SD = 1e-3
HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)
BISECTIONS = 40


@dataclass
class Posterior:
    """Marginals of B batches: M numbers, the rest chances."""

    log_weight: Tensor
    """[B, M, components]"""
    mean: Tensor
    log_sd: Tensor
    logit: Tensor
    """[B, K - M]"""

    def take(self, rows: Tensor) -> Posterior:
        """Some of the batch.

        Args:
            rows: [N] places of those wanted.
        """
        return Posterior(self.log_weight[rows], self.mean[rows], self.log_sd[rows], self.logit[rows])

    def log_score(self, truth: Tensor) -> Tensor:
        """[B, K] log-density of the true numbers; expected log-score where the truth is a probability.

        Args:
            truth: [B, K]
        """
        numbers = self.mean.shape[1]
        value, chance = truth[:, :numbers, None], truth[:, numbers:]
        scaled = (value - self.mean) * torch.exp(-self.log_sd)
        density = torch.logsumexp(self.log_weight - 0.5 * scaled**2 - self.log_sd, -1) - HALF_LOG_2PI
        return torch.cat([density, chance * logsigmoid(self.logit) + (1 - chance) * logsigmoid(-self.logit)], 1)

    def moments(self) -> tuple[Tensor, Tensor]:
        """[B, M] means and standard deviations of the numbers."""
        weight = self.log_weight.exp()
        mean = (weight * self.mean).sum(-1)
        variance = (weight * (torch.exp(2 * self.log_sd) + (self.mean - mean[..., None]) ** 2)).sum(-1)
        return mean, variance.sqrt()

    def chance(self) -> Tensor:
        """[B, K - M] probabilities."""
        return torch.sigmoid(self.logit)

    def spread(self) -> Tensor:
        """[B, K] how much is left to learn, in nats: a normal's entropy of that sd, a coin's entropy."""
        _, sd = self.moments()
        coin = -(self.chance() * logsigmoid(self.logit) + torch.sigmoid(-self.logit) * logsigmoid(-self.logit))
        return torch.cat([torch.log(sd) + HALF_LOG_2PI + 0.5, coin], 1)

    def cdf(self, value: Tensor) -> Tensor:
        """[B, M] probability that each number lies below `value` [B, M]."""
        scaled = (value[..., None] - self.mean) * torch.exp(-self.log_sd)
        return torch.as_tensor((self.log_weight.exp() * torch.special.ndtr(scaled)).sum(-1))

    def quantile(self, share: float) -> Tensor:
        """[B, M] by bisection."""
        low = (self.mean - 12 * self.log_sd.exp()).amin(-1)
        high = (self.mean + 12 * self.log_sd.exp()).amax(-1)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            below = self.cdf(middle) < share
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return (low + high) / 2
