"""One row of the clinician's workbook: its cells read into a feature, each error with its row, column and expectation.

Belongs here: what each column may hold. Does not: the sheet as a whole (workbook.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from migraine_platform.config.texts import visible
from migraine_platform.priors.families import FAMILIES, family_problem
from migraine_platform.priors.features import LATENT_AXES, Feature, spread_problem
from migraine_platform.priors.workbook.fills import Fill, filled
from migraine_platform.priors.workbook.ranges import EXPECTED, RangeError, dashed, parse_range, plain_number, same_unit

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

REQUIRED = (
    "category", "variable", "description", "weight", "typical_range", "normalized_range", "impact_pattern",
)  # fmt: skip
"""Columns of the specification's own workbook; what the others would say is filled in (fills.py)."""

LARGEST, SMALLEST = 1e12, 1e-12
"""Magnitudes outside of which a number is a slip and would overflow later."""

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


def empty(cell: Any) -> bool:
    """Whether a cell holds nothing that can be seen."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


class Row:
    """One row while it is read: its cells, its place, and the errors found so far."""

    def __init__(self, place: str, number: int, cells: Mapping[str, Any]) -> None:
        self.errors: list[str] = []
        self.fills: list[Fill] = []
        self._cells = cells
        self.name = self._shown("variable")
        self._place = f'{place}, row {number} ("{self.name}")'

    def feature(self) -> Feature | None:
        """The feature, or None if anything about the row is wrong."""
        name = self._text("variable")
        if name and not _IDENTIFIER.fullmatch(name):
            self.reject("variable", f'"{name}" is no name; expected lower-case letters, digits and underscores')
        family = self._choice("family", FAMILIES, may_lack=True)
        axis = self._choice("latent_axis", LATENT_AXES, may_lack=True)
        weight = self._number("weight", low=0, high=1, required=True)
        low, high, unit = self._range()
        normalized_low, normalized_high = self._normalized()
        lag1 = self._number("lag1", low=-0.99, high=0.99)
        between, within = self._number("between_sd", low=0), self._number("within_sd", low=0)
        mean, sd = self._number("mean"), self._number("sd", low=0)
        category, description = self._text("category"), self._text("description")
        source = self._text("source") if "source" in self._cells else ""
        pattern = self._pattern()
        if self.errors or weight is None:
            return None
        if mean is not None and not low <= mean <= high:
            self.reject("mean", f"{mean:g} lies outside of the typical range, {low:g} to {high:g}")
        if sd is not None and sd > high - low:
            self.reject("sd", f"{sd:g} exceeds the whole typical range, {low:g} to {high:g}")
        if self.errors:
            return None
        said = {"unit": unit, "family": family, "mean": mean, "sd": sd, "latent_axis": axis, "source": source}
        complete, self.fills = filled(name, said, low, high)
        problem = family_problem(complete.family, complete.mean, complete.sd, low, high)
        if problem:
            self.reject("family", problem)
        problem = spread_problem(complete.sd, between, within)
        if problem:
            self.reject("sd", problem)
        if self.errors:
            return None
        return Feature(
            **complete._asdict(),
            category=category,
            variable=name,
            description=description,
            weight=weight,
            typical_range=self._shown("typical_range"),
            range_low=low,
            range_high=high,
            between_sd=between,
            within_sd=within,
            lag1=lag1,
            normalized_low=normalized_low,
            normalized_high=normalized_high,
            impact_pattern=pattern,
        )

    def reject(self, field: str, reason: str) -> None:
        """Note an error at one of the row's cells."""
        self.errors.append(f'{self._place}, column "{COLUMNS[field]}": {reason}')

    def _shown(self, field: str) -> str:
        cell = self._cells.get(field)
        return "" if cell is None else visible(str(cell))

    def _text(self, field: str) -> str:
        text = self._shown(field)
        if not text:
            self.reject(field, "it is empty; expected a text")
        return text

    def _choice(self, field: str, choices: Sequence[str], may_lack: bool = False) -> str:
        text = self._shown(field).casefold()
        if text not in choices and (field in self._cells or not may_lack):
            self.reject(field, f'"{self._shown(field)}" is not known; expected one of: {", ".join(choices)}')
        return text

    def _number(
        self, field: str, low: float = -math.inf, high: float = math.inf, required: bool = False
    ) -> float | None:
        cell = self._cells.get(field)
        if empty(cell):
            if required:
                self.reject(field, f"it is empty; expected a number {_between(low, high)}".rstrip())
            return None
        if isinstance(cell, str):
            try:
                value = plain_number(visible(cell))
            except RangeError as error:
                self.reject(field, str(error))
                return None
        else:
            value = float(cell) if isinstance(cell, int | float) and not isinstance(cell, bool) else math.nan
        reasonable = value == 0 or SMALLEST <= abs(value) <= LARGEST
        if not (reasonable and low <= value <= high):
            self.reject(field, f'"{cell}" is not a number {_between(low, high)}'.rstrip())
            return None
        return value

    def _range(self) -> tuple[float, float, str]:
        cell = self._cells.get("typical_range")
        unit = self._shown("unit")
        if not unit and "unit" in self._cells:
            self.reject("unit", 'it is empty; expected a unit, as in "h" or "yes/no"')
        if isinstance(cell, date):
            self.reject("typical_range", f"the spreadsheet made a date of it ({cell:%d %b}); format the cell as text")
            return 0.0, 1.0, unit
        try:
            parsed = parse_range(dashed(str(cell or "")))
        except RangeError as error:
            self.reject("typical_range", str(error))
            return 0.0, 1.0, unit
        if unit and parsed.unit and not same_unit(parsed.unit, unit):
            self.reject("typical_range", f'its unit "{parsed.unit}" is not the unit of the row, "{unit}"; {EXPECTED}')
        return parsed.low, parsed.high, unit or parsed.unit or ""

    def _normalized(self) -> tuple[float, float]:
        cell = self._cells.get("normalized_range")
        if isinstance(cell, date):
            self.reject(
                "normalized_range",
                f"the spreadsheet made a date of it ({cell:%d %b}); format the cell as text",
            )
            return 1.0, 10.0
        try:
            parsed = parse_range(dashed(str(cell or "")))
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
