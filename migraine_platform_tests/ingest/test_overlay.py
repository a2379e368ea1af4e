"""Observations laid over days: the later word holds, nothing else moves, and no rule is broken by it."""

from __future__ import annotations

from functools import reduce

import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from migraine_platform.ingest.overlay import merged, overlay
from migraine_platform.ingest.row_validation import contradictions
from migraine_platform.ingest.sources.source import CELLS, KEY
from migraine_platform_tests.ingest.drawn import LAST, days, frame, said

DAY = {"patient_id": "P0001", "date": LAST}
IN_NO_RULE = [name for name in CELLS if not any(name in columns for columns, _ in contradictions(frame([])).values())]


def plain(below: pl.DataFrame, above: pl.DataFrame) -> dict[tuple[object, ...], dict[str, object]]:
    """The same by dictionaries, without a look at the rules: the reference."""
    told = {(row["patient_id"], row["date"]): row for row in above.iter_rows(named=True)}
    return {
        key: {name: row[name] if told.get(key, row)[name] is None else told.get(key, row)[name] for name in CELLS}
        for row in below.iter_rows(named=True)
        for key in [(row["patient_id"], row["date"])]
    }


def keeps_the_rules(rows: pl.DataFrame) -> bool:
    return not any(broken.any() for _, broken in contradictions(rows).values())


@given(days())
def test_no_observation_changes_nothing(measured: pl.DataFrame) -> None:
    assert overlay(measured, said(frame([]), "a")) is measured
    assert overlay(measured, said(frame([{**DAY, "patient_id": "P7777"}]), "a")).equals(measured)


@given(days(), days())
def test_the_later_word_holds_cell_by_cell(measured: pl.DataFrame, told: pl.DataFrame) -> None:
    found = overlay(measured, said(told, "a"))
    assert found.schema == measured.schema
    assert found.select(KEY).equals(measured.select(KEY))
    expected = plain(measured, told)
    for row in found.iter_rows(named=True):
        reference = expected[row["patient_id"], row["date"]]
        assert {name: row[name] for name in IN_NO_RULE} == {name: reference[name] for name in IN_NO_RULE}
    for row in found.join(told, on=KEY, suffix="_told").iter_rows(named=True):
        assert all(row[name] == row[f"{name}_told"] for name in CELLS if row[f"{name}_told"] is not None)


@given(days(), days())
def test_what_is_laid_over_what_keeps_the_rules_keeps_them(measured: pl.DataFrame, told: pl.DataFrame) -> None:
    found = overlay(measured, said(told, "a"))
    assert keeps_the_rules(found)
    agree = pl.DataFrame([{"patient_id": key[0], "date": key[1], **row} for key, row in plain(measured, told).items()])
    if agree.height and keeps_the_rules(agree):  # nothing gives way without a contradiction
        assert_frame_equal(found, agree.select(pl.col(name).cast(kind) for name, kind in found.schema.items()))


@given(days(), days())
def test_laying_it_twice_is_laying_it_once(measured: pl.DataFrame, told: pl.DataFrame) -> None:
    once = overlay(measured, said(told, "a"))
    assert overlay(once, said(told, "a")).equals(once)


@given(days(), days(), st.sets(st.sampled_from(CELLS)))
def test_columns_keep_their_place_and_type(measured: pl.DataFrame, told: pl.DataFrame, chosen: set[str]) -> None:
    wide = measured.select("date", *sorted(chosen), "patient_id").with_columns(
        pl.selectors.float().cast(pl.Float64), pressure=pl.lit(1013.0), sleep_trigger=pl.lit(True)
    )
    found = overlay(wide, said(told, "a"))
    assert found.schema == wide.schema
    assert found.columns == wide.columns
    assert found.select("pressure", "sleep_trigger").equals(wide.select("pressure", "sleep_trigger"))


@given(st.lists(days(), max_size=4))
def test_files_together_are_the_files_one_after_the_other(files: list[pl.DataFrame]) -> None:
    """Every day laid over by each file that speaks of it, in the order of arrival."""
    named = [said(rows, f"{place:016x}") for place, rows in enumerate(files)]
    found = merged([said(frame([]), ""), *named])
    keys = pl.concat([rows.select(KEY) for rows in files] or [found.select(KEY)]).unique().sort(KEY)
    blank = keys.join(said(frame([]), "").drop("digest"), on=KEY, how="left", maintain_order="left")
    assert_frame_equal(found.drop("digest"), reduce(overlay, named, blank))
    last = {key: rows["digest"][0] for rows in named for key in rows.select(KEY).iter_rows()}
    assert found["digest"].to_list() == [last[key] for key in keys.iter_rows()]


def test_a_diary_entry_for_a_day_that_nobody_recorded() -> None:
    measured = frame([DAY])
    told = frame([{**DAY, "has_migraine": True, "onset": True, "migraine_by_evening": False, "stress_level": 7}])
    assert overlay(measured, said(told, "a")).equals(told)


def test_a_day_that_is_not_there_stays_away() -> None:
    told = frame([{**DAY, "patient_id": "P0002", "stress_level": 7}])
    assert overlay(frame([DAY]), said(told, "a")).equals(frame([DAY]))


def test_no_migraine_takes_back_the_attack_that_was_reported_before() -> None:
    """Its onset, that it was there by the evening, and that it was still there."""
    attack = dict.fromkeys(("onset", "migraine_by_evening", "headache_at_evening"), True)
    before = frame([{**DAY, "has_migraine": True, **attack, "stress_level": 7}])
    found = overlay(before, said(frame([{**DAY, "has_migraine": False}]), "a"))
    assert found.equals(frame([{**DAY, "has_migraine": False, **dict.fromkeys(attack, False), "stress_level": 7}]))


def test_a_stage_of_sleep_that_is_told_anew_leaves_the_others_unknown() -> None:
    before = frame([{**DAY, "deep_sleep_pct": 0.25, "rem_sleep_pct": 0.25, "light_sleep_pct": 0.5}])
    found = overlay(before, said(frame([{**DAY, "deep_sleep_pct": 0.5}]), "a"))
    assert found.equals(frame([{**DAY, "deep_sleep_pct": 0.5}]))
