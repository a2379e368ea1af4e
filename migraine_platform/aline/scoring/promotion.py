"""From a training run to a checkpoint that may be used: scored on the reference cohort, with all that its checks need.

The best weights are registered under their version; the tables `aline.checkpoints` and `aline.scores` say what they are
worth. They are promoted by passing the checks: only rows that did are published, and only their version is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.policies.policies import LearnedQuestions, Policy, RandomQuestions
from migraine_platform.aline.policies.window_rules import fixed_hours
from migraine_platform.aline.scoring.baselines import fit_baselines
from migraine_platform.aline.scoring.calibration import PosteriorCalibration
from migraine_platform.aline.scoring.scorecard import (
    Score,
    complete_day_scores,
    policy_information,
    policy_scores,
    posterior_of,
    score_frame,
)
from migraine_platform.aline.tasks.reference_cohort import ReferenceCohort
from migraine_platform.aline.training.checkpoints import Card
from migraine_platform.config.train import Train

SEED = 1
"""First number of the seeds of scoring windows; training and validation have 0."""

LOG_LOSS_BEHIND, INFORMATION_BEHIND = "log_loss_behind_aline", "information_behind_aline"


@dataclass(frozen=True)
class CheckpointVerdict:
    """What scoring came to."""

    scores: pl.DataFrame
    """Rows of `aline.scores`."""
    calibration: PosteriorCalibration
    gained: dict[str, Tensor]
    """[questions + 1, W] nats by rule."""


def score_checkpoint(
    net: Aline,
    card: Card,
    reference: ReferenceCohort,
    settings: Train,
    progress: Callable[[str], None] = lambda line: None,
) -> CheckpointVerdict:
    """Score a checkpoint on complete days and on evenings of patients nobody learned from."""

    rng = np.random.default_rng((SEED, settings.seed))
    promotion, task = settings.promotion, reference.scoring
    complete = task.simulator.draw(rng, promotion.windows, complete=True)
    labelled = reference.task.simulator.draw(rng, promotion.labelled_days, complete=True)
    baselines = fit_baselines(labelled, settings.seed)
    progress(f"baselines fitted on {promotion.labelled_days:,} labelled days")
    bayes = reference.bayes.infer(complete)
    progress(f"Bayes predictor: {np.median(bayes.effective):.0f} days of its bank speak for a window (median)")
    scores, found = complete_day_scores(net, task, complete, baselines, bayes.probability)
    scores.append(Score.single("bayes", "complete_day", "effective_days", float(np.median(bayes.effective))))
    evenings = task.simulator.draw(rng, promotion.windows, now=reference.hours.evening)
    rules: dict[str, Policy] = {
        "aline": LearnedQuestions(),
        "random": RandomQuestions(settings.seed),
        "fixed_hours": fixed_hours(),
    }
    goal = torch.ones(len(net.layout.targets), dtype=torch.bool)
    gained = policy_information(net, task, evenings, rules, card.layout.horizon, goal)
    scores += policy_scores(gained, settings.questions)
    frame = score_frame(scores).with_columns(version=pl.lit(card.version))
    return CheckpointVerdict(frame, found, gained)


class Fresh(NamedTuple):
    """How a checkpoint's stated intervals hold on fresh patients."""

    coverage: dict[str, float]
    """Share of truths within stated 90 % intervals, by target."""
    problems: list[str]


FRESH_WINDOWS, FRESH_PATIENTS = 3000, 400
FRESH_FIRST, FRESH_APART = 10**8, 10**4
"""Numbers of fresh reference patients: those of one day are others than those of any other day."""

CHANCE = 3.5
"""Standard errors beyond the promised band: chance goes there once in some hundred looks at seven targets."""


