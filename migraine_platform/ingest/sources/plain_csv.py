"""Plain CSV: a header, then one row per patient and day, an empty cell where nothing was recorded.

    patient_id,date,stress_level,alcohol_consumed
    P0001,2024-06-01,4,false
    P0001,2024-06-02,,true

Belongs here: what is such a file, and what its cells hold. A file that cannot be read as one is refused as a whole; a
cell that cannot be read costs its row alone.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migraine_platform.config.texts import OTHER_MARKS, visible
from migraine_platform.ingest.sources.source import CELLS, KEY, READABLE, STANDARD, Reading, Refused, finding, in_words
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Column

if TYPE_CHECKING:
    import polars as pl

COMPLETE = "as many cells as the header"
"""Rule: a row is neither cut off nor shifted."""

_NAMES = (*KEY, *CELLS)
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_POINT_NOUGHT = r"\.0+$"
_TRUTH = {"true": True, "false": False}


class FormatError(Exception):
    """Not of the format; the message is the reason."""


@dataclass(frozen=True)
class PlainCsv:
    """The first source."""

    most_rows: int
    suffix: str = ".csv"

    def read(self, content: bytes) -> Reading | Refused:
        """What a file says, or why it is no such file."""
        try:
            found = records(content)
            names = _header(next(found, (1, []))[1])
            numbers, rows, ragged = self._rows(found, len(names))
        except FormatError as error:
            return Refused(str(error))
        return _reading(names, numbers, rows, ragged)

    def _rows(self, found: Iterator[tuple[int, list[str]]], width: int) -> tuple[list[int], list[list[str]], list[int]]:
        """Numbers and cells of the rows that are as wide as the header, and the numbers of the others."""
        numbers: list[int] = []
        rows: list[list[str]] = []
        ragged: list[int] = []
        for number, cells in found:
            if not any(cells):
                continue  # a blank line, or one that a spreadsheet left behind
            if len(cells) > width and not any(cells[width:]):
                cells = cells[:width]
            if len(cells) == width:
                numbers.append(number)
                rows.append(cells)
            else:
                ragged.append(number)
            if len(numbers) + len(ragged) > self.most_rows:
                raise FormatError(f"more than {self.most_rows:,} rows; divide the file")
        if not numbers and not ragged:
            raise FormatError("no row follows the header; expected one row per patient and day")
        return numbers, rows, ragged


def records(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every record, the header being 1.

    Raises:
        FormatError: if the content is no CSV with commas.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FormatError('not UTF-8; save it as "CSV UTF-8"') from None
    first, _, rest = text.partition("\n")
    if first.strip().casefold() == "sep=,":  # a spreadsheet's own line: it neither shows nor counts it
        text = rest
    else:
        _demand_commas(first.strip())
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):
            yield number, [cell.strip() for cell in cells]
    except csv.Error:
        raise FormatError(
            f"row {number + 1} cannot be read as CSV; expected cells between commas, quotation marks in pairs"
        ) from None


def _demand_commas(first: str) -> None:
    """Refuse other separators with that reason, instead of "unknown column"."""
    if first.casefold().startswith("sep="):
        raise FormatError(f"cells are between {OTHER_MARKS.get(first[4:], 'other marks')}; expected commas")
    for mark, name in OTHER_MARKS.items():
        if mark in first and "," not in first:
            raise FormatError(f"cells are between {name}; expected commas, and decimal points")


def _header(names: list[str]) -> list[str]:
    """The names of the columns; a name that is not known is not repeated, for it may be a patient's value."""
    names = [visible(name) for name in names]
    while len(names) > len(KEY) and not names[-1]:
        names.pop()  # a comma at the end of each line
    upper = [name for name in names if name not in _NAMES and name.casefold() in _NAMES]
    if upper:
        raise FormatError(f'the title "{upper[0]}" is in capitals; expected {", ".join(KEY)}, ... in lower case')
    missing = [name for name in KEY if name not in names]
    if missing:
        raise FormatError(f'no header: the first line lacks {" and ".join(missing)}; expected "patient_id,date,..."')
    for place, name in enumerate(names, start=1):
        if name not in _NAMES:
            close = difflib.get_close_matches(name, _NAMES, n=1)
            hint = f'did you mean "{close[0]}"?' if close else f"expected some of: {', '.join(CELLS)}"
            raise FormatError(f"column {place} is not known; {hint}")
        if name in names[: place - 1]:
            raise FormatError(f'the column "{name}" stands twice; expected each at most once')
    if len(names) == len(KEY):
        raise FormatError(f"nothing is observed; expected some of: {', '.join(CELLS)}")
    return names


def _reading(names: list[str], numbers: list[int], rows: list[list[str]], ragged: list[int]) -> Reading:
    import polars as pl

    cells = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    texts = pl.DataFrame(
        {"row": pl.Series(numbers, dtype=pl.Int64)}
        | {name: pl.Series(cells.get(name, ()), dtype=pl.String) for name in names}
    )
    typed = texts.select(
        pl.col("row"),
        *(
            _typed(column) if column.name in names else pl.lit(None, polars_type(column)).alias(column.name)
            for column in STANDARD
        ),
    )
    findings = [finding(ragged, COMPLETE, f"{len(names)} cells")]
    for column in STANDARD:
        if column.name in names:
            needed = texts[column.name] != "" if column.name in CELLS else pl.repeat(True, texts.height, eager=True)
            unread = texts["row"].filter(typed[column.name].is_null() & needed)
            findings.append(finding(unread, READABLE, in_words(column), column.name))
    return Reading(typed, pl.concat(findings), len(numbers) + len(ragged))


def _typed(column: Column) -> pl.Expr:
    """A column of texts as the declared type; null where it is none."""
    import polars as pl

    text = pl.col(column.name)
    kind = polars_type(column)
    match column.kind:
        case "flag":
            return text.str.to_lowercase().replace_strict(_TRUTH, default=None, return_dtype=kind)
        case "date":
            return pl.when(text.str.contains(_DAY)).then(text).str.to_date("%Y-%m-%d", strict=False)
        case "integer":
            return text.str.replace(_POINT_NOUGHT, "").cast(kind, strict=False)  # as pandas writes it beside gaps
        case "number" | "reading":
            number = text.cast(pl.Float64, strict=False).cast(kind, strict=False)
            return pl.when(number.is_finite()).then(number)
        case _:
            return pl.when(text != "").then(text)
