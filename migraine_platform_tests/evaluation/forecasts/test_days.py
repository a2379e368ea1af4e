"""Which days are scored: who learned from whom, and what came."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from migraine_platform.evaluation.forecasts.days import Split, adherence_quartiles, evaluated_days, splits
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import contract
from migraine_platform.warehouse.tables.evaluation import CHRONOLOGICAL, UNSEEN


def days_of(cohort, split: Split) -> pl.DataFrame:
    return evaluated_days(
        split,
        cohort.histories,
        cohort.read(tables.Patients).select("patient_id", "sex", "is_chronic", "has_aura"),
        cohort.read(tables.PatientDays).select("patient_id", "date", "has_migraine", "onset"),
        cohort.read(tables.TruthPatientDays).select("patient_id", "date", "migraine_probability"),
        cohort.read(tables.Attacks).select("patient_id", "headache_start"),
    )


def test_training_and_validation_share_no_patient(cohort, settings):
    teachers = cohort.histories.patient_ids[::2]
    first, second = splits(cohort.histories, teachers, 30, settings.evaluation)
    assert (first.name, first.patients, first.first, first.known) == (CHRONOLOGICAL, teachers, 31, 30)
    assert second.name == UNSEEN
    assert not set(second.patients) & set(teachers)
    assert len(second.patients) == settings.evaluation.unseen_patients
    assert second.first == settings.evaluation.history_days


def test_a_population_learned_from_all_patients_has_no_unseen_ones(cohort, settings):
    _, second = splits(cohort.histories, cohort.histories.patient_ids, 30, settings.evaluation)
    assert second.patients == ()
    assert days_of(cohort, second).is_empty()


def test_patients_without_entries_are_not_unseen(cohort, settings):
    """Where everybody who writes was learned from, the few who never do are no sample of patients."""
    silent = cohort.histories.patient_ids[3:6]
    diary = cohort.histories.diary.copy()
    diary[3:6, :30] = False
    known = replace(cohort.histories, diary=diary)
    teachers = tuple(patient for patient in known.patient_ids if patient not in silent)
    assert splits(known, teachers, 30, settings.evaluation)[1].patients == ()
    _, second = splits(known, teachers[::2], 30, settings.evaluation)
    assert second.patients
    assert not set(second.patients) & {*silent, *teachers[::2]}


def test_rows_are_what_the_simulation_knows(cohort):
    split = Split(UNSEEN, cohort.histories.patient_ids[5:25], 14, 14)
    found = days_of(cohort, split)
    contract(tables.EvaluatedDays).validate(found)
    assert found.height == 20 * (cohort.histories.days - 14)
    assert found["for_date"].min() == cohort.histories.first + timedelta(days=14)
    days = cohort.read(tables.PatientDays).select("patient_id", for_date="date", migraine="has_migraine")
    truth = cohort.read(tables.TruthPatientDays).select("patient_id", for_date="date", p="migraine_probability")
    both = found.join(days, on=["patient_id", "for_date"]).join(truth, on=["patient_id", "for_date"])
    assert both.height == found.height
    assert (both["migraine"] == both["migraine_right"]).all()
    assert (both["full_state"] == both["p"]).all()
    before = days.with_columns(pl.col("for_date") + timedelta(days=1))
    yesterday = found.join(before, on=["patient_id", "for_date"])
    assert (yesterday["after_migraine"] == yesterday["migraine_right"]).all()


def test_signs_of_the_evening_before_stand_by_the_day_they_may_announce(cohort):
    found = days_of(cohort, Split(UNSEEN, cohort.histories.patient_ids, 1, 1))
    noted = cohort.read(tables.MeasuredDays).select(
        "patient_id",
        for_date=pl.col("date") + timedelta(days=1),
        noted=(pl.col("prodrome") & ~pl.col("migraine_by_evening")).fill_null(False),
    )
    both = found.join(noted, on=["patient_id", "for_date"])
    assert both.height == found.height
    assert (both["after_signs"] == both["noted"]).all()
    announced = both.filter("after_signs")
    assert announced.height > 50
    assert (
        announced["migraine"].mean() > both.filter(~pl.col("after_signs"), ~pl.col("after_migraine"))["migraine"].mean()
    )


def test_hours_ahead_are_between_the_evening_and_the_headache(cohort):
    found = days_of(cohort, Split(UNSEEN, cohort.histories.patient_ids, 1, 1)).drop_nulls("hours_ahead")
    attacks = cohort.read(tables.Attacks).select("patient_id", "headache_start")
    starts = attacks.with_columns(for_date=pl.col("headache_start").dt.date())
    both = (
        found.join(starts, on=["patient_id", "for_date"])
        .group_by("patient_id", "for_date")
        .agg(pl.col("hours_ahead").first(), pl.col("headache_start").min())
    )
    evening = (both["for_date"].cast(pl.Datetime("us"))) - timedelta(hours=4)
    wanted = (both["headache_start"] - evening).dt.total_minutes() / 60
    assert both.height > 100
    assert np.allclose(both["hours_ahead"], wanted)
    assert both["hours_ahead"].is_between(4, 28).all()


def test_quartiles_are_quarters_in_the_order_of_adherence(cohort):
    everybody = cohort.histories.patient_ids
    found = adherence_quartiles(cohort.histories, everybody)
    counts = found["adherence_quartile"].value_counts().sort("adherence_quartile")["count"].to_list()
    assert counts == [len(everybody) // 4] * 4
    kept = dict(zip(everybody, cohort.histories.diary.mean(axis=1), strict=True))
    share = found.with_columns(kept=pl.col("patient_id").replace_strict(kept))
    edges = share.group_by("adherence_quartile").agg(low=pl.col("kept").min(), high=pl.col("kept").max())
    edges = edges.sort("adherence_quartile")
    assert (edges["high"][:-1] <= edges["low"][1:]).all()


@pytest.mark.parametrize("patients", [0, 1, 3])
def test_few_patients_have_quartiles_too(cohort, patients):
    found = adherence_quartiles(cohort.histories, cohort.histories.patient_ids[:patients])
    assert found.height == patients
    assert found["adherence_quartile"].is_between(1, 4).all()
