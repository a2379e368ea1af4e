"""Later statements laid over earlier ones, cell by cell.

    day = later if it says something, else earlier

A cell that the later statement does not speak of stays, unless it contradicts the later one by a rule of
`measured.patient_days`: then it gives way. A flag becomes what it was taken for when the later statement was judged,
false; a number becomes unknown. So "no migraine" takes back an onset that was reported before, and whatever is laid
over what keeps the rules, keeps them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migraine_platform.ingest.row_validation import FLAGS, contradictions
from migraine_platform.ingest.sources.source import CELLS, KEY

if TYPE_CHECKING:
    import polars as pl

TOLD = "told_"


def overlay(days: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Lay observations over days that are there; rows, columns and types stay as they are.

    Columns that the platform computes, such as triggers, are not computed again. A rule whose columns are not all
    among the days' is not looked at.

    Args:
        days: rows of `measured.patient_days`, or some of its columns: patient_id and date at least.
        observations: rows of `ingest.observations`, one per patient and day.
    """
    import polars as pl

    cells = [name for name in CELLS if name in days.columns and name in observations.columns]
    if observations.is_empty() or not cells:
        return days
    told = observations.select(*KEY, *(pl.col(name).cast(days.schema[name]).name.prefix(TOLD) for name in cells))
    both = days.join(told, on=KEY, how="left", maintain_order="left", validate="m:1")
    laid = both.with_columns(pl.coalesce(TOLD + name, name).alias(name) for name in cells)
    yielding = _yielding(laid, cells)
    return laid.with_columns(
        pl.when(where)
        .then(pl.col(TOLD + name).fill_null(False) if name in FLAGS else pl.col(TOLD + name))
        .otherwise(pl.col(name))
        .alias(name)
        for name, where in yielding.items()
    ).select(days.columns)


def merged(statements: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """What several files say together, the later over the earlier.

    Args:
        statements: one frame a file, `patient_id, date, digest` and cells, in the order of arrival; in each at most
            one row per patient and day.

    Returns:
        The same columns, one row per patient and day; `digest` is the last file's that has a row for it.
    """
    import polars as pl

    said = pl.concat(statements)
    if said.is_empty():
        return said
    said = said.with_columns(turn=pl.int_range(pl.len()).over(KEY))
    turns = said.partition_by("turn", maintain_order=True, include_key=False)
    laid = turns[0]
    for later in turns[1:]:  # as often as files speak of the same day, however many files there are
        laid = overlay(laid, later).update(later.select(*KEY, "digest"), on=KEY)
    return laid.sort(KEY)


def _yielding(laid: pl.DataFrame, cells: Sequence[str]) -> dict[str, pl.Series]:
    """By cell, where it gives way to what was told of others of its rule."""
    import polars as pl

    found: dict[str, pl.Series] = {}
    for columns, broken in contradictions(laid.select(cells)).values():
        if broken.any():
            told = laid.select(told=pl.any_horizontal(pl.col(TOLD + name).is_not_null() for name in columns))["told"]
            for name in columns:
                found[name] = found[name] | (broken & told) if name in found else broken & told
    return found
