"""Which days belong to which subset."""

from __future__ import annotations

import polars as pl

from migraine_platform.evaluation.scoring.subsets import SUBSETS, members
from migraine_platform_tests.evaluation.random_forecasts import draw

DAYS = draw(0, patients=40, most_days=60).days
FOUND = {subset.name: inside for subset, inside in zip(SUBSETS, members(DAYS), strict=True)}


def test_names_and_titles_are_told_once() -> None:
    assert len({subset.name for subset in SUBSETS}) == len({subset.title for subset in SUBSETS}) == len(SUBSETS)


def test_a_day_is_in_one_part_of_each_division() -> None:
    for parts in (
        ("onset", "continuation"),
        ("sex: F", "sex: M"),
        ("aura", "no aura"),
        ("adherence 1", "adherence 2", "adherence 3", "adherence 4"),
    ):
        assert (sum(FOUND[part].astype(int) for part in parts) == 1).all(), parts
    assert FOUND["all"].all()


def test_subsets_are_those_of_their_columns() -> None:
    assert FOUND["recorded"].tolist() == DAYS["recorded"].to_list()
    assert FOUND["continuation"].tolist() == DAYS["after_migraine"].to_list()
    assert FOUND["signs"].tolist() == DAYS["after_signs"].fill_null(False).to_list()
    assert FOUND["sex: F"].tolist() == (DAYS["sex"] == "F").to_list()
    assert FOUND["adherence 4"].tolist() == (DAYS["adherence_quartile"] == 4).to_list()


def test_who_has_no_diagnosis_is_neither_chronic_nor_episodic() -> None:
    either = FOUND["chronic"] | FOUND["episodic"]
    assert (either == DAYS["course"].is_not_null().to_numpy()).all()
    assert not (FOUND["chronic"] & FOUND["episodic"]).any()
    assert either.any()
    assert not either.all()


def test_history_begins_on_day_14_and_has_no_gap() -> None:
    days = (
        DAYS.head(1)
        .select(pl.all().repeat_by(200).explode())
        .with_columns(history_days=pl.int_range(200, dtype=pl.Int64))
    )
    inside = {subset.name: found for subset, found in zip(SUBSETS, members(days), strict=True)}
    first_and_last = {
        name: (int(found.argmax()), int(found.sum())) for name, found in inside.items() if name.startswith("history")
    }
    assert first_and_last == {
        "history 14-29": (14, 16),
        "history 30-59": (30, 30),
        "history 60-119": (60, 60),
        "history 120+": (120, 80),
    }


def test_no_day_is_in_no_subset() -> None:
    assert members(DAYS.clear()).shape == (len(SUBSETS), 0)
