"""Rules that choose the next question: the learned one, and those it has to beat.

A rule sees an episode as the network does (context, open questions), never its truth. All rules share the network's
posterior, so that what is compared is the choice of questions alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.tasks.task import Episode, random_choice

CLOSED = -1e9
CHUNK = 4096
"""Contexts encoded at a time where every question is tried."""


class Policy(Protocol):
    """A rule."""

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B] the next question of each."""
        ...


def run_policy(net: Aline, episode: Episode, policy: Policy, questions: int) -> list[Posterior]:
    """Ask so many questions; the posterior before the first and after each."""
    posteriors = [net.posterior(net.encode(episode.context))]
    for _ in range(questions):
        episode.ask(policy.choose(net, episode))
        posteriors.append(net.posterior(net.encode(episode.context)))
    return posteriors


def information(posteriors: Sequence[Posterior], truth: Tensor, goal: Tensor) -> Tensor:
    """[T + 1, B] nats gained about the goal's targets since before the first question, summed over targets.

    Args:
        truth: [B, K]
        goal: [targets] which count.
    """
    scores = torch.stack([posterior.log_score(truth)[:, goal].sum(1) for posterior in posteriors])
    return scores - scores[0]


@dataclass
class LearnedQuestions:
    """The trained policy: the open question with the highest score."""

    goal: Tensor | None = None
    """[K] targets that matter; by default all."""
    rank_by: str = "policy"
    """`policy` or `gain`: the policy's logits, or the expected gains alone."""

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        return self.rank(net, episode).argmax(1)

    def rank(self, net: Aline, episode: Episode) -> Tensor:
        """[B, Q] what speaks for each question; closed ones lowest."""
        goal = _all(net) if self.goal is None else self.goal
        h = net.queries(net.attending_to_goal(net.encode(episode.context), goal), episode.candidates)
        value = net.scores(h, goal) if self.rank_by == "policy" else net.gains(h)[..., goal].sum(-1)
        return value.masked_fill(~episode.available, CLOSED)


@dataclass
class RandomQuestions:
    """Any open question."""

    seed: int = 0
    _generator: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._generator = torch.Generator().manual_seed(self.seed)

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        return random_choice(episode.available, 1, self._generator)[:, 0]


@dataclass
class InOrder:
    """One order of questions for everybody; what is not open is skipped."""

    order: Tensor
    """[n] questions; those that are not in it come last."""

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        rank = torch.full((episode.candidates.shape[1],), float(len(self.order)))
        rank[self.order] = torch.arange(len(self.order), dtype=torch.float)
        return rank.expand_as(episode.available).masked_fill(~episode.available, 1e9).argmin(1)


@dataclass
class ByPriority:
    """The open question of the highest priority, priorities fixed beforehand for each episode."""

    priority: Tensor
    """[B, Q]"""

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        return self.priority.masked_fill(~episode.available, CLOSED).argmax(1)


@dataclass
class NestedMonteCarlo:
    """Greedy expected gain by brute force: every open question is answered many times over, each answer learned from.

        gain(a) = spread(D) - mean over answers y ~ p(y | D, a) of spread(D + (a, y))

    The answers are drawn from the simulator, given the context, by whoever makes the rule.
    """

    imagine: Callable[[Episode, int], Tensor]
    """Episode, n -> [B, n, Q, answer features] answers to every question under n draws of what is not known."""
    draws: int
    goal: Tensor

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        return self.gains(net, episode).masked_fill(~episode.available, CLOSED).argmax(1)

    def gains(self, net: Aline, episode: Episode) -> Tensor:
        """[B, Q] expected nats about the goal; closed questions stay at 0."""
        answers = self.imagine(episode, self.draws)
        now = net.posterior(net.encode(episode.context)).spread()[:, self.goal].sum(1)
        out = torch.zeros(episode.available.shape)
        for row in range(episode.size):
            open_ = episode.available[row].nonzero()[:, 0]
            if len(open_):
                out[row, open_] = now[row] - self._spreads(net, episode, row, open_, answers[row][:, open_])
        return out

    def _spreads(self, net: Aline, episode: Episode, row: int, open_: Tensor, answers: Tensor) -> Tensor:
        """[n open] mean spread after each open question of one row."""
        draws, questions = answers.shape[:2]
        x = episode.candidates[row, open_].expand(draws, -1, -1).reshape(draws * questions, 1, -1)
        y = answers.reshape(draws * questions, 1, -1)
        context = episode.context.take(torch.tensor([row]))
        parts = []
        for part in torch.split(torch.arange(draws * questions), CHUNK):
            more = context.repeated(len(part)).append(x[part], y[part])
            parts.append(net.posterior(net.encode(more)).spread()[:, self.goal].sum(1))
        return torch.cat(parts).view(draws, questions).mean(0)


def best_order(net: Aline, fresh: Callable[[], Episode], goal: Tensor, length: int) -> Tensor:
    """[length] the order of questions that takes most off the spread on average, chosen greedily on training episodes.

    Args:
        fresh: makes the same episodes each time it is called.
        goal: [targets] which count.
    """
    order: list[int] = []
    questions = fresh().candidates.shape[1]
    for _ in range(length):
        base = fresh()
        for done in order:
            base.ask(torch.full((base.size,), done))
        spread = torch.full((questions,), torch.inf)
        for question in range(questions):
            if question not in order and bool(base.available[:, question].any()):
                choice = torch.full((base.size, 1), question)
                x = base.candidates[:, question : question + 1]
                more = base.context.append(x, base.answers(choice), base.available[:, question : question + 1])
                spread[question] = net.posterior(net.encode(more)).spread()[:, goal].sum(1).mean()
        order.append(int(spread.argmin()))
    return torch.tensor(order)


def _all(net: Aline) -> Tensor:
    return torch.ones(len(net.layout.targets), dtype=torch.bool, device=net.start.device)
