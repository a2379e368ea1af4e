"""Rules for windows of a day that need more than the network: fixed hours, least certain answers, priorities, greed.

Belongs here: what is special to windows. Does not: how rules are run and compared (policies.py, scorecard.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import CLOSED, ByPriority, InOrder
from migraine_platform.aline.tasks.migraine_window import MigraineWindow
from migraine_platform.aline.tasks.task import Episode
from migraine_platform.config.simulator.hours import DAY_FACTS, FACT_OF, HOURS_A_DAY, QUESTIONS
from migraine_platform.simulator.hourly.linear_day import GaussianDay
from migraine_platform.simulator.hourly.windows import BAROMETER, HourlyWindows

FIXED_HOURS = (8, 12, 19)
"""Morning, noon, and the hour that ends at 20:00."""

SPREAD_WEIGHT = 0.1
"""Of the mean standard deviation of Z, beside the entropy of tomorrow's migraine, in the priority of an hour."""


def question_number(hour: int, question: int) -> int:
    """Position of a question among the candidates."""
    return hour * len(QUESTIONS) + question


def fixed_hours() -> InOrder:
    """The same three hours for everybody, the questions in turn."""
    turns = range(len(FIXED_HOURS) * len(QUESTIONS))
    return InOrder(
        torch.tensor([question_number(FIXED_HOURS[n % len(FIXED_HOURS)], n % len(QUESTIONS)) for n in turns])
    )


def by_priority(net: Aline, task: MigraineWindow, windows: HourlyWindows) -> ByPriority:
    """Hours by entropy of tomorrow's migraine plus a tenth of the spread of Z, as they stood when the hour ended.

    The specification's proxy of what is worth asking; within an hour the questions come in turn.
    """
    priority = torch.zeros(len(windows.now), HOURS_A_DAY, len(QUESTIONS))
    for hour in range(HOURS_A_DAY):
        until = windows._replace(now=np.full_like(windows.now, hour + 1))
        posterior = net.posterior(net.encode(task.tokens.context(until)))
        p = posterior.chance()[:, -1].clamp(1e-6, 1 - 1e-6)
        entropy = -(p * p.log() + (1 - p) * (1 - p).log())
        priority[:, hour] = (entropy + SPREAD_WEIGHT * posterior.moments()[1].mean(1))[:, None]
    in_turn = (torch.arange(HOURS_A_DAY)[:, None] + torch.arange(len(QUESTIONS))) % len(QUESTIONS)
    return ByPriority((priority - 1e-4 * in_turn).flatten(1))


@dataclass
class LeastCertain:
    """Uncertainty sampling: the open question whose answers are least certain, by the day's Gaussian."""

    day: GaussianDay
    task: MigraineWindow
    windows: HourlyWindows

    def choose(self, net: Aline, episode: Episode) -> Tensor:
        """[B]"""
        seen = known_entries(self.day, self.windows, asked_of(episode))
        rows = []
        for known in seen:
            _, covariance = self.day.given(np.zeros(len(self.day.mean)), known)
            variance = np.diag(covariance)
            rows.append([variance[_entries(self.day, number)].mean() for number in range(HOURS_A_DAY * len(QUESTIONS))])
        value = torch.tensor(np.array(rows), dtype=torch.float)
        return value.masked_fill(~episode.available, CLOSED).argmax(1)


@dataclass
class Imagined:
    """Draws of all that has not been answered, given what has: what a nested Monte Carlo rule learns from.

    Linear readings and facts are drawn from the day's Gaussian given everything known; diet and signs as on other days
    with the same card.
    """

    day: GaussianDay
    task: MigraineWindow
    windows: HourlyWindows
    seed: int

    def __call__(self, episode: Episode, draws: int) -> Tensor:
        """[B, draws, Q, answer features]"""
        rng = np.random.default_rng((self.seed, len(episode.asked)))
        vector = self.day.vector(self.windows)
        seen = known_entries(self.day, self.windows, asked_of(episode))
        prompted = self.day.day.channels.prompted
        passive = len(self.day.day.channels.passive)
        out = []
        for row in range(episode.size):
            mean, covariance = self.day.given(vector[row], seen[row])
            values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
            root = vectors * np.sqrt(np.maximum(values, 0))
            drawn = mean + rng.standard_normal((draws, len(mean))) @ root.T
            linear = drawn[:, : self.day.readings].reshape(draws, HOURS_A_DAY, -1)[:, :, passive:]
            told = np.repeat(drawn[:, None, self.day.readings :][:, :, : len(DAY_FACTS)], HOURS_A_DAY, axis=1)
            others = self._others(rng, row, draws)
            answers = np.concatenate([linear, told, others.answers[:, :, len(prompted) + len(DAY_FACTS) :]], axis=2)
            out.append(self.task.tokens.answers(others._replace(answers=answers)))
        return torch.stack(out)

    def _others(self, rng: np.random.Generator, row: int, draws: int) -> HourlyWindows:
        same = np.flatnonzero((self.windows.card == self.windows.card[row]).all(axis=1))
        return self.windows.take(rng.choice(same, size=draws))


def asked_of(episode: Episode) -> list[list[int]]:
    """Questions that each of the batch was asked."""
    if not episode.asked:
        return [[] for _ in range(episode.size)]
    return torch.stack(episode.asked, 1).tolist()


def known_entries(day: GaussianDay, windows: HourlyWindows, asked: list[list[int]]) -> np.ndarray:
    """[W, n] which entries of the day's Gaussian are known: passive readings of past hours, and answers."""
    channels = day.day.channels
    names = np.array(channels.names)[channels.passive]
    known = np.zeros((len(asked), len(day.mean)), dtype=np.bool_)
    past = np.arange(HOURS_A_DAY) < windows.now[:, None]
    hourly = np.zeros((len(asked), HOURS_A_DAY, len(channels.names)), dtype=np.bool_)
    hourly[:, :, channels.passive] = (past & windows.worn)[:, :, None] | (past[:, :, None] & (names == BAROMETER))
    known[:, : day.readings] = hourly.reshape(len(asked), -1)
    known[:, day.end.start - 1] = windows.worn[:, 0]
    for row, numbers in enumerate(asked):
        for number in numbers:
            known[row, _entries(day, number)] = True
    return known


def _entries(day: GaussianDay, number: int) -> np.ndarray:
    """Entries of the day's Gaussian that a question reveals."""
    channels = day.day.channels
    hour, question = divmod(number, len(QUESTIONS))
    linear = hour * len(channels.names) + np.flatnonzero(channels.question == question)
    facts = [day.readings + k for k, name in enumerate(DAY_FACTS) if FACT_OF[name] == QUESTIONS[question]]
    return np.concatenate([linear, facts]).astype(np.int64)
