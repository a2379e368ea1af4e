"""The "Typical Range" a clinician writes, read strictly.

    "7-9 h"   "1000–1030 hPa"   "-4 to 4"   "7 h - 9 h"   "0-25,000 steps"   "<= 2 servings" (from 0)   "0-10"

What is not clearly one of these is refused: a guessed range would silently become a prior. "25.000" is twenty-five to
some and twenty-five thousand to others. Characters that look like a dash are one; what cannot be seen does not count.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from migraine_platform.config.texts import visible

EXPECTED = 'expected "low-high unit", as in "1000-1030 hPa", or "<= high unit", as in "<= 2 servings"'

LARGEST = 1e12
SMALLEST_WIDTH = 1e-6
"""Of the larger end: a narrower range is a slip, and ten tenths of it run into each other."""

_DASHES = dict.fromkeys(map(ord, "\u00ad\u2010\u2011\u2012\u2015\u2212\uff0d"), "-")
"""What spreadsheets, text programs and keyboards put in the place of a hyphen."""

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+")
_DECIMALS = re.compile(r"[+-]?0,\d+")

_NUMBER = r"[+\-−]?(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\d+|\.\d+)"
_UNIT = r"(?!e\d)[^\W\d_][\w/²³°µ%]*|°[A-Za-z]+|%"
_BETWEEN = re.compile(
    rf"(?P<low>{_NUMBER})\s*(?P<low_unit>{_UNIT})??\s*(?:-|–|—|\bto\b)\s*(?P<high>{_NUMBER})\s*(?P<unit>{_UNIT})?"
)
_UP_TO = re.compile(rf"(?:<=|≤|<)\s*(?P<high>{_NUMBER})\s*(?P<unit>{_UNIT})?")
_HALF = re.compile(rf"(?:{_NUMBER}\s*(?:{_UNIT})?\s*(?:-|–|—|to)|(?:>=|≥|>)\s*{_NUMBER}\s*(?:{_UNIT})?)")


class RangeError(ValueError):
    """A typical range that cannot be read; the message says what is wrong and what was expected."""


@dataclass(frozen=True)
class TypicalRange:
    """A closed range with low < high, and its unit where one is written."""

    low: float
    high: float
    unit: str | None = None

    def __str__(self) -> str:
        """The range as a clinician would write it; `parse_range` reads it back exactly."""
        unit = f" {self.unit}" if self.unit else ""
        return f"{_plain(self.low)} to {_plain(self.high)}{unit}"


def dashed(text: str) -> str:
    """A visible text in which whatever looks like a dash is a hyphen; en and em dash stay."""
    return visible(text.translate(_DASHES))


def same_unit(one: str, other: str) -> bool:
    """Whether two units are the same, the micro sign being the Greek letter."""
    return unicodedata.normalize("NFKC", one) == unicodedata.normalize("NFKC", other)


def plain_number(text: str) -> float:
    """A number as a cell holds it as a text; NaN if it is none.

    Raises:
        RangeError: if its separator means one thing to some and another to others.
    """
    text = dashed(text)
    _demand_clear(text)
    return float(text) if _PLAIN.fullmatch(text) else float("nan")


def _demand_clear(number: str) -> None:
    if _THOUSANDS.fullmatch(number):
        without = number.replace(".", "")
        point = f"{float(number):g} or " if number.count(".") == 1 else ""
        raise RangeError(f'"{number}" may be {point}{without}; write {point}{without}, without zeros or points')
    if _DECIMALS.fullmatch(number):
        raise RangeError(f'"{number}" has a decimal comma; write {number.replace(",", ".")}')


def parse_range(text: str) -> TypicalRange:
    """Read one typical range.

    Raises:
        RangeError: if the text is empty, half open, reversed, or anything else.
    """
    written = " ".join(text.split())
    if not written:
        raise RangeError(f"it is empty; {EXPECTED}")
    match = _UP_TO.fullmatch(written)
    if match:
        return _ordered(written, 0.0, _number(match["high"]), match["unit"])
    match = _BETWEEN.fullmatch(written)
    if match:
        if match["low_unit"] and match["low_unit"] != match["unit"]:
            raise RangeError(f'"{written}" names two units; {EXPECTED}')
        return _ordered(written, _number(match["low"]), _number(match["high"]), match["unit"])
    if _HALF.fullmatch(written):
        end = "lower" if written[0] in "<≤" else "upper"
        raise RangeError(f'"{written}" has no {end} end; {EXPECTED}')
    raise RangeError(f'"{written}" cannot be read; {EXPECTED}')


def _ordered(written: str, low: float, high: float, unit: str | None) -> TypicalRange:
    largest = max(abs(low), abs(high))
    if largest > LARGEST or (low < high and high - low < SMALLEST_WIDTH * largest):
        raise RangeError(f'"{written}" is too large or too narrow to be a typical range; {EXPECTED}')
    if not low < high:
        raise RangeError(f'"{written}" is reversed or empty ({low:g} is not below {high:g}); {EXPECTED}')
    return TypicalRange(low, high, unit)


def _number(text: str) -> float:
    text = text.replace("−", "-")
    _demand_clear(text)
    return float(text.replace(",", ""))


def _plain(value: float) -> str:
    """A number without exponent, exact to the last digit."""
    from decimal import Decimal

    text = format(Decimal(repr(value)), "f")
    return f"{text}0" if _THOUSANDS.fullmatch(text) else text
