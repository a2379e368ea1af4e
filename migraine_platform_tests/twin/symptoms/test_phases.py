from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.simulator.generative.attacks import AttackCourse, draw_duration
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.twin.symptoms.phases import PHASES, SHORTEST, AttackLogError, Phases, attack_log, fit_phases
from migraine_platform.twin.symptoms.shrinkage import LevelPrior, beta_population, levels, normal_effects, spreads

PERSONS, ATTACKS = 300, 12
BEGIN = datetime(2024, 1, 1)
NOW = BEGIN + timedelta(hours=2070)
"""In the midst of everybody's ninth attack."""
IDS = tuple(f"P{number:04}" for number in range(PERSONS))
PRIOR = LevelPrior(mean=3.0, mean_sd=1.0, within=0.7, between=0.2)


def moments(hours: np.ndarray) -> list[datetime]:
    return [BEGIN + timedelta(hours=float(hour)) for hour in hours]


def drawn_attacks(rng: np.random.Generator, draw, persons: int = PERSONS) -> pl.DataFrame:
    """ATTACKS attacks a person over 120 days: a third with a prodrome, persons above 200 with aura in most of theirs.

    Args:
        draw: hours of headache [n] from (who [n], treated [n]).
    """
    who = np.repeat(np.arange(persons), ATTACKS)
    start = np.tile(np.linspace(5, 120 * 24 - 100, ATTACKS), persons) + rng.uniform(0, 90, len(who))
    treated, prodrome = rng.random(len(who)) < 0.6, rng.random(len(who)) < 1 / 3
    aura = (who >= 200) & (rng.random(len(who)) < 0.7)
    lead = np.where(prodrome, rng.lognormal(1, 0.8, len(who)), 0)
    lead = np.where(aura & ~prodrome, rng.lognormal(-1, 0.5, len(who)), lead)
    end = start + draw(who, treated)
    return pl.DataFrame(
        {
            "patient_id": [IDS[place] for place in who],
            "onset_at": moments(start - lead),
            "headache_start": moments(start),
            "headache_end": moments(end),
            "postdrome_end": moments(end + rng.lognormal(2.5, 0.6, len(who))),
            "with_prodrome": prodrome,
            "with_aura": aura,
            "severity": rng.normal(6 + 0.01 * (who - persons / 2), 1.5),
            "treated": treated,
        }
    )


def personal(rng: np.random.Generator, between: float):
    """Headaches of personal median: 20 h untreated, 8 h treated."""
    own = rng.normal(0, between, PERSONS)
    return own, lambda who, treated: np.exp(
        np.where(treated, np.log(8), np.log(20)) + own[who] + rng.normal(0, 0.5, len(who))
    )


@pytest.fixture(scope="module")
def fitted() -> tuple[np.ndarray, pl.DataFrame, Phases]:
    rng = np.random.default_rng(1)
    own, draw = personal(rng, 0.4)
    attacks = drawn_attacks(rng, draw)
    return own, attacks, fit_phases(attack_log(attacks, IDS, NOW))


def test_a_known_semi_markov_process_is_recovered(fitted) -> None:
    """Four standard errors: of a mean over persons sqrt((0.4^2 + 0.5^2 / 4) / 300), of spreads by chi squared."""
    own, _, phases = fitted
    for place, typical in ((2, 20), (3, 8)):
        found = phases.durations[place]
        attacks = phases.attacks[:, place].sum()
        assert abs(found.population_mean - np.log(typical)) < 4 * np.sqrt((0.4**2 + 0.5**2 / 4) / PERSONS)
        assert abs(found.within / 0.5 - 1) < 4 / np.sqrt(2 * (attacks - PERSONS))
        noise = 1 + 0.5**2 / 0.4**2 / (attacks / PERSONS)
        assert abs(found.between / 0.4 - 1) < 4 * noise / np.sqrt(2 * PERSONS)
        reliability = 1 / noise  # a posterior mean is correlated with the truth by its root
        assert abs(np.corrcoef(found.mean, own)[0, 1] - np.sqrt(reliability)) < 4 * (1 - reliability) / np.sqrt(PERSONS)
        error = (found.mean - np.log(typical) - own) / found.mean_sd
        assert abs(np.mean(np.abs(error) < 1.645) - 0.9) < 4 * np.sqrt(0.09 / PERSONS)


