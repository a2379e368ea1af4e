"""Days as people and devices could report them, drawn within the declared bounds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import polars as pl
from hypothesis import strategies as st

from migraine_platform.ingest.sources.source import CELLS, KEY, STANDARD
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Column
from migraine_platform.warehouse.tables.ingest import OBSERVABLE

PATIENTS = ("P0001", "P0002", "P0003")
BEGAN, LAST = date(2024, 1, 1), date(2024, 6, 30)
"""The cohort's days."""
STAGES = ("deep_sleep_pct", "rem_sleep_pct", "light_sleep_pct")
SCHEMA = {column.name: polars_type(column) for column in STANDARD}

Row = dict[str, Any]


def value(column: Column) -> st.SearchStrategy[Any]:
    """Something that the column may hold."""
    low, high = column.low or 0, 1e6 if column.high is None else column.high
    if column.kind == "flag":
        return st.booleans()
    if column.kind == "integer":
        return st.integers(int(low), int(high))
    return st.floats(low, high, width=32)


@st.composite
def cells(draw: st.DrawFn) -> Row:
    """What is said of a day, free of contradictions; None where nothing is."""
    row: Row = {column.name: draw(st.none() | value(column)) for column in OBSERVABLE}
    shares = draw(st.tuples(st.integers(0, 128), st.integers(0, 128)))  # of 256: exact in single precision
    row.update(zip(STAGES, (shares[0] / 256, shares[1] / 256, 1 - sum(shares) / 256), strict=True))
    for stage in draw(st.sets(st.sampled_from(STAGES))):
        row[stage] = None
    if not row["has_migraine"]:
        for event in ("onset", "migraine_by_evening"):
            row[event] = row[event] and None
    if not row["migraine_by_evening"]:
        row["headache_at_evening"] = row["headache_at_evening"] and None
    return row


@st.composite
def days(draw: st.DrawFn, least: int = 0) -> pl.DataFrame:
    """Rows of the standard columns, at most one per patient and day; few days, so that files meet."""
    key = st.tuples(st.sampled_from(PATIENTS), st.integers(0, 3).map(lambda back: LAST - timedelta(days=back)))
    keys = draw(st.lists(key, min_size=least, max_size=6, unique=True))
    return frame([{**dict(zip(KEY, names, strict=True)), **draw(cells())} for names in keys])


def frame(rows: Sequence[Row]) -> pl.DataFrame:
    """Rows of the standard columns; cells that are left out are null."""
    blank = dict.fromkeys(CELLS)
    return pl.DataFrame([{**blank, **row} for row in rows], schema=SCHEMA, orient="row")


def said(rows: pl.DataFrame, digest: str) -> pl.DataFrame:
    """Rows as a file said them."""
    return rows.with_columns(digest=pl.lit(digest, pl.String)).select(*KEY, "digest", *CELLS)


def csv_of(rows: pl.DataFrame, columns: Sequence[str] | None = None) -> bytes:
    """A plain CSV file of rows, its columns in any order."""
    texts = rows.select(columns or rows.columns).with_columns(pl.selectors.boolean().cast(pl.String))
    return texts.with_columns(pl.selectors.float().cast(pl.Float64)).write_csv().encode()
