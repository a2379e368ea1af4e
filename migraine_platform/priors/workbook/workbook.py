"""The clinician's workbook, read into features; all that is wrong is said at once, and so is all that is filled in.

Belongs here: which titles there must be, and the rows together. Does not: one row (row.py), or the file
(config/sheets/spreadsheet.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migraine_platform.config.sheets.spreadsheet import SheetError, read_sheet
from migraine_platform.config.texts import visible
from migraine_platform.errors import UserError
from migraine_platform.priors.features import Feature
from migraine_platform.priors.workbook.fills import Fill
from migraine_platform.priors.workbook.row import COLUMNS, REQUIRED, Row, empty

ALIASES = {"migrane impact pattern": "migraine impact pattern"}
SHEET = "features"
HEADER_ROWS = 20
"""Among which the titles are looked for, to say where they stand."""


class WorkbookError(UserError):
    """A workbook that cannot be used; one line per error, each with row, column and expectation."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(errors))


@dataclass(frozen=True)
class Workbook:
    """What a workbook says."""

    features: tuple[Feature, ...]
    """Sorted by name."""
    fills: tuple[Fill, ...]
    """What it does not say, and what was taken instead."""
    notes: tuple[str, ...]
    """What else a person should know."""


def read_workbook(path: Path) -> tuple[Feature, ...]:
    """The features of a workbook, sorted by name.

    Raises:
        WorkbookError: all errors at once.
    """
    return open_workbook(path).features


def open_workbook(path: Path) -> Workbook:
    """Read and validate every feature of a workbook.

    Args:
        path: an .xlsx file with a sheet `features` (or a single sheet).

    Raises:
        WorkbookError: all errors at once.
    """
    place = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise WorkbookError([f"{place}: no such file; expected the clinician's workbook"])
    try:
        sheet = read_sheet(path, SHEET)
    except SheetError as error:
        raise WorkbookError([f"{place}: {error}"]) from None
    features, fills = _features(sheet.rows, place)
    hidden = ", ".join(map(str, sheet.hidden))
    notes = (f"{place}: hidden rows count all the same: {hidden}",) if hidden else ()
    return Workbook(tuple(sorted(features, key=lambda feature: feature.variable)), fills, notes)


def _features(rows: list[list[Any]], place: str) -> tuple[list[Feature], tuple[Fill, ...]]:
    titles = _titles(rows, place)
    errors: list[str] = []
    features: list[Feature] = []
    fills: list[Fill] = []
    first_seen: dict[str, int] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if all(empty(cell) for cell in cells):
            continue
        row = Row(place, number, {field: cells[index] for field, index in titles.items() if index < len(cells)})
        feature = row.feature()
        name = row.name
        if name in first_seen:
            row.reject("variable", f'"{name}" stands in row {first_seen[name]} already; expected each variable once')
        first_seen.setdefault(name, number)
        errors.extend(row.errors)
        fills.extend(row.fills)
        if feature is not None:
            features.append(feature)
    if not features and not errors:
        errors.append(f"{place}: the sheet holds no features; expected one per row")
    if errors:
        raise WorkbookError(errors)
    return features, tuple(fills)


def _titles(rows: list[list[Any]], place: str) -> dict[str, int]:
    """Field -> column index, from the header row; columns that need not be there may be missing."""
    header = rows[0] if rows else []
    found: dict[str, int] = {}
    errors: list[str] = []
    for index, cell in enumerate(header):
        title = _title(cell)
        if title and title in found:
            errors.append(f'{place}, row 1: the column "{cell}" stands there twice')
        found[title] = index
    lacking = [COLUMNS[field] for field in REQUIRED if COLUMNS[field].casefold() not in found]
    if lacking:
        named = ", ".join(f'"{title}"' for title in lacking)
        errors.append(f"{place}, row 1: columns missing: {named}{_where_else(rows)}")
    if errors:
        raise WorkbookError(errors)
    return {field: found[title.casefold()] for field, title in COLUMNS.items() if title.casefold() in found}


def _title(cell: Any) -> str:
    title = visible(str(cell or "")).casefold()
    return ALIASES.get(title, title)


def _where_else(rows: list[list[Any]]) -> str:
    """In which row the titles stand instead."""
    wanted = {COLUMNS[field].casefold() for field in REQUIRED}
    for number, cells in enumerate(rows[1:HEADER_ROWS], start=2):
        if wanted <= {_title(cell) for cell in cells}:
            return f"; they stand in row {number}: delete the rows above"
    return ""
