"""The network: from a belief to a posterior one can write down, and to the next query.

    sees        square roots of a belief's weights, 20 x 20, in the belief's frame; logs of the frame's lengths in units
                of the signal's core; where the frame lies in the square; how many answers there are
    posterior   q = (1 - r) sum_k pi_k N(u; m_k, L_k L_k') + r,  u = coordinates in the frame: a joint density of both
                coordinates; the share r = 0.01 / answers stays with the prior, for what may lie outside the frame
    queries     a few proposals, each a point in the frame's spans, and what each is expected to be worth

Everything but the frame's place is the same for data sets that differ by a shift, a rotation or a reflection, so that
the network need not learn it. Belongs here: what the network computes. Does not: what it is trained to (learning.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from migraine_platform.research.location_finding.beliefs import GRID, SourceBeliefs, believe
from migraine_platform.research.location_finding.rollouts import HORIZON, best_of, spans
from migraine_platform.research.location_finding.signal import CORE

Floats = NDArray[np.float64]

SHAPE_FEATURES = 9
RESERVE = 0.01
"""Of the posterior, left to the prior after one answer; less after more."""

SMALLEST_SD = 0.25
"""Of a component, in the frame's standard deviations; the belief's grid is not finer."""


@dataclass(frozen=True)
class FinderSize:
    """How large a network is."""

    width: int = 128
    components: int = 12
    proposals: int = 8


@dataclass
class SourceMixture:
    """Joint posteriors of B sources, in their beliefs' frames."""

    log_weight: Tensor
    """[B, components]"""
    mean: Tensor
    """[B, components, 2]"""
    factor: Tensor
    """[B, components, 3] inverse Cholesky factor of each covariance: logs of the diagonal, then what is below it."""

    def log_density(self, u: Tensor) -> Tensor:
        """[B, n] of points u [B, n, 2]."""
        off = u[:, :, None] - self.mean[:, None]
        first, second, below = (self.factor[:, None, :, k] for k in range(3))
        a = off[..., 0] * first.exp()
        b = (off[..., 1] + below * off[..., 0]) * second.exp()
        inside = self.log_weight[:, None] + first + second - 0.5 * (a**2 + b**2)
        return torch.logsumexp(inside, -1) - math.log(2 * math.pi)


@dataclass
class Outlook:
    """What the network says."""

    posterior: SourceMixture
    offsets: Tensor
    """[B, proposals, 2] in spans of the belief."""
    worth: Tensor
    """[B, proposals] nats."""


@dataclass(frozen=True)
class Decision:
    """What is to be done in one episode, and why."""

    query: Floats
    """[2]"""
    beliefs: SourceBeliefs
    """Of one episode."""
    posterior: SourceMixture
    """In the belief's frame."""
    reserve: float
    """Share of the prior in what is stated."""

    def components(self) -> tuple[Floats, Floats, Floats]:
        """Weights [K], means [K, 2] and covariances [K, 2, 2] of the posterior in the square, but for the reserve."""
        axes = self.beliefs.axes[0]
        scale = self.posterior.factor[0].numpy().astype(np.float64)
        inverse = np.zeros((len(scale), 2, 2))
        inverse[:, 0, 0], inverse[:, 1, 1] = np.exp(scale[:, 0]), np.exp(scale[:, 1])
        inverse[:, 1, 0] = scale[:, 2] * inverse[:, 1, 1]
        root = axes.T @ np.linalg.inv(inverse)
        weight = (1 - self.reserve) * np.exp(self.posterior.log_weight[0].numpy().astype(np.float64))
        mean = self.beliefs.mean[0] + self.posterior.mean[0].numpy().astype(np.float64) @ axes
        return weight, mean, root @ root.transpose(0, 2, 1)


