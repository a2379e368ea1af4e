from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.twin.symptoms.survival import BAND, HORIZON, STATES, Onsets, days_since, fit_onsets

HAZARD = np.array([0.1, 0.3, 0.2, 0.15, 0.1, 0.08])
SHAPE, CONTINUATION = 2.0, 0.25
PERSONS, DAYS, AHEAD = 1200, 160, 7


def live(rng: np.random.Generator, theta: np.ndarray, days: int) -> tuple[np.ndarray, np.ndarray]:
    """[P, K] onsets and migraine days of the model, after a migraine day."""
    onset, migraine = np.zeros((2, len(theta), days), dtype=bool)
    since = np.ones(len(theta), dtype=int)
    for day in range(days):
        onset[:, day] = rng.random(len(theta)) < 1 - np.exp(-theta * HAZARD[BAND[since - 1]])
        goes_on = (since == 1) & (rng.random(len(theta)) < CONTINUATION)
        migraine[:, day] = onset[:, day] | goes_on
        since = np.where(migraine[:, day], 1, np.minimum(since + 1, STATES))
    return onset, migraine


@pytest.fixture(scope="module")
def result() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Onsets]:
    """Persons' multipliers, diaries with gaps, and the fit to all but the days ahead."""
    rng = np.random.default_rng(1)
    theta = rng.gamma(SHAPE, 1 / SHAPE, PERSONS)
    onset, migraine = (flags[:, 40:] for flags in live(rng, theta, 40 + DAYS + AHEAD))
    diary = rng.random(onset.shape) < 0.85
    known = (array[:, :DAYS] for array in (diary, onset & diary, migraine & diary, migraine & diary))
    return theta, diary, onset, migraine, fit_onsets(*known)


def test_the_population_s_hazards_are_recovered(result) -> None:
    """Four standard errors, from a band's onsets and from the persons' multipliers, whose mean is 1 by definition."""
    theta, diary, onset, migraine, fit = result
    since = days_since(diary, migraine)[:, : DAYS - 1]
    for band, hazard in enumerate(HAZARD):
        days = diary[:, : DAYS - 1] & (since > 0) & (BAND[since - 1] == band)
        onsets = onset[:, : DAYS - 1][days].sum()
        assert abs(np.log(fit.hazard[band] / hazard)) < 4 * np.sqrt(1 / onsets + 1 / SHAPE / PERSONS)
    assert abs(fit.shape - SHAPE) < 4 * 1.3 / np.sqrt(0.145 * PERSONS)  # trigamma(2) - 1/2 = 0.145, were they known
    assert abs(fit.continuation - CONTINUATION) < 4 * np.sqrt(0.19 / 10_000)
    assert np.corrcoef(fit.multiplier, theta)[0, 1] > 0.8


def test_the_population_s_survival_is_that_of_kaplan_and_meier(result) -> None:
    """Other persons, watched from a migraine day until a gap in their diary; pointwise false alarm 6e-5."""
    from scipy.stats import CensoredData, ecdf

    rng = np.random.default_rng(2)
    onset, _ = live(rng, rng.gamma(SHAPE, 1 / SHAPE, 2000), 30)
    event = np.where(onset.any(axis=1), onset.argmax(axis=1) + 1, 1000)
    gap = np.minimum(rng.geometric(0.08, 2000), 31)
    ended = event < gap
    curve = ecdf(CensoredData(uncensored=event[ended], right=gap[~ended] - 1)).sf
    days = np.arange(1, 15)
    shape, at_risk = curve.evaluate(days), np.array([(np.minimum(event, gap - 1) >= day).sum() for day in days])
    greenwood = shape * np.sqrt(np.cumsum((1 - np.divide(shape, np.append(1, shape[:-1]))) / at_risk))
    expected = result[-1].population_survival()[days]
    assert np.all(np.abs(expected - shape) < 4 * 1.1 * greenwood)  # a tenth for the error of the fit, of 1,200 persons
    assert greenwood.max() < 0.025


