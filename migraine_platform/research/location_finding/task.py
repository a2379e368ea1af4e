"""Location finding: where is the source? The published benchmark of adaptive design.

    theta ~ U[0, 1]^2,   y ~ N(log(0.1 + 1 / (1e-4 + |x - theta|^2)), 0.5^2),   x in [0, 1]^2

Numbers: Huang et al. (ALINE, NeurIPS 2025), section on location finding, with one source.

Belongs here: the task as every task is given, with a pool of candidates. The exact posterior, and a network that makes
use of the known likelihood and places queries anywhere, are in the modules beside.
"""

from __future__ import annotations

import torch
from torch import Tensor

from migraine_platform.aline.tasks.task import Context, Episode, Layout, Target, seeded
from migraine_platform.research.location_finding.signal import BACKGROUND, NOISE, SOFTENING

NAME = "location_finding"
HORIZON = 30
TRAINING_CANDIDATES = 200
UNIFORM_SD = 12**-0.5
LEVEL = 2.0
"""About the mean of an answer; tokens carry the difference."""


def log_intensity(x: Tensor, theta: Tensor) -> Tensor:
    """[...] signal at x [..., 2] of a source at theta [..., 2]."""
    return torch.log(BACKGROUND + 1 / (SOFTENING + ((x - theta) ** 2).sum(-1)))


class LocationEpisode(Episode):
    """B sources, each with its own candidates; answers are measured when asked."""

    theta: Tensor
    generator: torch.Generator

    def answers(self, choice: Tensor) -> Tensor:
        """Measure.

        Args:
            choice: [B] the candidate that each episode asks for.
        """
        return self.measure(self.candidates.gather(1, choice[..., None].expand(-1, -1, 2)))

    def measure(self, x: Tensor) -> Tensor:
        """[B, n, 1] noisy signals at any points x [B, n, 2]."""
        noise = torch.randn(x.shape[:2], generator=self.generator)
        return (log_intensity(x, self.theta[:, None]) + NOISE * noise - LEVEL)[..., None]

    def signals(self) -> Tensor:
        """[B, n] what was measured so far."""
        return self.context.y[..., 0] + LEVEL


class LocationFinding:
    """The task."""

    name = NAME
    layout = Layout(
        2,
        1,
        tuple(Target(f"theta_{axis}", mean=0.5, sd=UNIFORM_SD) for axis in ("x", "y")),
        HORIZON,
    )

    def __init__(self, candidates: int = TRAINING_CANDIDATES) -> None:
        self.candidates = candidates

    def draw(self, size: int, seed: tuple[int, ...]) -> LocationEpisode:
        """Fresh sources and candidates."""
        generator = seeded(seed)
        theta = torch.rand(size, 2, generator=generator)
        candidates = torch.rand(size, self.candidates, 2, generator=generator)
        empty = Context(torch.zeros(size, 0, 2), torch.zeros(size, 0, 1), torch.zeros(size, 0, dtype=torch.bool))
        available = torch.ones(size, self.candidates, dtype=torch.bool)
        episode = LocationEpisode(empty, candidates, available, self.layout.standardised(theta))
        episode.theta, episode.generator = theta, generator
        return episode
