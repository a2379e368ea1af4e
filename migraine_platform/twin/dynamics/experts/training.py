"""Training the mixture of experts on recorded next days.

    L = mean over recorded values of  1/2 log(2 pi v) + (z - m)^2 / (2 v)   +   balance * E sum_e f_e p_e

f_e is the share of choices that fell on expert e and p_e the gate's mean chance of it: least when all are used alike.
Modalities are removed at random from the inputs, never from what is predicted: wholly, or but for the memory of what
is usual. Belongs here: that loop. Does not: the network (network.py).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from migraine_platform.aline.training.teaching import CLIP, warm_cosine
from migraine_platform.twin.data.channels import StandardDays
from migraine_platform.twin.dynamics.experts.inputs import MODALITIES, ExpertInputs, ExpertsError, Tracks, tracks
from migraine_platform.twin.dynamics.experts.network import (
    CHUNK,
    EXPERTS,
    ExpertMixture,
    ExpertNet,
    Experts,
    ExpertSettings,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALIDATED = 2 * CHUNK
"""Evenings that validation uses at most."""

SKIP_SPEED = 4.0
"""The skip connection learns so much faster: its logarithms of variances have far to go from a common start."""


def fit(
    days: StandardDays,
    settings: ExpertSettings,
    validation: StandardDays | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Experts:
    """The network with the best validation score of a seeded run.

    Args:
        days: what is learned from.
        settings: size and schedule.
        validation: other patients' days; by default a share of the patients is held out.
        progress: told one line a check.

    Raises:
        ExpertsError: if there is too little to learn from or to validate on.
    """
    if validation is None:
        days, validation = _parted(days, settings)
    known, kept = tracks(days), tracks(validation)
    rows = known.learnable()
    if not len(rows[0]) or not len(kept.learnable()[0]):
        raise ExpertsError("no two days in a row to learn from or to validate on; expected a recorded next day in both")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return _trained(ExpertNet(settings), known, rows, kept, settings, progress)


def _trained(
    net: ExpertNet,
    known: Tracks,
    rows: tuple[Tensor, Tensor],
    kept: Tracks,
    settings: ExpertSettings,
    progress: Callable[[str], None],
) -> Experts:
    optimiser = torch.optim.AdamW(_groups(net, settings), lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: warm_cosine(step, settings.steps))
    best = Experts(copy.deepcopy(net), settings, _validated(net, kept), 0)
    every, stale = math.ceil(settings.steps / settings.checks), 0
    for step in range(1, settings.steps + 1):
        chosen = torch.randint(0, len(rows[0]), (settings.batch,))
        patient, day = rows[0][chosen], rows[1][chosen]
        said = net(_dropped(known.evenings(patient, day), settings.modality_dropout))
        loss = _loss(said, *known.next_day(patient, day)) + settings.balance * _imbalance(said)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), CLIP)
        optimiser.step()
        schedule.step()
        if step % every and step != settings.steps:
            continue
        score = _validated(net, kept)
        progress(f"step {step} of {settings.steps}: validation negative log likelihood {score:.4f}")
        stale = 0 if score < best.validation else stale + 1
        if not stale:
            best = Experts(copy.deepcopy(net), settings, score, step)
        if stale >= settings.patience:
            break
    best.net.eval().requires_grad_(False)
    return best


def _groups(net: ExpertNet, settings: ExpertSettings) -> list[dict[str, object]]:
    """Parameters with and without weight decay: the skip connection's numbers have a meaning, and 0 is not it."""
    layers = [value for name, value in net.named_parameters() if name.startswith(("experts", "gate"))]
    skip = [value for name, value in net.named_parameters() if not name.startswith(("experts", "gate"))]
    faster = SKIP_SPEED * settings.learning_rate
    return [
        {"params": layers, "weight_decay": settings.weight_decay},
        {"params": skip, "weight_decay": 0.0, "lr": faster},
    ]


def _loss(said: ExpertMixture, z: Tensor, seen: Tensor) -> Tensor:
    """[] negative log likelihood per recorded value."""
    each = 0.5 * ((2 * math.pi * said.variance).log() + (z - said.mean) ** 2 / said.variance)
    return (each * seen).sum() / seen.sum()


def _imbalance(said: ExpertMixture) -> Tensor:
    """[] 1 when all experts are chosen alike, up to their number when one is alone."""
    share = (said.weight > 0).float().mean((0, 2)).detach()
    return len(EXPERTS) * (share / share.sum() * said.chance.mean((0, 2))).sum()


def _dropped(known: ExpertInputs, chance: float) -> ExpertInputs:
    """Evenings with modalities removed; half of them with what remains of an old memory, half without."""
    shape = (len(known.z), len(MODALITIES))
    kept = (torch.rand(shape) >= chance).float()
    old = (torch.rand(shape) < 0.5) * torch.rand(shape)
    return known.thinned(kept, torch.maximum(kept, old))


def _validated(net: ExpertNet, kept: Tracks) -> float:
    """Mean negative log likelihood of recorded values of the next days, of evenings spread over all."""
    patient, day = kept.learnable()
    places = torch.linspace(0, len(day) - 1, min(VALIDATED, len(day))).long()
    total, count = 0.0, 0.0
    for part in torch.split(places, CHUNK):
        z, seen = kept.next_day(patient[part], day[part])
        with torch.no_grad():
            loss = _loss(net(kept.evenings(patient[part], day[part])), z, seen)
        total, count = total + float(loss * seen.sum()), count + float(seen.sum())
    return total / count


def _parted(days: StandardDays, settings: ExpertSettings) -> tuple[StandardDays, StandardDays]:
    """Patients to learn from, and patients held out."""
    count = len(days.z)
    if count < 2:
        raise ExpertsError(f"{count} patients to learn from; expected at least 2, one of them held out")
    order = np.random.default_rng(settings.seed).permutation(count)
    held = min(count - 1, max(1, round(settings.held_out * count)))
    return _some(days, np.sort(order[held:])), _some(days, np.sort(order[:held]))


def _some(days: StandardDays, rows: NDArray[np.int64]) -> StandardDays:
    return replace(days, **{name: value[rows] for name, value in vars(days).items()})
