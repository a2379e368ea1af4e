from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import binom

from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.twin.hazard.course import tilt
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import AGES, HEADACHES, LOGIT_BINS, LOGIT_STEP, Forecasts
from migraine_platform.twin.hazard.outlook import no_forecasts
from migraine_platform.twin.hazard.uncertainty import Recalibration, uncertainty
from migraine_platform_tests.twin.modelled import effects_of, expit, live, points_of, triggers_alone

PATIENTS, DAYS, ATOMS, DRAWS = 12, 25, 8, 40_000
FACTOR = np.diag([1.5, 1.2, 1.0, 0.8])
NOISE = 0.15 * FACTOR @ FACTOR
BIN_ERROR = 0.0963 * LOGIT_STEP**2 / 8
"""Largest error of a mean probability that is shared out between two bins: the largest |expit''|, times step^2 / 8."""


@pytest.fixture(scope="module")
def parts():
    """Hypotheses, effects, atoms, diaries with gaps and days of which not everything is known."""
    rng = np.random.default_rng(0)
    points = points_of(rng, 64)
    effects = effects_of(
        latent=np.full(TRIGGER_COUNT, 0.6), by_evening=1.0, lasting=np.full((AGES, 2, HEADACHES), 0.35)
    )
    covariates = triggers_alone(rng, PATIENTS, DAYS)
    covariates.spread[:] = FACTOR @ FACTOR * rng.uniform(0.2, 1.0, (PATIENTS, DAYS, 1, 1))
    covariates.trigger[:, ::3, 1] = 0.4
    level, susceptibility = rng.normal(-1.2, 0.8, PATIENTS), rng.uniform(0.1, 1, (PATIENTS, TRIGGER_COUNT))
    evidence = live(rng, level, susceptibility, effects, covariates, 0.7)
    evidence.headache[:] = rng.integers(0, HEADACHES, evidence.headache.shape)
    atoms = np.sort(rng.random((AGES, 2, HEADACHES, ATOMS)) ** 2, axis=-1)
    weights = np.empty_like(atoms)
    lasting = atoms.min(axis=-1) + rng.uniform(0.1, 0.9, (AGES, 2, HEADACHES)) * np.ptp(atoms, axis=-1)
    for place in np.ndindex(AGES, 2, HEADACHES):
        tilt(atoms[place], lasting[place], weights[place])
    return points, effects._replace(lasting=lasting), covariates, evidence, atoms, weights


def logit(p):
    return np.log(p / (1 - p))


def mean_of(found):
    """m from aleatoric + epistemic = m (1 - m), for m below one half."""
    return 0.5 - np.sqrt(0.25 - (found.aleatoric + found.epistemic))


def forecasts_of(place: int, ill: float, lasts: float = 0.0) -> Forecasts:
    """One hypothesis in the middle of a bin, after a day that was a migraine day with some probability."""
    spread = np.zeros((1, 1, 2, LOGIT_BINS))
    spread[..., place] = [1 - ill, ill]
    return no_forecasts(1, 1, True)._replace(spread=spread, lasts=np.full((1, 1), lasts))


@pytest.mark.parametrize("place", [10, 40, 56, 90])
def test_full_knowledge_leaves_only_aleatoric_uncertainty(place: int) -> None:
    """A half of a bin to either side is left."""
    nothing = triggers_alone(np.random.default_rng(0), 1, 1)
    none_lasts = np.zeros((AGES, 2, 1))
    found = uncertainty(forecasts_of(place, 0.0), effects_of(), nothing, np.zeros((4, 4)), none_lasts)
    p = expit((place - 56) * LOGIT_STEP)
    assert_allclose(found.aleatoric, p * (1 - p), rtol=1e-12)
    assert_allclose(found.epistemic, 0, atol=1e-15)
    assert expit((place - 56.5) * LOGIT_STEP) < found.lower[0, 0] < p < found.upper[0, 0] < expit((place - 55.5) / 8)


