from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES
from migraine_platform.twin.core.prediction import ForecastSpread
from migraine_platform.twin.drift.alarms import Record
from migraine_platform.twin.drift.examination import DetectedChange
from migraine_platform.twin.updating.evening_results import Detection, EveningResults
from migraine_platform.twin.updating.update_rows import (
    RECENT_DAYS,
    detections_of,
    drift_frame,
    kept_columns,
    past_of,
    prediction_frame,
    watch_frame,
)
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit, polars_type

FIRST = date(2024, 1, 1)
PEOPLE = ("P0001", "P0002", "P0003")


def on(day: int) -> date:
    return FIRST + timedelta(days=day)


def evenings_of(seed: int, days: int, patients: int = 3, first: date = FIRST) -> EveningResults:
    rng = np.random.default_rng(seed)
    lower, probability, upper = np.sort(rng.random((3, patients, days)), axis=0)
    said = ForecastSpread(probability, lower, upper, *(rng.random((2, patients, days)) / 4))
    odds = rng.random((patients, days, 3))
    error, surprise = rng.random((2, patients, days))
    error[rng.random(error.shape) < 0.3] = np.nan
    surprise[rng.random(surprise.shape) < 0.3] = np.nan
    return EveningResults(first, said, odds, Record(np.log(odds.sum(axis=2)), error, surprise))


SHARES = st.lists(st.floats(0.01, 1), min_size=5, max_size=5).map(lambda values: tuple(v / sum(values) for v in values))
CHANGES = st.builds(
    DetectedChange,
    st.integers(0, 50).map(on),
    st.sampled_from(CHANGE_SHAPES),
    st.sampled_from(CHANGE_KINDS),
    st.sampled_from(["stress", "hazard", "stress_level"]),
    st.floats(-5, 5),
    SHARES,
)
DETECTIONS = st.builds(
    Detection,
    st.sampled_from(PEOPLE),
    st.integers(51, 90).map(on),
    st.sampled_from(["likelihood_ratio", "kswin of surprise"]),
    st.floats(-3, 30),
    CHANGES,
)


@given(st.lists(DETECTIONS, max_size=8, unique_by=lambda one: (one.patient_id, one.detected_on)))
def test_detections_survive_being_rows(found: list[Detection]) -> None:
    frame = drift_frame(found)
    assert audit(tables.Drift, frame).passed
    again = detections_of(frame.sample(fraction=1, shuffle=True, seed=1))
    assert sum(map(len, again.values())) == len(found)
    for patient, own in again.items():
        expected = sorted((one for one in found if one.patient_id == patient), key=lambda one: one.detected_on)
        assert list(own) == expected


def rows_of(evenings: EveningResults, detections: list[Detection] | None = None) -> dict:
    watched = watch_frame(PEOPLE, [evenings]).sample(fraction=1, shuffle=True, seed=2)
    return {tables.Watch: watched, tables.Drift: drift_frame(detections or [])}


@pytest.mark.parametrize(("days", "known"), [(30, 30), (240, 240), (300, 240)])
def test_a_past_survives_being_rows_as_far_as_detectors_look_back(settings, days: int, known: int) -> None:
    assert settings.twin.drift.detectors.memory_days == 240
    evenings = evenings_of(0, days)
    found = past_of(rows_of(evenings), settings.twin, PEOPLE, on(days - 1))
    for ours, theirs in zip(found.record, evenings.record, strict=True):
        assert_array_equal(ours, theirs[:, -known:])
    order = np.array([2, 0, 1])
    turned = past_of(rows_of(evenings), settings.twin, tuple(PEOPLE[place] for place in order), on(days - 1))
    assert_array_equal(turned.record.surprise, found.record.surprise[order])


def test_evenings_after_the_twins_last_one_do_not_count(settings) -> None:
    """As for twins that come back from the past."""
    evenings = evenings_of(1, 20)
    change = DetectedChange(FIRST, "sudden", "label", "hazard", 1.0, (1.0, 0.0, 0.0, 0.0, 0.0))
    found = [Detection("P0002", on(day), "likelihood_ratio", 6.0, change) for day in (4, 12)]
    past = past_of(rows_of(evenings, found), settings.twin, PEOPLE, on(9))
    for ours, theirs in zip(past.record, evenings.record, strict=True):
        assert_array_equal(ours, theirs[:, :10])
    assert past.detections == {"P0002": (found[0],)}
    assert_array_equal(past.alarmed(PEOPLE, FIRST), [-1, 4, -1])


def test_an_empty_cohort_gives_empty_results(settings) -> None:
    rows = {table: frame.clear() for table, frame in rows_of(evenings_of(0, 3)).items()}
    past = past_of(rows, settings.twin, PEOPLE, on(5))
    assert past.record.log_odds.shape == (3, 0)
    assert past.detections == {}


