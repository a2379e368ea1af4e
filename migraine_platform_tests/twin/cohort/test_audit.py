from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from migraine_platform.twin.cohort.audit import AuditError, extended
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit

FIRST = date(2024, 1, 1)
PATIENTS = ("P0001", "P0002", "P0003")
DAYS = 8
POPULATION, ANOTHER = "0" * 16, "f" * 16


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def version(patient: str, evening: int, fitted: int = 0) -> str:
    """Of the twin of an evening: the same as before, if nothing came."""
    return f"{PATIENTS.index(patient):04d}{evening:04d}{fitted:04d}"


def said(patient: str, evening: int, fitted: int = 0) -> float:
    return round(((7 * PATIENTS.index(patient) + 3 * evening + 5 * fitted) % 19 + 1) / 21, 3)


def forecasts(
    evening: int, patients: tuple[str, ...] = PATIENTS, fitted: int = 0, population: str = POPULATION
) -> pl.DataFrame:
    """What twins say on an evening."""
    rows = [
        {
            "population": population,
            "patient_id": patient,
            "for_date": day(evening + 1),
            "event": "forecast",
            "twin_version": version(patient, evening, fitted),
            "made_on": day(evening),
            "inputs_hash": "0" * 12,
            "probability": said(patient, evening, fitted),
            "lower": 0.0,
            "upper": 1.0,
            "outcome": None,
        }
        for patient in patients
    ]
    return pl.DataFrame(rows, schema=SCHEMA)


SCHEMA = {
    "population": pl.String, "patient_id": pl.String, "for_date": pl.Date, "event": pl.String,
    "twin_version": pl.String, "made_on": pl.Date, "inputs_hash": pl.String, "probability": pl.Float64,
    "lower": pl.Float64, "upper": pl.Float64, "outcome": pl.Int64,
}  # fmt: skip


def diaries(reported: dict[tuple[str, int], bool | None]) -> pl.DataFrame:
    """What was recorded so far; null where nothing was."""
    rows = [(patient, day(number), migraine) for (patient, number), migraine in reported.items()]
    return pl.DataFrame(
        rows, schema={"patient_id": pl.String, "date": pl.Date, "has_migraine": pl.Boolean}, orient="row"
    )


