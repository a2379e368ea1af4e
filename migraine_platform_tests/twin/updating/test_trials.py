from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import binom, poisson

from migraine_platform.twin.core.prediction import ForecastSpread
from migraine_platform.twin.drift.examination import DetectedChange
from migraine_platform.twin.updating.evening_results import Detection
from migraine_platform.twin.updating.evening_update import begin
from migraine_platform.twin.updating.trials import (
    LEAST_PATIENTS,
    RARE,
    RECENT,
    Trial,
    challengers,
    cohort_shift,
    mixed,
    reasons,
    unanswered,
)

FIRST = date(2024, 1, 1)
LIKELIHOODS = st.lists(st.floats(-400, 0), min_size=1, max_size=5)


def trial_of(champion, challenger, prior=0.5, born: date = FIRST) -> Trial:
    size = len(champion)
    return Trial(None, born, np.full(size, prior), np.array(champion), np.array(challenger))  # type: ignore[arg-type]


@given(LIKELIHOODS, st.floats(0.001, 0.999), st.data())
def test_weights_are_those_of_bayes(settings, champion: list[float], prior: float, data) -> None:
    challenger = data.draw(st.lists(st.floats(-400, 0), min_size=len(champion), max_size=len(champion)))
    trial = trial_of(champion, challenger, prior)
    for weight, old, new in zip(trial.weight, champion, challenger, strict=True):
        top = max(old, new)
        both = prior * np.exp(new - top), (1 - prior) * np.exp(old - top)
        assert weight == pytest.approx(both[0] / sum(both), rel=1e-6, abs=1e-12)
    assert trial.gain == pytest.approx(sum(challenger) - sum(champion), rel=1e-9, abs=1e-9)
    least = settings.twin.retraining.least_gain
    assert least >= 0
    assert trial.wins(settings.twin.retraining) == (trial.gain > least)


def test_weights_of_impossible_days_are_finite() -> None:
    weight = trial_of([-1e5, 0.0], [0.0, -1e5], prior=0.1).weight
    assert_array_equal(weight > 0.5, [True, False])
    assert np.isfinite(weight).all()
    assert np.isfinite(trial_of([0.0], [0.0], prior=0.0).weight).all()


def test_many_small_losses_outweigh_one_gain_in_a_trial(settings) -> None:
    trial = trial_of([0.0] * 5, [2.0, -1.0, -1.0, -1.0, -1.0])
    assert trial.gain == -2
    assert not trial.wins(settings.twin.retraining)


def test_a_trial_lasts_the_configured_nights(settings) -> None:
    trial, nights = trial_of([0.0], [0.0]), settings.twin.retraining.trial_nights
    over = [trial.is_over(FIRST + timedelta(days=day), settings.twin.retraining) for day in range(nights + 2)]
    assert over == [False] * nights + [True] * 2


@given(st.integers(0, 99))
def test_a_mixed_forecast_lies_between_both_and_its_interval_is_ordered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs = (ForecastSpread(*np.sort(rng.random((5, 3, 2)), axis=0)[[1, 0, 2, 3, 4]]) for _ in range(2))
    weight = rng.random(3)
    both = mixed(ours, theirs, weight)
    assert_allclose(both.probability, (1 - weight[:, None]) * ours.probability + weight[:, None] * theirs.probability)
    assert np.all(both.lower <= both.probability)
    assert np.all(both.probability <= both.upper)
    for one, other in ((np.zeros(3), ours), (np.ones(3), theirs)):
        for mine, his in zip(mixed(ours, theirs, one), other, strict=True):
            assert_array_equal(mine, his)


def test_challengers_include_known_changes(make_updater, histories, settings) -> None:
    updater, people = make_updater(), histories.of(slice(0, 5))
    patient = people.patient_ids[2]
    change = DetectedChange(
        people.first + timedelta(days=40), "sudden", "label", "hazard", 1.0, (1.0, 0.0, 0.0, 0.0, 0.0)
    )
    found = {patient: (Detection(patient, people.last, "likelihood_ratio", 6.0, change),)}
    trial = challengers(updater, people, found, settings.twin.retraining, 0.1)
    assert trial.born_on == people.last
    assert_array_equal(trial.prior, [0.1, 0.1, settings.twin.retraining.prior, 0.1, 0.1])
    assert_array_equal(trial.champion, np.zeros(5))
    assert trial.weight == pytest.approx(trial.prior)
    plain = begin(updater, people).state
    reported, _ = updater.relive(people.of(np.array([2])), [change], 1.0)
    assert_array_equal(trial.challengers.twins.filter_state.log_weight[2], reported.filter_state.log_weight[0])
    others = [0, 1, 3, 4]
    for ours, theirs in zip(trial.challengers.twins.filter_state, plain.twins.filter_state, strict=True):
        assert_array_equal(ours[others], theirs[others])
    assert np.any(trial.challengers.twins.filter_state.log_weight[2] != plain.twins.filter_state.log_weight[2])
    assert not trial.challengers.watch.changed[2].any()
    assert_array_equal(trial.challengers.watch.changed[others], plain.watch.changed[others])
    nobody = challengers(updater, people, {}, settings.twin.retraining, 0.1)
    assert nobody.challengers.twins.versions() == plain.twins.versions()
    assert replace(trial, prior=nobody.prior).weight == pytest.approx(nobody.weight)


USUAL = {"status": "fitted", "updates": 3, "state_error_p": 0.4, "recent_adaptations": 1}
RATE = 0.5
"""False alarms a patient-year."""


