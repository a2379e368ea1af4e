from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from migraine_platform.config.simulator.attacks import SeverityWith
from migraine_platform.simulator.generative.attacks import (
    EVENING,
    AttackCourse,
    draw_duration,
    lasting_share,
    late_lasting,
)
from migraine_platform.simulator.generative.model import SimulatedDays
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.simulator.generative.treatment import UNTREATED
from migraine_platform.simulator.random.quantiles import CourseError, later_hour, quantile, share_below

PERSONS, DAYS = 500, 200


@pytest.fixture(scope="module")
def course(settings) -> AttackCourse:
    return AttackCourse.of(settings.simulator.attacks, settings.simulator.treatments)


@pytest.fixture(scope="module")
def result(simulator_of):
    simulator = simulator_of(cohort={"patients": PERSONS, "days": DAYS})
    return simulator, simulator.trajectories(first_patients(simulator.settings, PERSONS))


def attacks_of(days: SimulatedDays) -> dict[str, np.ndarray]:
    """Every attack: person, day and course."""
    who, when = np.nonzero(days.attack)
    names = ("start", "duration", "drug", "prodrome", "aura", "severity", "postdrome")
    return {"who": who, "when": when, **{name: getattr(days, name)[who, when] for name in names}}


def test_onsets_happen_as_often_as_the_hazard_says(result) -> None:
    """Sum of Bernoulli draws with known probabilities; false alarm 6e-5 at four standard errors."""
    days = result[1].days
    p = days.onset_probability[days.at_risk]
    assert abs(days.flag("onset").sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())
    assert not np.any(days.flag("onset") & ~days.at_risk)


