"""Which entries of a study count: those that keep the declared bounds and do not contradict each other."""

from __future__ import annotations

from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.ingest.sources.study import AGAIN, DIFFER, DISAGREE, Diaries, diaries_of, entry_schema
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.tables.clinical import TREATMENTS, StudyDays, StudyPatients

Entry = dict[str, object]
GOOD: Entry = {
    "patient_id": "K001",
    "sex": "F",
    "age": 40,
    "aura": "aura",
    "medication": "none",
    "study_day": 7,
    "treatment_day": -3,
    "headache": True,
    "air_quality": 21.0,
}
OTHER = {**GOOD, "patient_id": "K002"}


def diaries(*entries: Entry) -> Diaries:
    return diaries_of(pl.DataFrame(list(entries), schema=entry_schema(), orient="row"), {})


@st.composite
def drawn(draw: st.DrawFn) -> Entry:
    """An entry, often wrong, of few patients and days, so that they meet."""
    return {
        "patient_id": draw(st.sampled_from(["K001", "K002", "K1000", "P0001", None])),
        "sex": draw(st.sampled_from(["F", "F", "F", "M", "X"])),
        "age": draw(st.sampled_from([40, 40, 40, 41, -1, 121, None])),
        "aura": draw(st.sampled_from(["aura", "aura", "no aura", "mixed"])),
        "medication": draw(st.sampled_from([TREATMENTS[0], *TREATMENTS, None])),
        "study_day": draw(st.sampled_from([1, 2, 3, None])),
        "treatment_day": draw(st.sampled_from([0, 0, 1, None])),
        "headache": draw(st.sampled_from([True, False, None])),
        "air_quality": draw(st.sampled_from([1.0, 1.0, None, float("nan"), float("inf")])),
    }


@given(st.lists(drawn(), max_size=30), st.randoms(use_true_random=False))
def test_every_entry_counts_or_is_left_out_for_a_reason_whatever_their_order(
    entries: list[Entry], order: Random
) -> None:
    found = diaries(*entries)
    assert found.entries == len(entries)
    assert audit(StudyPatients, found.patients).passed
    assert audit(StudyDays, found.days).passed
    assert set(found.days["patient_id"]) == set(found.patients["patient_id"])
    shuffled = list(entries)
    order.shuffle(shuffled)
    again = diaries(*shuffled)
    assert again.days.equals(found.days)
    assert again.patients.equals(found.patients)
    assert again.left_out == found.left_out


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("patient_id", "1", r"patient_id: expected a text like ^K\d{3,}$"),
        ("patient_id", "P0001", r"patient_id: expected a text like ^K\d{3,}$"),
        ("sex", None, "sex: expected a text, F, M"),
        ("sex", "X", "sex: expected a text, F, M"),
        ("age", 121, "age: expected a whole number, 0 to 120 years"),
        ("age", -1, "age: expected a whole number, 0 to 120 years"),
        ("aura", "Mixed", "aura: expected a text, aura, no aura"),
        ("medication", "twice", "medication: expected a text, none, reduced, continuing"),
        ("study_day", None, "study_day: expected a whole number"),
        ("treatment_day", None, "treatment_day: expected a whole number"),
        ("headache", None, "headache: expected true or false"),
        ("air_quality", float("inf"), "air_quality: expected a number"),
    ],
)
def test_an_entry_beyond_the_bounds_is_left_out_and_the_others_count(name: str, value: object, reason: str) -> None:
    found = diaries({**GOOD, name: value}, OTHER)
    assert found.left_out == {reason: 1}
    assert found.patients["patient_id"].to_list() == found.days["patient_id"].to_list() == ["K002"]


@pytest.mark.parametrize(("name", "value"), [("age", 0), ("age", 120), ("air_quality", None), ("treatment_day", 10**6)])
def test_an_entry_at_the_bounds_counts(name: str, value: object) -> None:
    found = diaries({**GOOD, name: value})
    assert not found.left_out
    assert found.days.height == 1


def test_the_same_entry_again_counts_once() -> None:
    found = diaries(GOOD, GOOD, GOOD, OTHER)
    assert found.left_out == {AGAIN: 2}
    assert found.days.height == 2


@pytest.mark.parametrize(("name", "value"), [("headache", False), ("treatment_day", -2), ("air_quality", None)])
def test_of_entries_of_a_day_that_differ_none_counts(name: str, value: object) -> None:
    found = diaries(GOOD, {**GOOD, name: value}, {**GOOD, "study_day": 8})
    assert found.left_out == {DIFFER: 2}
    assert found.days["study_day"].to_list() == [8]


@pytest.mark.parametrize(("name", "value"), [("sex", "M"), ("age", 41), ("aura", "no aura"), ("medication", "reduced")])
def test_a_patient_id_with_two_profiles_is_left_out(name: str, value: object) -> None:
    found = diaries(GOOD, {**GOOD, "study_day": 8, name: value}, {**GOOD, "study_day": 9}, OTHER)
    assert found.left_out == {DISAGREE: 3}
    assert found.patients["patient_id"].to_list() == ["K002"]
