"""The published way, for comparison: the generic network, a pool of candidates, the dense reward, and nothing else.

    inference   - log q(theta_k | D_t), averaged over targets and steps
    policy      REINFORCE with R_t = log q(theta | D_t) - log q(theta | D_t-1), standardised step by step

No likelihood, no teacher, no expected gains (the head that predicts them is silenced): a warm-up on random queries,
then rollouts of the policy over each episode's own pool, as Huang et al. train ALINE (NeurIPS 2025).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.policies.policies import LearnedQuestions
from migraine_platform.aline.tasks.task import random_choice
from migraine_platform.aline.training.episodes import prefix_losses, rollout_losses
from migraine_platform.config.train import Objectives
from migraine_platform.research.budget import Budget, spend
from migraine_platform.research.location_finding.rollouts import Rollouts
from migraine_platform.research.location_finding.task import HORIZON, LocationEpisode, LocationFinding

OBJECTIVES = Objectives(
    posterior="likelihood",
    policy="published",
    alpha=1.0,
    beta=1.0,
    gain_weight=0.0,
    question_cost=0.0,
    sd_weight=0.1,
    sd_target=0.5,
)


@dataclass(frozen=True)
class PublishedSettings:
    """Settings of training."""

    budget: Budget
    seed: int = 0
    batch: int = 50
    pool: int = 200
    learning_rate: float = 2e-3
    warm_up: float = 0.15
    """Share of the budget spent on random queries."""


def train(settings: PublishedSettings, every: Callable[[Aline, float], None] = lambda net, minutes: None) -> Aline:
    """A trained network.

    Args:
        every: told the network and the minutes of training it has had, after each step.
    """
    torch.manual_seed(settings.seed)
    task = LocationFinding(settings.pool)
    net = Aline(task.layout, Size())
    torch.nn.init.zeros_(net.gain_head[-1].weight)  # type: ignore[arg-type]
    torch.nn.init.zeros_(net.gain_head[-1].bias)  # type: ignore[arg-type]
    optimiser = torch.optim.AdamW(net.parameters(), lr=settings.learning_rate)
    goal = torch.ones(len(task.layout.targets), dtype=torch.bool)
    for step, share in spend(settings.budget, optimiser, lambda minutes: every(net, minutes)):
        generator = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        episode = started(task, settings.batch, (settings.seed, step))
        if share < settings.warm_up:
            losses = prefix_losses(net, episode, OBJECTIVES, generator, HORIZON - 1)
        else:
            losses = rollout_losses(net, episode, OBJECTIVES, generator, HORIZON - 1, goal)
        optimiser.zero_grad()
        losses.total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return net


def play(net: Aline, size: int, pool: int, seed: tuple[int, ...]) -> tuple[Rollouts, NDArray[np.float64]]:
    """Finished episodes of the learned policy, and [B] nats of its own posterior over the prior at the true sources."""
    task, rule = LocationFinding(pool), LearnedQuestions()
    episode = started(task, size, seed)
    with torch.no_grad():
        while episode.context.x.shape[1] < HORIZON:
            episode.ask(rule.choose(net, episode))
        score = net.posterior(net.encode(episode.context)).log_score(episode.truth).sum(1)
    _, sd = task.layout.units(episode.truth)
    stated = score - sd.log().sum()
    return as_rollouts(episode), stated.double().numpy()


def as_rollouts(episode: LocationEpisode) -> Rollouts:
    """An episode of the generic task as this package's kernels take it."""
    return Rollouts(
        episode.theta.double().numpy(), episode.context.x.double().numpy(), episode.signals().double().numpy()
    )


def started(task: LocationFinding, size: int, seed: tuple[int, ...]) -> LocationEpisode:
    """Episodes after a first query at random."""
    episode = task.draw(size, seed)
    episode.ask(random_choice(episode.available, 1, episode.generator)[:, 0])
    return episode
