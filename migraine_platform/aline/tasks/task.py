"""What a task gives: episodes to learn from, questions to ask, truths to be right about.

An episode is a batch of B independent people, sources or data sets. It starts with a context that is known anyway,
offers Q candidate questions and answers those that are asked. The network never sees `truth`: the losses do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Protocol

import torch
from torch import Tensor

REAL, CHANCE = "real", "chance"
"""Kinds of targets: a number, whose density is asked; a yes or no, whose probability is asked."""


@dataclass(frozen=True)
class Target:
    """One thing to be inferred."""

    name: str
    kind: str = REAL
    group: str = "parameters"
    """Goals name groups: `chosen` of `Layout`."""
    mean: float = 0.0
    sd: float = 1.0
    """Units of a number: the network works on (value - mean) / sd."""


@dataclass(frozen=True)
class Layout:
    """Sizes that a network is built for, and the targets, numbers first."""

    query_features: int
    answer_features: int
    targets: tuple[Target, ...]
    horizon: int
    """Questions in an episode."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the targets."""
        return tuple(target.name for target in self.targets)

    @property
    def numbers(self) -> int:
        """How many targets are numbers."""
        return sum(target.kind == REAL for target in self.targets)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups of targets, in order."""
        return tuple(dict.fromkeys(target.group for target in self.targets))

    def chosen(self, groups: tuple[str, ...]) -> Tensor:
        """[K] targets of some groups.

        Raises:
            ValueError: if a group does not exist.
        """
        unknown = set(groups) - set(self.groups)
        if unknown or not groups:
            raise ValueError(f"goal {sorted(unknown) or 'of nothing'}; expected some of: {', '.join(self.groups)}")
        return torch.tensor([target.group in groups for target in self.targets])

    def standardised(self, values: Tensor) -> Tensor:
        """[..., K] targets in the network's units.

        Args:
            values: [..., K] in units.
        """
        mean, sd = self.units(values)
        return (values - mean) / sd

    def units(self, like: Tensor) -> tuple[Tensor, Tensor]:
        """[K] means and standard deviations that standardise."""
        return (
            like.new_tensor([target.mean for target in self.targets]),
            like.new_tensor([target.sd for target in self.targets]),
        )


@dataclass
class Context:
    """What is known: N tokens (x, y)."""

    x: Tensor
    """[B, N, query features]"""
    y: Tensor
    """[B, N, answer features]"""
    known: Tensor
    """[B, N] tokens that are there."""

    def append(self, x: Tensor, y: Tensor, known: Tensor | None = None) -> Context:
        """With more tokens at the end.

        Args:
            x, y: [B, n, ...] of n more tokens.
        """
        there = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device) if known is None else known
        return Context(torch.cat([self.x, x], 1), torch.cat([self.y, y], 1), torch.cat([self.known, there], 1))

    def take(self, rows: Tensor) -> Context:
        """Some of the batch.

        Args:
            rows: [N] places of those wanted.
        """
        return Context(self.x[rows], self.y[rows], self.known[rows])

    def repeated(self, times: int) -> Context:
        """Each row so many times, next to each other."""
        return Context(*(part.repeat_interleave(times, 0) for part in (self.x, self.y, self.known)))


@dataclass
class Episode(ABC):
    """B people with questions open; `ask` moves it forward."""

    context: Context
    candidates: Tensor
    """[B, Q, query features]"""
    available: Tensor
    """[B, Q] questions that can be asked now; `ask` takes those asked away."""
    truth: Tensor
    """[B, K] standardised numbers, and probabilities."""
    asked: list[Tensor] = field(default_factory=list)

    @property
    def size(self) -> int:
        """B"""
        return len(self.truth)

    def to(self, device: torch.device) -> Episode:
        """Move every tensor to a device; returns itself."""
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                setattr(self, name, value.to(device))
        self.context = Context(*(part.to(device) for part in vars(self.context).values()))
        return self

    @abstractmethod
    def answers(self, choice: Tensor) -> Tensor:
        """[B, n, answer features] answers to the candidates `choice` [B, n]."""

    def ask(self, choice: Tensor) -> None:
        """Ask each its question [B] or questions [B, n]; a question that is not available is answered by silence.

        Args:
            choice: [B] the candidate that each episode asks for.
        """
        choice = choice[:, None] if choice.ndim == 1 else choice
        open_ = self.available.gather(1, choice)
        x = _gather(self.candidates, choice)
        self.context = self.context.append(x, self.answers(choice), open_)
        self.available = self.available.scatter(1, choice, False)
        self.asked.extend(choice.unbind(1))


class Task(Protocol):
    """Where episodes come from."""

    name: str
    layout: Layout

    def draw(self, size: int, seed: tuple[int, ...]) -> Episode:
        """B fresh episodes on the CPU; the same seed draws the same."""
        ...


def seeded(seed: tuple[int, ...]) -> torch.Generator:
    """A generator on the CPU; the same numbers give the same one, in every process."""
    return torch.Generator().manual_seed(hash(seed) % 2**63)


def random_choice(available: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """[B, count] different questions, each row at random among the available ones (others come when none is left).

    Args:
        available: [B, n] which may be chosen.
    """
    keys = torch.rand(available.shape, generator=generator).to(available.device)
    return torch.where(available, keys, keys - 1).topk(count, dim=1).indices


def _gather(values: Tensor, choice: Tensor) -> Tensor:
    return values.gather(1, choice[..., None].expand(-1, -1, values.shape[-1]))
