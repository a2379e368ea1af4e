"""A mixture of experts for the next day: one expert per group of channels, gated by what was recorded.

With memories s, n (inputs.py), learned kappa, A, b and variances sigma2, tau2, gamma2 of every channel:

    usual       u = s_slow / (n_slow + kappa),    q = (s_quick - n_quick u) / (n_quick + kappa_quick)
    skip        m0 = u + A seen (z - u) + b q,    v0 = sigma2 + tau2 kappa / (n_slow + kappa) + gamma2 (1 - seen)
    expert e    m_e = m0 + f_e,                   v_e = v0 exp(h_e)
    mixture     m = sum_e g_e m_e,                v = sum_e g_e (v_e + (m_e - m)^2)

Expert e sees its own modality and the context; f and h start at nothing and A diagonal, so that an untrained network
predicts persistence around the personal mean. Of every channel the gate g chooses the k best experts among those whose
modality was recorded lately and the one that needs the context only, and is a softmax over these.

Belongs here: the network, and what can be asked of a trained one. Does not: training (training.py), files
(storage.py), or the exact linear model (twin/dynamics/kalman.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from migraine_platform.twin.data.channels import CHANNELS, CONTEXT, StandardDays
from migraine_platform.twin.dynamics.experts.inputs import (
    MODALITIES,
    PLACES,
    RECENT,
    ExpertInputs,
    ExpertsError,
    tracks,
    without,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXPERTS = (*MODALITIES, "context")
"""Names of the experts; the last one is always available."""

CHUNK = 8192
"""Evenings that are computed at once."""

LOG_FACTOR = 2.0
"""An expert's variance is within exp of this of the skip connection's."""


@dataclass(frozen=True)
class ExpertSettings:
    """How large a network is, and how it is trained.

    Raises:
        ExpertsError: if a number is out of its range.
    """

    width: int = 32
    top_k: int = 2
    """Experts that have a say in a channel's prediction."""
    steps: int = 1500
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    modality_dropout: float = 0.1
    """Chance with which each modality is removed from a training evening."""
    balance: float = 0.01
    """Weight of the penalty for experts that are never chosen."""
    checks: int = 15
    """How often weights are validated, the last time at the end."""
    patience: int = 5
    """Checks without progress after which training stops."""
    held_out: float = 0.1
    """Share of the patients kept for validation, where the caller gives none."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.top_k <= len(EXPERTS):
            raise ExpertsError(f"top_k is {self.top_k}; expected 1 to {len(EXPERTS)}, as there are so many experts")
        if not 0 <= self.modality_dropout < 1:
            raise ExpertsError(f"modality_dropout is {self.modality_dropout}; expected a chance below one")
        if min(self.width, self.steps, self.batch, self.checks, self.patience) < 1:
            raise ExpertsError("width, steps, batch, checks and patience of experts must be at least 1")


@dataclass(frozen=True)
class ExpertMixture:
    """Predictions of B next days and how they came about."""

    mean: Tensor
    """[B, C]"""
    variance: Tensor
    """[B, C]"""
    weight: Tensor
    """[B, E, C] of the experts; k of them above 0."""
    chance: Tensor
    """[B, E, C] softmax over all available experts, before the choice."""


class ExpertNet(nn.Module):
    """Skip connection, gate and experts."""

    def __init__(self, settings: ExpertSettings) -> None:
        super().__init__()
        channels, context = len(CHANNELS), 2 * RECENT * len(CONTEXT) + len(MODALITIES)
        self.top_k = settings.top_k
        self.carry = nn.Parameter(0.2 * torch.eye(channels))
        self.trend = nn.Parameter(torch.full((channels,), 0.2))
        self.log_kappa = nn.Parameter(torch.full((2, channels), math.log(2.0)))
        # A day's variance, the population's of personal means, and what not knowing today adds: 1 in all at first
        self.log_variance = nn.Parameter(torch.tensor([0.6, 0.35, 0.05]).log()[:, None].repeat(1, channels))
        own = [(2 * RECENT + 3) * len(group) for group in MODALITIES.values()]
        self.experts = nn.ModuleList(_perceptron(size + context, settings.width, 2 * channels) for size in (*own, 0))
        self.gate = _perceptron(4 * channels + context, settings.width, len(EXPERTS) * channels)
        for expert in self.experts:
            last = expert[-1]  # type: ignore[index]
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, known: ExpertInputs) -> ExpertMixture:
        """The next day's channels."""
        kappa = self.log_kappa.exp()
        confidence = known.counts / (known.counts + kappa)
        usual = known.sums[:, 0] / (known.counts[:, 0] + kappa[0])
        quick = (known.sums[:, 1] - known.counts[:, 1] * usual) / (known.counts[:, 1] + kappa[1])
        off = (known.z - usual[:, None]) * known.seen
        mean = usual + off[:, -1] @ self.carry.T + self.trend * quick
        day, prior, blind = self.log_variance.exp()
        variance = day + prior * (1 - confidence[:, 0]) + blind * (1 - known.seen[:, -1])
        there = known.there()
        around = torch.cat([known.context.flatten(1), known.context_seen.flatten(1), there.float()], 1)
        memory = torch.stack([usual, confidence[:, 0], quick], 1)
        correction, log_factor = self._opinions(torch.cat([off, known.seen, memory], 1), around)
        weight, chance = self._weights(torch.cat([off[:, -1], memory.flatten(1), around], 1), there)
        means = mean[:, None] + correction
        mixed = (weight * means).sum(1)
        spread = variance[:, None] * log_factor.exp() + (means - mixed[:, None]) ** 2
        return ExpertMixture(mixed, (weight * spread).sum(1), weight, chance)

    def _opinions(self, by_day: Tensor, around: Tensor) -> tuple[Tensor, Tensor]:
        """[B, E, C] what every expert adds to the mean, and to the logarithm of the variance."""
        own = [by_day[:, :, places].flatten(1) for places in PLACES.values()]
        seen = [torch.cat([values, around], 1) for values in own] + [around]
        said = torch.stack([expert(one) for expert, one in zip(self.experts, seen, strict=True)], 1)
        correction, log_factor = said.chunk(2, -1)
        return correction, LOG_FACTOR * torch.tanh(log_factor / LOG_FACTOR)

    def _weights(self, features: Tensor, there: Tensor) -> tuple[Tensor, Tensor]:
        """[B, E, C] of the k chosen experts, and the softmax over all."""
        logits = self.gate(features).unflatten(1, (len(EXPERTS), len(CHANNELS)))
        available = torch.cat([there, torch.ones_like(there[:, :1])], 1)
        logits = logits.masked_fill(~available[..., None], -math.inf)
        best = logits.topk(self.top_k, 1)
        weight = torch.zeros_like(logits).scatter(1, best.indices, best.values.softmax(1))
        return weight, logits.softmax(1)