def test_a_migraine_day_is_an_onset_or_four_hours_of_an_attack_that_goes_on(result) -> None:
    """The kernel's days recomputed from the attacks alone."""
    simulator, trajectories = result
    expected = trajectories.days.attack.copy()
    found = attacks_of(trajectories.days)
    for person, day, start, duration in zip(*(found[k] for k in ("who", "when", "start", "duration")), strict=True):
        for later in range(day + 1, min(simulator.calendar.total, int((start + duration) // 24) + 1)):
            expected[person, later] |= start + duration - 24 * later >= 4
    assert np.array_equal(trajectories.days.flag("has_migraine"), expected[:, simulator.calendar.burn_in :])


def test_the_evening_knows_of_attacks_that_began_before_20_00(result) -> None:
    simulator, trajectories = result
    days, burn_in = trajectories.days, simulator.calendar.burn_in
    hour = days.start[:, burn_in:] - 24 * np.arange(burn_in, simulator.calendar.total)
    late = days.flag("onset") & (np.where(days.flag("onset"), hour, 0) >= EVENING)
    assert np.array_equal(days.flag("migraine_by_evening"), days.flag("has_migraine") & ~late)
    assert 0.05 < late.sum() / days.flag("onset").sum() < 0.2


def test_attacks_do_not_overlap(result) -> None:
    found = attacks_of(result[1].days)
    same = found["who"][1:] == found["who"][:-1]
    end = (found["start"] + found["duration"])[:-1]
    begins = (found["start"] - np.maximum(found["aura"], found["prodrome"]))[1:]
    assert np.all((begins - end)[same] >= -1e-9)


def test_courses_keep_their_ranges_and_medians(result) -> None:
    found = attacks_of(result[1].days)
    duration, treated = found["duration"], found["drug"] != UNTREATED
    assert duration.min() >= 4
    assert duration.max() <= 72
    assert_allclose(np.median(duration[~treated]), 24, rtol=0.05)
    assert np.median(duration[treated]) < 12
    assert_allclose(treated.mean(), 0.6, atol=0.02)
    assert found["severity"].min() >= 3
    assert found["severity"].max() <= 10
    assert found["postdrome"].min() >= 2


def test_worse_attacks_last_longer_and_are_treated_where_it_is_so_configured(simulator_of, result) -> None:
    """Correlations on a normal scale, of attacks of persons who do not differ; nothing else of the attacks changes."""
    alike = result[0].settings.attacks.between_persons.model_copy(update={"severity": 0.0, "headache": 0.0})
    linked = {"duration": 0.4, "treatment": 0.5}
    worlds = []
    for severity_with in ({"duration": 0.0, "treatment": 0.0}, linked):
        simulator = simulator_of(
            cohort={"patients": PERSONS, "days": DAYS},
            attacks={"severity_with": SeverityWith(**severity_with), "between_persons": alike},
        )
        worlds.append(attacks_of(simulator.trajectories(first_patients(simulator.settings, PERSONS)).days))
    for name in ("who", "when", "start", "duration", "drug", "postdrome"):
        assert_array_equal(worlds[0][name], worlds[1][name])
    for world, by_length, by_wish in zip(worlds, (0.0, 0.4), (0.0, 0.5), strict=True):
        treated = world["drug"] != UNTREATED
        z = norm.ppf(np.clip((world["severity"] - 3) / 7, 1e-9, 1 - 1e-9))
        assert abs(z.mean()) < 4 / np.sqrt(len(z))
        assert abs(z.std() - 1) < 4 / np.sqrt(2 * len(z))
        rank = norm.ppf((world["duration"][~treated].argsort().argsort() + 0.5) / (~treated).sum())
        # The untreated have the milder 40 %: their spread is what is left, the slope on the length is not touched.
        assert_allclose((rank * z[~treated]).mean(), by_length, atol=5 / np.sqrt((~treated).sum()))
        # E(z | treated) - E(z | not), with 60 % treated: the normal density at the cut over 0.6 x 0.4.
        gain = by_wish * norm.pdf(norm.ppf(0.6)) / (0.6 * 0.4)
        assert_allclose(z[treated].mean() - z[~treated].mean(), gain, atol=5 * 2 / np.sqrt(len(z)))


def test_a_treated_headache_is_gone_two_hours_after_the_drug_as_often_as_the_trial_says(result) -> None:
    """Sumatriptan 100 mg leaves 29 % pain-free at two hours; false alarm 6e-5 at four standard errors."""
    found = attacks_of(result[1].days)
    free = found["duration"][found["drug"] != UNTREATED] <= 4.0 + 1e-9
    assert abs(free.mean() - 0.29) < 4 * np.sqrt(0.29 * 0.71 / len(free))


def test_a_drug_may_end_a_headache_sooner_than_one_goes_by_itself(course: AttackCourse) -> None:
    """Of sumatriptan's, 29 % are over by 4 h: all at 4 h if none is shorter, else spread from intake on."""
    u = np.random.default_rng(2).random((20_000, 2))
    bounded, free = (
        np.array([draw_duration(course._replace(shortest_treated=shortest), 0.0, 0, *row) for row in u])
        for shortest in (4.0, 0.5)
    )
    assert_array_equal(bounded, np.maximum(free, 4.0))
    assert (bounded == 4.0).mean() > 0.2
    assert free.min() >= course.intake_delay
    assert np.unique(np.round(60 * free), return_counts=True)[1].max() / len(free) < 0.02
    untreated = [draw_duration(course._replace(shortest_treated=0.5), 0.0, UNTREATED, *row) for row in u[:2000]]
    assert min(untreated) >= 4.0


@pytest.mark.parametrize("shortest", [4.0, 0.5])
@pytest.mark.parametrize("own", [-1.5, 0.0, 2.0])
@pytest.mark.parametrize("drug", [UNTREATED, 0, 3])
def test_durations_follow_the_survival_that_forecasts_use(
    course: AttackCourse, drug: int, own: float, shortest: float
) -> None:
    """20,000 draws of a person against the stated share; false alarm 6e-5 a point."""
    rng = np.random.default_rng(1)
    course = course._replace(shortest_treated=shortest)
    drawn = np.array([draw_duration(course, own, drug, *rng.random(2)) for _ in range(20_000)])
    for hours in (1.0, 2.5, 3.0, 3.9, 5.0, 8.0, 16.0, 30.0, 60.0):
        share = lasting_share(course, own, drug, hours)
        assert abs((drawn > hours).mean() - share) < 4 * np.sqrt(share * (1 - share) / len(drawn)) + 1e-9


@pytest.mark.parametrize("drug", [UNTREATED, 1])
def test_of_whom_nothing_is_known_headaches_last_as_in_the_population(course: AttackCourse, drug: int) -> None:
    """The mean over equally likely persons, within the error of 400 of them."""
    persons = norm.ppf((np.arange(400) + 0.5) / 400)
    for hours in (5.0, 20.0, 50.0):
        share = np.mean([lasting_share(course, own, drug, hours) for own in persons])
        assert lasting_share(course.of_anybody(), 0.0, drug, hours) == pytest.approx(share, abs=2e-3)


def test_late_attacks_go_on_as_their_hours_and_lengths_say(course: AttackCourse) -> None:
    """5,000 attacks of the evening of each of two persons; false alarm 6e-5 a point."""
    rng = np.random.default_rng(2)
    for own in (-1.0, 1.3):
        hours = np.array([quantile(course.onset_hours, 1 - course.late_share * u) for u in rng.random(5000)])
        for drug in (UNTREATED, 0):
            share = late_lasting(course, own, drug)
            lasts = [draw_duration(course, own, drug, *rng.random(2)) >= 28 - hour for hour in hours]
            assert abs(np.mean(lasts) - share) < 4 * np.sqrt(share * (1 - share) / 5000) + 0.003


def test_the_week_moves_the_onsets_of_each_person_his_own_way_and_nobody_s_on_average(simulator_of) -> None:
    """Weekends against workdays, person by person: the slope on the persons' own is one (four standard errors)."""
    simulator = simulator_of(
        cohort={"patients": PERSONS, "days": DAYS},
        sleep={"weekend_extra_hours": 0.0},
        diary={"alcohol_weekend_extra": 0.0, "workday_extra_stress": 0.0},
    )
    trajectories = simulator.trajectories(first_patients(simulator.settings, PERSONS))
    kept = simulator.day_effects.weekend[simulator.calendar.burn_in :]
    p = np.clip(trajectories.days.onset_probability, 1e-9, 1 - 1e-9)
    logit = np.log(p / (1 - p))
    reported = logit[:, kept > 0].mean(axis=1) - logit[:, kept < 0].mean(axis=1)
    own = trajectories.persons.weekend
    slope = (own @ reported) / (own @ own)
    error = (reported - slope * own).std() / np.sqrt(own @ own)
    assert abs(slope - 1) < 4 * error + 0.05  # 0.05: what comes at weekends leaves its trace on the days after
    assert abs(own.mean()) < 4 * own.std() / np.sqrt(PERSONS)


def test_at_weekends_attacks_begin_as_much_later_as_is_configured(simulator_of) -> None:
    """Hours of onset before 20:00 against the table's, and as many later ones; four standard errors.

    What an attack of the day before leaves of a day moves a few: 0.1 h.
    """
    simulator = simulator_of(cohort={"patients": PERSONS, "days": DAYS}, attacks={"weekend_later": 3.0})
    days = simulator.trajectories(first_patients(simulator.settings, PERSONS)).days
    course, weekend = simulator.parameters.course, simulator.day_effects.weekend > 0
    begun = np.nonzero(days.attack)
    hour = days.start[begun] - 24 * begun[1]
    table = [quantile(course.onset_hours, (1 - course.late_share) * u) for u in (np.arange(2000) + 0.5) / 2000]
    for free, later in ((True, 3.0), (False, 0.0)):
        own = hour[weekend[begun[1]] == free]
        early = own[own < EVENING]
        wanted = np.mean([later_hour(usual, later, EVENING) for usual in table])
        assert abs(early.mean() - wanted) < 4 * early.std() / np.sqrt(len(early)) + 0.1
        error = np.sqrt(course.late_share * (1 - course.late_share) / len(own))
        assert abs((own >= EVENING).mean() - course.late_share) < 4 * error + 0.01


def test_a_filter_knows_that_attacks_begin_later_at_weekends(simulator_of) -> None:
    """Drugs told of at 20:00 weigh by when attacks began: the days after stay calibrated, at four standard errors."""
    simulator = simulator_of(cohort={"patients": 150, "days": 60}, attacks={"weekend_later": 6.0})
    lived = simulator.trajectories(first_patients(simulator.settings, 150))
    forecast = simulator.filtered(lived, 64).forecast
    migraine, onset = lived.days.flag("has_migraine"), lived.days.flag("onset")
    weekend = simulator.day_effects.weekend[simulator.calendar.burn_in :] > 0
    for free in (True, False):
        chosen = np.zeros_like(migraine)
        chosen[:, 1:] = (onset & lived.recorded.diary & (weekend == free))[:, :-1]
        p = forecast[chosen]
        assert abs(migraine[chosen].sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum()) + 0.01 * len(p)


@pytest.mark.parametrize("median", [5.0, 24.0, 60.0])
def test_any_reachable_median_is_met(settings, median: float) -> None:
    attacks = settings.simulator.attacks.model_copy(update={"duration_median": median})
    assert_allclose(np.median(AttackCourse.of(attacks, settings.simulator.treatments).durations), median, rtol=1e-6)


def test_an_unreachable_median_is_named_with_what_is_reachable(settings) -> None:
    attacks = settings.simulator.attacks.model_copy(update={"duration_median": 71.0})
    with pytest.raises(CourseError, match=r"duration_median: 71 h cannot be reached .* expected 4\.\d to 6\d\.\d"):
        AttackCourse.of(attacks, settings.simulator.treatments)


def test_onsets_peak_in_the_morning(result) -> None:
    hours = (attacks_of(result[1].days)["start"] % 24).astype(int)
    by_quarter = np.bincount(hours // 6, minlength=4) / len(hours)
    assert by_quarter.argmax() == 1
    assert by_quarter[1] > 0.35


def test_aura_comes_to_patients_with_aura_and_lasts_five_to_sixty_minutes(result) -> None:
    found, has_aura = attacks_of(result[1].days), result[1].patients.has_aura
    theirs = has_aura[found["who"]]
    assert np.all(found["aura"][~theirs] == 0)
    auras = found["aura"][theirs]
    assert 0.5 < (auras > 0).mean() < 0.62  # 0.6, less those for which the last attack or evening leaves no room
    assert auras[auras > 0].min() >= 5 / 60
    assert auras.max() <= 1


def test_prodromes_are_entered_by_the_hazard_and_convert_as_stated(result) -> None:
    """Of the day's own signs 72 % become an attack; attacks have signs as often as is the person's (four errors)."""
    days = result[1].days
    signs, onset = days.flag("prodrome"), days.flag("onset")
    converted = onset[:, 1:][signs[:, 1:] & ~days.announced[:, 1:] & ~days.announced[:, :-1]]
    assert abs(converted.mean() - 0.72) < 4 * np.sqrt(0.72 * 0.28 / len(converted))
    early = onset & days.flag("migraine_by_evening")
    share = result[1].persons.sign_share[np.nonzero(early)[0], 0]
    assert abs((signs[early] - share).sum()) < 4 * np.sqrt((share * (1 - share)).sum())
    own = result[1].persons.sign_share[:, 0]
    assert abs(own.mean() - 0.329) < 4 * own.std() / np.sqrt(PERSONS)
    assert own.std() > 0.1


def test_signs_of_the_evening_before_announce_as_stated(result) -> None:
    """Of such signs 72 % are followed by an attack of the next day, unless one comes tonight (four standard errors)."""
    days = result[1].days
    announced, onset, migraine = days.announced[:, :-1], days.flag("onset"), days.flag("has_migraine")[:, :-1]
    assert not np.any(announced & days.flag("migraine_by_evening")[:, :-1])
    outcome = onset[:, 1:][announced & ~migraine]
    assert len(outcome) > 1000
    assert abs(outcome.mean() - 0.72) < 4 * np.sqrt(0.72 * 0.28 / len(outcome))


def test_attacks_come_as_often_where_signs_announce_them(result, simulator_of) -> None:
    """The mean over evenings with and without signs is the hazard's: in pairs of persons, four standard errors."""
    count = len(result[1].patients.index)
    attacks = result[0].settings.attacks
    none = simulator_of(
        cohort={"patients": count, "days": DAYS},
        attacks={"prodrome": attacks.prodrome.model_copy(update={"share_of_attacks": 0.0})},
    )
    without = none.trajectories(first_patients(none.settings, count)).days
    assert not without.announced.any()
    assert np.all(attacks_of(without)["prodrome"] == 0)
    less = result[1].days.flag("onset").mean(axis=1) - without.flag("onset").mean(axis=1)
    assert abs(less.mean()) < 4 * less.std() / np.sqrt(count)
    assert 4 * less.std() / np.sqrt(count) < 0.01


def test_a_prodrome_spans_the_evening_where_it_announces_and_no_aura_does(result, course) -> None:
    days = result[1].days
    found = attacks_of(days)
    kept = found["when"] > result[0].calendar.burn_in
    before = result[0].calendar.burn_in + 1
    announced = (
        days.announced[found["who"][kept], found["when"][kept] - before]
        & ~(days.flag("has_migraine")[found["who"][kept], found["when"][kept] - before])
    )
    start = found["start"][kept]
    evening = 24 * np.floor((start - EVENING) / 24) + EVENING
    late = start % 24 >= EVENING
    begins = start - found["prodrome"][kept]
    day_before = evening - np.where(late, 24, 0)
    assert np.all(begins[announced] <= day_before[announced] + 1e-9)
    assert np.all(begins[announced] >= day_before[announced] - 24 - 1e-9)
    assert np.all(begins[~announced] >= evening[~announced] - 1e-9)
    assert np.all(start - found["aura"][kept] >= evening - 1e-9)
    share = announced.sum() / (found["prodrome"][kept] > 0).sum()
    assert 0.12 < share < course.early_share  # less after a migraine or a sign
    assert_allclose(
        0.329 * course.early_share, 0.077, atol=0.002
    )  # P(longer than from 20:00 to the onset), of the lengths


def test_share_below_inverts_the_quantiles(course: AttackCourse) -> None:
    for u in np.linspace(0.001, 0.999, 37):
        value = np.interp(u, np.linspace(0, 1, len(course.durations)), course.durations)
        assert_allclose(share_below(course.durations, value), u, atol=1e-9)