def test_probabilities_of_phases_are_recovered(fitted) -> None:
    """A mean of 9 attacks of each of 300 persons; those without aura are told from those with it."""
    _, _, phases = fitted
    prodrome, aura, _, treated, postdrome = phases.probability.T
    assert abs(prodrome.mean() - 1 / 3) < 4 * np.sqrt(2 / 9 / (9 * PERSONS))
    assert abs(treated.mean() - 0.6) < 4 * np.sqrt(0.24 / (9 * PERSONS))
    assert prodrome.std() < 0.05  # they are all alike
    assert aura[:200].max() < 0.05
    assert aura[200:].mean() > 0.6
    assert postdrome.min() > 0.95


def test_the_diagnosis_tells_a_new_patient_s_aura(fitted) -> None:
    _, attacks, _ = fitted
    known = attacks.filter(~pl.col("patient_id").is_in([IDS[0], IDS[-1]]))
    phases = fit_phases(attack_log(known, IDS, NOW), np.arange(PERSONS) >= 200)
    assert phases.probability[0, 1] < 0.02
    assert abs(phases.probability[-1, 1] - 0.7) < 0.1


def test_severity_is_drawn_to_the_population(fitted) -> None:
    """True means spread by 0.87; nine attacks with an sd of 1.5 know a mean to 0.5."""
    _, _, phases = fitted
    truth = 6 + 0.01 * (np.arange(PERSONS) - PERSONS / 2)
    assert np.sqrt(np.mean((phases.severity_mean - truth) ** 2)) < 0.5
    assert_allclose(phases.severity_sd, 1.5, atol=0.25)


def test_censoring_is_a_likelihood_and_not_a_loss() -> None:
    """Headaches looked at after 20 h: dropping those that go on, or taking them for ended, would bias by 0.3."""
    rng = np.random.default_rng(2)
    who = np.repeat(np.arange(400), 5)
    hours = np.exp(3 + rng.normal(0, 0.3, 400)[who] + rng.normal(0, 0.6, len(who)))
    censored = hours > 20
    found = levels(np.log(np.minimum(hours, 20)), who, censored, 400, PRIOR)
    assert 0.4 < censored.mean() < 0.6
    assert abs(found.population_mean - 3) < 4 * np.sqrt((0.3**2 + 2 * 0.6**2 / 5) / 400)
    assert abs(found.within / 0.6 - 1) < 4 * np.sqrt(2) / np.sqrt(2 * 1600)


def test_the_posterior_with_a_running_event_is_that_of_a_fine_grid() -> None:
    values, who = np.array([2.0, 2.5, 3.5, 1.0]), np.array([0, 0, 0, 1])
    found = levels(values, who, np.array([False, False, True, False]), 2, PRIOR)
    m, s, tau = np.linspace(-3, 9, 40_001), found.within, found.between
    from scipy.stats import norm

    density = norm.pdf(m, found.population_mean, tau) * norm.pdf(2.0, m, s) * norm.pdf(2.5, m, s) * norm.sf(3.5, m, s)
    assert_allclose(found.mean[0], np.average(m, weights=density), rtol=1e-6)


@pytest.mark.parametrize("concentration", [0.5, 20.0])
def test_a_beta_population_is_recovered(concentration: float) -> None:
    """Curvature of the likelihood over 2,000 persons with 20 trials: sd of the log of the concentration below 0.06."""
    rng = np.random.default_rng(3)
    share = rng.beta(0.3 * concentration, 0.7 * concentration, 2000)
    alpha, beta = beta_population(rng.binomial(20, share).astype(float), np.full(2000, 20.0), 0.5)
    assert abs(np.log((alpha + beta) / concentration)) < 4 * 0.06
    assert abs(alpha / (alpha + beta) - 0.3) < 4 * np.sqrt(0.21 * (1 / (concentration + 1) + 1 / 20) / 2000)


