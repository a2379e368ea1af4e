"""A clinician's own triggers: rows of the sheet `triggers` in the workbook, as rows of `simulator.triggers`.

Belongs here: what each cell may hold. Does not: whether a rule fits what it reads
(config/simulator/trigger_columns.py, priors/lived.py), or the file (spreadsheet.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migraine_platform.config.sheets.spreadsheet import UNSAVED_FORMULA, SheetError, holds_rows, read_sheet
from migraine_platform.config.texts import visible
from migraine_platform.errors import UserError

SHEET = "triggers"
COLUMNS = {
    "name": "Name",
    "label": "Label",
    "reads": "Reads",
    "rule": "Rule",
    "threshold": "Threshold",
    "unit": "Unit",
    "lag": "Lag",
    "effect": "Effect",
    "share": "Share of people",
    "axis": "Latent axis",
    "load": "Load",
    "reason": "Reason",
    "source": "Source",
}
"""Field of a row -> title of its column."""

EXPECTED = {
    "threshold": '"6", or "5 to 9"',
    "lag": '"1" for the day before, or "0 to 2" for the same day or one of two before',
    "effect": '"17.5" percentage points, or "OR 1.7"',
    "load": '"0.2", above 0 and at most 1',
    "share": '"38" or "38 %", per cent of people, from 1 to 100',
}
REQUIRED = ("name", "label", "reads", "rule", "effect")
POINTS = 100
BASE = 0.2
"""Probability of an onset that odds ratios are turned into points at: about that of the specification's patients."""

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_TWO = re.compile(r"([+-]?\d+(?:\.\d+)?)\s*(?:to|-|\u2013)\s*([+-]?\d+(?:\.\d+)?)")
_ODDS = re.compile(r"OR\s*(\d+(?:\.\d+)?)", re.IGNORECASE)


class TriggerSheetError(UserError):
    """A sheet of triggers that cannot be read; one line per error, each with row, column and expectation."""


def trigger_rows(path: Path, shown: str) -> dict[str, dict[str, Any]]:
    """Rows of `simulator.triggers` by name; none where the workbook has no such sheet, or only its titles.

    Args:
        path: of the workbook.
        shown: how errors call it.

    Raises:
        TriggerSheetError: all errors at once.
    """
    if not holds_rows(path, SHEET):
        return {}
    place = f"{shown}, sheet {SHEET}"
    try:
        rows = read_sheet(path, SHEET).rows
    except SheetError as error:
        raise TriggerSheetError(f"{place}: {error}") from None
    titles = _titles(rows[0], place)
    found: dict[str, dict[str, Any]] = {}
    errors: list[str] = []
    for number, cells in enumerate(rows[1:], start=2):
        there = {field: cells[at] for field, at in titles.items() if at < len(cells)}
        said = {field: cell for field, cell in there.items() if cell is not None and visible(str(cell))}
        if not said:
            continue
        here = f"{place}, row {number}"
        row, wrong = _row(said, here)
        errors += wrong
        name = row.pop("name", None)
        if name in found:
            errors.append(f'{here}, column "Name": "{name}" stands above already; expected each trigger once')
        elif name is not None:
            found[name] = {**row, "place": here}
    if errors:
        raise TriggerSheetError("\n".join(errors))
    return found


def _titles(header: list[Any], place: str) -> dict[str, int]:
    """Field -> column index."""
    at = {visible(str(cell)).casefold(): index for index, cell in reversed([*enumerate(header)]) if cell is not None}
    known = {title.casefold(): field for field, title in COLUMNS.items()}
    lacking = [COLUMNS[field] for field in REQUIRED if COLUMNS[field].casefold() not in at]
    unknown = [str(header[index]) for title, index in at.items() if title not in known]
    if lacking or unknown:
        told = [f"columns missing: {', '.join(lacking)}"] if lacking else []
        told += [f"unknown columns: {', '.join(unknown)}"] if unknown else []
        raise TriggerSheetError(f"{place}, row 1: {'; '.join(told)}; expected {', '.join(COLUMNS.values())}")
    return {known[title]: index for title, index in at.items()}


def _row(said: Mapping[str, Any], place: str) -> tuple[dict[str, Any], list[str]]:
    """The row's fields as settings have them, and what is wrong with its cells."""
    row: dict[str, Any] = {}
    errors = []
    for field in REQUIRED:
        if field not in said:
            errors.append(f'{place}, column "{COLUMNS[field]}": it is empty')
    for field, cell in said.items():
        text = visible(str(cell)).replace("\u2212", "-")
        if cell == UNSAVED_FORMULA:
            errors.append(f'{place}, column "{COLUMNS[field]}": {UNSAVED_FORMULA}')
            continue
        value: Any = text
        if field == "reads":
            value = [visible(part) for part in text.split(",") if part.strip()]
        elif field == "rule":
            value = text.casefold()
        elif field == "threshold":
            value = _threshold(text)
        elif field == "lag":
            value = _lag(text)
        elif field == "effect":
            value = _effect(text)
        elif field == "share":
            value = _share(text)
        elif field == "load":
            value = float(text) if _NUMBER.fullmatch(text) else None
        if value is None:
            expected = EXPECTED[field]
            errors.append(f'{place}, column "{COLUMNS[field]}": "{text}" cannot be read; expected {expected}')
        row[field] = value
    return row, errors


def _threshold(text: str) -> float | list[float] | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    both = _TWO.fullmatch(text)
    return [float(both[1]), float(both[2])] if both else None


def _lag(text: str) -> int | list[int] | None:
    """Days, or the first and the last of several."""
    if re.fullmatch(r"\d+", text):
        return int(text)
    both = re.fullmatch(r"(\d+)\s*(?:to|-|\u2013)\s*(\d+)", text)
    return [int(both[1]), int(both[2])] if both else None


def _effect(text: str) -> float | None:
    """A rise of the probability of an onset, from percentage points or an odds ratio."""
    if _NUMBER.fullmatch(text):
        return float(text) / POINTS if float(text) >= 1 else None  # 0.175 is meant as a share, not as points
    odds = _ODDS.fullmatch(text)
    if odds is None:
        return None
    after = float(odds[1]) * BASE / (1 - BASE)
    return round(after / (1 + after) - BASE, 4)


def _share(text: str) -> float | None:
    """A share of people, from per cent."""
    number = text.removesuffix("%").strip()
    if not _NUMBER.fullmatch(number) or not 1 <= float(number) <= 100:  # 0.38 is meant as a share, not as per cent
        return None
    return float(number) / 100
