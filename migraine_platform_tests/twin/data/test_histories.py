"""From measured days to arrays, whatever state they come in."""

from __future__ import annotations

from dataclasses import fields
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.data.features import FEATURES, POSITION
from migraine_platform.twin.data.histories import NEEDED, Histories, HistoryError
from migraine_platform.twin.data.histories import histories as read_histories

FIRST = date(2024, 3, 1)
FLAGS = {*EVENTS, *(feature.column.name for feature in FEATURES if feature.is_flag)}
SCHEMA = {name: pl.Boolean if name in FLAGS else pl.Float32 for name in NEEDED}
SCHEMA |= {"patient_id": pl.String, "date": pl.Date}
BY_DAY = ("values", "present", "diary", "device", "events")
ENTRY = {"has_migraine": False, "onset": False, "migraine_by_evening": False, "prodrome": False}


def frame(*rows: tuple[str, int, dict[str, object]]) -> pl.DataFrame:
    """Measured days (patient, day, what was recorded)."""
    blank = dict.fromkeys(NEEDED)
    whole = [{**blank, "patient_id": who, "date": FIRST + timedelta(days=k), **reported} for who, k, reported in rows]
    return pl.DataFrame(whole, schema=SCHEMA, orient="row")


def number(found: Histories, column: str, patient: int = 0, day: int = 0) -> tuple[float, bool]:
    place = (patient, day, POSITION[column])
    return float(found.values[place]), bool(found.present[place])


def assert_equal(one: Histories, other: Histories, but: tuple[str, ...] = ()) -> None:
    for name in (field.name for field in fields(Histories) if field.name not in but):
        assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


def test_every_recorded_number_is_in_its_place(measured, histories) -> None:
    rows = measured.sort("patient_id", "date")
    shape = (histories.count, histories.days)
    for place, feature in enumerate(FEATURES):
        column = rows[feature.column.name]
        there = column.is_not_null().to_numpy().reshape(shape)
        assert_array_equal(histories.present[..., place], there, err_msg=feature.name)
        numbers = column.cast(pl.Float64).fill_null(0).to_numpy().reshape(shape)
        assert_array_equal(histories.values[..., place], numbers, err_msg=feature.name)
    for place, name in enumerate(EVENTS):
        assert_array_equal(histories.events[..., place], rows[name].fill_null(False).to_numpy().reshape(shape))
    assert_array_equal(histories.diary, rows["stress_level"].is_not_null().to_numpy().reshape(shape))
    assert_array_equal(histories.device, rows["total_sleep_hours"].is_not_null().to_numpy().reshape(shape))
    assert histories.patient_ids == tuple(rows["patient_id"].unique(maintain_order=True))
    assert (histories.first, histories.last) == (rows["date"].min(), rows["date"].max())
    assert not histories.begun.any()
    assert not histories.discarded.any()


@given(st.integers(0, 2**31))
def test_days_may_come_in_any_order(measured: pl.DataFrame, histories: Histories, seed: int) -> None:
    mixed = measured.sample(fraction=1.0, shuffle=True, seed=seed)
    found, refused = read_histories(mixed, list(histories.patient_ids)[::-1])
    assert not refused
    assert_equal(found, histories)


def test_a_day_that_is_there_twice_refuses_that_patient_alone(measured, histories) -> None:
    who = histories.patient_ids[3]
    again = measured.filter(pl.col("patient_id") == who).head(2)
    found, refused = read_histories(pl.concat([again, measured]), histories.patient_ids)
    assert refused == {who: "days that are there more than once: 2; expected one row per patient and day"}
    assert_equal(found, histories.of(np.delete(np.arange(histories.count), 3)))


def test_refusing_every_patient_leaves_none() -> None:
    found, refused = read_histories(frame(("a", 0, {}), ("a", 0, {})), ["a"])
    assert list(refused) == ["a"]
    assert (found.count, found.days) == (0, 1)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("stress_level", 55.0),
        ("stress_level", float("nan")),
        ("total_sleep_hours", -1.0),
        ("rmssd", float("inf")),
        ("rmssd", -0.5),
        ("temperature", float("-inf")),
        ("pressure", 0.0),
        ("cycle_day", 61.0),
    ],
)
def test_impossible_values_are_discarded_and_counted(column: str, value: float) -> None:
    days = frame(("a", 0, {**ENTRY, column: value}), ("a", 1, {**ENTRY, "steps": 4000.0}), ("b", 0, {"steps": 1.0}))
    found, refused = read_histories(days, ["a", "b"])
    assert not refused
    assert number(found, column) == (0.0, False)
    assert found.discarded.sum(axis=1).tolist() == [1, 0]
    assert number(found, "steps", day=1) == (4000.0, True)
    assert np.isfinite(found.values).all()
    assert found.diary.tolist() == [[True, True], [False, False]]


def test_impossible_values_are_counted_one_by_one() -> None:
    found, _ = read_histories(
        frame(*(("a", k, {"stress_level": 55.0, "total_sleep_hours": -1.0, "humidity": 40.0}) for k in range(3))), ["a"]
    )
    assert found.discarded.sum(axis=1).tolist() == [6]
    assert found.present.sum() == 3
    assert not found.device.any()


