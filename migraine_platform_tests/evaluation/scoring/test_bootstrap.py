"""Draws of patients, intervals, p-values and their correction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom
from statsmodels.stats.multitest import multipletests

from migraine_platform.evaluation.scoring.bootstrap import draws, holm, interval, p_values
from migraine_platform.evaluation.scoring.metrics import NAMES, figures
from migraine_platform.evaluation.scoring.totals import Cases, totals


def test_each_replicate_draws_as_many_patients_as_there_are() -> None:
    weights = draws(40, 300, 7)
    assert_array_equal(weights[:, 0], 1)
    assert_array_equal(weights.sum(axis=0), 40)
    assert_array_equal(weights, draws(40, 300, 7))
    assert (weights != draws(40, 300, 8)).any()
    # of a patient: mean 1, variance 39/40; 12,000 counts, 4 standard errors: a false alarm in 16,000
    assert abs(weights[:, 1:].var() - 39 / 40) < 4 * np.sqrt(2.9 / 12_000)


@given(
    arrays(float, (30, 4), elements=st.floats(-5, 5)),
    arrays(bool, (30, 4)),
)
def test_ends_are_percentiles_of_what_is_defined(values: np.ndarray, gaps: np.ndarray) -> None:
    gaps[0], gaps[1] = False, False
    lower, upper = interval(np.where(gaps, np.nan, values))
    for column in range(4):
        defined = values[1:, column][~gaps[1:, column]]
        assert_allclose([lower[column], upper[column]], np.percentile(defined, [2.5, 97.5]), rtol=1e-9, atol=1e-12)


def test_what_the_days_do_not_tell_has_no_interval_and_no_p_value() -> None:
    unknown = np.array([[np.nan, 1.0, 1.0]] + 20 * [[1.0, np.nan, 1.0]])
    lower, upper = interval(unknown)
    assert_array_equal(np.isnan(lower), [True, True, False])
    assert_array_equal(np.isnan(upper), [True, True, False])
    assert_array_equal(np.isnan(p_values(unknown)), [True, True, False])


def test_p_values_by_hand() -> None:
    replicates = np.array([[0.5] * 19, [-0.5] * 19, [0.0] * 19, [0.5] * 17 + [-0.5] * 2]).T
    found = p_values(np.concatenate([replicates[:1], replicates]))
    assert_allclose(found, [2 / 20, 2 / 20, 1, 6 / 20])


@given(
    arrays(float, (59, 1), elements=st.floats(-1, 1).filter(lambda x: x != 0)),
    st.sampled_from([1.0, -1.0]),
)
def test_the_sign_of_a_difference_does_not_matter(replicates: np.ndarray, sign: float) -> None:
    given_all = np.concatenate([replicates[:1], replicates])
    assert_allclose(p_values(sign * given_all), p_values(given_all))
    assert 2 / 60 <= p_values(given_all)[0] <= 1


@examples(max_examples=15)  # statsmodels collects all garbage at every call
@given(arrays(float, st.integers(1, 12), elements=st.floats(0, 1)), st.integers(0, 3))
def test_holms_correction_is_that_of_statsmodels(p: np.ndarray, gaps: int) -> None:
    expected = multipletests(p, method="holm")[1]
    found = holm(np.concatenate([np.full(gaps, np.nan), p]))
    assert_allclose(found[gaps:], expected, rtol=1e-12)
    assert np.isnan(found[:gaps]).all()


def clusters(rng: np.random.Generator, patients: int, days: int) -> Cases:
    """Days of patients whose shares of migraine days differ much; everybody is forecast 0.3."""
    share = rng.beta(0.6, 1.4, patients)
    came = rng.random((patients, days)) < share[:, None]
    nothing = np.full(patients * days, np.nan)
    patient = np.repeat(np.arange(patients), days)
    return Cases(patient, came.ravel(), nothing, nothing, np.full(patients * days, 0.3), 0.5)


TRIALS = 200


@pytest.fixture(scope="module")
def covered() -> tuple[int, int]:
    """How often intervals held the true Brier score: drawing patients, and drawing days.

    With p = 0.3 for all, it is E[share] 0.7^2 + (1 - E[share]) 0.3^2, and the mean share is 0.3.
    """
    rng = np.random.default_rng(20)
    truth, brier = 0.3 * 0.49 + 0.7 * 0.09, NAMES.index("brier")
    held = [0, 0]
    for trial in range(TRIALS):
        some = clusters(rng, 80, 20)
        as_days = some._replace(patient=np.arange(len(some.said)))
        for k, cases in enumerate((some, as_days)):
            lower, upper = interval(figures(totals(cases, draws(cases.patients, 120, trial)))[:, [brier]])
            held[k] += int(lower[0] <= truth <= upper[0])
    return held[0], held[1]


def test_intervals_hold_the_truth_nineteen_times_in_twenty(covered: tuple[int, int]) -> None:
    """Percentile intervals from 80 patients hold it in 92 to 96 % of samples; a false alarm in about 10,000 runs."""
    low, high = binom.ppf(1e-4, TRIALS, 0.92), binom.ppf(1 - 1e-4, TRIALS, 0.96)
    assert low <= covered[0] <= high


def test_drawing_days_instead_would_promise_too_much(covered: tuple[int, int]) -> None:
    """Days of a patient are alike (intraclass correlation 1/3): as if they were not, fewer than three in four hold."""
    assert covered[1] < binom.ppf(1e-4, TRIALS, 0.75)


def test_no_difference_is_found_about_as_rarely_as_said() -> None:
    """Two models of equal worth: p below 0.05 in at most 7.5 % of samples; a false alarm in 10,000 runs."""
    rng = np.random.default_rng(21)
    found, brier = 0, NAMES.index("brier")
    for trial in range(200):
        some = clusters(rng, 60, 5)
        weights = draws(60, 100, trial)
        ours, theirs = (
            figures(totals(some._replace(said=rng.beta(2, 4, len(some.said))), weights))[:, [brier]] for _ in range(2)
        )
        found += int(p_values(ours - theirs)[0] < 0.05)
    assert found <= binom.ppf(1 - 1e-4, 200, 0.075)
