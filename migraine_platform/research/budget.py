"""How long training lasts: so many rounds, which a seed repeats exactly, or so many minutes, for comparisons."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Budget:
    """The end of training, by rounds, by minutes of this process, or by whichever comes first."""

    rounds: int | None = None
    minutes: float = math.inf

    def __post_init__(self) -> None:
        if self.rounds is None and math.isinf(self.minutes):
            raise ValueError("training without end; give rounds or minutes")

    def share(self, rounds: int, minutes: float) -> float:
        """How much of it is spent, 0 to 1 and a little over."""
        return max(rounds / self.rounds if self.rounds else 0.0, minutes / self.minutes)


@dataclass
class TrainingClock:
    """Processor time of this process: what else the machine does, and what is measured in between, does not count."""

    minutes: float = 0.0
    _since: float = field(default_factory=time.process_time)

    def stop(self) -> None:
        """What follows does not count."""
        self.minutes += (time.process_time() - self._since) / 60

    def go(self) -> None:
        """Count again."""
        self._since = time.process_time()


def spend(
    budget: Budget, optimiser: torch.optim.Optimizer, every: Callable[[float], None] = lambda minutes: None
) -> Iterator[tuple[int, float]]:
    """Rounds of training until the budget is spent: their number, and the share spent before; sets the learning rate.

    Args:
        every: told the minutes of training so far, off the clock, after each round.
    """
    rates = [group["lr"] for group in optimiser.param_groups]
    clock, number = TrainingClock(), 0
    while (share := budget.share(number, clock.minutes)) < 1:
        for group, rate in zip(optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * annealed(share)
        yield number, share
        number += 1
        clock.stop()
        every(clock.minutes)
        clock.go()


def annealed(share: float) -> float:
    """Factor of a learning rate after a share of training: a short rise, then half a cosine."""
    rise = min((share + 1e-3) / 0.02, 1.0)
    return rise * (0.02 + 0.49 * (1 + math.cos(math.pi * min(share, 1.0))))
