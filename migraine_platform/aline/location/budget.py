"""How long training lasts: so many rounds, which a seed repeats exactly, or so many minutes, for comparisons."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field


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
class Clock:
    """Processor time of this process: what else the machine does, and what is measured in between, does not count."""

    minutes: float = 0.0
    _since: float = field(default_factory=time.process_time)

    def stop(self) -> None:
        """What follows does not count."""
        self.minutes += (time.process_time() - self._since) / 60

    def go(self) -> None:
        """Count again."""
        self._since = time.process_time()


def annealed(share: float) -> float:
    """Factor of a learning rate after a share of training: a short rise, then half a cosine."""
    rise = min((share + 1e-3) / 0.02, 1.0)
    return rise * (0.02 + 0.49 * (1 + math.cos(math.pi * min(share, 1.0))))
