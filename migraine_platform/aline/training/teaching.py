"""Learning from exact posteriors: many weighted draws per data set instead of the one true value.

    single draw    L = - mean_k log q_k(theta_k | D),                      theta ~ p(theta), D ~ p(D | theta)
    taught         L = - mean_k sum_s w_s log q_k(theta_ks | D),           (theta_s, w_s) weighted draws of p(theta | D)

The taught loss is the expectation of the other given D (Rao-Blackwell): the same optimum, the exact marginals, without
the noise of which theta happened to be drawn. Belongs here: that loss and a plain loop around it, for any task with a
teacher. Does not: policies and checkpoints (training.py), or how a teacher finds its draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from migraine_platform.aline.network.heads import Posterior
from migraine_platform.aline.network.network import Aline, Size
from migraine_platform.aline.tasks.task import Context, Episode, Layout

TRAINING = 0
"""First number of the seeds of training episodes."""

CLIP = 1.0
START_SHARE = 0.05
"""Of the steps, those in which the learning rate rises."""

Teacher = Callable[[Context, int], tuple[Tensor, Tensor]]
"""Context, seed -> targets [B, S, K] of posterior draws as an episode's truth has them, and weights [B, S]."""


@dataclass(frozen=True)
class TeachingSettings:
    """How long and how fast to learn."""

    steps: int
    batch: int = 128
    learning_rate: float = 1e-3
    seed: int = 0
    average: float = 0.995
    """Weights are averaged over about 1 / (1 - average) steps; 0 leaves them as they are."""


def taught_loss(posterior: Posterior, targets: Tensor, weight: Tensor) -> Tensor:
    """[] cross-entropy of stated marginals to weighted draws [B, S, K], averaged over batch and targets.

    Args:
        weight: [B, S] of the exact posterior's draws.
        targets: [B, S, K] draws of the exact posterior.
    """
    size, draws = weight.shape
    rows = torch.arange(size).repeat_interleave(draws)
    scores = posterior.take(rows).log_score(targets.flatten(0, 1)).view(size, draws, -1)
    return -(weight[..., None] * scores).sum(1).mean()


def warm_up(
    layout: Layout,
    size: Size,
    draw: Callable[[int, tuple[int, ...]], Episode],
    lesson: TeachingSettings,
    teacher: Teacher | None = None,
) -> Aline:
    """A network that infers, trained on fresh episodes as they are drawn; without a teacher from single draws.

    Args:
        draw: episodes of a size from a seed, such as a task's `draw_complete`.
    """
    torch.manual_seed(lesson.seed)
    net = Aline(layout, size)
    learned = torch.optim.swa_utils.AveragedModel(net, avg_fn=towards(lesson.average))
    optimiser = torch.optim.AdamW(net.parameters(), lr=lesson.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: warm_cosine(step, lesson.steps))
    for step in range(lesson.steps):
        episode = draw(lesson.batch, (TRAINING, lesson.seed, step))
        posterior = net.posterior(net.encode(episode.context))
        if teacher is None:
            loss = -posterior.log_score(episode.truth).mean()
        else:
            loss = taught_loss(posterior, *teacher(episode.context, step))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        learned.update_parameters(net)
    net.load_state_dict(learned.module.state_dict())
    return net.eval()


def warm_cosine(step: int, steps: int, rise_share: float = START_SHARE) -> float:
    """Share of the learning rate: rises at first, then falls as a cosine to nothing.

    Args:
        rise_share: share of the steps in which it rises.
    """
    rise = max(1, round(rise_share * steps))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def towards(average: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """Running mean of weights that forgets, and starts from what it has seen."""

    def mix(old: Tensor, new: Tensor, seen: Tensor | int) -> Tensor:
        keep = min(average, float(seen) / (float(seen) + 1))
        return keep * old + (1 - keep) * new

    return mix
