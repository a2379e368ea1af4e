"""Scores of a forecast against the probability that the whole truth gives: expected values, without a coin's noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 1e-9


def expected_log_loss(forecast: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n] expected log loss, in nats, of each forecast where the truth is a probability (or a label)."""
    q = np.clip(forecast, SMALLEST, 1 - SMALLEST)
    return np.asarray(-(truth * np.log(q) + (1 - truth) * np.log(1 - q)))


def expected_brier(forecast: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Expected Brier score: (q - p)^2 + p (1 - p), averaged."""
    return float(np.mean((forecast - truth) ** 2 + truth * (1 - truth)))


def expected_auc(forecast: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Probability that a drawn migraine day is ranked above a drawn other day, ties by half.

    Each case stands for p migraine days and 1 - p others: sum_ij p_i (1 - p_j) [q_i > q_j] / sum p sum (1 - p).
    """
    values, place = np.unique(forecast, return_inverse=True)
    sick = np.bincount(place, weights=truth, minlength=len(values))
    well = np.bincount(place, weights=1 - truth, minlength=len(values))
    below = np.cumsum(well) - well
    return float((sick * (below + well / 2)).sum() / (sick.sum() * well.sum()))


def share_of_way(score: float, floor: float, ceiling: float) -> float:
    """How far a loss has come from the floor's (nothing known) to the ceiling's (all that can be known)."""
    return (floor - score) / (floor - ceiling)


def mean_and_margin(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean, and the half-width of its 95 % interval."""
    return float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))
