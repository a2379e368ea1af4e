"""What cannot be true is quarantined: by row, column, rule and expectation, never by value."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given

from migraine_platform.ingest.row_validation import (
    BOUNDS,
    KNOWN,
    NOT_EARLIER,
    NOT_LATER,
    ONCE,
    ValidatedRows,
    validate_rows,
)
from migraine_platform.ingest.sources.plain_csv import COMPLETE, PlainCsv
from migraine_platform.ingest.sources.source import READABLE, Reading
from migraine_platform_tests.ingest.drawn import BEGAN, LAST, PATIENTS, csv_of, days

FLAGS = "has_migraine,onset,migraine_by_evening"
HEADER = f"patient_id,date,stress_level,{FLAGS},deep_sleep_pct,rem_sleep_pct,light_sleep_pct,steps"
STILL_THERE = b"patient_id,date,migraine_by_evening,has_migraine,headache_at_evening\n"
GOOD = "P0003,2024-06-01,5,false,,,,,,"

DOUBTED = {
    "an unknown patient": ("P9999,2024-06-02,4,,,,,,,", "patient_id", KNOWN, "a patient of the cohort"),
    "tomorrow": ("P0001,2024-07-01,4,,,,,,,", "date", NOT_LATER, "2024-06-30 or before"),
    "above the bounds": ("P0001,2024-06-02,10.5,,,,,,,", "stress_level", BOUNDS, "a number, 1 to 10 points"),
    "below the bounds": ("P0001,2024-06-02,0,,,,,,,", "stress_level", BOUNDS, "a number, 1 to 10 points"),
    "below the only bound": ("P0001,2024-06-02,,,,,,,,-1", "steps", BOUNDS, "a number, >= 0 steps"),
    "an onset but no migraine": (
        "P0001,2024-06-02,4,false,true,,,,,",
        "has_migraine, onset",
        "an onset makes a migraine day",
        "has_migraine or not onset",
    ),
    "an onset without a word of migraine": (
        "P0001,2024-06-02,4,,true,,,,,",
        "has_migraine, onset",
        "an onset makes a migraine day",
        "has_migraine or not onset",
    ),
    "an evening that has not happened": (
        "P0001,2024-06-02,4,false,,true,,,,",
        "has_migraine, migraine_by_evening",
        "what the evening knows has happened",
        "has_migraine or not migraine_by_evening",
    ),
    "more night than there is": (
        "P0001,2024-06-02,4,,,,0.5,0.5,0.5,",
        "deep_sleep_pct, rem_sleep_pct, light_sleep_pct",
        "sleep stages sum to one",
        "abs(deep_sleep_pct + rem_sleep_pct + light_sleep_pct - 1) <= 0.000001",
    ),
    "an unreadable cell": ("P0001,2024-06-02,4,maybe,true,,,,,", "has_migraine", READABLE, "true or false"),
    "a row cut off": ("P0001,2024-06-02,4", "(whole row)", COMPLETE, "10 cells"),
}


def judged(*lines: str) -> ValidatedRows:
    reading = PlainCsv(1000).read("\n".join((HEADER, *lines)).encode())
    assert isinstance(reading, Reading)
    return validate_rows(reading, PATIENTS, BEGAN, LAST)


@pytest.mark.parametrize(("line", "column", "rule", "expected"), DOUBTED.values(), ids=DOUBTED)
def test_a_row_that_cannot_be_true_is_quarantined_and_the_others_count(
    line: str, column: str, rule: str, expected: str
) -> None:
    found = judged(GOOD, line, GOOD.replace("P0003", "P0002"))
    assert found.quarantine.rows() == [(3, column, rule, expected)]
    assert sorted(found.rows["patient_id"]) == ["P0002", "P0003"]
    assert found.count == 3


@pytest.mark.parametrize(
    "line",
    [
        "P0001,2024-06-30,1,true,,,,,,",
        "P0001,2024-06-02,10,true,true,true,0.2,0.25,0.55,0",
        "P0001,2024-06-02,,,,,0.2,,,",
        "P0001,2024-06-02,,false,false,false,,,,",
    ],
    ids=["the last day", "all of it", "one stage alone", "no migraine"],
)
def test_valid_rows_are_accepted(line: str) -> None:
    found = judged(line)
    assert found.quarantine.is_empty()
    assert found.rows.height == 1


def test_of_two_rows_of_the_same_day_neither_counts() -> None:
    found = judged(GOOD, "P0001,2024-06-02,4,,,,,,,", "P0001,2024-06-02,5,,,,,,,", "P0001,2024-06-03,5,,,,,,,")
    assert found.quarantine.select("row", "rule").rows() == [(3, ONCE), (4, ONCE)]
    assert found.rows.height == 2


def test_a_row_that_breaks_several_rules_stands_there_for_each() -> None:
    found = judged("P9999,2025-01-01,0,maybe,,,,,,-5")
    assert set(found.quarantine["rule"]) == {KNOWN, NOT_LATER, BOUNDS, READABLE}
    assert found.quarantine.select("row", "column_name", "rule").is_unique().all()
    assert found.quarantine["row"].unique().to_list() == [2]


def test_quarantine_repeats_no_value() -> None:
    found = judged("P8642,2031-07-19,97531,maybe,,,,,,-86420", "P0001,2024-06-02,4,false,true,,,,,")
    texts = " ".join(str(cell) for row in found.quarantine.drop("row").rows() for cell in row)
    assert not any(value in texts for value in ("8642", "2031", "97531", "maybe", "P0001"))


@given(days(least=1))
def test_whatever_is_drawn_within_bounds_and_rules_counts(rows: pl.DataFrame) -> None:
    reading = PlainCsv(1000).read(csv_of(rows))
    assert isinstance(reading, Reading)
    found = validate_rows(reading, PATIENTS, BEGAN, LAST)
    assert found.quarantine.is_empty()
    assert found.rows.equals(rows)


def test_days_before_the_cohort_began_are_not_believed() -> None:
    """A year of two digits, the epoch of a program, last year's diary."""
    rows = b"".join(f"P0001,{day},4\n".encode() for day in ("0024-06-01", "1970-01-01", "2023-06-01", str(BEGAN)))
    found = validate_rows(PlainCsv(100).read(b"patient_id,date,stress_level\n" + rows), PATIENTS, BEGAN, LAST)
    assert found.quarantine.select("row", "rule").rows() == [(row, NOT_EARLIER) for row in (2, 3, 4)]
    assert found.rows["date"].to_list() == [BEGAN]


@pytest.mark.parametrize(
    ("said", "rules"),
    [
        (b"true,true,true", []),
        (b"true,true,false", []),
        (b",,true", ["a headache of the evening makes a migraine day", "a headache of the evening has begun"]),
        (b"false,true,true", ["a headache of the evening has begun"]),
    ],
)
def test_a_headache_that_is_still_there_has_begun(said: bytes, rules: list[str]) -> None:
    reading = PlainCsv(1000).read(STILL_THERE + b"P0001,2024-06-02," + said + b"\n")
    assert validate_rows(reading, PATIENTS, BEGAN, LAST).quarantine["rule"].to_list() == rules
