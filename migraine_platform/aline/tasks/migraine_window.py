"""A day of a patient: 24 hours, passive readings known, questions open about hours that can still be recalled.

    context    the patient's card, and one token per hour that has passed: what device and station read by themselves
    query      (hour, question)
    answer     all that the question reveals of that hour
    targets    Z at the end of the day, the susceptibilities, migraine tomorrow and the log-odds of it

The log-odds are those that someone who knew everything would state; their posterior is the interval around the
forecast. Migraine is learned from its probability given the whole truth, not from its coin flip: the same optimum,
less noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from migraine_platform.aline.tasks.task import CHANCE, Context, Episode, Layout, Target
from migraine_platform.config.simulator.hours import HOURS_A_DAY, QUESTIONS, Hours
from migraine_platform.config.simulator.latent import AXES
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.hourly.windows import (
    BAROMETER,
    CARD_SIZES,
    HourlyWindows,
    WindowSimulator,
    answer_names,
    askable,
)

NAME = "migraine_window"
HORIZON = 8
STATE, SUSCEPTIBILITY, MIGRAINE = "state", "susceptibility", "migraine"
QUERY_FEATURES = 3 + len(QUESTIONS)
LOG_ODDS = "migraine_log_odds"
SMALLEST_CHANCE = 0.002
"""Log-odds are cut here: a headache that will surely go on has none."""

PLANNED_SHARE = 0.15
"""Of training windows, those of which no hour has been read yet."""

KNOWN = sum(CARD_SIZES) + 4
"""Entries of a card's token: classes, now, goes on, hours slept and whether the wearable knows them."""

HOURLY = 2
"""Entries of an hour's token besides the passive readings: worn, awake."""


@dataclass(frozen=True)
class WindowTokens:
    """How windows become tokens."""

    hours: Hours

    @property
    def values(self) -> tuple[tuple[str, int], ...]:
        """Every value of an answer, with its question."""
        return answer_names(self.hours)

    @property
    def answer_features(self) -> int:
        """Length of a token's answer part."""
        return KNOWN + len(self.hours.passive) + HOURLY + len(self.values)

    @property
    def sizes(self) -> tuple[int, int]:
        """Query and answer features."""
        return QUERY_FEATURES, self.answer_features

    def context(self, windows: HourlyWindows, planned: np.ndarray | None = None) -> Context:
        """The card and the hours that have passed.

        Args:
            planned: [W] days of which no hour has been read yet: what to ask is being planned.
        """
        size, passive = len(windows.now), len(self.hours.passive)
        y = np.zeros((size, 1 + HOURS_A_DAY, self.answer_features), dtype=np.float32)
        first = 0
        for column, classes in enumerate(CARD_SIZES):
            y[np.arange(size), 0, first + windows.card[:, column]] = 1
            first += classes
        hidden = np.zeros(size, dtype=np.bool_) if planned is None else planned
        device = windows.worn[:, 0] & ~hidden
        y[:, 0, first : first + 4] = np.column_stack(
            [windows.now / HOURS_A_DAY, windows.goes_on, np.where(device, windows.slept, 0), device]
        )
        readings = windows.passive * self._recorded(windows)
        y[:, 1:, KNOWN : KNOWN + passive] = readings
        y[:, 1:, KNOWN + passive] = windows.worn
        y[:, 1:, KNOWN + passive + 1] = windows.awake
        x = np.zeros((size, 1 + HOURS_A_DAY, QUERY_FEATURES), dtype=np.float32)
        x[:, 1:, :3] = _clock(windows.now)
        known = np.ones((size, 1 + HOURS_A_DAY), dtype=np.bool_)
        known[:, 1:] = (np.arange(HOURS_A_DAY) < windows.now[:, None]) & ~hidden[:, None]
        return Context(torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(known))

    def complete(self, windows: HourlyWindows) -> Context:
        """The card and the hours, each with all of its answers: one token an hour, all questions marked on it."""
        context = self.context(windows)
        context.x[:, 1:, 3:] = 1
        context.y[:, 1:, -len(self.values) :] = torch.from_numpy(windows.answers.astype(np.float32))
        return context

    def candidates(self, windows: HourlyWindows) -> Tensor:
        """[W, 96, query features] every question about every hour: hour by hour, questions in order."""
        x = np.zeros((len(windows.now), HOURS_A_DAY, len(QUESTIONS), QUERY_FEATURES), dtype=np.float32)
        x[..., :3] = _clock(windows.now)[:, :, None]
        x[..., 3:] = np.eye(len(QUESTIONS))
        return torch.from_numpy(x.reshape(len(windows.now), -1, QUERY_FEATURES))

    def answers(self, windows: HourlyWindows) -> Tensor:
        """[W, 96, answer features] what each question would be answered."""
        question = np.array([number for _, number in self.values])
        shown = question == np.arange(len(QUESTIONS))[:, None]
        y = np.zeros((len(windows.now), HOURS_A_DAY, len(QUESTIONS), self.answer_features), dtype=np.float32)
        y[..., -len(self.values) :] = windows.answers[:, :, None, :] * shown
        return torch.from_numpy(y.reshape(len(windows.now), -1, self.answer_features))

    def _recorded(self, windows: HourlyWindows) -> np.ndarray:
        """[W, 24, passive] readings that are there: the barometer is the station's, always."""
        station = np.array([name == BAROMETER for name in self.hours.passive])
        return np.asarray(windows.worn[:, :, None] | station)


