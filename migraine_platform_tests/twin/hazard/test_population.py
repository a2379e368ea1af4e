from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import ndtri
from scipy.stats import kstest

from migraine_platform.config.twin import TwinPopulationSettings
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.data.writing import kinds_of_silence, learned_writing
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import NOT_TOLD, UNKNOWN_DAY
from migraine_platform.twin.hazard.population import LEVELS, SPREADS, Personal, _told_of, learn
from migraine_platform_tests.twin.modelled import ALWAYS, effects_of, live, triggers_alone

PATIENTS, DAYS = 300, 100
LEVEL, LEVEL_SD, RANGE = -1.8, 0.9, (0.2, 0.9)
PRIOR = SusceptibilityPrior.of_everybody(*RANGE)
STEPS = 8
TRUTH = effects_of(attack_history=0.8, entry_odds=0.5)
SETTINGS = TwinPopulationSettings(
    patients=PATIENTS, state_space_patients=1, state_space_steps=1, points=256, steps=STEPS, trace_memory=TRUTH.memory
)


def people(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels, susceptibilities, and how often they write; the latter as the filter's four days in five expect."""
    wrote = np.clip(rng.beta(4, 1, count), 0.02, 0.98)
    return rng.normal(LEVEL, LEVEL_SD, count), rng.uniform(*RANGE, (count, 4)), wrote


def learned_from(seed: int, entry_odds: float):
    rng = np.random.default_rng(seed)
    level, susceptibility, wrote = people(rng, PATIENTS)
    covariates = triggers_alone(rng, PATIENTS, DAYS)
    evidence = live(rng, level, susceptibility, TRUTH._replace(entry_odds=entry_odds), covariates, wrote)
    return (
        learn(covariates, evidence, PRIOR, SETTINGS, renewal=0.0, conversion=TRUTH.conversion),
        level,
        evidence,
    )


@pytest.fixture(scope="module")
def result():
    return learned_from(0, TRUTH.entry_odds)


def test_shared_effects_are_recovered(result) -> None:
    """Four standard errors of a logistic regression on the 17,000 pairs of recorded days with p (1 - p) = 0.1.

    A trigger's column has variance 0.25 0.75 E[s^2] = 0.06; refractory and trace compete, the trace's own variance
    within a person being 0.02, a half of which is left (three standard errors there). Load was never there, and stays
    where it began.
    """
    found = result[0].effects
    assert np.abs(found.trigger - TRUTH.trigger).max() < 4 / np.sqrt(1700 * 0.06)
    assert abs(found.refractory - TRUTH.refractory) < 4 / np.sqrt(1700 * 0.15 * 0.85 / 2)
    assert abs(found.attack_history - TRUTH.attack_history) < 3 / np.sqrt(1700 * 0.02 / 2)
    assert_allclose(found.latent, 1.0)


def test_counted_effects_are_recovered(result) -> None:
    """Four standard errors of shares; attacks that began are counted in thousands, those by night in hundreds."""
    found, _, evidence = result
    ill = (evidence.diary & evidence.events[..., 2])[:, :-1].sum()
    on = found.effects.lasting[UNKNOWN_DAY, 0, NOT_TOLD]
    assert abs(on - 0.3) < 4 * np.sqrt(0.3 * 0.7 / (0.6 * ill)) + 0.02  # 0.02: its odds' error
    begun = (evidence.events[..., 1] & evidence.diary).sum()
    assert abs(found.effects.by_evening - TRUTH.by_evening) < 4 * np.sqrt(0.85 * 0.15 / begun) + 0.02
    assert abs(found.effects.alarms - TRUTH.alarms) < 4 * np.sqrt(0.1 / begun) + 0.02


def test_signs_of_the_evening_before_are_found_where_they_are() -> None:
    """Of two populations, one whose attacks are announced; the share lies within two of the shares that are tried."""
    rng = np.random.default_rng(3)
    level, susceptibility, wrote = people(rng, PATIENTS)
    covariates = triggers_alone(rng, PATIENTS, DAYS)
    found = [
        learn(
            covariates,
            live(rng, level, susceptibility, TRUTH._replace(early=early), covariates, wrote),
            PRIOR,
            SETTINGS.model_copy(update={"steps": 4}),
            renewal=0.0,
            conversion=TRUTH.conversion,
        ).effects
        for early in (0.0, 0.1)
    ]
    assert found[0].early <= 0.01
    assert 0.06 <= found[1].early <= 0.17
    for effects in found:
        assert abs(effects.alarms - TRUTH.alarms) < 0.05


def test_the_distribution_of_levels_is_recovered(result) -> None:
    """Against the persons who lived: four standard errors of a mean known to 0.35 per person, and of a deviation.

    Beyond it, entry odds that are 0.1 to 0.3 too high make days without an entry too harmless: 0.1 on the logit scale.
    """
    found, level, _ = result
    error = 0.35 / np.sqrt(PATIENTS)
    assert abs(found.personal.levels.mean() - level.mean()) < 4 * error + 0.1
    assert (
        abs(found.personal.levels.std() - level.std()) < 4 * (error + 0.9 / np.sqrt(2 * PATIENTS)) / np.sqrt(2) + 0.05
    )
    assert np.all(np.diff(found.personal.levels) >= 0)


def test_no_step_makes_the_diaries_less_likely(result) -> None:
    """But for the one after which the entry odds are others; levels are smoothed, which may cost a hundredth."""
    gained = np.delete(np.diff(result[0].log_evidence), STEPS // 2)
    assert gained[0] > 0.1
    assert gained.min() > -0.01


PAUSES = np.array([0.5, -1.0, -1.5, -2.0, -2.5, -3.0, -3.5])
"""How much rarer an entry is, the longer there has been none."""


def after_pauses(streaks_known: bool) -> tuple[float, float, float]:
    """Mean forecast after five evenings without an entry or more, share of migraine days, and four standard errors."""
    rng = np.random.default_rng(5)
    truth = TRUTH._replace(writing=PAUSES)
    covariates = triggers_alone(rng, PATIENTS, DAYS)
    level, susceptibility, wrote = people(rng, PATIENTS)
    # The same lives twice: as these people write, and as if everything were written down.
    evidence, everything = (
        live(np.random.default_rng(6), level, susceptibility, truth, covariates, often) for often in (wrote, ALWAYS)
    )
    points = Personal(LEVEL + LEVEL_SD * ndtri(np.linspace(0.001, 0.999, LEVELS)), PRIOR).points(512)
    writing = learned_writing(evidence.diary, evidence.begun) if streaks_known else np.zeros_like(PAUSES)
    said = follow(points, truth._replace(writing=writing), covariates, evidence)[0].probability[:, :-1]
    paused = kinds_of_silence(evidence.diary, evidence.begun)[:, 1:] >= 4
    came = everything.events[:, 1:, 0][paused]
    return float(said[paused].mean()), float(came.mean()), 4 * float(np.sqrt(came.var() / len(came))) + 0.01


def test_a_pause_of_the_diary_is_no_sign_of_migraine_where_people_write_in_streaks() -> None:
    """Taken one evening at a time, people who write less on migraine days would have had them all through the pause."""
    said, came, error = after_pauses(streaks_known=True)
    assert abs(said - came) < error
    said, came, error = after_pauses(streaks_known=False)
    assert said - came > 1.5 * error


def test_entry_odds_are_recovered_roughly(result) -> None:
    """A hundred patients tell the log-odds to 0.1; that adherence is itself estimated moves them 0.2 towards 0."""
    assert -0.4 < np.log(result[0].effects.entry_odds / TRUTH.entry_odds) < 0.6


def test_where_gaps_tell_nothing_none_is_read_into_them() -> None:
    assert learned_from(1, 1.0)[0].effects.entry_odds >= 0.8


def test_points_are_spread_over_the_population() -> None:
    """Sobol points: shares of the population to 1 / count per dimension."""
    personal = Personal(LEVEL + LEVEL_SD * ndtri(np.linspace(0.0005, 0.9995, LEVELS)), PRIOR)
    points = personal.points(256)
    assert_allclose(np.exp(points.log_prior).sum(), 1)
    assert kstest((points.level - LEVEL) / LEVEL_SD, "norm").statistic < 2 / 256 + 2 / LEVELS
    for column in points.susceptibility.T:
        assert kstest(column, "uniform", args=(RANGE[0], RANGE[1] - RANGE[0])).statistic < 2 / 256
    assert_allclose(points.level, personal.points(256).level)


def test_how_persons_differ_is_looked_for_where_days_tell_of_it_alone() -> None:
    """Neither signs, nor attacks that go on, nor weekends: nothing is tried, and nothing found."""
    rng = np.random.default_rng(6)
    covariates = triggers_alone(rng, 20, 30)
    evidence = live(rng, np.full(20, -1.5), np.full((20, 4), 0.5), TRUTH, covariates)
    evidence.events[..., 3] = False
    evidence.events[..., 1] = evidence.events[..., 2]
    assert _told_of(covariates, evidence) == []
    covariates.weekend[:, ::7] = 1.0
    evidence.events[0, 3, 2:4], evidence.events[0, 3, 1] = True, False
    assert _told_of(covariates, evidence) == list(SPREADS)


@pytest.fixture(scope="module")
def ranks() -> np.ndarray:
    """[P, 1 + 4] where persons drawn from the prior lie in their own posterior: level, susceptibilities."""
    patients = 500
    rng = np.random.default_rng(2)
    level, susceptibility, wrote = people(rng, patients)
    covariates = triggers_alone(rng, patients, DAYS)
    evidence = live(rng, level, susceptibility, TRUTH, covariates, wrote)
    points = Personal(LEVEL + LEVEL_SD * ndtri(np.linspace(0.0005, 0.9995, LEVELS)), PRIOR).points(512)
    weight = np.exp(follow(points, TRUTH, covariates, evidence)[1].log_weight)
    own, every = np.column_stack([level, susceptibility]), np.column_stack([points.level, points.susceptibility])
    return np.stack([(weight * (every[:, c] < own[:, c, None])).sum(axis=1) for c in range(5)], axis=1)


def test_ranks_of_the_truth_are_uniform(ranks) -> None:
    """Simulation-based calibration (Talts 2018); false alarm 1 in 200 for all five together."""
    for column in ranks.T:
        assert kstest(column, "uniform").pvalue > 0.001


def test_intervals_of_susceptibility_hold_what_they_say(ranks) -> None:
    """2,000 intervals: a standard error of 0.7 %, so that 3 % are alarmed at by chance once in 100,000."""
    covered = (ranks[:, 1:] > 0.05) & (ranks[:, 1:] < 0.95)
    assert 0.87 < covered.mean() < 0.93


def own_of(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.standard_normal(PATIENTS), rng.standard_normal(PATIENTS), rng.standard_normal(PATIENTS)


@pytest.mark.slow
def test_how_persons_differ_is_found_and_found_to_be_nothing_where_they_do_not() -> None:
    """How attacks go on, how often signs come, weekends: within about two of the values that are tried.

    A weekend's spread among 300 persons whose own is known to 0.5 has an error of 0.06.
    """
    rng = np.random.default_rng(4)
    level, susceptibility, wrote = people(rng, PATIENTS)
    covariates = triggers_alone(rng, PATIENTS, DAYS)
    covariates.weekend[:] = np.where(np.arange(DAYS) % 7 >= 5, 5 / 7, -2 / 7)
    found = []
    for differ in (0.0, 1.0):
        truth = TRUTH._replace(
            lasting_sd=0.9 * differ, signs_sd=0.8 * differ, weekend=0.55 * differ, alarms=0.3, signs=0.3
        )
        evidence = live(rng, level, susceptibility, truth, covariates, wrote, own_of(rng))
        found.append(learn(covariates, evidence, PRIOR, SETTINGS, renewal=0.0, conversion=TRUTH.conversion).effects)
    assert found[0].lasting_sd <= 0.3
    assert found[0].signs_sd <= 0.2
    assert found[0].weekend <= 0.2
    assert 0.5 <= found[1].lasting_sd <= 1.4
    assert 0.5 <= found[1].signs_sd <= 1.0
    assert 0.4 <= found[1].weekend <= 0.75
