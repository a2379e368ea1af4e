"""A twin that was told late is the twin that was told in time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from migraine_platform.twin.cohort.batch_update import UpdateRequest
from migraine_platform.twin.updating.evening_update import TwinState
from migraine_platform.warehouse import tables
from migraine_platform_tests.twin.living import DAYS, EASILY, LAST, MADE, Living, assert_sound, made_living

PATIENTS = 4
WHO = 2
"""The patient of whom something is reported."""

SAID_ONCE = (tables.Predictions, tables.Audit, tables.Drift, tables.Challengers, tables.Retrainings)
"""Tables that keep what was said in ignorance."""


@pytest.fixture(scope="module")
def parts(settings, features, make_twins, model, measured):
    """What cohorts are made of."""
    return settings, features, make_twins, model, measured


@pytest.fixture(scope="module")
def ignorant(parts, tmp_path_factory) -> Living:
    """Twins that have lived some nights, and know of no report."""
    living = made_living(tmp_path_factory.mktemp("ignorant"), *parts, thresholds=EASILY, patients=PATIENTS)
    for days in range(MADE + 1, LAST + 1):
        living.live(days)
    return living


def report(living: Living, *days: int, migraine: bool = True) -> pl.DataFrame:
    """A migraine, or none, on some days of the patient."""
    patient = living.whole[tables.Patients]["patient_id"][WHO]
    return pl.DataFrame(
        {
            "patient_id": [patient] * len(days),
            "date": [living.evening(LAST) - timedelta(days=LAST - day) for day in days],
            "digest": ["f" * 16] * len(days),
            **{name: [migraine] * len(days) for name in ("has_migraine", "migraine_by_evening")},
            "onset": [False] * len(days),
            "stress_level": [9.0] * len(days),
        }
    )


def told_in_time(parts, folder, observations: pl.DataFrame, until: int) -> Living:
    """Twins that knew the report from the start, and lived the same nights."""
    living = made_living(folder, *parts, thresholds=EASILY, patients=PATIENTS, observations=observations)
    for days in range(MADE + 1, until + 1):
        living.live(days)
    return living


def assert_same_twins(ours: TwinState, theirs: TwinState) -> None:
    for name in ("beliefs", "ledger", "filter_state", "last"):
        for one, other in zip(getattr(ours.twins, name), getattr(theirs.twins, name), strict=True):
            assert_allclose(one, other, rtol=1e-9, atol=1e-12, err_msg=name)
    assert ours.twins.entries.tolist() == theirs.twins.entries.tolist()
    for name in ("changed", "strayed"):
        assert_allclose(getattr(ours.watch, name), getattr(theirs.watch, name), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("days", [(3,), (20, 45), (MADE - 3,), (MADE + 2, MADE + 3), (LAST,)])
@pytest.mark.parametrize("nights", [0, 2])
def test_a_late_observation_gives_the_twin_it_would_have_given_in_time(
    ignorant: Living, parts, tmp_path, days: tuple[int, ...], nights: int
) -> None:
    """Whatever day it is of: before the first stored state, while twins were validated, after, or the last evening."""
    observations = report(ignorant, *days)
    late = ignorant.copy(tmp_path / "late")
    late.observe(observations)
    late.live(LAST + nights)
    in_time = told_in_time(parts, tmp_path / "in_time", observations, LAST)
    if nights:
        in_time.live(LAST + nights)
    assert_same_twins(late.state(), in_time.state())
    assert_sound(late)
    for table in (tables.Watch, tables.TriggerSensitivity, tables.Contributions, tables.AppliedObservations):
        ours, theirs = late.of(table), in_time.of(table)
        numbers = [name for name, kind in ours.schema.items() if kind == pl.Float64]
        assert_allclose(ours.select(numbers), theirs.select(numbers), rtol=1e-7, atol=1e-9, err_msg=table.name)
    filter_state = late.of(tables.Drift).filter(pl.col("withdrawn_on").is_null())
    assert filter_state.select(tables.Drift.key).rows() == in_time.of(tables.Drift).select(tables.Drift.key).rows()


def test_a_late_observation_changes_no_other_twin(ignorant: Living, tmp_path) -> None:
    late = ignorant.copy(tmp_path)
    late.observe(report(ignorant, 30))
    late.live(LAST)
    others = np.array([row for row in range(PATIENTS) if row != WHO])
    before, after = ignorant.state().of(others), late.state().of(others)
    assert before.twins.versions() == after.twins.versions()


def test_entries_count_what_was_reported(ignorant: Living, tmp_path) -> None:
    """The twin of somebody who reports days on which nothing was written knows so many entries more."""
    patient = ignorant.whole[tables.Patients]["patient_id"][WHO]
    own = ignorant.whole[tables.MeasuredDays].filter(pl.col("patient_id") == patient).sort("date")
    empty = [day for day, wrote in enumerate(own["migraine_by_evening"].is_not_null(), start=1) if not wrote][:5]
    empty = [day for day in empty if day <= LAST]
    assert empty
    late = ignorant.copy(tmp_path)
    late.observe(report(ignorant, *empty))
    late.live(LAST)
    before, after = (one.of(tables.Twins)["entries"][WHO] for one in (ignorant, late))
    assert after == before + len(empty)


def test_earlier_forecasts_stay_and_tonights_is_remade(ignorant: Living, tmp_path) -> None:
    late = ignorant.copy(tmp_path)
    late.observe(report(ignorant, LAST - 2, LAST - 1))
    late.live(LAST)
    tonight = ignorant.evening(LAST)
    for table in (tables.Predictions, tables.Audit):
        old = ignorant.of(table).filter(pl.col("made_on") < tonight).drop("twin_version")
        new = late.of(table).filter(pl.col("made_on") < tonight).drop("twin_version")
        assert old.join(new, on=old.columns, how="anti", nulls_equal=True).is_empty()
    patient = ignorant.whole[tables.Patients]["patient_id"][WHO]
    said = late.of(tables.Audit).filter(
        (pl.col("patient_id") == patient) & (pl.col("made_on") == tonight) & (pl.col("event") == "forecast")
    )
    now = late.of(tables.Predictions).filter((pl.col("patient_id") == patient) & (pl.col("made_on") == tonight))
    assert said.height == 2  # the one that was given, and the one that is
    assert now["probability"].item() in said["probability"].to_list()


def test_a_report_that_is_taken_back_leaves_no_trace(ignorant: Living, tmp_path) -> None:
    late = ignorant.copy(tmp_path)
    late.observe(report(ignorant, 40))
    late.live(LAST)
    late.observe(report(ignorant))
    late.live(LAST)
    assert_same_twins(late.state(), ignorant.state())
    assert late.of(tables.AppliedObservations).is_empty()


def test_a_night_without_news_changes_nothing(ignorant: Living, tmp_path) -> None:
    late = ignorant.copy(tmp_path)
    late.observe(report(ignorant, 40))
    late.live(LAST)
    before = dict(late.rows)
    late.live(LAST)
    assert all(late.rows[place].equals(frame) for place, frame in before.items())


def test_an_alarm_that_the_report_explains_is_withdrawn_and_not_forgotten(ignorant: Living, tmp_path) -> None:
    """The person who never is calm again, by his diary, was calm by his report."""
    alarms = ignorant.of(tables.Drift)
    assert alarms.height > 0
    patient, first = alarms["patient_id"][0], alarms["detected_on"].min()
    row = ignorant.whole[tables.Patients]["patient_id"].to_list().index(patient)
    days = range(40, LAST + 1)
    calm = report(ignorant, *days, migraine=False).with_columns(patient_id=pl.lit(patient), stress_level=pl.lit(4.0))
    late = ignorant.copy(tmp_path)
    late.observe(calm)
    late.live(LAST)
    assert_sound(late)
    assert row >= 0
    now = late.of(tables.Drift)
    gone = now.filter(pl.col("withdrawn_on").is_not_null())
    assert gone["withdrawn_on"].to_list() == [ignorant.evening(LAST)] * gone.height
    assert set(alarms.select(tables.Drift.key).iter_rows()) <= set(now.select(tables.Drift.key).iter_rows())
    assert gone.filter(pl.col("detected_on") >= first).height > 0


def test_challengers_receive_late_observations(ignorant: Living, tmp_path) -> None:
    observations = report(ignorant, 40, LAST + 1)
    late = ignorant.copy(tmp_path / "late", trial_nights=30)
    late.live(LAST, UpdateRequest(retrain="to see"))
    in_time = late.copy(tmp_path / "in_time", trial_nights=30)
    late.live(LAST + 2)
    late.observe(observations)
    late.live(LAST + 3)
    assert_sound(late)
    in_time.observe(observations)
    for days in range(LAST, LAST + 4):
        in_time.live(days)
    ours, theirs = late.of(tables.Challengers), in_time.of(tables.Challengers)
    for name in ("champion_log_likelihood", "challenger_log_likelihood", "weight"):
        assert_allclose(ours[name], theirs[name], rtol=1e-6, atol=1e-9, err_msg=name)


def test_stored_states_are_few_and_reach_far_back(ignorant: Living, tmp_path) -> None:
    late = ignorant.copy(tmp_path)
    for days in range(LAST + 1, DAYS + 1):
        late.live(days)
    states = late.of(tables.TwinStates)["as_of"].sort()
    assert states[0] <= late.evening(MADE) - timedelta(days=8)
    assert 2 <= len(states) <= 5


def alarms_of(living: Living) -> pl.DataFrame:
    """Of the patients but the one of whom something is reported: whether they stand."""
    return living.of(tables.Drift).select(*tables.Drift.key, "withdrawn_on")


def test_alarms_that_a_promoted_challenger_was_told_of_stand(ignorant: Living, tmp_path) -> None:
    """It notices them no more, for it knows them."""
    living = ignorant.copy(tmp_path, trial_nights=1, least_gain=-1_000_000)
    living.live(LAST, UpdateRequest(retrain="to see"))
    living.live(LAST + 1)
    assert "promoted" in living.of(tables.Retrainings)["decision"].to_list()
    before = alarms_of(living)
    noticed = before.filter(pl.col("withdrawn_on").is_null() & (pl.col("detected_on") <= ignorant.evening(LAST)))
    patient = noticed["patient_id"][0]
    living.observe(report(ignorant, LAST).with_columns(patient_id=pl.lit(patient)))
    living.live(LAST + 1)
    assert_sound(living)
    now = alarms_of(living)
    assert noticed.join(now, on=noticed.columns, how="anti", nulls_equal=True).is_empty()


def test_rolled_back_twins_receive_missed_observations(ignorant: Living, tmp_path) -> None:
    living = ignorant.copy(tmp_path, trial_nights=1, least_gain=-1_000_000)
    living.live(LAST, UpdateRequest(retrain="to see"))
    living.live(LAST + 1)
    living.observe(report(ignorant, 40))
    living.live(LAST + 1)
    living.live(LAST + 1, UpdateRequest(roll_back=True))
    ignorant_of_it = living.state().of(np.array([WHO])).twins.versions()
    living.live(LAST + 2)
    assert_sound(living)
    assert living.of(tables.AppliedObservations).height == 1
    untold = ignorant.copy(tmp_path / "untold", trial_nights=1, least_gain=-1_000_000)
    untold.live(LAST, UpdateRequest(retrain="to see"))
    untold.live(LAST + 1)
    untold.live(LAST + 1, UpdateRequest(roll_back=True))
    assert untold.state().of(np.array([WHO])).twins.versions() == ignorant_of_it
    untold.live(LAST + 2)
    ours, theirs = (one.state().twins.filter_state.log_weight[WHO] for one in (living, untold))
    assert not np.allclose(ours, theirs)


def test_last_nights_forecasts_stay_if_a_new_day_comes_with_the_report(ignorant: Living, tmp_path) -> None:
    late = ignorant.copy(tmp_path)
    late.observe(report(ignorant, LAST - 2, LAST - 1))
    late.live(LAST + 1)
    key = [*tables.Predictions.key, "probability", "lower", "upper"]
    old, new = (
        one.of(tables.Predictions).filter(pl.col("made_on") <= ignorant.evening(LAST)) for one in (ignorant, late)
    )
    assert old.select(key).equals(new.select(key))


def test_a_report_of_what_no_twin_learns_from_changes_no_forecast(ignorant: Living, tmp_path) -> None:
    patient = ignorant.whole[tables.Patients]["patient_id"][WHO]
    known = ignorant.whole[tables.MeasuredDays].filter((pl.col("patient_id") == patient) & pl.col("has_migraine"))
    assert known.height
    late = ignorant.copy(tmp_path)
    late.observe(
        pl.DataFrame(
            {"patient_id": [patient], "date": [known["date"][0]], "digest": ["f" * 16], "acute_medication": [True]}
        )
    )
    late.live(LAST)
    assert_sound(late)
    assert late.of(tables.Audit).height >= ignorant.of(tables.Audit).height