@torch.no_grad()
def fresh_calibration(net: Aline, reference: ReferenceCohort, settings: Train, day: int) -> Fresh:
    """Hold the posterior against windows of patients that were never used for anything.

    Args:
        day: number of the day; each has its own patients.
    """
    rng = np.random.default_rng((SEED, settings.seed, day))
    task = reference.fresh(FRESH_FIRST + FRESH_APART * day, FRESH_PATIENTS)
    windows = task.simulator.draw(rng, FRESH_WINDOWS, complete=True)
    episode = task.complete(windows)
    found = PosteriorCalibration.of(task.layout.names, posterior_of(net, episode.context), episode.truth)
    low, high = settings.promotion.coverage_90
    slack = CHANCE * float(np.sqrt(0.9 * 0.1 / FRESH_WINDOWS))
    shares = {name: float(share) for name, share in zip(found.names, found.share, strict=True)}
    problems = [
        f"{name}: {100 * share:.1f} % of fresh truths in stated 90 % intervals; expected {100 * low:.0f} to "
        f"{100 * high:.0f} %"
        for name, share in shares.items()
        if not low - slack <= share <= high + slack
    ]
    return Fresh(shares, problems)


def checkpoint_row(net: Aline, card: Card) -> dict[str, str | int | float]:
    """The row of `aline.checkpoints`."""
    return {
        "version": card.version,
        "task": card.task,
        "step": card.step,
        "width": card.size.width,
        "layers": card.size.layers,
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "configuration": card.configuration,
        "data": card.data,
        "validation_log_score": card.metrics["log_score"],
        "torch": card.torch,
    }


def calibration_problems(scores: pl.DataFrame, settings: Train) -> list[str]:
    """Targets whose stated 90 % intervals hold too few truths, or too many."""

    low, high = settings.promotion.coverage_90
    rows = scores.filter(pl.col("metric").str.starts_with("coverage_90_"))
    return [
        f"{row['metric'].removeprefix('coverage_90_')}: {100 * row['value']:.1f} % of truths in stated 90 % intervals; "
        f"expected {100 * low:.0f} to {100 * high:.0f} %"
        for row in rows.iter_rows(named=True)
        if not low <= row["value"] <= high
    ]


def shortcomings(scores: pl.DataFrame, settings: Train) -> list[str]:
    """All that keeps a checkpoint from being used."""
    wanted = settings.promotion
    return [
        *calibration_problems(scores, settings),
        *unbeaten(scores, LOG_LOSS_BEHIND, wanted.must_beat),
        *unmatched(scores, wanted.must_match),
        *unbeaten(scores, INFORMATION_BEHIND, wanted.must_ask_better_than),
    ]


def unbeaten(scores: pl.DataFrame, metric: str, rivals: tuple[str, ...]) -> list[str]:
    """Rivals that are not behind by more than chance: the 95 % interval of the paired difference reaches 0.

    Args:
        metric: LOG_LOSS_BEHIND or INFORMATION_BEHIND.
    """

    behind = {row["model"]: row for row in scores.filter(pl.col("metric") == metric).iter_rows(named=True)}
    return [
        f"{rival} is behind by {behind[rival]['value']:.4f} nats ({behind[rival]['lower']:.4f} to "
        f"{behind[rival]['upper']:.4f}); expected more than chance"
        if rival in behind
        else f"{rival} was not scored"
        for rival in rivals
        if rival not in behind or behind[rival]["lower"] <= 0
    ]


def unmatched(scores: pl.DataFrame, rivals: tuple[str, ...]) -> list[str]:
    """Forecasts that are ahead by more than chance: the 95 % interval of the paired log loss lies below 0."""

    behind = {row["model"]: row for row in scores.filter(pl.col("metric") == LOG_LOSS_BEHIND).iter_rows(named=True)}
    return [
        f"{rival} is ahead by {-behind[rival]['value']:.4f} nats, more than chance"
        if rival in behind
        else f"{rival} was not scored"
        for rival in rivals
        if rival not in behind or behind[rival]["upper"] < 0
    ]
