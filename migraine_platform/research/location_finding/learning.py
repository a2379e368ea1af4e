"""How the network learns: from beliefs met on its own episodes, without labels.

    posterior   - sum_j w_j log q(u_j): cross-entropy of the belief's points, which is - log q(theta) averaged over what
                theta may be, given the data
    queries     - mean over proposals of gain(x): the expected information of one answer, climbed along its gradient;
                each proposal climbs its own hill
    worth       (worth - gain)^2: which hill is the highest

No teacher and no reinforcement: gain and gradient are computed on the belief (gains.py). Queries are thus credited with
what one answer tells; what they make possible later is not seen. Episodes are played by the network itself, now and
then off course, and are kept for a while; each belief is seen in one of the square's eight symmetries, a new one each
time.

Belongs here: losses and the loop. Does not: the network (finder.py), the simulator (rollouts.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from migraine_platform.research.budget import Budget, spend
from migraine_platform.research.location_finding.beliefs import SourceBeliefs, frame_points
from migraine_platform.research.location_finding.finder import Finder, FinderSize, places
from migraine_platform.research.location_finding.gains import expected_gains
from migraine_platform.research.location_finding.rollouts import HORIZON, roll_out, spans

Floats = NDArray[np.float64]

GAIN_UNIT = 0.3
"""Nats that a query typically tells: the unit of what proposals are credited with."""

CURIOSITY = 0.05
"""Of that unit: how much less than the best a proposal may be worth and still be tried now and then."""

POINTS = 64
"""Of each belief, drawn by weight, for the posterior's loss."""

FRAME = torch.from_numpy(frame_points().astype(np.float32))
PLAYING = 2
"""First number, after the seed, of the seeds of episodes that are played in training."""


@dataclass(frozen=True)
class Practice:
    """Settings of training."""

    budget: Budget
    seed: int = 0
    size: FinderSize = field(default_factory=FinderSize)
    episodes: int = 64
    """Played in a round."""
    kept: int = 12
    """Rounds that are learned from."""
    batches: int = 16
    """Learned in a round."""
    batch: int = 256
    learning_rate: float = 2e-3
    astray: float = 0.05
    """Share of queries that are made at random."""


def train(practice: Practice, every: Callable[[Finder, float], None] = lambda net, minutes: None) -> Finder:
    """A trained network; the same one for the same seed, where the budget is in rounds.

    Args:
        every: told the network and the minutes of training it has had, after each round.
    """
    torch.manual_seed(practice.seed)
    rng = np.random.default_rng((practice.seed, 1))
    net = Finder(practice.size)
    optimiser = torch.optim.AdamW(net.parameters(), lr=practice.learning_rate, weight_decay=1e-4)
    rounds: list[tuple[SourceBeliefs, Floats]] = []
    for number, _ in spend(practice.budget, optimiser, lambda minutes: every(net, minutes)):
        rounds = [*rounds[-(practice.kept - 1) :], play(net, practice, rng, number)]
        beliefs, steps = stacked([met for met, _ in rounds]), np.concatenate([step for _, step in rounds])
        for _ in range(practice.batches):
            rows = rng.integers(0, len(steps), practice.batch)
            optimiser.zero_grad()
            losses(net, turned(beliefs.take(rows), rng), steps[rows]).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
    return net


def losses(net: Finder, beliefs: SourceBeliefs, steps: Floats) -> Tensor:
    """[] what is minimised, on beliefs after `steps` [B] answers."""
    outlook = net.outlook(beliefs, steps)
    drawn = torch.multinomial(torch.from_numpy(beliefs.weight.astype(np.float32)), POINTS, replacement=True)
    posterior = -outlook.posterior.log_density(FRAME[drawn]).mean()
    gain, climb = climbed(beliefs, outlook.offsets.detach().numpy().astype(np.float64))
    queries = -(climb * outlook.offsets).sum(-1).mean() / GAIN_UNIT
    worth = ((outlook.worth - gain) / GAIN_UNIT).square().mean()
    return posterior + queries + worth


def climbed(beliefs: SourceBeliefs, offsets: Floats) -> tuple[Tensor, Tensor]:
    """[B, n] gains of proposals at offsets [B, n, 2], and [B, n, 2] which way to move them, at most 1 long.

    A proposal that has left the square counts where it was clipped to, and is pulled back.
    """
    span = spans(beliefs)
    x = places(beliefs, offsets)
    gain, gradient = expected_gains(beliefs, x)
    stray = beliefs.mean[:, None] + offsets @ span - x
    outwards = stray * gradient > 0
    pull = stray / (span**2).sum((1, 2))[:, None, None]
    climb = (np.where(outwards, 0.0, gradient) - pull) @ span.transpose(0, 2, 1)
    climb /= np.maximum(np.linalg.norm(climb, axis=-1, keepdims=True), 1.0)
    return torch.from_numpy(gain.astype(np.float32)), torch.from_numpy(climb.astype(np.float32))


def play(net: Finder, practice: Practice, rng: np.random.Generator, number: int) -> tuple[SourceBeliefs, Floats]:
    """Beliefs met on fresh episodes [B], and the number of answers [B] behind each."""
    met: list[SourceBeliefs] = []

    def rule(beliefs: SourceBeliefs, step: int) -> Floats:
        met.append(beliefs)
        with torch.inference_mode():
            outlook = net.outlook(beliefs, step)
        x = places(beliefs, outlook.offsets.numpy())
        worth = outlook.worth.numpy() / (CURIOSITY * GAIN_UNIT)
        chosen = x[np.arange(len(x)), (worth + rng.gumbel(size=worth.shape)).argmax(1)]
        astray = rng.random((len(x), 1)) < practice.astray
        return np.asarray(np.where(astray, rng.random(chosen.shape), chosen))

    roll_out(rule, practice.episodes, (practice.seed, PLAYING, number))
    return stacked(met), np.repeat(np.arange(1.0, HORIZON), practice.episodes)


def stacked(parts: Sequence[SourceBeliefs]) -> SourceBeliefs:
    """All of them as one batch."""
    return SourceBeliefs(*(np.concatenate([getattr(part, name) for part in parts]) for name in SourceBeliefs._fields))


def turned(beliefs: SourceBeliefs, rng: np.random.Generator) -> SourceBeliefs:
    """Each seen in one of the square's eight symmetries; the pictures stay the same."""
    size = len(beliefs.mean)
    swap, signs = rng.random(size) < 0.5, rng.choice([-1.0, 1.0], (size, 2))
    turn = np.zeros((size, 2, 2))
    turn[:, 0, 0], turn[:, 1, 1] = np.where(swap, 0, signs[:, 0]), np.where(swap, 0, signs[:, 1])
    turn[:, 0, 1], turn[:, 1, 0] = np.where(swap, signs[:, 0], 0), np.where(swap, signs[:, 1], 0)
    mean = 0.5 + ((beliefs.mean - 0.5)[:, None] @ turn)[:, 0]
    return SourceBeliefs(beliefs.weight, mean, beliefs.axes @ turn)