evenings = st.lists(
    st.tuples(
        st.integers(0, DAYS - 1),
        st.sets(st.sampled_from(PATIENTS), min_size=1).map(lambda some: tuple(sorted(some))),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=6,
)
entries = st.dictionaries(st.tuples(st.sampled_from(PATIENTS), st.integers(0, DAYS - 1)), st.none() | st.booleans())


@given(evenings, entries)
@examples(max_examples=40)
def test_rows_are_only_ever_added(some: list[tuple[int, tuple[str, ...], int]], reported) -> None:
    """Over any evenings, repeated or out of order, with gaps; against a list of what was said."""
    trail, given_so_far, latest = None, set(), -1
    for evening, patients, fitted in some:
        latest = max(latest, evening)
        known = {place: migraine for place, migraine in reported.items() if place[1] <= evening}
        before = trail
        trail = extended(before, forecasts(evening, patients, fitted), diaries(known))
        if before is not None:
            assert_frame_equal(trail.join(before, on=list(tables.Audit.key), how="semi"), before)
        assert_frame_equal(extended(trail, forecasts(evening, patients, fitted), diaries(known)), trail)
        given_so_far |= {(patient, evening + 1, version(patient, evening, fitted)) for patient in patients}
        rows = trail.filter(pl.col("event") == "forecast")
        assert set(rows.select("patient_id", "for_date", "twin_version").iter_rows()) == {
            (patient, day(number), twin) for patient, number, twin in given_so_far
        }
    known = {place: migraine for place, migraine in reported.items() if place[1] <= latest}
    final = extended(trail, forecasts(*some[-1]), diaries(known))
    assert audit(tables.Audit, final).passed
    outcomes = {
        (patient, day(number), twin, day(number + 1), int(reported[patient, number]))
        for patient, number, twin in given_so_far
        if number < latest and reported.get((patient, number)) is not None
    }
    found = final.filter(pl.col("event") == "outcome")
    assert set(found.select("patient_id", "for_date", "twin_version", "made_on", "outcome").iter_rows()) == outcomes


def test_an_outcome_comes_when_its_diary_is_complete_and_no_earlier() -> None:
    """Of the day after the first evening: on the second evening it is not complete, on the third it is."""
    reported = {("P0001", 1): True, ("P0002", 1): False, ("P0003", 1): None}
    first = extended(None, forecasts(0), diaries({}))
    second = extended(first, forecasts(1), diaries(reported))
    assert (second["event"] == "forecast").all()
    third = extended(second, forecasts(2), diaries(reported)).filter(pl.col("event") == "outcome")
    assert third.select("patient_id", "for_date", "made_on", "outcome").rows() == [
        ("P0001", day(1), day(2), 1),
        ("P0002", day(1), day(2), 0),
    ]
    assert third["probability"].to_list() == [said("P0001", 0), said("P0002", 0)]


def test_an_entry_that_comes_late_is_taken_and_a_corrected_one_is_not() -> None:
    trail = extended(None, forecasts(0), diaries({}))
    for evening in (1, 2):
        trail = extended(trail, forecasts(evening), diaries({("P0001", 1): True}))
    later = extended(trail, forecasts(3), diaries({("P0001", 1): False, ("P0002", 1): True}))
    found = later.filter((pl.col("event") == "outcome") & (pl.col("for_date") == day(1)))
    assert found.select("patient_id", "outcome").rows() == [("P0001", 1), ("P0002", 1)]


@pytest.mark.parametrize(
    ("column", "value"), [("probability", 0.5), ("lower", 0.01), ("inputs_hash", "f" * 12), ("made_on", day(-1))]
)
def test_a_changed_forecast_is_refused_and_nothing_changes(column: str, value: object) -> None:
    trail = extended(None, forecasts(0), diaries({}))
    state = trail.clone()
    other = forecasts(0).with_columns(
        pl.when(pl.col("patient_id") == "P0002").then(pl.lit(value)).otherwise(column).alias(column)
    )
    with pytest.raises(AuditError, match=r"^twin\.audit: 1 forecasts are there, but say something else") as error:
        extended(trail, other, diaries({}))
    assert "\n" not in str(error.value)
    assert_frame_equal(trail, state)
    another_twin = other.with_columns(twin_version=pl.lit("f" * 12))
    assert extended(trail, another_twin, diaries({})).height == 6


def test_an_audit_trail_is_sorted_whatever_the_order_of_arrival() -> None:
    trail = None
    for evening in (4, 1, 3):
        trail = extended(trail, forecasts(evening).reverse(), diaries({}))
    assert trail.equals(trail.sort(tables.Audit.key))
    assert trail.schema == pl.Schema(SCHEMA)


def test_another_population_s_patients_are_others_of_the_same_names() -> None:
    """What was said of them stays as it is; diaries of tonight's patients tell nothing of them, nor do their days."""
    reported = {("P0001", number): True for number in range(6)}
    theirs = extended(None, forecasts(5, population=ANOTHER), diaries({}))
    trail = extended(theirs, forecasts(3), diaries(reported))
    trail = extended(trail, forecasts(4), diaries({place: value for place, value in reported.items() if place[1] <= 4}))
    assert_frame_equal(trail.filter(pl.col("population") == ANOTHER), theirs)
    assert (trail["event"] == "forecast").all()  # day 4 is complete on the evening of day 5
    trail = extended(trail, forecasts(5), diaries(reported))
    found = trail.filter(pl.col("event") == "outcome")
    assert found.select("population", "patient_id", "for_date").rows() == [(POPULATION, "P0001", day(4))]


def test_a_batch_without_a_twin_leaves_no_trail() -> None:
    assert extended(None, forecasts(0, ()), diaries({("P0001", 0): True})).is_empty()


def test_a_correction_on_the_evening_of_its_outcome_is_what_is_known() -> None:
    trail = extended(None, forecasts(0), diaries({}))
    trail = extended(trail, forecasts(1), diaries({}))
    trail = extended(trail, forecasts(2), diaries({("P0001", 1): False}))
    for _ in range(2):  # told again, it is no news
        trail = extended(trail, forecasts(2), diaries({("P0001", 1): True}))
        reported = trail.filter((pl.col("for_date") == day(1)) & (pl.col("event") != "forecast"))
        assert sorted(reported.select("event", "made_on", "outcome").rows()) == [
            ("correction", day(2), 1),
            ("outcome", day(2), 0),
        ]