def test_effects_are_drawn_to_the_population_and_their_intervals_hold_nine_in_ten() -> None:
    """2,000 persons; who knows nothing has the population's mean, whose standard error is 0.03, and spread."""
    rng = np.random.default_rng(4)
    truth, variance = rng.normal(0.5, 0.6, 2000), rng.uniform(0.1, 1, 2000)
    estimate = truth + rng.normal(0, np.sqrt(variance))
    mean, sd = normal_effects(np.append(estimate, 9.0), np.append(variance, np.inf), 2.0, 0.5)
    assert abs(np.mean(np.abs(truth - mean[:-1]) < 1.645 * sd[:-1]) - 0.9) < 4 * np.sqrt(0.09 / 2000)
    assert abs(mean[-1] - 0.5) < 4 * np.sqrt(0.9 / 2000)
    assert abs(sd[-1] - 0.6) < 4 * 0.03
    assert np.mean((mean[:-1] - truth) ** 2) < 0.6 * np.mean((estimate - truth) ** 2)


def test_spreads_are_pooled_where_persons_are_alike_and_not_where_they_differ() -> None:
    rng = np.random.default_rng(5)
    alike, differ = np.full(400, 2.0), np.exp(rng.normal(np.log(2), 0.8, 400))
    for truth, slope in ((alike, 0.0), (differ, 1.0)):
        squares = truth**2 * rng.chisquare(19, 400)
        found = spreads(squares, np.full(400, 20.0), float(np.sqrt(squares.sum() / 19 / 400)))
        assert abs(np.polyfit(np.log(truth / 2) + 1e-3 * rng.normal(size=400), np.log(found), 1)[0] - slope) < 0.15


def test_nine_in_ten_held_out_headaches_of_the_cohort_fall_within_their_intervals(settings) -> None:
    """Courses of the simulator, with its atom at four hours; 1,800 held out: standard error 0.007."""
    course = AttackCourse.of(settings.simulator.attacks, settings.simulator.treatments)
    rng = np.random.default_rng(6)

    def draw(who: np.ndarray, treated: np.ndarray) -> np.ndarray:
        return np.array(
            [draw_duration(course.of_anybody(), 0.0, 0 if own else UNTREATED, *rng.random(2)) for own in treated]
        )

    attacks = drawn_attacks(rng, draw)
    middle = BEGIN + timedelta(days=60)
    phases = fit_phases(attack_log(attacks, IDS, middle))
    later = attacks.filter(pl.col("headache_start") > middle)
    hours = (later["headache_end"] - later["headache_start"]).dt.total_seconds().to_numpy() / 3600
    who, kind = [IDS.index(own) for own in later["patient_id"]], np.where(later["treated"], 3, 2)
    low, high = phases.interval_hours()
    held = (hours >= low[who, kind]) & (hours <= high[who, kind])
    assert len(held) > 1700
    assert 0.87 < held.mean() < 0.93


def test_personal_headaches_held_out_are_covered_too(fitted) -> None:
    """900 held out, log-normal of personal median as the model says: standard error 0.01."""
    _, attacks, phases = fitted
    later = attacks.filter(pl.col("headache_start") > NOW)
    hours = (later["headache_end"] - later["headache_start"]).dt.total_seconds().to_numpy() / 3600
    who, kind = [IDS.index(own) for own in later["patient_id"]], np.where(later["treated"], 3, 2)
    low, high = phases.interval_hours()
    held = (hours >= low[who, kind]) & (hours <= high[who, kind])
    assert abs(held.mean() - 0.9) < 3 * np.sqrt(0.09 / len(held))


