"""The clinician's workbook, read into features; all that is wrong is said at once.

Belongs here: which columns there are, what a cell may hold, how an error names its place. Does not: what a range
(ranges.py) or a distribution (families.py) is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from migraine_platform.errors import UserError
from migraine_platform.priors.families import FAMILIES, family_problem, implied_sd
from migraine_platform.priors.features import (
    LATENT_AXES,
    Feature,
    mid_range_mean,
    quarter_range_sd,
    spread_problem,
)
from migraine_platform.priors.ranges import EXPECTED, RangeError, parse_range

SHEET = "features"
COLUMNS: dict[str, str] = {
    "category": "category",
    "variable": "variable",
    "description": "Description",
    "unit": "Unit",
    "weight": "Weight",
    "typical_range": "Typical Range",
    "mean": "Mean",
    "sd": "SD",
    "between_sd": "Between-person SD",
    "within_sd": "Within-person SD",
    "lag1": "Lag-1 correlation",
    "family": "Distribution",
    "normalized_range": "Normalized range (1-10)",
    "impact_pattern": "Migraine impact pattern",
    "latent_axis": "Latent axis",
    "source": "Source",
}
"""Field of a feature -> title of its column."""

ALIASES = {"migrane impact pattern": "migraine impact pattern"}
UNSAVED_FORMULA = "a formula without a saved result (open and save the workbook in a spreadsheet program)"
LARGEST, SMALLEST = 1e12, 1e-12
"""Magnitudes outside of which a number is a slip and would overflow later."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


class WorkbookError(UserError):
    """A workbook that cannot be used; one line per error, each with row, column and expectation."""

    def __init__(self, errors: Sequence[str]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(errors))


def read_workbook(path: Path) -> tuple[Feature, ...]:
    """Read and validate every feature of a workbook.

    Args:
        path: an .xlsx file with a sheet `features` (or a single sheet).

    Returns:
        The features, sorted by name.

    Raises:
        WorkbookError: all errors at once.
    """
    place = f"{path.parent.name}/{path.name}"
    if not path.is_file():
        raise WorkbookError([f"{place}: no such file; expected the clinician's workbook"])
    try:
        written, values = _sheet(path, saved_results=False), _sheet(path, saved_results=True)
    except Exception as error:  # openpyxl meets damaged XML with whatever its parser raises
        raise WorkbookError([f"{place}: not a readable .xlsx workbook ({type(error).__name__})"]) from None
    if len(written.merged_cells.ranges):
        merged = ", ".join(str(cells) for cells in written.merged_cells.ranges)
        raise WorkbookError([f"{place}: cells are merged ({merged}); expected one value per cell"])
    rows = [list(row) for row in values.iter_rows(values_only=True)]
    for number, cells in enumerate(written.iter_rows(values_only=True)):
        for column, cell in enumerate(cells):
            if isinstance(cell, str) and cell.startswith("=") and rows[number][column] is None:
                rows[number][column] = UNSAVED_FORMULA
    return tuple(sorted(_features(rows, place), key=lambda feature: feature.variable))


def _sheet(path: Path, saved_results: bool) -> Any:
    """The sheet of features; cells of formulas hold their saved results, or the formulas themselves."""
    from openpyxl import load_workbook

    book = load_workbook(path, data_only=saved_results)
    return book[SHEET] if SHEET in book.sheetnames else book.worksheets[0]


def _features(rows: list[list[Any]], place: str) -> tuple[Feature, ...]:
    titles = _titles(rows[0] if rows else [], place)
    errors: list[str] = []
    features: list[Feature] = []
    first_seen: dict[str, int] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if all(_empty(cell) for cell in cells):
            continue
        row = _Row(place, number, {field: cells[index] for field, index in titles.items() if index < len(cells)})
        feature = row.feature()
        name = row.name
        if name in first_seen:
            row.reject("variable", f'"{name}" stands in row {first_seen[name]} already; expected each variable once')
        first_seen.setdefault(name, number)
        errors.extend(row.errors)
        if feature is not None:
            features.append(feature)
    if not features and not errors:
        errors.append(f"{place}: the sheet holds no features; expected one per row")
    if errors:
        raise WorkbookError(errors)
    return tuple(features)


def _titles(header: list[Any], place: str) -> dict[str, int]:
    """Field -> column index, from the header row."""
    found: dict[str, int] = {}
    errors: list[str] = []
    for index, cell in enumerate(header):
        title = " ".join(str(cell or "").split()).casefold()
        title = ALIASES.get(title, title)
        if title and title in found:
            errors.append(f'{place}, row 1: the column "{cell}" stands there twice')
        found[title] = index
    lacking = [title for title in COLUMNS.values() if title.casefold() not in found]
    if lacking:
        named = ", ".join(f'"{title}"' for title in lacking)
        errors.append(f"{place}, row 1: columns missing: {named}")
    if errors:
        raise WorkbookError(errors)
    return {field: found[title.casefold()] for field, title in COLUMNS.items()}


def _empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


