"""The tables follow from the accepted files, the cohort and its last day, and from nothing else."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migraine_platform.config.hashing import digest
from migraine_platform.config.ingest import Ingest
from migraine_platform.ingest.inbox import take
from migraine_platform.ingest.record import record
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.lake.places import InboxFolder
from migraine_platform.warehouse.tables.ingest import Files, Observations, Quarantine
from migraine_platform_tests.ingest.conftest import NOW, SETTINGS, Drop, drop_into, files_of
from migraine_platform_tests.ingest.drawn import BEGAN, LAST, PATIENTS, csv_of, days

FIRST = b"""patient_id,date,stress_level,has_migraine,onset
P0001,2024-06-01,4,true,true
P0002,2024-06-01,11,,
P0002,2024-06-02,5,,
"""
SECOND = b"""date,patient_id,steps,stress_level,has_migraine
2024-06-01,P0001,3000,,false
2024-06-01,P0002,,7,
2024-07-01,P0002,,7,
"""


def by_table(inbox: InboxFolder, patients: tuple[str, ...] = PATIENTS, last: date = LAST) -> tuple[pl.DataFrame, ...]:
    found = record(inbox, SETTINGS, patients, BEGAN, last)
    for table, frame in found.items():
        assert audit(table, frame).passed, audit(table, frame).summary()
    return found[Files], found[Observations], found[Quarantine]


def test_nothing_keeps_the_contracts(inbox: InboxFolder) -> None:
    files, observations, quarantine = by_table(inbox)
    assert files.is_empty()
    assert observations.is_empty()
    assert quarantine.is_empty()


def test_a_later_file_overrides_an_earlier_one_cell_by_cell(inbox, drop: Drop) -> None:
    drop("second.csv", SECOND, age=20)
    drop("first.csv", FIRST, age=30)
    take(inbox, SETTINGS, NOW)
    files, observations, quarantine = by_table(inbox)
    one, two = digest(FIRST), digest(SECOND)
    told = ["patient_id", "date", "digest", "stress_level", "has_migraine", "onset", "steps"]
    assert observations.select(told).rows() == [
        ("P0001", date(2024, 6, 1), two, 4.0, False, False, 3000.0),
        ("P0002", date(2024, 6, 1), two, 7.0, None, None, None),
        ("P0002", date(2024, 6, 2), one, 5.0, None, None, None),
    ]
    counts = ["digest", "file_name", "arrival", "status", "rows", "accepted_rows", "quarantined_rows"]
    assert files.select(counts).rows() == [
        (one, "first.csv", 1, "accepted", 3, 2, 1),
        (two, "second.csv", 2, "accepted", 3, 2, 1),
    ]
    assert quarantine.rows() == [
        (one, 3, "stress_level", "within bounds", "a number, 1 to 10 points"),
        (two, 4, "date", "not after the cohort's last day", "2024-06-30 or before"),
    ]


def test_the_order_is_that_of_arrival(inbox, drop: Drop) -> None:
    for name, content in (("second.csv", SECOND), ("first.csv", FIRST), ("second again.csv", SECOND)):
        drop(name, content)
        take(inbox, SETTINGS, NOW)
    _, observations, _ = by_table(inbox)
    assert observations["has_migraine"].to_list() == [True, None, None]
    assert observations["digest"].to_list() == [digest(FIRST), digest(SECOND), digest(FIRST)]


def test_another_cohort_or_a_later_day_is_judged_anew(inbox, drop: Drop) -> None:
    drop("second.csv", SECOND)
    take(inbox, SETTINGS, NOW)
    _, observations, quarantine = by_table(inbox, last=LAST + timedelta(days=1))
    assert observations.height == 3
    assert quarantine.is_empty()
    _, observations, quarantine = by_table(inbox, patients=("P0001",))
    assert observations["patient_id"].to_list() == ["P0001"]
    assert quarantine["rule"].to_list() == ["known patient", "not after the cohort's last day", "known patient"]


def test_an_accepted_file_that_is_too_long_today_is_refused_today(inbox, drop: Drop) -> None:
    drop("first.csv", FIRST)
    take(inbox, SETTINGS, NOW)
    found = record(inbox, SETTINGS.model_copy(update={"most_rows": 2}), PATIENTS, BEGAN, LAST)
    assert found[Files].select("status", "reason").rows() == [("refused", "more than 2 rows; divide the file")]
    assert found[Observations].is_empty()


def test_a_refused_file_is_listed_with_its_reason(inbox, drop: Drop) -> None:
    drop("bad.csv", b"P0001,2024-06-01,4\n")
    take(inbox, SETTINGS, NOW)
    files, observations, _ = by_table(inbox)
    ((status, reason, rows),) = files.select("status", "reason", "rows").rows()
    assert (status, rows) == ("refused", 0)
    assert reason.startswith("no header")
    assert observations.is_empty()


@settings(max_examples=15)
@given(st.lists(days(least=1), max_size=3))
def test_taking_and_reading_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, files: list[pl.DataFrame]
) -> None:
    inbox = InboxFolder(tmp_path_factory.mktemp("again") / "inbox")
    generous = Ingest(stable_seconds=1, largest_file_bytes=100_000, most_rows=100, files_per_look=3)
    for _ in range(2):
        for place, rows in enumerate(files):
            drop_into(inbox, f"{place}.csv", csv_of(rows), age=60 - place)
        take(inbox, generous, NOW)
        found = record(inbox, generous, PATIENTS, BEGAN, LAST)
        assert all(audit(table, frame).passed for table, frame in found.items())
        assert found[Quarantine].is_empty()
        assert found[Files].height == len({csv_of(rows) for rows in files})
        before = files_of(inbox)
    take(inbox, generous, NOW)
    assert files_of(inbox) == before
    again = record(inbox, generous, PATIENTS, BEGAN, LAST)
    assert all(again[table].equals(frame) for table, frame in found.items())
