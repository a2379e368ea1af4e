from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.priors.vocabulary import TRIGGER_COUNT, TRIGGER_NAMES
from migraine_platform.twin.hazard.contributions import (
    FACTORS,
    FIRST_LATENT,
    FIRST_TRIGGER,
    LEVEL,
    RUNNING,
    UNKNOWN,
    PersonParameters,
    contributions,
    onset_terms,
)
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import LOGIT_BINS, Effects, Forecasts, Points
from migraine_platform_tests.twin.modelled import effects_of, live, triggers_alone

PATIENTS, DAYS = 3, 4
SEEDS = st.integers(0, 2**32 - 1)


def logit(p):
    return np.log(p) - np.log1p(-p)


def anybody(rng: np.random.Generator) -> tuple[PersonParameters, Effects, Covariates, Forecasts]:
    """Persons, days and forecasts that need not even belong together."""
    shape = (PATIENTS, DAYS, TRIGGER_COUNT)
    root = rng.normal(size=(*shape, TRIGGER_COUNT))
    covariates = Covariates(
        rng.random(shape),
        rng.random(shape),
        rng.normal(size=shape),
        root @ root.swapaxes(2, 3),
        rng.normal(size=shape[:2]),
    )
    p = [rng.uniform(0.001, 0.999, shape[:2]) for _ in range(9)]
    spread, likelihood = np.zeros((*shape[:2], 2, LOGIT_BINS)), np.zeros((*shape[:2], 0))
    forecasts = Forecasts(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], spread, likelihood)
    person = PersonParameters(
        rng.normal(-2, 2, PATIENTS), rng.uniform(0.1, 1, (PATIENTS, TRIGGER_COUNT)), rng.normal(size=PATIENTS)
    )
    effects = effects_of(
        trigger=rng.uniform(0, 3, TRIGGER_COUNT),
        latent=rng.uniform(0, 2, TRIGGER_COUNT),
        attack_history=rng.normal(),
        weekend=0.4,
    )
    return person, effects, covariates, forecasts


@given(SEEDS)
def test_parts_add_up_to_the_forecast_of_anybody(seed: int) -> None:
    """But for the rounding of a dozen sums."""
    rng = np.random.default_rng(seed)
    person, effects, covariates, forecasts = anybody(rng)
    reported = rng.uniform(0.001, 0.999, (PATIENTS, DAYS))
    parts = contributions(person, effects, covariates, forecasts, reported)
    assert parts.shape == (PATIENTS, DAYS, len(FACTORS))
    assert_allclose(parts.sum(axis=-1), logit(reported), rtol=0, atol=1e-11)


def test_parts_of_learned_twins_add_up(built) -> None:
    said = built.predictions
    assert_allclose(said.factors.sum(axis=-1), logit(said.probability), rtol=0, atol=1e-9)
    assert np.abs(said.factors[:, FIRST_LATENT : FIRST_LATENT + TRIGGER_COUNT]).max() > 0.01


@given(SEEDS, st.integers(0, TRIGGER_COUNT - 1))
def test_raising_a_trigger_raises_its_own_part_only(seed: int, k: int) -> None:
    person, effects, covariates, forecasts = anybody(np.random.default_rng(seed))
    without, there = (np.round(covariates.trigger) for _ in range(2))
    without[..., k], there[..., k] = 0.0, 1.0
    low, high = (onset_terms(person, effects, covariates._replace(trigger=x), forecasts) for x in (without, there))
    own = np.arange(low.shape[-1]) == FIRST_TRIGGER + k
    assert_array_equal(high[..., ~own], low[..., ~own])
    assert np.all(high[..., own] > low[..., own])
    assert FACTORS[FIRST_TRIGGER + k] == f"trigger: {TRIGGER_NAMES[k]}"


@given(SEEDS)
def test_missing_records_attenuate_all_terms(seed: int) -> None:
    person, effects, covariates, forecasts = anybody(np.random.default_rng(seed))
    sure = onset_terms(person, effects, covariates._replace(spread=np.zeros_like(covariates.spread)), forecasts)
    unsure = onset_terms(person, effects, covariates, forecasts)
    assert np.all(np.abs(unsure) <= np.abs(sure))
    assert_array_equal(np.sign(unsure), np.sign(sure))


@pytest.fixture(scope="module")
def known() -> tuple[Points, Effects, Covariates, Forecasts]:
    """Twenty patients of whom all is known: one hypothesis, every trigger and day recorded, no onset after evening."""
    rng = np.random.default_rng(3)
    points = Points(np.array([-1.0]), rng.uniform(0.1, 1.0, (1, TRIGGER_COUNT)), np.ones(1), np.zeros(1))
    effects = effects_of(by_evening=1.0, attack_history=0.7)
    covariates = triggers_alone(rng, 20, 40)
    covariates = covariates._replace(latent=rng.normal(size=covariates.latent.shape))
    level, own = np.full(20, points.level[0]), np.tile(points.susceptibility, (20, 1))
    forecasts, _ = follow(points, effects, covariates, live(rng, level, own, effects, covariates))
    return points, effects, covariates, forecasts


def test_where_nothing_is_unknown_its_part_is_none(known) -> None:
    """An entry is certain to 1e-12 (modelled.ALWAYS), and the forecast a sum in another order."""
    points, effects, covariates, forecasts = known
    person = PersonParameters(np.full(20, points.level[0]), np.tile(points.susceptibility, (20, 1)), np.ones(20))
    parts = contributions(person, effects, covariates, forecasts, forecasts.probability)
    assert_allclose(parts[..., UNKNOWN], 0, atol=1e-9)
    assert_array_equal(parts[..., LEVEL], points.level[0])
    ill = forecasts.ill > 0.5
    assert 50 < ill.sum() < ill.size - 50
    assert_allclose(parts[~ill][:, RUNNING], 0, atol=1e-9)
    assert np.all(parts[ill][:, RUNNING] > 0)


def test_a_person_is_the_mean_of_the_hypotheses(built) -> None:
    person = PersonParameters.of(built.points, built.twins.filter_state)
    for i in (0, 11):
        share = np.exp(built.twins.filter_state.log_weight[i])
        assert_allclose(person.level[i], np.average(built.points.level, weights=share))
        assert_allclose(person.susceptibility[i], np.average(built.points.susceptibility, axis=0, weights=share))
