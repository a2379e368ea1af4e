"""What a kind of file is: from bytes to rows of standard columns, or a reason why not.

Belongs here: what every source gives. Does not: a source (plain_csv.py), or whether what it says can be true
(row_validation.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from migraine_platform.warehouse.declare import Column
from migraine_platform.warehouse.tables.ingest import OBSERVABLE, WHOLE_ROW, Observations

if TYPE_CHECKING:
    import polars as pl

KEY = Observations.key
CELLS = tuple(column.name for column in OBSERVABLE)
STANDARD = tuple(column for column in Observations.columns if column.name in (*KEY, *CELLS))
"""The columns that every source gives: patient, day, and all that may be observed."""

READABLE = "readable"
"""Rule: a cell holds a value of its column's type."""


@dataclass(frozen=True)
class Reading:
    """What a file says, its rows named by their number as a spreadsheet shows it."""

    rows: pl.DataFrame
    """`row` and the STANDARD columns in their declared types; null where nothing is recorded, or not readable."""
    findings: pl.DataFrame
    """`row, column_name, rule, expected` of what could not be read; never the value."""
    count: int
    """Rows in the file, with those of which nothing could be read."""


@dataclass(frozen=True)
class Refused:
    """A file that is not of the format."""

    reason: str
    """One sentence, without anything that stands in the file: what is taken for a header may be a patient."""


class Source(Protocol):
    """A kind of file."""

    @property
    def suffix(self) -> str:
        """How names of such files end, in lower case: `.csv`."""

    def read(self, content: bytes) -> Reading | Refused:
        """What a file says. Depends on the bytes alone, and raises nothing, whatever they are."""


def finding(rows: pl.Series | list[int], rule: str, expected: str, column: str = WHOLE_ROW) -> pl.DataFrame:
    """The same finding in several rows: `row, column_name, rule, expected`."""
    import polars as pl

    numbers = pl.Series("row", rows, dtype=pl.Int64)
    return pl.DataFrame(
        {
            "row": numbers,
            "column_name": pl.repeat(column, len(numbers), dtype=pl.String, eager=True),
            "rule": pl.repeat(rule, len(numbers), dtype=pl.String, eager=True),
            "expected": pl.repeat(expected, len(numbers), dtype=pl.String, eager=True),
        }
    )


def in_words(column: Column) -> str:
    """What a cell of a column may hold: `a number, 2 to 14 h`."""
    kinds = {"flag": "true or false", "date": "a day as in 2024-03-31", "integer": "a whole number", "text": "a text"}
    bounds = " ".join(part for part in (column.expected, column.unit or "") if part)
    return ", ".join(part for part in (kinds.get(column.kind, "a number"), bounds) if part)
