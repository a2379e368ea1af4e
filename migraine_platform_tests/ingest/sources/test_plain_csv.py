"""Plain CSV: what is one, what is refused as a whole, and which cells cost their row."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from migraine_platform.ingest.sources.plain_csv import PlainCsv
from migraine_platform.ingest.sources.source import CELLS, KEY, STANDARD, Reading, Refused
from migraine_platform.warehouse.tables.cohort import MeasuredDays
from migraine_platform.warehouse.tables.ingest import ONLY_REPORTED
from migraine_platform_tests.ingest.drawn import csv_of, days

SOURCE = PlainCsv(most_rows=1000)
HEADER = "patient_id,date,stress_level,onset,cycle_day,rmssd"

REFUSED = {
    "nothing": (b"", "no header: the first line lacks patient_id and date"),
    "a blank line first": (b"\npatient_id,date,rmssd\n", "no header"),
    "no header": (b"P0001,2024-06-01,4\n", "no header: the first line lacks patient_id and date"),
    "half a header": (b"patient_id,rmssd\nP0001,4\n", "no header: the first line lacks date"),
    "semicolons": (b"patient_id;date;rmssd\nP0001;2024-06-01;4\n", "cells are between semicolons; expected commas"),
    "tabs": (b"patient_id\tdate\trmssd\nP0001\t2024-06-01\t4\n", "cells are between tabs; expected commas"),
    "said to be semicolons": (b"sep=;\npatient_id;date;rmssd\n", "cells are between semicolons; expected commas"),
    "capitals": (
        b"Patient_ID,Date,rmssd\nP0001,2024-06-01,4\n",
        'the title "Patient_ID" is in capitals; expected patient_id, date',
    ),
    "UTF-16": ("patient_id,date,rmssd\nP0001,2024-06-01,4\n".encode("utf-16"), 'not UTF-8; save it as "CSV UTF-8"'),
    "Latin-1": ("patient_id,date,rmssd\nMüller,2024-06-01,4\n".encode("latin-1"), "not UTF-8"),
    "a misspelt column": (b"patient_id,date,stres_level\n", 'column 3 is not known; did you mean "stress_level"?'),
    "the weather": (
        b"patient_id,date,rmssd,pressure\n",
        "column 4 is not known; expected some of: has_migraine, onset",
    ),
    "a computed trigger": (b"patient_id,date,diet_trigger\n", "column 3 is not known"),
    "a column twice": (b"patient_id,date,rmssd,rmssd\n", 'the column "rmssd" stands twice'),
    "no observation": (b"patient_id,date\nP0001,2024-06-01\n", "nothing is observed; expected some of"),
    "no rows": (b"patient_id,date,rmssd\n\n,,\n", "no row follows the header"),
    "too many rows": (b"patient_id,date,rmssd\n" + 1001 * b"P0001,2024-06-01,4\n", "more than 1,000 rows"),
    "an open quotation": (b'patient_id,date,rmssd\nP0001,2024-06-01,4\n"P0001,2024\n', "row 3 cannot be read as CSV"),
    "text after a quotation": (b'patient_id,date,rmssd\n"P0001"x,2024-06-01,4\n', "row 2 cannot be read as CSV"),
    "a cell without an end": (b"patient_id,date,rmssd\nP0001,2024-06-01," + 200_000 * b"4" + b"\n", "row 2 cannot"),
}

UNREADABLE = {
    "no patient": (",2024-06-01,4,,,", "patient_id", "a text"),
    "no day": ("P0001,,4,,,", "date", "a day as in 2024-03-31"),
    "a day of another land": ("P0001,01.06.2024,4,,,", "date", "a day as in 2024-03-31"),
    "a short day": ("P0001,2024-6-1,4,,,", "date", "a day as in 2024-03-31"),
    "a day that is none": ("P0001,2024-02-30,4,,,", "date", "a day as in 2024-03-31"),
    "a moment": ("P0001,2024-06-01T10:00:00,4,,,", "date", "a day as in 2024-03-31"),
    "a word for a number": ("P0001,2024-06-01,much,,,", "stress_level", "a number, 1 to 10 points"),
    "a decimal comma": ('P0001,2024-06-01,"4,5",,,', "stress_level", "a number, 1 to 10 points"),
    "not a number": ("P0001,2024-06-01,nan,,,", "stress_level", "a number, 1 to 10 points"),
    "an infinite number": ("P0001,2024-06-01,,,,inf", "rmssd", "a number, >= 0 ms"),
    "beyond single precision": ("P0001,2024-06-01,,,,1e39", "rmssd", "a number, >= 0 ms"),
    "a flag in numbers": ("P0001,2024-06-01,4,1,,", "onset", "true or false"),
    "part of a day": ("P0001,2024-06-01,4,,5.5,", "cycle_day", "a whole number, 1 to 60"),
    "a cell too few": ("P0001,2024-06-01,4,,", "(whole row)", "6 cells"),
    "a cell too many": ("P0001,2024-06-01,4,,,,7", "(whole row)", "6 cells"),
}


def read(content: bytes | str) -> Reading:
    reading = SOURCE.read(content if isinstance(content, bytes) else content.encode())
    assert isinstance(reading, Reading), reading
    return reading


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_foreign_file_is_refused_in_one_sentence(content: bytes, reason: str) -> None:
    refused = SOURCE.read(content)
    assert isinstance(refused, Refused)
    assert refused.reason.startswith(reason)
    assert not any(value in refused.reason for value in ("P0001", "2024", "Müller"))


@pytest.mark.parametrize(("line", "column", "expected"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_cell_that_cannot_be_read_is_found_and_costs_no_other_row(line: str, column: str, expected: str) -> None:
    reading = read(f"{HEADER}\nP0002,2024-06-01,5,true,14,30\n{line}\nP0003,2024-06-01,5,true,14,30\n")
    (found,) = reading.findings.select("row", "column_name", "expected").rows()
    assert found == (3, column, expected)
    assert reading.count == 3
    sound = reading.rows.filter(pl.col("row") != 3)
    assert sound.select("row", "patient_id", "stress_level", "onset", "cycle_day", "rmssd").rows() == [
        (2, "P0002", 5.0, True, 14, 30.0),
        (4, "P0003", 5.0, True, 14, 30.0),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + f"{HEADER}\nP0001,2024-06-01,4,TRUE,,\n",
        f"{HEADER}\r\nP0001,2024-06-01,4,true,,\r\n\r\n,,,,,\r\n",
        '"patient_id",date , stress_level,onset,cycle_day,rmssd\n P0001, 2024-06-01 ,4.0,True,, ',
        f"{HEADER}\nP0001,2024-06-01,4e0,true,,",
    ],
    ids=["BOM", "a spreadsheet's line ends and empty lines", "spaces", "no last line end"],
)
def test_workbooks_of_other_programs_are_read(content: str) -> None:
    reading = read(content)
    assert reading.findings.is_empty()
    (row,) = reading.rows.select("row", "patient_id", "stress_level", "onset", "cycle_day", "rmssd").rows()
    assert row == (2, "P0001", 4.0, True, None, None)


def test_what_may_be_observed_is_what_diary_and_device_record() -> None:
    declared = {column.name: column for column in MeasuredDays.columns}
    assert {"stress_level", "steps", "cycle_day", "has_migraine", "total_sleep_hours"} <= set(CELLS)
    assert not {"temperature", "pressure", "sleep_trigger", "weather_trigger", "patient_batch"} & set(CELLS)
    reported = {column.name for column in ONLY_REPORTED}
    assert set(CELLS) - set(declared) == reported
    assert all(declared[column.name] == column for column in STANDARD if column.name in set(CELLS) - reported)


@given(days(least=1), st.randoms())
def test_valid_rows_survive_a_round_trip_in_any_order_of_columns(rows: pl.DataFrame, random_: random.Random) -> None:
    columns = random_.sample(rows.columns, len(rows.columns))
    reading = read(csv_of(rows, columns))
    assert reading.findings.is_empty()
    assert_frame_equal(reading.rows.drop("row"), rows, check_exact=True)


@given(days(least=1), st.sets(st.sampled_from(CELLS), min_size=1))
def test_columns_that_are_left_out_are_not_recorded(rows: pl.DataFrame, chosen: set[str]) -> None:
    reading = read(csv_of(rows, [*KEY, *sorted(chosen)]))
    expected = rows.with_columns(
        pl.lit(None).cast(rows.schema[name]).alias(name) for name in CELLS if name not in chosen
    )
    assert_frame_equal(reading.rows.drop("row"), expected, check_exact=True)


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_raise(content: bytes, headed: bool) -> None:
    found = SOURCE.read(f"{HEADER}\n".encode() + content if headed else content)
    assert isinstance(found, Reading | Refused)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_rows_of_any_text_are_read_or_found(line: str) -> None:
    found = SOURCE.read(f"{HEADER}\n{line}\nP0001,2024-06-01,4,true,,\n".encode())
    if isinstance(found, Reading):
        read_rows = found.rows.filter(pl.col("stress_level").is_not_null())["row"]
        assert read_rows.len() + found.findings["row"].n_unique() >= 1
        assert found.rows.height <= found.count


def test_a_spreadsheets_own_first_line_is_passed_over_and_rows_have_the_numbers_that_it_shows() -> None:
    plain = b"patient_id,date,stress_level\nP0001,2024-06-01,4\nP0001,2024-06-02,x\n"
    found = PlainCsv(100).read(b"sep=,\r\n" + plain)
    assert found.rows["row"].to_list() == [2, 3]
    assert found.findings["row"].to_list() == [3]


@pytest.mark.parametrize(("cell", "value"), [("14.0", 14), ("14.000", 14), ("14.5", None), ("1.4e1", None)])
def test_whole_numbers_that_a_program_wrote_as_floats_are_whole(cell: str, value: int | None) -> None:
    """As pandas writes a column of whole numbers with gaps."""
    found = PlainCsv(100).read(f"patient_id,date,cycle_day\nP0001,2024-06-01,{cell}\n".encode())
    assert found.rows["cycle_day"].to_list() == [value]
    assert found.findings.height == (value is None)


def test_commas_at_the_end_of_lines_are_no_columns() -> None:
    found = PlainCsv(100).read(b"patient_id,date,stress_level,,\nP0001,2024-06-01,4,,\nP0001,2024-06-02,5,,7\n")
    assert found.rows["stress_level"].to_list() == [4.0]
    assert found.findings["row"].to_list() == [3]  # a value under no title is no row of ours


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u00a0"])
def test_invisible_characters_in_titles_do_not_count(mark: str) -> None:
    found = PlainCsv(100).read(f"patient_id,date{mark},{mark}stress_level\nP0001,2024-06-01,4\n".encode())
    assert found.rows["stress_level"].to_list() == [4.0]
