"""Psychometric curves: which stimulus to show, depending on what about the observer matters. With the exact posterior.

    p(yes | x) = lapse guess + (1 - lapse) Phi((x - threshold) / slope)
    threshold ~ U[-3, 3],  slope ~ U[0.1, 2],  guess ~ U[0.1, 0.9],  lapse ~ U[0, 0.5],  x one of 200 in [-5, 5]

An attentive observer answers by Phi; one who lapses says yes with probability `guess`. Threshold and slope are learned
from stimuli about the threshold, guess and lapse from stimuli far from it: the two goals want different questions. Four
parameters fit a grid, which gives posteriors, and what each stimulus would tell about either pair, without sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.tasks.task import Context, Episode, Layout, Target, seeded

NAME = "psychometric"
HORIZON = 30
STIMULI, STRONGEST = 200, 5.0
CURVE, RATES = "curve", "rates"
"""Goals: threshold and slope; guess and lapse."""

RANGES = {"threshold": (-3.0, 3.0), "slope": (0.1, 2.0), "guess": (0.1, 0.9), "lapse": (0.0, 0.5)}
GROUPS = (CURVE, CURVE, RATES, RATES)
CELLS = (32, 16, 10, 8)
"""Of the exact posterior's grid, per parameter."""


def chance_of_yes(x: Tensor, theta: Tensor) -> Tensor:
    """[...] probability of a yes to stimuli x [...] by observers theta [..., 4]."""
    threshold, slope, guess, lapse = theta.unbind(-1)
    return torch.as_tensor(lapse * guess + (1 - lapse) * torch.special.ndtr((x - threshold) / slope))


def stimuli() -> Tensor:
    """[STIMULI] what can be shown."""
    return torch.linspace(-STRONGEST, STRONGEST, STIMULI)


class PsychometricEpisode(Episode):
    """B observers; each answers anew whenever asked, and any stimulus can be shown again."""

    theta: Tensor
    generator: torch.Generator

    def answers(self, choice: Tensor) -> Tensor:
        """[B, n, 1] yes (1) or no (-1).

        Args:
            choice: [B] the stimulus that each episode asks for.
        """
        p = chance_of_yes(stimuli()[choice], self.theta[:, None])
        return 2 * torch.bernoulli(p, generator=self.generator)[..., None] - 1

    def ask(self, choice: Tensor) -> None:
        """Show stimuli [B] or [B, n].

        Args:
            choice: [B] the stimulus that each episode asks for.
        """
        super().ask(choice)
        self.available = torch.ones_like(self.available)


class Psychometric:
    """The task."""

    name = NAME
    layout = Layout(
        1,
        1,
        tuple(
            Target(name, group=group, mean=(low + high) / 2, sd=(high - low) / 12**0.5)
            for (name, (low, high)), group in zip(RANGES.items(), GROUPS, strict=True)
        ),
        HORIZON,
    )

    @staticmethod
    def candidates() -> Tensor:
        """[STIMULI, 1] stimuli as queries."""
        return (stimuli() / STRONGEST)[:, None]

    def draw(self, size: int, seed: tuple[int, ...]) -> PsychometricEpisode:
        """Fresh observers."""
        generator = seeded(seed)
        low, high = torch.tensor(list(RANGES.values())).unbind(1)
        theta = low + (high - low) * torch.rand(size, 4, generator=generator)
        empty = Context(torch.zeros(size, 0, 1), torch.zeros(size, 0, 1), torch.zeros(size, 0, dtype=torch.bool))
        candidates = self.candidates().expand(size, -1, -1)
        available = torch.ones(size, STIMULI, dtype=torch.bool)
        episode = PsychometricEpisode(empty, candidates, available, self.layout.standardised(theta))
        episode.theta, episode.generator = theta, generator
        return episode


@dataclass(frozen=True)
class CurvePosteriors:
    """Exact posteriors on a grid of the prior's range, shared by all observers.

    The grid is laid out as [curves, rates]: pairs of threshold and slope by pairs of guess and lapse.
    """

    by_curve: Tensor
    """[curves, STIMULI, rates] probability of a yes."""
    by_rates: Tensor
    """[rates, STIMULI, curves] the same."""
    log_yes: Tensor
    """[STIMULI, curves * rates] its logarithm."""
    log_no: Tensor

    @classmethod
    def build(cls, cells: tuple[int, int, int, int] = CELLS) -> CurvePosteriors:
        """Tables for the middles of so many cells per parameter."""
        middles = [
            low + (high - low) * (torch.arange(count) + 0.5) / count
            for (low, high), count in zip(RANGES.values(), cells, strict=True)
        ]
        yes = chance_of_yes(stimuli()[:, None], torch.cartesian_prod(*middles)[None])
        pairs = yes.view(STIMULI, cells[0] * cells[1], cells[2] * cells[3])
        by_curve, by_rates = pairs.transpose(0, 1).contiguous(), pairs.permute(2, 0, 1).contiguous()
        return cls(by_curve, by_rates, yes.log(), (1 - yes).log())

    def posterior(self, episode: Episode) -> Tensor:
        """[B, curves, rates] probability of each cell, given all answers."""
        said_yes, said_no = torch.zeros(2, episode.size, STIMULI)
        for step, choice in enumerate(episode.asked):
            yes = (episode.context.y[:, step] > 0).float()
            said_yes.scatter_add_(1, choice[:, None], yes)
            said_no.scatter_add_(1, choice[:, None], 1 - yes)
        log_weight = said_yes @ self.log_yes + said_no @ self.log_no
        return torch.softmax(log_weight, 1).view(episode.size, len(self.by_curve), len(self.by_rates))

    def information(self, episode: Episode) -> dict[str, Tensor]:
        """[B] nats gained about each goal: relative entropy of its two parameters' posterior to the prior."""
        weight = self.posterior(episode)
        return {CURVE: _from_uniform(weight.sum(2)), RATES: _from_uniform(weight.sum(1))}

    def expected_gains(self, weight: Tensor, goal: str) -> Tensor:
        """[B, STIMULI] nats that each stimulus is expected to tell about a goal, given a posterior.

        H[yes] - sum over the goal's pairs of p(pair) H[yes | pair]

        Args:
            weight: [B, curves, rates] posterior weights.
        """
        table, pairs = (self.by_curve, weight) if goal == CURVE else (self.by_rates, weight.transpose(1, 2))
        joint = torch.bmm(table, pairs.permute(1, 2, 0))
        marginal = pairs.sum(2).T[:, None]
        left = (marginal * _coin(joint / marginal.clamp_min(1e-30))).sum(0)
        return (_coin(joint.sum(0)) - left).T


@dataclass
class ExactGreedy:
    """The rule that no other beats by one step: the stimulus that is expected to tell most about a goal, exactly."""

    oracle: CurvePosteriors
    goal: str

    def choose(self, net: Aline | None, episode: Episode) -> Tensor:
        """[B]"""
        return self.oracle.expected_gains(self.oracle.posterior(episode), self.goal).argmax(1)


def _coin(p: Tensor) -> Tensor:
    """Entropy of a yes or no."""
    p = p.clamp(1e-7, 1 - 1e-7)
    return -(p * p.log() + (1 - p) * (1 - p).log())


def _from_uniform(weight: Tensor) -> Tensor:
    """[B] relative entropy to the uniform."""
    count = torch.tensor(float(weight.shape[1]))
    return torch.xlogy(weight, weight).sum(1) + count.log()