class Finder(nn.Module):
    """Posterior and next query of a source."""

    def __init__(self, size: FinderSize | None = None) -> None:
        super().__init__()
        self.size = FinderSize() if size is None else size
        width, components, proposals = self.size.width, self.size.components, self.size.proposals
        self.look = nn.Linear(GRID * GRID, width)
        self.shape = nn.Linear(SHAPE_FEATURES, width)
        self.think = nn.Sequential(nn.GELU(), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.posterior_head = nn.Linear(width, 6 * components)
        self.query_head = nn.Linear(width, 3 * proposals)
        with torch.no_grad():  # components and proposals start apart, so that they can become different
            self.posterior_head.weight *= 0.1
            self.posterior_head.bias.zero_()
            self.posterior_head.bias.view(components, 6)[:, 1:3] = 1.5 * star(components)
            self.query_head.weight *= 0.1
            self.query_head.bias.zero_()
            self.query_head.bias.view(proposals, 3)[:, :2] = star(proposals)

    def forward(self, image: Tensor, shape: Tensor) -> Outlook:
        """What it says of some beliefs.

        Args:
            image: [B, GRID * GRID] pictures.
            shape: [B, SHAPE_FEATURES] where they lie and how wide they are.
        """
        h = self.think(self.look(image) + self.shape(shape))
        mixture = self.posterior_head(h).view(-1, self.size.components, 6)
        queries = self.query_head(h).view(-1, self.size.proposals, 3)
        log_precision = -math.log(SMALLEST_SD) - nn.functional.softplus(
            -mixture[..., 3:5] - math.log(SMALLEST_SD)
        )  # at most -log of the smallest sd, near the identity below
        factor = torch.cat([log_precision, mixture[..., 5:]], -1)
        posterior = SourceMixture(torch.log_softmax(mixture[..., 0], -1), mixture[..., 1:3], factor)
        return Outlook(posterior, queries[..., :2], queries[..., 2])

    def outlook(self, beliefs: SourceBeliefs, step: int | Floats) -> Outlook:
        """What it says of beliefs after `step` answers."""
        outlook: Outlook = self(*features(beliefs, step))
        return outlook


@dataclass(frozen=True)
class LearnedPlaces:
    """The rule: the network's proposals, the best by its own word, or by the expected gain of one answer."""

    net: Finder
    checked: bool = False
    """Compute the proposals' gains instead of believing the network: some 10 microseconds each."""

    def __call__(self, beliefs: SourceBeliefs, step: int) -> Floats:
        """[B, 2]"""
        with torch.inference_mode():
            outlook = self.net.outlook(beliefs, step)
        x = places(beliefs, outlook.offsets.numpy())
        if self.checked:
            return best_of(beliefs, x)
        return np.asarray(x[np.arange(len(x)), outlook.worth.argmax(1).numpy()])


def features(beliefs: SourceBeliefs, step: int | Floats) -> tuple[Tensor, Tensor]:
    """[B, GRID * GRID] pictures and [B, SHAPE_FEATURES] shapes that the network sees."""
    weight = np.sqrt(beliefs.weight / beliefs.weight.max(1, keepdims=True))
    length = np.sqrt((beliefs.axes**2).sum(2))
    shape = np.empty((len(weight), SHAPE_FEATURES))
    shape[:, :2] = np.log(length / CORE)
    shape[:, 2:4] = 2 * beliefs.mean - 1
    shape[:, 4:8] = (beliefs.axes / length[:, :, None]).reshape(-1, 4)
    shape[:, 8] = np.asarray(step) / HORIZON
    return torch.from_numpy(weight.astype(np.float32)), torch.from_numpy(shape.astype(np.float32))


def places(beliefs: SourceBeliefs, offsets: Floats) -> Floats:
    """[B, n, 2] points of the square at offsets [B, n, 2] in a belief's spans."""
    return np.asarray(np.clip(beliefs.mean[:, None] + offsets @ spans(beliefs), 0, 1))


def log_densities(net: Finder, beliefs: SourceBeliefs, step: int, theta: Floats) -> Floats:
    """[B] log-density, per unit area of the square, that is stated for points theta [B, 2]."""
    u = np.linalg.solve(beliefs.axes.transpose(0, 2, 1), (theta - beliefs.mean)[..., None])[..., 0]
    with torch.inference_mode():
        density = net.outlook(beliefs, step).posterior.log_density(torch.from_numpy(u[:, None].astype(np.float32)))
    mixture = density[:, 0].numpy() - np.log(np.abs(np.linalg.det(beliefs.axes)))
    reserve = RESERVE / step
    return np.asarray(np.logaddexp(mixture + np.log1p(-reserve), np.log(reserve)))


def decide(net: Finder, x: Floats, y: Floats, checked: bool = False) -> Decision:
    """Posterior and next query of one episode, from queries [n, 2] and signals [n], n >= 1."""
    beliefs = believe(x[None], y[None])
    with torch.inference_mode():
        outlook = net.outlook(beliefs, len(y))
    at = places(beliefs, outlook.offsets.numpy())
    query = best_of(beliefs, at)[0] if checked else at[0, int(outlook.worth.argmax())]
    return Decision(query, beliefs, outlook.posterior, RESERVE / len(y))


def star(count: int) -> Tensor:
    """[count, 2] points on a circle, evenly."""
    angle = 2 * math.pi * (torch.arange(count) + 0.5) / count
    return torch.stack([angle.cos(), angle.sin()], -1)