@pytest.mark.parametrize("days", [1, 2, 3, 7])
def test_forecasts_come_true_as_often_as_they_say(result, days: int) -> None:
    """Sum of Bernoulli draws; false alarm 6e-5 at four standard errors."""
    _, diary, onset, _, fit = result
    outcome, p = onset[:, DAYS : DAYS + days].any(axis=1), fit.within(days)
    for group in (np.ones(PERSONS, dtype=bool), ~diary[:, DAYS - 1], p > np.median(p), fit.days > np.median(fit.days)):
        assert abs((outcome - p)[group].sum()) < 4 * np.sqrt((p * (1 - p))[group].sum())


def test_forecasts_know_more_than_the_mean(result) -> None:
    _, _, onset, _, fit = result
    outcome, p = onset[:, DAYS : DAYS + 3].any(axis=1), fit.within(3)
    assert np.mean((outcome - p) ** 2) < 0.9 * np.var(outcome)


def test_days_since_the_last_migraine_are_hidden_by_gaps() -> None:
    diary = np.array([[1, 1, 1, 0, 1, 1, 1] + [1] * 13], dtype=bool)
    migraine = np.zeros_like(diary)
    migraine[0, [1, 5]] = True
    assert days_since(diary, migraine)[0].tolist() == [
        -1,
        -2,
        1,
        2,
        -1,
        -2,
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        12,
        13,
        14,
    ]
    assert days_since(diary[:, 6:], migraine[:, 6:])[0].tolist() == [-least for least in range(1, 14)] + [14]


def test_survival_falls_from_one_and_its_summaries_agree(result) -> None:
    fit = result[-1]
    assert_array_equal(fit.survival[:, 0], 1)
    assert np.all(np.diff(fit.survival, axis=1) <= 0)
    assert np.all(fit.expected_days >= fit.survival[:, :HORIZON].sum(axis=1) - 1e-9)
    median = fit.median_days.astype(int)
    rows = np.arange(PERSONS)
    assert np.all((fit.survival[rows, median] <= 0.5) & (fit.survival[rows, median - 1] > 0.5))


def test_expected_days_are_those_of_the_chain_without_spread() -> None:
    """A diary without end of one constant hazard: 1 / p days, whatever the state."""
    from migraine_platform.twin.symptoms import survival

    table, expected = survival._survival(np.full(6, 0.2), 0.3)
    p = 1 - np.exp(-0.2 * np.exp(survival.LOG_THETA))
    assert_allclose(expected, np.repeat(1 / p[:, None], STATES, axis=1), rtol=1e-9)
    assert_allclose(table[:, 5, 10], (1 - p) ** 10)


def test_the_twin_s_forecast_replaces_the_first_day(result) -> None:
    fit = result[-1]
    p = np.linspace(0.01, 0.99, PERSONS)
    given = fit.given_tomorrow(p)
    assert_allclose(given.within(1), p)
    assert_allclose(given.survival[:, 7] / given.survival[:, 1], fit.survival[:, 7] / fit.survival[:, 1])
    same = fit.given_tomorrow(fit.within(1))
    assert_allclose(same.survival, fit.survival)
    assert_allclose(same.expected_days, fit.expected_days)


def test_the_last_day_is_read_by_its_evening_only(result) -> None:
    _, diary, onset, migraine, fit = result
    onset, late = onset[:, :DAYS].copy(), migraine[:, :DAYS].copy()
    onset[:, -1], late[:, -1] = ~onset[:, -1], ~late[:, -1]
    again = fit_onsets(diary[:, :DAYS], onset, late, migraine[:, :DAYS])
    assert_array_equal(again.survival, fit.survival)


@pytest.mark.parametrize("days", [1, 2, 40])
def test_without_entries_the_posterior_is_the_prior(days: int) -> None:
    nothing = np.zeros((3, days), dtype=bool)
    fit = fit_onsets(nothing, nothing, nothing, nothing)
    assert np.isfinite(fit.expected_days).all()
    assert np.all((fit.within(7) > 0.3) & (fit.within(7) < 0.8))
    assert_array_equal(fit.days, 0)


def test_a_patient_without_entries_has_the_population_s_multiplier(result) -> None:
    _, diary, onset, migraine, _ = result
    diary = diary[:200, :60].copy()
    diary[0] = False
    fit = fit_onsets(diary, onset[:200, :60], migraine[:200, :60], migraine[:200, :60])
    assert_allclose(fit.multiplier[0], 1, atol=0.01)
    assert np.all(fit.survival > 0)