def test_parts_add_up_to_that_of_the_mean() -> None:
    """Two outcomes of known probability: an attack that surely goes on or is over, on a day known to be one."""
    nothing = triggers_alone(np.random.default_rng(0), 1, 1)
    p, half = expit(-16 * LOGIT_STEP), expit(20 * LOGIT_STEP)
    atoms = np.tile([0.0, (half - p) / (1 - p)], (AGES, 2, HEADACHES, 1))
    often = forecasts_of(40, 1.0, 0.3 * (half - p) / (1 - p))
    found = uncertainty(often, effects_of(), nothing, np.zeros((4, 4)), atoms)
    mean = 0.7 * p + 0.3 * half
    assert_allclose(found.aleatoric + found.epistemic, mean * (1 - mean), rtol=1e-9)
    assert_allclose(found.epistemic, 0.7 * 0.3 * (half - p) ** 2, rtol=1e-9)


def test_the_distribution_s_mean_is_the_forecast_where_the_day_is_known(parts) -> None:
    points, effects, _, evidence, atoms, _ = parts
    known = triggers_alone(np.random.default_rng(1), PATIENTS, DAYS)
    forecasts, _ = follow(points, effects, known, evidence, with_spread=True)
    found = uncertainty(forecasts, effects, known, np.zeros((4, 4)), atoms)
    m = forecasts.probability
    error = 2 * BIN_ERROR * np.abs(1 - 2 * m) + (2 * BIN_ERROR) ** 2  # shared out twice: a hypothesis, an atom
    assert np.all(np.abs(found.aleatoric + found.epistemic - m * (1 - m)) < error)


def drawn(parts, i: int):
    """Draws of tomorrow's probability, were all known that could be today: hypothesis, load, the attack's age."""
    points, effects, covariates, evidence, atoms, weights = parts
    rng = np.random.default_rng(i)
    forecasts, filter_state = follow(points, effects, covariates, evidence)
    x, spread = covariates.trigger[i, -1], covariates.spread[i, -1]
    unsure = np.sum(x * (1 - x) * (effects.trigger * 0.55) ** 2)
    total, noise = effects.latent @ spread @ effects.latent + unsure, effects.latent @ NOISE @ effects.latent
    m = rng.choice(len(points.level), DRAWS, p=np.exp(filter_state.log_weight[i]))
    ill = rng.random(DRAWS) < filter_state.ill[i, m]
    baseline = logit(filter_state.onset[i, m, ill.astype(int)]) * np.sqrt(1 + np.pi * total / 8)
    of_today = baseline + rng.normal(0, np.sqrt(total - noise), DRAWS)
    p = expit(of_today / np.sqrt(1 + np.pi * noise / 8))
    place = np.unravel_index(int(forecasts.course[i, -1]), (AGES, 2, HEADACHES))
    c = rng.choice(atoms[place], DRAWS, p=weights[place])
    return np.where(ill, c + (1 - c) * p, p)


@pytest.fixture(scope="module")
def found(parts):
    points, effects, covariates, evidence, atoms, _ = parts
    forecasts, _ = follow(points, effects, covariates, evidence, with_spread=True)
    return forecasts, uncertainty(forecasts, effects, covariates, NOISE, atoms)


@pytest.mark.parametrize("i", range(PATIENTS))
def test_the_distribution_is_that_of_draws_of_what_is_not_known(parts, found, i: int) -> None:
    """Interval: four standard errors of a share, and half a bin at its ends. Parts: Monte Carlo and a bin's error."""
    draws, (_, ours) = drawn(parts, i), found
    lower, upper = (logit(getattr(ours, name)[i, -1]) for name in ("lower", "upper"))
    four, half = 4 * np.sqrt(0.9 * 0.1 / DRAWS), LOGIT_STEP / 2
    inner = np.mean((logit(draws) > lower + half) & (logit(draws) < upper - half))
    outer = np.mean((logit(draws) > lower - half) & (logit(draws) < upper + half))
    assert inner - four < 0.9 < outer + four
    error = 4 * draws.std() / np.sqrt(DRAWS) + 3 * BIN_ERROR
    assert abs(ours.epistemic[i, -1] - draws.var()) < error
    assert abs(ours.aleatoric[i, -1] - np.mean(draws * (1 - draws))) < error


