from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as reference_log_loss

from migraine_platform.forecast_scores import (
    BINS,
    SMALLEST,
    calibration_error,
    expected_auc,
    expected_brier,
    log_loss,
    mean_and_margin,
    share_of_way,
)


@given(q=arrays(float, 40, elements=st.integers(1, 19).map(lambda n: n / 20)), seed=st.integers(0, 1000))
def test_with_labels_for_truth_scores_are_the_usual_ones(q: np.ndarray, seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat([0.0, 1.0], 20))
    assert expected_auc(q, labels) == pytest.approx(roc_auc_score(labels, q))
    assert log_loss(q, labels).mean() == pytest.approx(reference_log_loss(labels, q))
    assert expected_brier(q, labels) == pytest.approx(brier_score_loss(labels, q))


def by_hand(p: list[float], came: list[bool]) -> float:
    """Tenth by tenth, [0, 0.1), ..., [0.9, 1]: sums of what was said and of what came, apart."""
    total = 0.0
    for k in range(BINS):
        own = [row for row in range(len(p)) if min(int(p[row] * BINS), BINS - 1) == k]
        total += abs(sum(p[row] for row in own) - sum(came[row] for row in own))
    return total / len(p)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_the_calibration_error_is_that_of_its_definition(forecasts: list[tuple[float, bool]]) -> None:
    p, came = map(list, zip(*forecasts, strict=True))
    assert calibration_error(np.array(p), np.array(came)) == pytest.approx(by_hand(p, came), abs=1e-12)


def test_a_calibrated_forecast_has_a_small_calibration_error_and_a_shifted_one_its_shift() -> None:
    """Of 40,000 days: a tenth's share is off by some sqrt(0.25 / 4000) = 0.008, five standard errors 0.04."""
    rng = np.random.default_rng(3)
    p = rng.random(40_000) * 0.8
    came = rng.random(len(p)) < p
    assert calibration_error(p, came) < 0.02
    assert calibration_error(p + 0.15, came) == pytest.approx(0.15, abs=0.02)


def test_one_day_cannot_decide_a_log_loss() -> None:
    assert log_loss(np.array([0.0]), np.array([1.0])) == pytest.approx(-np.log(SMALLEST))


def test_expected_scores_are_means_over_drawn_labels() -> None:
    """20,000 drawings of labels for 50 cases; 3.3 standard errors."""
    rng = np.random.default_rng(0)
    p, q = rng.random(50), rng.random(50)
    labels = rng.random((20_000, 50)) < p
    losses = -(labels * np.log(q) + (~labels) * np.log(1 - q)).mean(axis=1)
    briers = ((q - labels) ** 2).mean(axis=1)
    for drawn, expected in ((losses, log_loss(q, p).mean()), (briers, expected_brier(q, p))):
        assert abs(drawn.mean() - expected) < 3.3 * drawn.std() / np.sqrt(len(drawn))


def test_the_truth_has_the_lowest_expected_loss() -> None:
    p = np.random.default_rng(1).random(100)
    assert log_loss(p, p).mean() < log_loss(np.clip(p + 0.05, 0, 1), p).mean()


def test_the_way_goes_from_floor_to_ceiling() -> None:
    assert share_of_way(0.6, 0.6, 0.4) == 0
    assert share_of_way(0.4, 0.6, 0.4) == pytest.approx(1)
    assert share_of_way(0.45, 0.6, 0.4) == pytest.approx(0.75)


def test_margins_cover_the_mean_nineteen_times_in_twenty() -> None:
    rng = np.random.default_rng(2)
    found = [mean_and_margin(rng.normal(size=200)) for _ in range(1000)]
    inside = np.mean([abs(mean) < margin for mean, margin in found])
    assert abs(inside - 0.95) < 0.025