class _Row:
    """One row while it is read: its cells, its place, and the errors found so far."""

    def __init__(self, place: str, number: int, cells: Mapping[str, Any]) -> None:
        self.errors: list[str] = []
        self._cells = cells
        self.name = self._shown("variable")
        self._place = f'{place}, row {number} ("{self.name}")'

    def feature(self) -> Feature | None:
        """The feature, or None if anything about the row is wrong."""
        name = self._text("variable")
        if name and not _IDENTIFIER.fullmatch(name):
            self.reject("variable", f'"{name}" is no name; expected lower-case letters, digits and underscores')
        family = self._choice("family", FAMILIES)
        axis = self._choice("latent_axis", LATENT_AXES)
        weight = self._number("weight", low=0, high=1, required=True)
        low, high, unit = self._range()
        normalized_low, normalized_high = self._normalized()
        lag1 = self._number("lag1", low=-0.99, high=0.99)
        between, within = self._number("between_sd", low=0), self._number("within_sd", low=0)
        mean, sd = self._number("mean"), self._number("sd", low=0)
        texts = {field: self._text(field) for field in ("category", "description", "source")}
        pattern = self._pattern()
        if self.errors:
            return None
        if mean is None:
            mean = mid_range_mean(low, high)
        if sd is None:
            sd = implied_sd(family, mean)
        if sd is None:
            sd = quarter_range_sd(low, high)
        problem = family_problem(family, mean, sd, low, high)
        if problem:
            self.reject("family", problem)
        problem = spread_problem(sd, between, within)
        if problem:
            self.reject("sd", problem)
        if self.errors or weight is None:
            return None
        return Feature(
            **texts,
            variable=name,
            unit=unit,
            weight=weight,
            typical_range=self._shown("typical_range"),
            range_low=low,
            range_high=high,
            mean=mean,
            sd=sd,
            between_sd=between,
            within_sd=within,
            lag1=lag1,
            family=family,
            normalized_low=normalized_low,
            normalized_high=normalized_high,
            impact_pattern=pattern,
            latent_axis=axis,
        )

    def reject(self, field: str, reason: str) -> None:
        """Note an error at one of the row's cells."""
        self.errors.append(f'{self._place}, column "{COLUMNS[field]}": {reason}')

    def _shown(self, field: str) -> str:
        cell = self._cells.get(field)
        return "" if cell is None else " ".join(str(cell).split())

    def _text(self, field: str) -> str:
        text = self._shown(field)
        if not text:
            self.reject(field, "it is empty; expected a text")
        return text

    def _choice(self, field: str, choices: Sequence[str]) -> str:
        text = self._shown(field).casefold()
        if text not in choices:
            self.reject(field, f'"{self._shown(field)}" is not known; expected one of: {", ".join(choices)}')
        return text

    def _number(
        self, field: str, low: float = -math.inf, high: float = math.inf, required: bool = False
    ) -> float | None:
        cell = self._cells.get(field)
        if _empty(cell):
            if required:
                self.reject(field, f"it is empty; expected a number {_between(low, high)}".rstrip())
            return None
        text = str(cell).strip()
        value = float(text) if _NUMBER.fullmatch(text) and not isinstance(cell, bool) else math.nan
        reasonable = value == 0 or SMALLEST <= abs(value) <= LARGEST
        if not (reasonable and low <= value <= high):
            self.reject(field, f'"{cell}" is not a number {_between(low, high)}'.rstrip())
            return None
        return value

    def _range(self) -> tuple[float, float, str]:
        cell = self._cells.get("typical_range")
        unit = self._shown("unit")
        if not unit:
            self.reject("unit", 'it is empty; expected a unit, as in "h" or "yes/no"')
        if isinstance(cell, date):
            self.reject("typical_range", f"the spreadsheet made a date of it ({cell:%d %b}); format the cell as text")
            return 0.0, 1.0, unit
        try:
            parsed = parse_range(self._shown("typical_range"))
        except RangeError as error:
            self.reject("typical_range", str(error))
            return 0.0, 1.0, unit
        if parsed.unit and parsed.unit != unit:
            self.reject("typical_range", f'its unit "{parsed.unit}" is not the unit of the row, "{unit}"; {EXPECTED}')
        return parsed.low, parsed.high, unit

    def _normalized(self) -> tuple[float, float]:
        cell = self._cells.get("normalized_range")
        if isinstance(cell, date):
            self.reject(
                "normalized_range",
                f"the spreadsheet made a date of it ({cell:%d %b}); format the cell as text",
            )
            return 1.0, 10.0
        try:
            parsed = parse_range(self._shown("normalized_range"))
        except RangeError as error:
            self.reject("normalized_range", str(error))
            return 1.0, 10.0
        if parsed.low < 1 or parsed.high > 10:
            self.reject("normalized_range", f'"{cell}" leaves 1 to 10; expected a range within it, as in "1-10"')
        return parsed.low, parsed.high

    def _pattern(self) -> tuple[int, ...]:
        written = self._shown("impact_pattern")
        scores = re.split(r"[\s,;]+", written.strip("[]() "))
        valid = [int(score) for score in scores if score.isdecimal() and 1 <= int(score) <= 10]
        if len(scores) != 10 or len(valid) != 10:
            self.reject("impact_pattern", f'"{written}" is not ten whole risk scores from 1 to 10, low range to high')
            return ()
        return tuple(valid)


def _between(low: float, high: float) -> str:
    if low == -math.inf:
        return ""
    return f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"