@dataclass(frozen=True)
class Experts:
    """A trained network, and what it can be asked."""

    net: ExpertNet
    settings: ExpertSettings
    validation: float
    """Mean negative log likelihood of a recorded value of the held-out days."""
    steps: int
    """After which these weights were the best."""

    def predict(self, days: StandardDays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance [P, K, C] of the day after each, as known on its evening.

        Raises:
            ExpertsError: if channels or context are not those of this platform.
        """
        found = [torch.cat([one.mean, one.variance], 1) for one in self._mixtures(days)]
        return _split(torch.cat(found), days.z.shape[:2])

    def tomorrow(self, days: StandardDays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and variance [P, C] of the day after the last one: the last of what `predict` says of every day."""
        whole = tracks(days)
        patients = torch.arange(whole.patients)
        with torch.no_grad():
            said = self.net(whole.evenings(patients, torch.full_like(patients, whole.days - 1)))
        mean, variance = _split(torch.cat([said.mean, said.variance], 1), (whole.patients, 1))
        return mean[:, 0], variance[:, 0]

    def usage(self, days: StandardDays) -> dict[str, float]:
        """Share of each expert in the gate's weight over all days and channels; they sum to one."""
        total = sum(one.weight.sum((0, 2)).double() for one in self._mixtures(days))
        assert isinstance(total, Tensor)
        return dict(zip(EXPERTS, (total / total.sum()).tolist(), strict=True))

    def importance(self, days: StandardDays, first: int = 0) -> dict[str, float]:
        """Rise of the negative log likelihood per recorded value, of all channels, when a modality is removed.

        Args:
            first: days before it are known, and not scored.
        """

        def scored(known: StandardDays) -> float:
            mean, variance = self.predict(known)
            return negative_log_likelihood(mean[:, first:], variance[:, first:], days.since(first))

        whole = scored(days)
        return {name: scored(without(days, name)) - whole for name in MODALITIES}

    def _mixtures(self, days: StandardDays) -> Iterator[ExpertMixture]:
        """Of all evenings, chunk by chunk, patient by patient."""
        whole = tracks(days)
        for rows in torch.split(torch.arange(whole.patients * whole.days), CHUNK):
            with torch.no_grad():
                yield self.net(whole.evenings(rows // whole.days, rows % whole.days))


def negative_log_likelihood(mean: NDArray[np.float64], variance: NDArray[np.float64], days: StandardDays) -> float:
    """Mean over recorded channel values of the normal negative log density.

    Args:
        mean, variance: [P, K, C] of predictions, as `predict` has.

    Raises:
        ExpertsError: if no next day recorded anything.
    """
    seen = days.seen[:, 1:]
    if not seen.any():
        raise ExpertsError("no day after the first recorded anything; expected some values to compare with")
    off, spread = (days.z[:, 1:] - mean[:, :-1])[seen], variance[:, :-1][seen]
    return float(0.5 * np.mean(np.log(2 * np.pi * spread) + off**2 / spread))


def _perceptron(size: int, width: int, out: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, out))


def _split(moments: Tensor, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[*, 2 C] -> mean and variance [*shape, C]."""
    both = moments.double().numpy().reshape(*shape, 2, len(CHANNELS))
    return both[..., 0, :], both[..., 1, :]
