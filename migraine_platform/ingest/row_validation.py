"""Whether what a file says can be true: known patients, possible days, values within bounds, no contradictions.

Belongs here: what is demanded of every source's rows. A row that fails anywhere does not count as a whole. A flag that
is not given counts as false: an onset without a migraine day contradicts itself, a migraine day alone does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from migraine_platform.ingest.sources.source import CELLS, KEY, Reading, finding, in_words
from migraine_platform.warehouse.tables.cohort import MeasuredDays
from migraine_platform.warehouse.tables.ingest import OBSERVABLE

if TYPE_CHECKING:
    import polars as pl

KNOWN = "known patient"
NOT_LATER = "not after the cohort's last day"
NOT_EARLIER = "not before the cohort's first day"
BOUNDS = "within bounds"
ONCE = "one row per patient and day"

FLAGS = tuple(column.name for column in OBSERVABLE if column.kind == "flag")


@dataclass(frozen=True)
class ValidatedRows:
    """What of a file counts."""

    rows: pl.DataFrame
    """The STANDARD columns."""
    quarantine: pl.DataFrame
    """`row, column_name, rule, expected`; a row that breaks several rules stands there several times."""
    count: int
    """Rows in the file."""


def validate_rows(reading: Reading, patients: Sequence[str], first: date, last: date) -> ValidatedRows:
    """Divide a file's rows into those that count and those that do not.

    Args:
        patients: everybody in the cohort.
        first, last: the cohort's days.
    """
    import polars as pl

    rows = reading.rows
    found = [reading.findings, *_unknown(rows, patients, first, last), *_beyond(rows), *_twice(rows)]
    suspect = pl.concat(found)["row"].unique()
    found.extend(_contradicting(rows.filter(~pl.col("row").is_in(suspect.implode()))))
    quarantine = pl.concat(found).sort("row", "column_name", "rule")
    kept = rows.filter(~pl.col("row").is_in(quarantine["row"].implode()))
    return ValidatedRows(kept.drop("row"), quarantine, reading.count)


def contradictions(rows: pl.DataFrame) -> dict[str, tuple[tuple[str, ...], pl.Series]]:
    """By rule of `measured.patient_days`: its columns, and the rows that break it.

    Rules that need a column which is not there are left out.
    """
    import polars as pl

    said = rows.with_columns(pl.col(name).fill_null(False) for name in FLAGS if name in rows.columns)
    found = {}
    for rule, sql in MeasuredDays.rules.items():
        kept = pl.sql_expr(sql)
        columns = tuple(kept.meta.root_names())
        if set(columns) <= set(CELLS) & set(rows.columns):
            found[rule] = (columns, said.select(broken=(~kept).fill_null(False))["broken"])
    return found


def _unknown(rows: pl.DataFrame, patients: Sequence[str], first: date, last: date) -> list[pl.DataFrame]:
    """Rows of nobody in the cohort, of days before it began, or of days to come."""
    import polars as pl

    patient, day = KEY
    unknown = rows.filter(~pl.col(patient).is_in(list(patients)))["row"]
    later = rows.filter(pl.col(day) > last)["row"]
    return [
        finding(unknown, KNOWN, "a patient of the cohort", patient),
        finding(later, NOT_LATER, f"{last} or before", day),
        finding(rows.filter(pl.col(day) < first)["row"], NOT_EARLIER, f"{first} or later", day),
    ]


def _beyond(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Values beyond their column's bounds, by column."""
    import polars as pl

    found = []
    for column in OBSERVABLE:
        value = pl.col(column.name)
        bounds = [value < column.low] if column.low is not None else []
        bounds += [value > column.high] if column.high is not None else []
        if bounds:
            found.append(finding(rows.filter(pl.any_horizontal(bounds))["row"], BOUNDS, in_words(column), column.name))
    return found


def _twice(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Every one of the rows of the same patient and day: nothing says which holds."""
    import polars as pl

    whole = rows.filter(pl.all_horizontal(pl.col(KEY).is_not_null()))
    return [finding(whole.filter(pl.struct(KEY).is_duplicated())["row"], ONCE, "no other row of that patient and day")]


def _contradicting(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Rows that contradict themselves, by rule."""
    return [
        finding(rows["row"].filter(broken), rule, MeasuredDays.rules[rule], ", ".join(columns))
        for rule, (columns, broken) in contradictions(rows).items()
    ]