def twins_of(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame([USUAL | row for row in rows])


def test_nothing_is_due_of_young_and_quiet_twins(settings) -> None:
    limits = settings.twin.retraining
    edge = {
        "updates": limits.after_days - 1,
        "state_error_p": 0.6 * RARE,  # one of two patients
        "recent_adaptations": limits.adaptations - 1,
    }
    assert reasons(twins_of({}, edge), limits, RATE) == []
    assert reasons(twins_of({"status": "refused", "updates": 99}), limits, RATE) == []
    assert reasons(twins_of({"state_error_p": None}), limits, RATE) == []
    many = twins_of(*[{"updates": 29, "recent_adaptations": int(row < 4)} for row in range(100)])
    assert reasons(many, limits, RATE) == []  # chance gives four


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"updates": 30}, "made 30 days ago (limit 30)"),
        ({"state_error_p": 0.4 * RARE}, "state errors larger than before, beyond chance: 1 patients"),
        ({"recent_adaptations": 5}, "6 adaptations since they were made (limit 5, by chance 0.0)"),
    ],
)
def test_each_reason_is_told(settings, row: dict[str, object], reason: str) -> None:
    limits = settings.twin.retraining.model_copy(update={"after_days": 30, "adaptations": 5})
    assert reasons(twins_of({}, row), limits, RATE) == [reason]
    every = twins_of({"updates": 31}, {"state_error_p": 1e-9}, {"recent_adaptations": 9})
    assert len(reasons(every, limits, RATE)) == 3


def test_a_change_is_answered_by_twins_made_or_asked_for_since() -> None:
    drift = pl.DataFrame({"detected_on": [FIRST + timedelta(days=day) for day in (1, 5, 9, 11)]}).with_columns(
        withdrawn_on=pl.when(pl.int_range(4) == 3).then(pl.lit(FIRST + timedelta(days=12)))
    )
    twins = pl.DataFrame({"trained_on": [FIRST + timedelta(days=day) for day in (0, 4)]})
    nothing = pl.DataFrame(schema={"requested_on": pl.Date})
    assert unanswered(drift, twins, nothing).height == 2
    asked = pl.DataFrame({"requested_on": [FIRST + timedelta(days=day) for day in (2, 5)]})
    assert unanswered(drift, twins, asked)["detected_on"].to_list() == [FIRST + timedelta(days=9)]
    assert unanswered(drift, twins.clear(), nothing).height == 3
    assert unanswered(drift, twins, pl.DataFrame({"requested_on": [FIRST + timedelta(days=9)]})).is_empty()


PATIENTS, DAYS, RATE = 200, 104, 0.5


def watched(seed: int, shift: float = 0.0, patients: int = PATIENTS) -> pl.DataFrame:
    """Evenings of people who differ from each other; all move by a share of a standard deviation in the last ones."""
    rng = np.random.default_rng(seed)
    days = pl.date_range(FIRST, FIRST + timedelta(days=DAYS - 1), eager=True)
    names = np.repeat([f"P{number:04d}" for number in range(patients)], DAYS)
    frame = {"patient_id": names, "date": list(days) * patients}
    for name in ("state_error", "surprise"):
        values = rng.normal(size=(patients, 1)) + rng.normal(size=(patients, DAYS))
        values[:, -RECENT:] += shift
        values[rng.random(values.shape) < 0.3] = np.nan
        frame[name] = values.ravel()
    return pl.DataFrame(frame).with_columns(pl.col("state_error", "surprise").fill_nan(None))


def drift_of(count: int, day: int = DAYS - 1) -> pl.DataFrame:
    return pl.DataFrame({"detected_on": [FIRST + timedelta(days=day)] * count}, schema={"detected_on": pl.Date})


def test_many_small_changes_are_detected_as_a_cohort_shift() -> None:
    """By a quarter of a day's standard deviation: of each of them a fortnight's mean moves by less than its error."""
    found = cohort_shift(watched(0, 0.25), drift_of(0), RATE)
    assert len(found.problems) == 2
    assert found.figures["surprise shift"] == pytest.approx(0.25, abs=0.1)
    assert max(found.figures["surprise p"], found.figures["state_error p"]) < RARE / 3
    assert not cohort_shift(watched(0), drift_of(0), RATE).problems


def test_a_calm_cohort_is_seldom_taken_for_changed() -> None:
    """Of 300 looks, no more than a false-alarm rate of RARE gives in 999 of 1000 tries: each look has three tests."""
    problems = sum(bool(cohort_shift(watched(seed, patients=40), drift_of(0), RATE).problems) for seed in range(1, 301))
    assert problems <= binom.ppf(0.999, 300, RARE)


def test_alarms_beyond_chance_are_seen_and_old_ones_do_not_count() -> None:
    expected = PATIENTS * RECENT / 365.25 * RATE
    many = int(poisson.isf(RARE / 3, expected)) + 1
    calm = watched(0)
    assert cohort_shift(calm, drift_of(many), RATE).problems == [
        f"cohort: {many} patients' alarms in 14 days; chance gives {expected:.1f}"
    ]
    assert not cohort_shift(calm, drift_of(many - 1), RATE).problems
    assert not cohort_shift(calm, drift_of(many, DAYS - 1 - RECENT), RATE).problems


def test_too_few_patients_give_no_figure() -> None:
    few = cohort_shift(watched(0, 5.0, LEAST_PATIENTS - 1), drift_of(0), RATE)
    assert not few.problems
    assert set(few.figures) == {"alarms", "alarms by chance"}
    assert cohort_shift(watched(0).clear(), drift_of(0), RATE) == ({}, [])
    lonely = watched(0, 5.0).filter(pl.col("date") > FIRST + timedelta(days=DAYS - 1 - RECENT))
    assert not cohort_shift(lonely, drift_of(0), RATE).problems