class WindowEpisode(Episode):
    """Days with their answers laid out."""

    answered: Tensor

    def answers(self, choice: Tensor) -> Tensor:
        """Look them up.

        Args:
            choice: [B] the candidate that each episode asks for.
        """
        return self.answered.gather(1, choice[..., None].expand(-1, -1, self.answered.shape[-1]))


class MigraineWindow:
    """The task."""

    name = NAME

    def __init__(self, simulator: WindowSimulator, validation: WindowSimulator | None = None) -> None:
        self.simulator = simulator
        self.tokens = WindowTokens(simulator.hours)
        self.layout = window_layout(simulator.hours, simulator.bank.z)
        self.validation = self if validation is None else self.on(validation)

    def on(self, simulator: WindowSimulator) -> MigraineWindow:
        """The same task, targets in the same units, on other patients."""
        other = MigraineWindow(simulator)
        other.layout = self.layout
        return other

    def draw(self, size: int, seed: tuple[int, ...]) -> Episode:
        """Days looked at in the evening, mostly."""
        rng = np.random.default_rng(seed)
        return self.episode(self.simulator.draw(rng, size), rng.random(size) < PLANNED_SHARE)

    def draw_complete(self, size: int, seed: tuple[int, ...]) -> Episode:
        """Whole days with every answer given."""
        return self.complete(self.simulator.draw(np.random.default_rng(seed), size, complete=True))

    def complete(self, windows: HourlyWindows) -> Episode:
        """Windows with every answer given, recalled or not; no question is left."""
        episode = self.episode(windows)
        episode.context = self.tokens.complete(windows)
        episode.available = torch.zeros_like(episode.available)
        return episode

    def episode(self, windows: HourlyWindows, planned: np.ndarray | None = None) -> WindowEpisode:
        """Windows as an episode."""
        hours = self.simulator.hours
        truth = torch.from_numpy(self.truth(windows).astype(np.float32))
        episode = WindowEpisode(
            self.tokens.context(windows, planned),
            self.tokens.candidates(windows),
            torch.from_numpy(askable(hours, windows).reshape(len(windows.now), -1)),
            self.layout.standardised(truth),
        )
        episode.answered = self.tokens.answers(windows)
        return episode

    def truth(self, windows: HourlyWindows) -> np.ndarray:
        """[W, K] targets in their own units."""
        p = windows.probability[:, None]
        clipped = np.clip(p, SMALLEST_CHANCE, 1 - SMALLEST_CHANCE)
        own = self.simulator.bank.susceptibility[windows.row]
        return np.hstack([windows.z, own, np.log(clipped / (1 - clipped)), p])


def window_layout(hours: Hours, z: np.ndarray) -> Layout:
    """Sizes and targets; the state's units are those of a bank's days [D, 4]."""
    states = [
        Target(f"z_{axis}", group=STATE, mean=float(np.round(z[:, k].mean(), 2)), sd=float(np.round(z[:, k].std(), 2)))
        for k, axis in enumerate(AXES)
    ]
    own = [Target(f"susceptibility_{name}", group=SUSCEPTIBILITY, mean=0.55, sd=0.26) for name in TRIGGER_NAMES]
    answer_features = WindowTokens(hours).answer_features
    tomorrow = (Target(LOG_ODDS, group=MIGRAINE, mean=-1.0, sd=1.3), Target("migraine", CHANCE, MIGRAINE))
    return Layout(QUERY_FEATURES, answer_features, (*states, *own, *tomorrow), HORIZON)


def _clock(now: np.ndarray) -> np.ndarray:
    """[W, 24, 3] the hour of the day as a point on a circle, and how long ago it was."""
    hour = np.arange(HOURS_A_DAY)
    angle = 2 * np.pi * (hour + 0.5) / HOURS_A_DAY
    circle = np.broadcast_to(np.stack([np.sin(angle), np.cos(angle)], 1), (len(now), HOURS_A_DAY, 2))
    age = (now[:, None] - hour - 1) / HOURS_A_DAY
    return np.asarray(np.concatenate([circle, age[..., None]], 2), dtype=np.float32)