def test_the_ends_of_a_range_are_possible() -> None:
    found, _ = read_histories(frame(("a", 0, {"stress_level": 10.0}), ("a", 1, {"stress_level": 1.0})), ["a"])
    assert [number(found, "stress_level", day=k) for k in (0, 1)] == [(10.0, True), (1.0, True)]


def test_a_patient_without_days_keeps_his_place() -> None:
    found, refused = read_histories(frame(("b", 0, ENTRY), ("b", 2, ENTRY)), ["a", "b", "c"])
    assert not refused
    assert found.patient_ids == ("a", "b", "c")
    assert found.begun.tolist() == [3, 0, 3]
    assert found.diary.tolist() == [[False] * 3, [True, False, True], [False] * 3]
    assert not found.present[[0, 2]].any()


def test_a_cohort_without_days_still_knows_its_date() -> None:
    found, _ = read_histories(frame(), ["a"], last=FIRST)
    assert (found.first, found.last, found.begun.tolist()) == (FIRST, FIRST, [1])


def test_without_any_day_nobody_knows_which_day_it_is() -> None:
    with pytest.raises(HistoryError, match="no day at all"):
        read_histories(frame(), ["a"])


def test_days_without_a_record_are_days_all_the_same() -> None:
    found, _ = read_histories(frame(("a", 0, {}), ("a", 4, {})), ["a"])
    assert (found.days, found.begun.tolist()) == (5, [0])
    for name in ("present", "diary", "device", "events", "values"):
        assert not getattr(found, name).any()


@pytest.mark.parametrize("unknown", [["x"], ["x", "y"], ["x", None]])
def test_days_of_an_unknown_patient_are_an_error(unknown: list[str]) -> None:
    days = frame(*((who, 0, ENTRY) for who in [*unknown, "a"]))
    with pytest.raises(HistoryError, match=f"^{len(unknown)} patients have days but are not in the list; expected"):
        read_histories(days, ["a"])


def test_an_entry_is_one_even_if_it_says_no_to_everything() -> None:
    found, _ = read_histories(frame(("a", 0, ENTRY), ("a", 1, {"humidity": 50.0})), ["a"])
    assert found.diary.tolist() == [[True, False]]
    assert not found.events.any()


@given(st.integers(-3, 75))
def test_later_days_are_left_out(measured: pl.DataFrame, histories: Histories, day: int) -> None:
    """Asked as of an earlier evening, the answer is that of the days until then."""
    last = histories.first + timedelta(days=day)
    found, _ = read_histories(measured, histories.patient_ids, last=last)
    assert found.last == last
    if 0 <= day < histories.days:
        assert_equal(found, histories.until(day + 1))
    else:
        assert found.present.sum() == (histories.present.sum() if day > 0 else 0)


@given(st.integers(1, 70), st.integers(0, 70), st.lists(st.integers(0, 23), max_size=5))
def test_parts_of_histories_are_slices(histories: Histories, until: int, since: int, rows: list[int]) -> None:
    since = min(since, until)
    chosen = np.array(rows, dtype=np.int64)
    part = histories.of(chosen).until(until).since(since)
    for name in BY_DAY:
        assert_array_equal(getattr(part, name), getattr(histories, name)[chosen, since:until], err_msg=name)
    assert part.patient_ids == tuple(histories.patient_ids[row] for row in rows)
    assert part.days == until - since
    assert part.first == histories.first + timedelta(days=since)
    assert part.last == histories.first + timedelta(days=until - 1)
    assert_array_equal(part.discarded, histories.discarded[chosen, since:until])
    assert_equal(part, histories.since(since).until(until - since).of(chosen))
    assert_equal(histories.of(slice(2, 5)), histories.of(np.arange(2, 5)))


@pytest.mark.parametrize(("until", "since", "begun"), [(6, 0, 4), (3, 0, 3), (6, 2, 2), (6, 5, 0)])
def test_the_first_day_is_counted_from_where_the_part_begins(until: int, since: int, begun: int) -> None:
    found, _ = read_histories(frame(("a", 0, {}), ("b", 4, {}), ("b", 5, {})), ["a", "b"])
    assert found.begun.tolist() == [0, 4]
    assert found.until(until).since(since).begun.tolist() == [0, begun]


def test_an_earlier_evening_keeps_what_its_days_say() -> None:
    """An attack of the late evening stands in its own day's events, however the days are cut."""
    late = {**ENTRY, "has_migraine": True, "onset": True, "acute_medication": True}
    found, _ = read_histories(frame(("a", 0, late), ("a", 1, ENTRY)), ["a"])
    reported = [name in ("has_migraine", "onset", "acute_medication") for name in EVENTS]
    assert found.until(1).events[0, -1].tolist() == reported
    assert found.events[0, 0].tolist() == reported
    assert number(found.until(1), "acute_medication") == (1.0, True)
    assert number(found.until(1), "migraine_by_evening") == (0.0, True)
