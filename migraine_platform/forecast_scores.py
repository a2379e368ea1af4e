"""Scores of probability forecasts, defined once for whoever trains, checks, evaluates or compares.

Truth is a label (0 or 1) or the probability that the whole state gives; held against the latter, a score is its
expected value, without a coin's noise. Does not belong here: which figures are reported
(evaluation/scoring/metrics.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 1e-6
"""Forecasts nearer to 0 or 1 count as this far from it in a log loss, so that one day cannot decide it."""

BINS = 10
"""Equal widths of the probability, by which calibration is judged: bin k holds floor(10 p) = k, the last one also 1."""


def log_loss(forecast: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.float64]:
    """[...] -(t ln p + (1 - t) ln(1 - p)), in nats, of each forecast p, kept SMALLEST away from 0 and 1.

    Args:
        truth: [...] labels, or probabilities that the whole truth gives.
        forecast: [...] probabilities.
    """
    p = np.clip(forecast, SMALLEST, 1 - SMALLEST)
    return np.asarray(-(truth * np.log(p) + (1 - truth) * np.log(1 - p)))


def bins_of(forecast: NDArray[np.float64]) -> NDArray[np.int64]:
    """[N] which of the BINS each of N forecasts falls into.

    Args:
        forecast: [N] probabilities.
    """
    return np.minimum((forecast * BINS).astype(np.int64), BINS - 1)


def calibration_error(forecast: NDArray[np.float64], outcome: NDArray[np.bool_]) -> float:
    """Expected calibration error: mean distance between forecast and realised shares over BINS, weighted by days.

    Args:
        forecast, outcome: [N] probabilities, and whether each came true.
    """
    apart = np.asarray(np.bincount(bins_of(forecast), forecast - outcome, BINS), dtype=np.float64)
    return float(error_of_bins(apart, np.array(float(len(forecast)))))


def error_of_bins(apart: NDArray[np.float64], days: NDArray[np.float64]) -> NDArray[np.float64]:
    """[...] expected calibration error from sums by bin; NaN without days.

    Args:
        apart: [..., BINS] sum of forecasts minus sum of outcomes.
        days: [...] forecasts in all bins together.
    """
    distance = np.abs(apart).sum(axis=-1)
    return np.asarray(np.divide(distance, days, out=np.full(np.shape(distance), np.nan), where=days != 0))


def expected_brier(forecast: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Expected Brier score: (q - p)^2 + p (1 - p), averaged.

    Args:
        forecast, truth: [N] probabilities; labels count as such.
    """
    return float(np.mean((forecast - truth) ** 2 + truth * (1 - truth)))


def expected_auc(forecast: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Probability that a drawn migraine day is ranked above a drawn other day, ties by half.

    Each case stands for p migraine days and 1 - p others: sum_ij p_i (1 - p_j) [q_i > q_j] / sum p sum (1 - p).

    Args:
        forecast, truth: [N] probabilities; labels count as such.
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
    """Mean, and the half-width of its 95 % interval.

    Args:
        values: [N] independent values.
    """
    return float(values.mean()), float(1.96 * values.std(ddof=1) / np.sqrt(len(values)))
