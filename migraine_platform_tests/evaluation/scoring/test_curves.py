"""Calibration, ROC and decision curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from statsmodels.stats.proportion import proportion_confint

from migraine_platform.evaluation.scoring.curves import calibration, effective_days, thresholds, wilson
from migraine_platform.evaluation.scoring.totals import Cases


def drawn(seed: int, patients: int = 30, days: int = 40) -> Cases:
    rng = np.random.default_rng(seed)
    said = rng.random(patients * days)
    nothing = np.full(len(said), np.nan)
    patient = np.repeat(np.arange(patients), days)
    return Cases(patient, rng.random(len(said)) < said**1.3, nothing, nothing, said, 0.5)


def test_the_calibration_curve_is_that_of_scikit_learn() -> None:
    some = drawn(0)
    came, said = calibration_curve(some.came, some.said, n_bins=10, strategy="uniform")
    found = calibration(some)
    assert [row.bin for row in found] == list(range(10))
    assert [row.came for row in found] == pytest.approx(came)
    assert [row.said for row in found] == pytest.approx(said)
    assert sum(row.days for row in found) == len(some.said)


@given(st.integers(1, 300), st.integers(0, 300))
def test_wilsons_interval_is_that_of_statsmodels(count: int, hits: int) -> None:
    hits = min(hits, count)
    assert wilson(hits / count, count) == pytest.approx(proportion_confint(hits, count, method="wilson"), abs=1e-9)


def test_days_of_patients_who_are_alike_are_worth_what_they_are() -> None:
    """Independent days of 400 patients: as many as they are, within 5 standard deviations (0.035) of the estimate."""
    rng = np.random.default_rng(1)
    days = np.full(400, 10.0)
    assert effective_days(days, rng.binomial(10, 0.3, 400).astype(float)) > 4000 * 0.8


def test_days_of_patients_who_differ_wholly_are_worth_one_each() -> None:
    came = np.repeat([0.0, 10.0], 50)
    assert effective_days(np.full(100, 10.0), came) == pytest.approx(99)


def test_a_bin_of_one_outcome_counts_each_patient_as_a_day() -> None:
    assert effective_days(np.array([4.0, 0, 7]), np.zeros(3)) == 2
    assert effective_days(np.array([4.0, 0, 0]), np.array([2.0, 0, 0])) == 1


@given(st.integers(0, 500), st.integers(1, 5), st.integers(1, 9))
def test_intervals_of_realised_shares_hold_them(seed: int, patients: int, days: int) -> None:
    for row in calibration(drawn(seed, patients, days)):
        assert 0 <= row.lower <= row.came + 1e-12
        assert row.came - 1e-12 <= row.upper <= 1
        assert row.lower < row.upper
        assert row.bin / 10 <= row.said <= (row.bin + 1) / 10


def test_warnings_at_each_threshold_are_counted() -> None:
    some = drawn(2, patients=4, days=25)
    some = some._replace(said=np.round(some.said, 2))  # ties with the thresholds themselves
    found = thresholds(some)
    assert [row.threshold for row in found] == [step / 100 for step in range(1, 100)]
    for row in found:
        warned, t = some.said >= row.threshold, row.threshold
        assert row.sensitivity == pytest.approx(warned[some.came].mean())
        assert row.specificity == pytest.approx(1 - warned[~some.came].mean())
        benefit = (warned & some.came).mean() - (warned & ~some.came).mean() * t / (1 - t)
        assert row.net_benefit == pytest.approx(benefit)
        assert row.warn_always == pytest.approx(some.came.mean() - (1 - some.came.mean()) * t / (1 - t))


def test_days_of_one_outcome_have_no_roc_curve() -> None:
    some = drawn(3)
    assert thresholds(some._replace(came=np.zeros_like(some.came))) == []
    assert thresholds(some._replace(came=np.ones_like(some.came))) == []
    assert thresholds(some.of(some.said > 2)) == []
    assert calibration(some.of(some.said > 2)) == []
