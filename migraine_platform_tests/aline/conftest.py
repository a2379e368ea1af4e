"""Small networks and small reference cohorts."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.tasks.reference_cohort import ReferenceCohort
from migraine_platform.aline.tasks.task import CHANCE, Context, Episode, Layout, Target, seeded
from migraine_platform.config.train import Train

torch.set_num_threads(1)  # networks this small gain nothing from more, and lose much where cores are busy
SMALL = Size(width=16, layers=2, heads=2, feed_forward=32, components=3)


LAYOUT = Layout(1, 1, (Target("number"), Target("positive", CHANCE, group="sign")), 3)


class CoinEpisode(Episode):
    """One hidden number; candidate q answers with it plus noise of standard deviation q + 0.1."""

    hidden: Tensor
    noise: Tensor

    def answers(self, choice: Tensor) -> Tensor:
        sd = self.candidates.gather(1, choice[..., None])[..., 0] + 0.1
        return (self.hidden[:, None] + sd * self.noise.gather(1, choice))[..., None]


@dataclass
class Toy:
    """The first of Q candidates tells most."""

    name: str = "toy"
    layout: Layout = LAYOUT

    def draw(self, size: int, seed: tuple[int, ...]) -> Episode:
        generator = seeded(seed)
        hidden = torch.randn(size, generator=generator)
        candidates = torch.linspace(0, 3, 6)[None, :, None].expand(size, -1, -1)
        empty = Context(torch.zeros(size, 0, 1), torch.zeros(size, 0, 1), torch.zeros(size, 0, dtype=torch.bool))
        truth = torch.stack([hidden, (hidden > 0).float()], 1)
        episode = CoinEpisode(empty, candidates, torch.ones(size, 6, dtype=torch.bool), truth)
        episode.hidden, episode.noise = hidden, torch.randn(size, 6, generator=generator)
        return episode

    def draw_complete(self, size: int, seed: tuple[int, ...]) -> Episode:
        episode = self.draw(size, seed)
        episode.ask(torch.arange(6).expand(size, -1))
        return episode


@pytest.fixture
def toy() -> Toy:
    return Toy()


@pytest.fixture
def net(toy: Toy) -> Aline:
    torch.manual_seed(0)
    return Aline(toy.layout, SMALL)


@pytest.fixture(scope="session")
def train(settings) -> Train:
    return settings.train


@pytest.fixture(scope="session")
def reference(settings, features, calibration) -> ReferenceCohort:
    return ReferenceCohort(settings, features, calibration)
