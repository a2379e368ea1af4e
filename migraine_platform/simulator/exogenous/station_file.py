"""A weather station's file, read strictly: what cannot be a year of daily weather is refused with the true reason.

Belongs here: layout, units, codes that stand for "missing", sensors that stand still. Does not: the year that is made
of it (station.py).
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config.texts import OTHER_MARKS
from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

VALUES = {"temperature": (-60.0, 60.0), "humidity": (0.0, 100.0), "pressure": (850.0, 1100.0)}
"""Column -> what is possible in degC, % and hPa: a file in other units falls outside."""

COLUMNS = ("date", *VALUES)
CODES = (999.9, 999.99, 9999.0, 9999.9, 99.9, 99.99, -99.0, -99.9, -999.0, -999.9, -9999.0)
"""What services write where nothing was measured."""

OFTEN, FAR = 3, 3.0
"""A value on so many days, so many robust standard deviations from the middle and apart from all others, is a code."""

STEPS = 5
"""Apart is by more than so many of the steps in which values are written, and half a robust standard deviation."""

CROWDED, NEAR = 4.0, 0.5
"""A code is one if it stands there so many times as often as the values within this distance of it."""

FOG = 100.0
"""Per cent of humidity that stand for days on end where it is foggy, apart from what else a coarse sensor shows."""

LONGEST_STILL = 14
"""Days in a row on which a sensor may show the very same value."""


class StationError(UserError):
    """A station file that cannot stand for a site; the message names the file, place and expectation."""


def read_days(path: Path) -> pl.DataFrame:
    """date, temperature, humidity, pressure of a file, in its order; null where nothing was measured.

    Raises:
        StationError: if it is no comma-separated file of these columns, or its values cannot be weather in these units.
    """

    place = f"{path.parent.name}/{path.name}"
    records = _records(path, place)
    first = records[0][1]
    header = [name.strip().casefold() for name in first]
    lacking = [name for name in COLUMNS if name not in header]
    if lacking:
        found = ", ".join(f'"{name.strip()}"' for name in first[:6])
        expected = f"the first line says {found}; expected {', '.join(COLUMNS)}"
        raise StationError(f"{place}: columns missing: {', '.join(lacking)}; {expected}")
    columns: dict[str, list[object]] = {name: [] for name in COLUMNS}
    for number, cells in records[1:]:
        if len(cells) != len(header):
            raise StationError(f"{place}, line {number}: {len(cells)} cells; the first line has {len(header)}")
        for name in COLUMNS:
            text = cells[header.index(name)].strip()
            columns[name].append(_day(text, place, number) if name == "date" else _number(text, name, place, number))
    frame = pl.DataFrame(columns, schema={"date": pl.Date, **dict.fromkeys(VALUES, pl.Float64)})
    for name in VALUES:
        _demand_measured(frame[name].to_numpy(), name, place)
    return frame


def _records(path: Path, place: str) -> list[tuple[int, list[str]]]:
    """Number and cells of every line that holds something."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StationError(f"{place}: cannot be read: {error.strerror}") from None
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise StationError(f'{place}: UTF-16; save it as "CSV UTF-8"')
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StationError(f'{place}: not UTF-8; save it as "CSV UTF-8"') from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip(", \t;")]
    if not lines:
        raise StationError(f"{place}: the file is empty; expected {', '.join(COLUMNS)}")
    for mark, name in OTHER_MARKS.items():
        if mark in lines[0][1] and "," not in lines[0][1]:
            raise StationError(f"{place}: cells are between {name}; expected commas, and decimal points")
    try:
        return [(number, next(csv.reader([line], strict=True))) for number, line in lines]
    except csv.Error as error:
        raise StationError(f"{place}: not readable as CSV: {error}") from None


def _day(text: str, place: str, number: int) -> object:
    from datetime import date

    try:
        return date.fromisoformat(text.removesuffix("T00:00").removesuffix(" 00:00:00").removesuffix(" 00:00"))
    except ValueError:
        raise StationError(
            f'{place}, line {number}, column "date": "{text}"; expected a day as in 2013-01-31'
        ) from None


def _number(text: str, name: str, place: str, number: int) -> float | None:
    if not text or text.casefold() in ("na", "nan", "null", "m"):
        return None
    low, high = VALUES[name]
    try:
        value = float(text)
    except ValueError:
        raise StationError(f'{place}, line {number}, column "{name}": "{text}" is no number') from None
    if not low <= value <= high:
        raise StationError(
            f'{place}, line {number}, column "{name}": {text} is impossible; expected {low:g} to {high:g}'
        )
    return value


def _demand_measured(column: NDArray[np.float64], name: str, place: str) -> None:
    """Refuse a column whose values are possible, and yet no measurements."""
    values = column[~np.isnan(column)]
    if not len(values):
        return
    if name == "humidity" and values.max() <= 1:
        raise StationError(f'{place}, column "humidity": at most {values.max():g}; expected per cent, 0 to 100')
    fog = FOG if name == "humidity" else np.inf
    still, length = _longest_still(np.where(column == fog, np.nan, column))
    if length > LONGEST_STILL:
        raise StationError(f'{place}, column "{name}": {still:g} on {length} days in a row; the sensor stood still')
    found, counts = np.unique(values, return_counts=True)
    step = float(np.diff(found).min()) if len(found) > 1 else 0.0
    for value, count in zip(found.tolist(), counts.tolist(), strict=True):
        others = values[values != value]
        if count < OFTEN or not len(others) or value == fog:
            continue
        middle = float(np.median(others))
        spread = 1.4826 * float(np.median(np.abs(others - middle)))
        near = int((np.abs(others - value) <= NEAR).sum())
        per_tenth = max(1.0, near / (20 * NEAR))
        code = any(abs(value - one) < 1e-9 for one in CODES) and name != "humidity" and count > CROWDED * per_tenth
        gap = float(np.abs(others - value).min())
        apart = gap > max(STEPS * step, NEAR * spread) and abs(value - middle) > FAR * spread
        if code or apart:
            raise StationError(
                f'{place}, column "{name}": {value:g} stands on {count} days, apart from all others; if it is a code '
                "for a missing value, leave the cell empty"
            )


def _longest_still(column: NDArray[np.float64]) -> tuple[float, int]:
    """The value that stands unchanged for most days in a row, and for how many."""
    best, value, length = 0, 0.0, 0
    before = np.nan
    for now in column.tolist():
        length = length + 1 if now == before else 1
        if length > best and not np.isnan(now):
            best, value = length, now
        before = now
    return value, best


def summary(frame: pl.DataFrame) -> str:
    """What a file says in a line, for somebody to see that units and place are right."""
    units = {"temperature": "degC", "humidity": "%", "pressure": "hPa"}
    parts = []
    for name, unit in units.items():
        values = frame[name].drop_nulls().to_numpy()
        parts.append(f"{name} {values.min():.1f} to {values.max():.1f} {unit} (mean {values.mean():.1f})")
    days = frame["date"].cast(str).to_list()
    return f"{days[0]} to {days[-1]}: {', '.join(parts)}"