def test_nothing_of_the_future_is_read(fitted) -> None:
    """Ends after now may be missing or anything; a headache of an hour does not tell yet whether it will be treated."""
    _, attacks, phases = fitted
    ahead = pl.col("headache_end") > NOW
    changed = attacks.filter(pl.col("headache_start") <= NOW).with_columns(
        headache_end=pl.when(~ahead).then("headache_end"),
        postdrome_end=pl.when(pl.col("postdrome_end") <= NOW).then("postdrome_end"),
        severity=pl.when(ahead).then(99.0).otherwise("severity"),
        treated=pl.col("treated") ^ (pl.col("headache_start") > NOW - timedelta(hours=2)) & ahead,
    )
    again = fit_phases(attack_log(changed, IDS, NOW))
    assert attacks.filter(ahead & (pl.col("headache_start") <= NOW)).height > 10
    assert_array_equal(again.probability, phases.probability)
    assert_array_equal(again.interval_hours(), phases.interval_hours())
    assert_array_equal(again.severity_mean, phases.severity_mean)


def test_a_running_headache_is_censored_at_now_and_one_of_unknown_end_at_the_next(fitted) -> None:
    start = [NOW - timedelta(hours=40), NOW - timedelta(hours=5)]
    row = {
        "patient_id": ["P0000"] * 2,
        "onset_at": [start[0] - timedelta(hours=1), start[1]],
        "headache_start": start,
        "headache_end": [None, None],
        "postdrome_end": [None, None],
        "with_prodrome": [True, False],
        "with_aura": [False, False],
        "severity": [None, None],
        "treated": [False, True],
    }
    times = dict.fromkeys(("headache_end", "postdrome_end"), pl.Datetime)
    log = attack_log(pl.DataFrame(row, schema_overrides={**times, "severity": pl.Float64}), IDS, NOW)
    assert_allclose(log.hours, [[1, np.nan, 35, np.nan, np.nan], [np.nan, np.nan, np.nan, 5, np.nan]])
    assert log.running[:, 2:4].all()


def test_attacks_that_were_not_recorded_do_not_count(fitted) -> None:
    _, attacks, _ = fitted
    half = attacks.with_columns(recorded=pl.int_range(pl.len()) % 2 == 0)
    expected = attack_log(half.filter("recorded").drop("recorded"), IDS, NOW)
    assert_array_equal(attack_log(half, IDS, NOW).hours, expected.hours)


def test_without_attacks_intervals_are_wide(fitted) -> None:
    """A patient without an attack has the population's; a cohort without any, the prior's."""
    _, attacks, _ = fitted
    without = fit_phases(attack_log(attacks.filter(pl.col("patient_id") != IDS[0]), IDS, NOW))
    widths = np.log(np.divide(*without.interval_hours()[::-1]))
    assert np.all(widths[0] >= widths[1:].mean(axis=0))
    assert_allclose(np.log(without.typical_hours[0]), [own.population_mean for own in without.durations])
    nothing = fit_phases(attack_log(attacks.clear(), IDS, NOW))
    low, high = nothing.interval_hours()
    assert np.all((low > 0) & (high / low > 20) & np.isfinite(high))
    assert np.all((nothing.probability > 0) & (nothing.probability < 1))
    assert np.isfinite(nothing.severity_mean).all()
    assert np.isfinite(nothing.severity_sd).all()


def test_a_prodrome_of_no_length_is_one_of_the_shortest(fitted) -> None:
    _, attacks, _ = fitted
    brief = attacks.with_columns(onset_at="headache_start", with_prodrome=True)
    assert_allclose(fit_phases(attack_log(brief, IDS, NOW)).typical_hours[:, 0], SHORTEST, rtol=0.05)


def test_an_attack_that_ends_before_it_begins_is_refused(fitted) -> None:
    _, attacks, _ = fitted
    wrong = attacks.with_columns(headache_end=pl.col("headache_start") - timedelta(hours=1))
    with pytest.raises(AttackLogError, match=r"\d+ attacks have headache_end before headache_start; expected it after"):
        attack_log(wrong, IDS, NOW)


def test_phases_are_named_in_the_order_of_their_arrays() -> None:
    assert PHASES == ("prodrome", "aura", "headache_untreated", "headache_treated", "postdrome")