def test_every_evening_is_a_row_of_its_patient() -> None:
    parts = [evenings_of(2, 4), evenings_of(3, 2, first=on(4))]
    reported = prediction_frame(PEOPLE, ["a" * 12, "b" * 12, "c" * 12], parts)
    watched = watch_frame(PEOPLE, parts)
    assert audit(tables.Predictions, reported).passed
    assert audit(tables.Watch, watched).passed
    for place, patient in enumerate(PEOPLE):
        own, seen = (frame.filter(pl.col("patient_id") == patient) for frame in (reported, watched))
        assert own["made_on"].to_list() == seen["date"].to_list() == [on(day) for day in range(6)]
        assert own["for_date"].to_list() == [on(day + 1) for day in range(6)]
        every = np.concatenate([part.said.probability[place] for part in parts])
        assert_array_equal(own["probability"], every)
        assert_array_equal(own["confidence"], 1 - (own["upper"] - own["lower"]))
        odds = np.concatenate([part.odds[place] for part in parts])
        assert_array_equal(seen.select(CHANGE_KINDS).to_numpy(), odds)
        surprise = np.concatenate([part.record.surprise[place] for part in parts])
        assert_array_equal(seen["surprise"].fill_null(np.nan), surprise)
        assert own["twin_version"].unique().to_list() == ["abc"[place] * 12]


def test_an_empty_cohort_has_no_rows() -> None:
    nobody = evenings_of(0, 3, patients=0)
    reported, watched = prediction_frame((), [], [nobody]), watch_frame((), [nobody])
    for table, frame in ((tables.Predictions, reported), (tables.Watch, watched)):
        assert frame.is_empty()
        assert frame.schema == {column.name: polars_type(column) for column in table.columns}


def test_a_twin_s_keeping_is_counted_from_when_it_was_made() -> None:
    days = 50
    evenings = evenings_of(4, days)
    change = DetectedChange(FIRST, "sudden", "label", "hazard", 1.0, (1.0, 0.0, 0.0, 0.0, 0.0))
    found = [Detection("P0002", on(day), "likelihood_ratio", 6.0, change) for day in (4, 12, 30)]
    twins = pl.DataFrame({"patient_id": PEOPLE, "as_of": [on(days - 1)] * 3, "trained_on": [on(10)] * 3})
    rows = rows_of(evenings, found)
    state = kept_columns(twins, rows[tables.Watch], rows[tables.Drift])
    assert state["patient_id"].to_list() == list(PEOPLE)
    assert state["updates"].to_list() == [days - 11] * 3
    assert state["drift_adaptations"].to_list() == [0, 3, 0]  # the one while it was made, too
    assert state["last_drift_adaptation"].to_list() == [None, on(30), None]
    assert state["drift_kind"].to_list() == [None, "label", None]
    errors = np.sqrt(np.nanmean(evenings.record.state_error[:, -RECENT_DAYS:] ** 2, axis=1))
    np.testing.assert_allclose(state["recent_state_error"], errors, rtol=1e-12)
    assert state["recent_adaptations"].to_list() == [0, 2, 0]
    anew = kept_columns(state, rows[tables.Watch], rows[tables.Drift], trained_on=on(40))
    assert anew["drift_adaptations"].to_list() == state["drift_adaptations"].to_list()  # it is told of them as well
    assert anew["recent_adaptations"].to_list() == [0, 0, 0]
    assert anew["updates"].to_list() == [days - 41] * 3
    assert anew["trained_on"].to_list() == [on(40)] * 3


def test_errors_that_grow_beyond_chance_are_told_from_those_that_do_not() -> None:
    """Of 200 patients whose days stay as they were, at most 6 by chance below 0.01 (probability 4e-3 of more)."""
    days, patients = 120, 200
    rng = np.random.default_rng(5)
    channels = rng.standard_normal((patients, days, 13))
    channels[0, 90:, :5] *= 2  # a wearable that fails: five of 13 channels, twice as far off
    errors = np.sqrt((channels**2).mean(axis=-1))
    errors[1, 95:] = np.nan
    who = [f"P{row:04d}" for row in range(patients)]
    watched = watch_frame(who, [evenings_of(0, days, patients=patients)]).with_columns(
        state_error=pl.Series(errors.ravel()).fill_nan(None)
    )
    twins = pl.DataFrame({"patient_id": who, "as_of": [on(days - 1)] * patients, "trained_on": [on(60)] * patients})
    p = kept_columns(twins, watched, drift_frame(()))["state_error_p"].to_list()
    assert p[0] < 1e-6
    assert p[1] is None  # five recorded days are too few
    assert sum(value < 0.01 for value in p[2:]) <= 6
    fresh = kept_columns(twins, watched, drift_frame(()), trained_on=on(days - 3))
    assert fresh["state_error_p"].null_count() == patients
