"""Episodes from the first query, a random one, to the last; and the rules that place the others.

    theta, x_1 ~ U[0, 1]^2,   y_t ~ N(signal(|x_t - theta|^2), 0.5^2),   x_t+1 = rule(belief after t answers)

Belongs here: the simulator and the rules that a learned one has to beat. Does not: learning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from migraine_platform.research.location_finding.beliefs import SourceBeliefs, believe
from migraine_platform.research.location_finding.gains import expected_gains
from migraine_platform.research.location_finding.signal import CORE, NOISE, signal

Floats = NDArray[np.float64]
Rule = Callable[[SourceBeliefs, int], Floats]
"""Beliefs of B episodes, number of answers so far -> [B, 2] next queries."""

HORIZON = 30
DIRECTIONS, DISTANCES = 12, (0.4, 0.8, 1.4, 2.4)
SEARCHES, TRIES, SHRINKING = 4, 12, 0.45


@dataclass(frozen=True)
class Rollouts:
    """B finished episodes."""

    theta: Floats
    """[B, 2]"""
    x: Floats
    """[B, T, 2]"""
    y: Floats
    """[B, T]"""


def roll_out(
    rule: Rule,
    size: int,
    seed: tuple[int, ...],
    horizon: int = HORIZON,
    seen: Callable[[SourceBeliefs, int], None] = lambda beliefs, step: None,
) -> Rollouts:
    """Play episodes; sources, first queries and noise depend on the seed alone, so that rules can be compared in pairs.

    Args:
        seen: told every belief and the number of answers it rests on, before the rule is asked.
    """
    rng = np.random.default_rng(seed)
    theta, first, noise = rng.random((size, 2)), rng.random((size, 2)), rng.standard_normal((size, horizon))
    x, y = np.empty((size, horizon, 2)), np.empty((size, horizon))
    for step in range(horizon):
        if step:
            beliefs = believe(x[:, :step], y[:, :step])
            seen(beliefs, step)
            x[:, step] = rule(beliefs, step)
        else:
            x[:, 0] = first
        y[:, step] = signal(((x[:, step] - theta) ** 2).sum(-1)) + NOISE * noise[:, step]
    return Rollouts(theta, x, y)


@dataclass
class RandomPlaces:
    """Anywhere in the square."""

    seed: int = 0
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)

    def __call__(self, beliefs: SourceBeliefs, step: int) -> Floats:
        """[B, 2]"""
        return self.rng.random((len(beliefs.mean), 2))


@dataclass
class GreedyAmong:
    """The one of so many points expected to tell most: each episode has its own pool, each point is asked once."""

    candidates: int
    seed: int = 0
    _open: NDArray[np.bool_] = field(init=False)

    def __call__(self, beliefs: SourceBeliefs, step: int) -> Floats:
        """[B, 2]"""
        size = len(beliefs.mean)
        pool = np.random.default_rng(self.seed).random((size, self.candidates, 2))
        if step == 1:
            self._open = np.ones((size, self.candidates), dtype=np.bool_)
        gain, _ = expected_gains(beliefs, pool)
        choice = np.where(self._open, gain, -np.inf).argmax(1)
        self._open[np.arange(size), choice] = False
        return np.asarray(pool[np.arange(size), choice])


@dataclass
class GreedyPlaces:
    """The point that is expected to tell most, anywhere: a star about the belief, then ever closer about the best."""

    seed: int = 0

    def __call__(self, beliefs: SourceBeliefs, step: int) -> Floats:
        """[B, 2]"""
        rng = np.random.default_rng((self.seed, step))
        angle = 2 * np.pi * (np.arange(DIRECTIONS) + 0.5) / DIRECTIONS
        star = np.stack([np.cos(angle), np.sin(angle)], -1)
        offsets = np.concatenate([distance * star for distance in DISTANCES])
        span = spans(beliefs)
        best = best_of(beliefs, np.clip(beliefs.mean[:, None] + offsets @ span, 0, 1))
        for search in range(1, SEARCHES + 1):
            near = SHRINKING**search * rng.standard_normal((len(best), TRIES, 2)) @ span
            near[:, 0] = 0
            best = best_of(beliefs, np.clip(best[:, None] + near, 0, 1))
        return best


def spans(beliefs: SourceBeliefs) -> Floats:
    """[B, 2, 2] a belief's axes, no shorter than the distance at which an answer tells most: where queries belong."""
    length = np.linalg.norm(beliefs.axes, axis=2, keepdims=True)
    return np.asarray(beliefs.axes * np.sqrt(1 + (CORE / length) ** 2))


def best_of(beliefs: SourceBeliefs, x: Floats) -> Floats:
    """[B, 2] of queries [B, n, 2], those that are expected to tell most."""
    gain, _ = expected_gains(beliefs, x)
    return np.asarray(x[np.arange(len(x)), gain.argmax(1)])