def test_the_distribution_s_mean_is_the_forecast_where_the_day_is_not_known(parts, found) -> None:
    """The forecast takes E expit(N(m, v)) for expit(m / sqrt(1 + pi v / 8)): 0.008 at most, for v below 2.1."""
    forecasts, ours = found
    m = forecasts.probability
    assert np.all(
        np.abs(ours.aleatoric + ours.epistemic - m * (1 - m)) < 0.008 + 0.0015 + 3 * BIN_ERROR
    )  # noise: v below 0.3


def test_intervals_hold_their_own_middle_and_widen_with_what_is_unknown(parts, found) -> None:
    _, effects, covariates, _, atoms, _ = parts
    forecasts, ours = found
    assert np.all((ours.lower >= 0) & (ours.lower < ours.upper) & (ours.upper <= 1))
    assert np.all((ours.aleatoric >= 0) & (ours.epistemic >= 0))
    more = covariates._replace(spread=covariates.spread + FACTOR @ FACTOR)
    wider = uncertainty(forecasts, effects, more, NOISE, atoms)
    assert np.all(wider.epistemic > ours.epistemic)


def outcomes(seed: int, count: int, offset: float = 0.0, slope: float = 1.0):
    """Forecasts, and what comes of them where the log-odds are offset + slope x."""
    rng = np.random.default_rng(seed)
    forecast = expit(rng.normal(-1.5, 1.0, count))
    return rng, forecast, rng.random(count) < expit(offset + slope * logit(forecast))


def test_calibrated_forecasts_are_left_as_they_are() -> None:
    """The test's own false alarm rate is 1 %; more than 9 alarms in 300 come with a probability of 0.1 %."""
    alarms = 0
    for seed in range(300):
        _, forecast, outcome = outcomes(seed, 800)
        alarms += Recalibration.of(forecast, outcome, np.zeros(800)) != Recalibration()
    assert alarms <= binom.ppf(0.999, 300, 0.01)


@pytest.mark.parametrize(("offset", "slope"), [(0.5, 1.0), (0.0, 0.7), (-0.4, 1.3)])
def test_a_planted_error_is_found(offset: float, slope: float) -> None:
    """Four standard errors, the curvature's, of 20,000 outcomes with p (1 - p) near 0.14."""
    _, forecast, outcome = outcomes(1, 20_000, offset, slope)
    found = Recalibration.of(forecast, outcome, np.zeros(len(forecast)))
    x = np.column_stack([np.ones_like(forecast), logit(forecast)])
    q = expit(x @ [offset, slope])
    error = np.sqrt(np.diag(np.linalg.inv((x * (q * (1 - q))[:, None]).T @ x)))
    assert np.all(np.abs(np.array([found.offset, found.slope]) - [offset, slope]) < 4 * error)
    assert_allclose(found.apply(forecast), expit(found.offset + found.slope * logit(forecast)), rtol=1e-6)


def test_outcomes_that_are_missing_by_what_they_are_mend_nothing() -> None:
    """Half of the migraine days are not written down: the log-odds of those that are, are lower by log 2."""
    rng, forecast, outcome = outcomes(2, 20_000)
    reported = ~outcome | (rng.random(len(outcome)) < 0.5)
    shift = np.full(reported.sum(), np.log(0.5))
    assert Recalibration.of(forecast[reported], outcome[reported], shift) == Recalibration()
    blind = Recalibration.of(forecast[reported], outcome[reported], np.zeros(reported.sum()))
    assert abs(blind.offset + np.log(2)) < 0.2


def test_one_kind_of_outcome_mends_nothing() -> None:
    _, forecast, _ = outcomes(3, 500)
    for outcome in (np.zeros(500, dtype=bool), np.ones(500, dtype=bool)):
        assert Recalibration.of(forecast, outcome, np.zeros(500)) == Recalibration()
    nobody = np.zeros(0)
    assert Recalibration.of(nobody, nobody.astype(bool), nobody) == Recalibration()
    assert_allclose(Recalibration().apply(forecast), forecast, rtol=1e-12)
