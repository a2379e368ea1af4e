"""Teaching ALINE the psychometric task: the exact expected gains of stimuli are its labels, for both goals.

    inference   - log q(theta_k | D_t), averaged over parameters and over all steps of its own episodes
    gain        (sum over a goal's parameters of g_k(x) - gain(x))^2,  gain(x) exact on the oracle's grid

Episodes are played by the network, one goal or the other each, now and then at random. The network's policy is the
stimulus of highest expected gain: the oracle's greedy rule, distilled. No reinforcement.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.policies.policies import LearnedQuestions
from migraine_platform.aline.tasks.task import Context, Episode
from migraine_platform.research.budget import Budget, spend
from migraine_platform.research.psychometric.task import CURVE, HORIZON, RATES, STIMULI, CurvePosteriors, Psychometric

GOALS = (CURVE, RATES)
TEACHING_CELLS = (16, 8, 6, 5)
"""Of the teacher's grid: coarser than the yardstick's, for speed."""

GAIN_UNIT = 0.05
"""Nats that a good stimulus tells."""


@dataclass(frozen=True)
class Lessons:
    """Settings of training."""

    budget: Budget
    seed: int = 0
    episodes: int = 48
    """Played in a round."""
    kept: int = 8
    """Rounds that are learned from."""
    batches: int = 48
    """Learned in a round."""
    batch: int = 96
    queries: int = 24
    """Stimuli per context that are learned from."""
    cells: tuple[int, int, int, int] = TEACHING_CELLS
    learning_rate: float = 3e-3
    astray: float = 0.15
    """Share of stimuli shown at random."""


@dataclass
class GainLabels:
    """Contexts met on some episodes, and what each stimulus would tell there."""

    x: Tensor
    """[B, T, 1] the whole episodes."""
    y: Tensor
    truth: Tensor
    gains: Tensor
    """[B, T, 2, STIMULI] after t answers, for each goal."""


def train(lessons: Lessons, every: Callable[[Aline, float], None] = lambda net, minutes: None) -> Aline:
    """A trained network.

    Args:
        every: told the network and the minutes of training it has had, after each round.
    """
    torch.manual_seed(lessons.seed)
    generator = torch.Generator().manual_seed(lessons.seed)
    task, oracle = Psychometric(), CurvePosteriors.build(lessons.cells)
    net = Aline(task.layout, Size())
    optimiser = torch.optim.AdamW(net.parameters(), lr=lessons.learning_rate)
    rounds: list[GainLabels] = []
    for number, _ in spend(lessons.budget, optimiser, lambda minutes: every(net, minutes)):
        episode = task.draw(lessons.episodes, (lessons.seed, number))
        rounds = [*rounds[-(lessons.kept - 1) :], play(net, oracle, episode, lessons.astray, generator)]
        for _ in range(lessons.batches):
            lesson = rounds[int(torch.randint(len(rounds), (), generator=generator))]
            optimiser.zero_grad()
            losses(net, lesson, lessons, generator).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
    return net


def losses(net: Aline, lesson: GainLabels, lessons: Lessons, generator: torch.Generator) -> Tensor:
    """[] what is minimised, on contexts drawn from a lesson."""
    rows = torch.randint(len(lesson.truth), (lessons.batch,), generator=generator)
    answers = torch.randint(HORIZON, (lessons.batch,), generator=generator)
    context = Context(lesson.x[rows], lesson.y[rows], torch.arange(HORIZON) < answers[:, None])
    memory = net.encode(context)
    inference = -net.posterior(memory).log_score(lesson.truth[rows]).mean()
    picked = torch.randint(STIMULI, (lessons.batch, lessons.queries), generator=generator)
    x = Psychometric.candidates()[picked]
    errors = []
    for number, goal in enumerate(GOALS):
        chosen = net.layout.chosen((goal,))
        expected = net.gains(net.queries(net.attending_to_goal(memory, chosen), x))[..., chosen].sum(-1)
        exact = lesson.gains[rows, answers, number].gather(1, picked)
        errors.append(((expected - exact) / GAIN_UNIT).square().mean())
    return inference + torch.stack(errors).sum()


def play(
    net: Aline, oracle: CurvePosteriors, episode: Episode, astray: float, generator: torch.Generator
) -> GainLabels:
    """The network's own episodes, one half for each goal, with the oracle's gains."""
    rules = [LearnedQuestions(net.layout.chosen((goal,))) for goal in GOALS]
    gains = []
    with torch.no_grad():
        for _ in range(HORIZON):
            weight = oracle.posterior(episode)
            gains.append(torch.stack([oracle.expected_gains(weight, goal) for goal in GOALS], 1))
            first, second = (rule.choose(net, episode) for rule in rules)
            choice = torch.where(torch.arange(episode.size) % 2 == 0, first, second)
            random = torch.rand(episode.size, generator=generator) < astray
            episode.ask(torch.where(random, torch.randint(STIMULI, (episode.size,), generator=generator), choice))
    return GainLabels(episode.context.x, episode.context.y, episode.truth, torch.stack(gains, 1))
