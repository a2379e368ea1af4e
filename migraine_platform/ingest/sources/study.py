"""What diaries of a real study are: people of its own and their days, which never mix with those of the cohort.

A `Source` (source.py) reads observations of patients whom the platform simulates, day by day, as they come. A study is
read as a whole, once and for all: its patients are other people, its days are numbered and not dated, and it records
less. What it cannot answer belongs to it like its name.

Belongs here: what every study gives, and what is demanded of its rows. Does not: a study (kostecki_dillon.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from migraine_platform.errors import UserError
from migraine_platform.ingest.sources.source import in_words
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Column
from migraine_platform.warehouse.tables.clinical import StudyDays, StudyPatients

if TYPE_CHECKING:
    import polars as pl

WHO = tuple(column.name for column in StudyPatients.columns)
DAY = tuple(column.name for column in StudyDays.columns)
ENTRY = tuple({column.name: column for column in (*StudyPatients.columns, *StudyDays.columns)}.values())
"""The columns of an entry: of who the patient is and of the day, `patient_id` once."""

DISAGREE = "the entries of the patient disagree about who it is"
AGAIN = "the same entry stands there again; it counts once"
DIFFER = "entries of the same day differ, and nothing says which holds; none counts"


class StudyError(UserError):
    """Diaries of a study that are not there, or not as expected."""


@dataclass(frozen=True)
class Diaries:
    """What a study's patients recorded."""

    patients: pl.DataFrame
    """`clinical.patients`, by patient; everybody has a day."""
    days: pl.DataFrame
    """`clinical.diary_days`, by patient and day."""
    left_out: Mapping[str, int]
    """Reason -> entries that do not count for it; each is named once, by the first reason that holds."""
    remarks: Mapping[str, int]
    """What else should be known of entries -> how many they are."""

    @property
    def entries(self) -> int:
        """How many the study has, with those that do not count."""
        return self.days.height + sum(self.left_out.values())


class StudyDiaries(Protocol):
    """Diaries that somebody collected."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def citation(self) -> str:
        """Where it is described."""

    @property
    def cannot_answer(self) -> tuple[str, ...]:
        """Questions that its diaries leave open, a sentence each."""

    def read(self) -> Diaries:
        """Its diaries. Depends on what it is read from alone.

        Raises:
            StudyError: if it is not there, or not as expected; without anything that a patient recorded.
        """


def diaries_of(entries: pl.DataFrame, remarks: Mapping[str, int]) -> Diaries:
    """Divide the entries of a study into those that count and those that do not.

    Args:
        entries: ENTRY columns, in their declared types; null where a value is missing or not known.
        remarks: goes with the result.
    """
    import polars as pl

    beyond = pl.coalesce(
        pl.when(~keeps(column)).then(pl.lit(f"{column.name}: expected {_demanded(column)}")) for column in ENTRY
    )
    left_out: dict[str, int] = {}
    kept = _without(entries, beyond, left_out)
    disagree = pl.any_horizontal(pl.col(name).n_unique().over("patient_id") > 1 for name in WHO)
    kept = _without(kept, pl.when(disagree).then(pl.lit(DISAGREE)), left_out)
    again = pl.struct(DAY).is_duplicated() & ~pl.struct(DAY).is_first_distinct()
    kept = _without(kept, pl.when(again).then(pl.lit(AGAIN)), left_out)
    differ = pl.struct(StudyDays.key).is_duplicated()
    kept = _without(kept, pl.when(differ).then(pl.lit(DIFFER)), left_out)
    return Diaries(
        patients=kept.select(WHO).unique().sort(StudyPatients.key),
        days=kept.select(DAY).sort(StudyDays.key),
        left_out=left_out,
        remarks=remarks,
    )


def keeps(column: Column) -> pl.Expr:
    """Whether a value keeps its column's declaration: it is there, is a number, and within the bounds."""
    import polars as pl

    value = pl.col(column.name)
    demands = []
    if column.kind == "number":
        demands.append(value.is_finite())
    if column.low is not None:
        demands.append(value >= column.low)
    if column.high is not None:
        demands.append(value <= column.high)
    if column.values is not None:
        demands.append(value.is_in(column.values))
    if column.pattern is not None:
        demands.append(value.str.contains(column.pattern))
    return pl.all_horizontal(value.is_not_null(), *demands).fill_null(False) | (
        value.is_null() if column.nullable else pl.lit(False)
    )


def entry_schema() -> pl.Schema:
    """The columns of an entry and their types."""
    import polars as pl

    return pl.Schema({column.name: polars_type(column) for column in ENTRY})


def _without(entries: pl.DataFrame, reason: pl.Expr, left_out: dict[str, int]) -> pl.DataFrame:
    """The entries for which no reason is given; the others are counted."""
    judged = entries.with_columns(reason=reason)
    counts = judged["reason"].drop_nulls().value_counts().sort("reason")
    left_out.update(counts.iter_rows())
    return judged.filter(judged["reason"].is_null()).drop("reason")


def _demanded(column: Column) -> str:
    return f"{in_words(column)} like {column.pattern}" if column.pattern else in_words(column)
