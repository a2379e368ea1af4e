"""Figures of training and of what came of it: learning curves, ranks of the truth, information by question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.plotting import BLUE, GREEN, GREY, ORANGE, new_figure, to_png

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.aline.scoring.calibration import PosteriorCalibration

SMOOTHED = 25
"""Steps that a point of a learning curve averages."""

COLOURS = (BLUE, ORANGE, GREEN, GREY, "#CC79A7", "#E69F00", "#56B4E9")


def learning_curves(log: pl.DataFrame) -> bytes:
    """Loss of the posterior by what it learned from, validation log score, and AUC of tomorrow's migraine.

    Args:
        log: rows of `aline.training_log`.
    """

    figure, (left, right) = new_figure(9, 3.6, columns=2)
    for colour, phase in zip(COLOURS, log["phase"].unique(maintain_order=True), strict=False):
        rows = log.filter(pl.col("phase") == phase)
        left.plot(rows["step"], rows["l_post"].rolling_mean(SMOOTHED, min_samples=1), color=colour, label=phase)
        right.plot(rows["step"], rows["auc"].rolling_mean(SMOOTHED, min_samples=1), color=colour, label=phase)
    checked = log.drop_nulls("validation_log_score")
    left.plot(checked["step"], -checked["validation_log_score"], "o-", color="black", markersize=3, label="validation")
    left.set_ylabel("loss of the posterior (nats a target)")
    right.set_ylabel("expected AUC of tomorrow's migraine")
    for axis in (left, right):
        axis.set_xlabel("step")
        axis.legend(fontsize=8)
    return to_png(figure)


def rank_histograms(found: PosteriorCalibration) -> bytes:
    """Ranks of true numbers in their stated posteriors; flat where uncertainty is true."""
    figure, axes = new_figure(9, 4.2, rows=2, columns=-(-len(found.names) // 2))
    for k, name in enumerate(found.names):
        axes[k].hist(found.ranks[:, k].numpy(), bins=20, range=(0, 1), color=BLUE)
        axes[k].axhline(len(found.ranks) / 20, color=GREY, linewidth=1)
        axes[k].set_title(f"{name}\n90 %: {100 * float(found.share[k]):.0f} %", fontsize=7)
        axes[k].set_xticks([0, 0.5, 1])
        axes[k].set_yticks([])
    for axis in axes[len(found.names) :]:
        axis.set_visible(False)
    return to_png(figure)


def information_by_question(gained: Mapping[str, NDArray[np.float64]]) -> bytes:
    """Nats gained by each rule after each question.

    Args:
        gained: [questions + 1, W] by rule.
    """
    figure, (axis,) = new_figure(6, 4)
    for colour, (name, nats) in zip(COLOURS, gained.items(), strict=False):
        asked = np.arange(len(nats))
        mean, margin = nats.mean(axis=1), 1.96 * nats.std(axis=1) / np.sqrt(nats.shape[1])
        axis.plot(asked, mean, "o-", markersize=3, color=colour, label=name)
        axis.fill_between(asked, mean - margin, mean + margin, color=colour, alpha=0.2, linewidth=0)
    axis.set_xlabel("questions asked")
    axis.set_ylabel("information gained (nats)")
    axis.legend(fontsize=8)
    return to_png(figure)
