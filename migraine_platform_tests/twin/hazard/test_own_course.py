"""What a person's own attacks are like, as a twin learns it day by day."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erfinv
from scipy.stats import spearmanr

from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import (
    AGE,
    AGES,
    HEADACHES,
    LASTS,
    LASTS_VARIANCE,
    NOT_TOLD,
    NUMBERS,
    SIGNS,
    SIGNS_VARIANCE,
    STARTED,
    TOLD,
    Points,
)
from migraine_platform.twin.hazard.own_course import goes_on, learn_lasting, learn_signs, sign_factor
from migraine_platform_tests.twin.modelled import effects_of, expit, live, triggers_alone

PATIENTS, DAYS = 400, 200


def newcomer(effects) -> np.ndarray:
    own = np.zeros(NUMBERS)
    own[LASTS_VARIANCE], own[SIGNS_VARIANCE] = effects.lasting_sd**2, effects.signs_sd**2
    return own


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_of_a_newcomer_the_chances_are_the_population_s(share: float) -> None:
    effects = effects_of(lasting=np.full((AGES, 2, HEADACHES), share), lasting_sd=0.9, signs_sd=0.7)
    own = newcomer(effects)
    assert goes_on(effects, 1, 0, NOT_TOLD, own) == pytest.approx(share)
    assert sign_factor(effects, own) == 1.0


def test_the_chance_of_an_attack_is_the_mean_over_what_is_open() -> None:
    """MacKay's approximation against 200,000 draws, of a person of whom something is known: within 0.01."""
    effects = effects_of(lasting=np.full((AGES, 2, HEADACHES), 0.3), lasting_sd=1.0)
    own = newcomer(effects)
    own[LASTS], own[LASTS_VARIANCE] = 0.8, 0.4
    z = np.random.default_rng(0).standard_normal(200_000)
    steep = np.sqrt(1 + np.pi / 8)
    location = np.log(0.3 / 0.7) * steep + 0.8
    assert goes_on(effects, 1, 0, NOT_TOLD, own) == pytest.approx(expit(location + np.sqrt(0.4) * z).mean(), abs=0.01)


@pytest.fixture(scope="module")
def result():
    """Persons who differ, and what twins know of them after DAYS days."""
    rng = np.random.default_rng(1)
    effects = effects_of(lasting_sd=0.9, signs_sd=0.7, weekend=0.5, alarms=0.3, signs=0.3, attack_history=0.0)
    covariates = triggers_alone(rng, PATIENTS, DAYS)
    covariates.weekend[:] = np.where(np.arange(DAYS) % 7 >= 5, 5 / 7, -2 / 7)
    own = (rng.standard_normal(PATIENTS), rng.standard_normal(PATIENTS), rng.standard_normal(PATIENTS))
    level = rng.normal(-1.2, 0.5, PATIENTS)
    evidence = live(rng, level, np.full((PATIENTS, TRIGGER_COUNT), 0.5), effects, covariates, own=own)
    u = (np.arange(4096) + 0.5) / 4096
    points = Points(
        rng.normal(-1.2, 0.5, 4096), np.full((4096, TRIGGER_COUNT), 0.5),
        rng.permutation(np.sqrt(2) * erfinv(2 * u - 1)), np.full(4096, -np.log(4096)),
    )  # fmt: skip
    return effects, covariates, own, evidence, points, follow(points, effects, covariates, evidence)


def test_a_person_s_own_is_found_and_its_spread_is_true(result) -> None:
    """Standardised errors of 400 persons: mean 0 and deviation 1, but for what a normal in each step leaves out."""
    effects, _, own, _, points, (_, filter_state) = result
    for place, spread, sd, true in (
        (LASTS, LASTS_VARIANCE, effects.lasting_sd, own[0]),
        (SIGNS, SIGNS_VARIANCE, effects.signs_sd, own[1]),
    ):
        said, variance = filter_state.numbers[:, place], filter_state.numbers[:, spread]
        assert spearmanr(said, true)[0] > 0.5
        off = (said - sd * true) / np.sqrt(variance)
        assert abs(off.mean()) < 0.35
        assert 0.8 < off.std() < 1.3
    share = np.exp(filter_state.log_weight)
    weekend = share @ points.weekend
    assert spearmanr(weekend, own[2])[0] > 0.25
    off = (weekend - own[2]) / np.sqrt(share @ points.weekend**2 - weekend**2)
    assert abs(off.mean()) < 4 / np.sqrt(PATIENTS)
    assert abs(off.std() - 1) < 4 / np.sqrt(2 * PATIENTS)


def test_knowing_a_persons_course_improves_forecasts(result) -> None:
    """Log loss of the later days against twins to whom all persons are alike; what comes is what is said."""
    effects, covariates, _, evidence, points, (reported, _) = result
    alike = effects._replace(lasting_sd=0.0, signs_sd=0.0, weekend=0.0)
    baseline, _ = follow(points, alike, covariates, evidence)
    late = slice(DAYS // 2, DAYS - 1)
    outcome = evidence.events[:, DAYS // 2 + 1 :, 0]

    def loss(p: np.ndarray) -> np.ndarray:
        return -np.where(outcome, np.log(p[:, late]), np.log1p(-p[:, late])).mean(axis=1)

    gained = loss(baseline.probability) - loss(reported.probability)
    assert gained.mean() > 4 * gained.std() / np.sqrt(PATIENTS) / 2
    assert gained.mean() > 0.002
    p = reported.probability[:, late]
    for part in np.array_split(np.argsort(p.ravel()), 6):
        error = np.sqrt((p.ravel()[part] * (1 - p.ravel()[part])).sum())
        assert abs(outcome.ravel()[part].sum() - p.ravel()[part].sum()) < 4 * error + 0.01 * len(part)


def test_where_persons_are_alike_nothing_is_learned_of_them() -> None:
    effects = effects_of()
    own, events = newcomer(effects), np.array([True, False, True, True, False])
    own[[AGE, STARTED, TOLD]] = 1.0  # an attack yesterday, told
    before = own.copy()
    learn_lasting(effects, True, events, False, own)
    learn_signs(effects, True, 0.3, own)
    assert np.array_equal(own, before)


@pytest.mark.parametrize("chance", [1e-9, 0.3, 1.0, 5.0])
def test_no_observation_leads_astray(chance: float) -> None:
    effects = effects_of(lasting_sd=1.0, signs_sd=1.0, lasting=np.full((AGES, 2, HEADACHES), 0.5))
    own, events = newcomer(effects), np.array([True, False, True, True, False])
    for day in range(500):
        own[[AGE, STARTED, TOLD]] = 1.0
        learn_lasting(effects, True, events, False, own)
        learn_signs(effects, day % 2 == 0, chance, own)
        assert np.all(np.isfinite(own))
        assert 0 < own[LASTS_VARIANCE] <= 1
        assert 0 < own[SIGNS_VARIANCE] <= 1
    assert 0.9 < goes_on(effects, 1, 0, NOT_TOLD, own) < 1
