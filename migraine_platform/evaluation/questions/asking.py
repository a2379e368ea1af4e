"""Rules of asking that try questions out, and what any rule gains: greed by brute force, and an oracle.

    greedy    the question that is expected to take most off the spread, each answer imagined many times over and
              learned from (Nested Monte Carlo, aline/policies/policies.py)
    oracle    the question whose true answer adds most to the log-score of the truth: it has seen both

No rule gains more by one question than the oracle does, on any evening. By several it is greedy, a ceiling in practice
and no more. All rules share the network's posterior. Belongs here: rules that are too dear, or know too much, to be
used. Does not: which rules are compared on which evenings (information.py).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import CLOSED, NestedMonteCarlo, Policy, information, run_policy
from migraine_platform.aline.policies.window_rules import Imagined, asked_of, known_entries
from migraine_platform.aline.tasks.task import Context, Episode
from migraine_platform.config.simulator.hours import DAY_FACTS, HOURS_A_DAY
from migraine_platform.simulator.hourly.windows import HourlyWindows

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 512
"""Contexts that are encoded at a time."""

SHORTLIST = 4
"""Questions that a greedy rule looks at closely."""

FIRST_LOOK = 8
"""One in so many draws is for the choice of these."""


@torch.no_grad()
def nats(net: Aline, episode: Episode, rule: Policy, questions: int, goal: Tensor) -> Tensor:
    """[questions + 1, B] nats gained about the goal before the first question and after each.

    Args:
        goal: [K] targets that matter.
    """
    episode.context = without_silence(episode.context)
    return information(run_policy(net, episode, rule, questions), episode.truth, goal)


def without_silence(context: Context) -> Context:
    """The same without tokens that are there for nobody, as are hours after the evening; they would be masked."""
    told = context.known.any(0)
    return Context(context.x[:, told], context.y[:, told], context.known[:, told])


@dataclass
class OracleQuestions:
    """The open question whose true answer gains most."""

    goal: Tensor
    """[K] targets that matter."""

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        return self.gains(net, episode).masked_fill(~episode.available, CLOSED).argmax(1)

    def gains(self, net: Aline, episode: Episode) -> Tensor:
        """[B, Q] nats that the true answer of each question would add; closed questions stay at 0."""
        every = torch.arange(episode.candidates.shape[1]).expand(episode.size, -1)
        answers = episode.answers(every)
        before = self._score(net, episode.context, episode.truth)
        out = torch.zeros(episode.available.shape)
        for rows, questions in (part.unbind(1) for part in torch.split(episode.available.nonzero(), CHUNK)):
            x, y = episode.candidates[rows, questions], answers[rows, questions]
            more = episode.context.take(rows).append(x[:, None], y[:, None])
            out[rows, questions] = self._score(net, more, episode.truth[rows]) - before[rows]
        return out

    def _score(self, net: Aline, context: Context, truth: Tensor) -> Tensor:
        return net.posterior(net.encode(context)).log_score(truth)[:, self.goal].sum(1)


@dataclass
class GreedyQuestions:
    """Nested Monte Carlo on the questions that a first look with few draws leaves over, which saves most of its time.

    All questions are looked at in the same imagined worlds, so that a few of these tell already which ones lag behind.
    """

    imagine: Callable[[Episode, int], Tensor]
    """As `NestedMonteCarlo` has it."""
    draws: int
    goal: Tensor
    shortlist: int = SHORTLIST

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        answers = self.imagine(episode, self.draws)

        def gains(draws: int, asked: Episode) -> Tensor:
            rule = NestedMonteCarlo(lambda _, count: answers[:, :count], draws, self.goal)
            return rule.gains(net, asked).masked_fill(~asked.available, CLOSED)

        few = copy(episode)
        if int(episode.available.sum(1).max()) > self.shortlist:
            quick = gains(max(1, self.draws // FIRST_LOOK), episode)
            best = quick.topk(self.shortlist, dim=1).indices
            few.available = torch.zeros_like(episode.available).scatter(1, best, True) & episode.available
        return gains(self.draws, few).argmax(1)


@dataclass
class ImaginedByOthers(Imagined):
    """Draws of what has not been answered, where diet and signs are those of other people's days.

    `Imagined` takes them from the windows that it is asked about, the own day among them. Days are drawn as they are
    before anything is known, and then moved to what is (Matheron's rule: Journel and Huijbregts 1978), so that one
    root serves all of them:

        x = x0 + C[:, s] C[s, s]^-1 (y[s] - x0[s]),    x0 ~ N(m, C)
    """

    others: HourlyWindows

    def __call__(self, episode: Episode, draws: int) -> Tensor:
        """[B, draws, Q, answer features]"""
        rng = np.random.default_rng((self.seed, len(episode.asked)))
        day, channels = self.day, self.day.day.channels
        passive, prompted, told = len(channels.passive), len(channels.prompted), len(DAY_FACTS)
        vector, seen = day.vector(self.windows), known_entries(day, self.windows, asked_of(episode))
        out = []
        for row, known in enumerate(seen):
            drawn = self._conditioned(rng, vector[row], known, draws)
            linear = drawn[:, : day.readings].reshape(draws, HOURS_A_DAY, -1)[:, :, passive:]
            facts = np.repeat(drawn[:, None, day.readings :][:, :, :told], HOURS_A_DAY, axis=1)
            others = self._others(rng, row, draws)
            answers = np.concatenate([linear, facts, others.answers[:, :, prompted + told :]], axis=2)
            out.append(self.task.tokens.answers(others._replace(answers=answers)))
        return torch.stack(out)

    @cached_property
    def _root(self) -> NDArray[np.float64]:
        """C = root root'"""
        values, vectors = np.linalg.eigh((self.day.covariance + self.day.covariance.T) / 2)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))

    def _conditioned(
        self, rng: np.random.Generator, values: NDArray[np.float64], known: NDArray[np.bool_], draws: int
    ) -> NDArray[np.float64]:
        """[draws, n] days, given the entries that are known."""
        free = self.day.mean + rng.standard_normal((draws, len(self.day.mean))) @ self._root.T
        where = np.flatnonzero(known)
        covariance = self.day.covariance
        missing = np.linalg.solve(covariance[np.ix_(where, where)], (values[where] - free[:, where]).T)
        return np.asarray(free + missing.T @ covariance[where])

    def _others(self, rng: np.random.Generator, row: int, draws: int) -> HourlyWindows:
        """Of days with the same card, if there are any."""
        same = np.flatnonzero((self.others.card == self.windows.card[row]).all(axis=1))
        return self.others.take(rng.choice(same if len(same) else len(self.others.now), size=draws))
