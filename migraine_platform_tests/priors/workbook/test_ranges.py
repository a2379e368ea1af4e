from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.priors.workbook.ranges import RangeError, TypicalRange, parse_range

UNITS = st.sampled_from([None, "h", "hPa", "%", "servings", "ug/m3", "°C", "yes/no"])
NUMBERS = st.floats(-1e6, 1e6, allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("7-9 h", (7, 9, "h")),
        ("1000–1030 hPa", (1000, 1030, "hPa")),
        ("1000 — 1030 hPa", (1000, 1030, "hPa")),
        ("<= 2 servings", (0, 2, "servings")),
        ("≤2 servings", (0, 2, "servings")),
        ("0-10", (0, 10, None)),
        ("-4 to 4 h", (-4, 4, "h")),
        ("-10--2", (-10, -2, None)),
        ("−20 – 20 hPa", (-20, 20, "hPa")),
        ("7 h - 9 h", (7, 9, "h")),
        ("0-25,000 steps", (0, 25_000, "steps")),
        ("  0.10-0.30 ", (0.1, 0.3, None)),
        ("70-100 %", (70, 100, "%")),
        ("0-35 ug/m3", (0, 35, "ug/m3")),
    ],
)
def test_ranges_as_clinicians_write_them_are_parsed(written: str, expected: tuple[float, float, str | None]) -> None:
    parsed = parse_range(written)
    assert (parsed.low, parsed.high, parsed.unit) == expected


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "it is empty"),
        ("1000 to", '"1000 to" has no upper end; expected "low-high unit", as in "1000-1030 hPa"'),
        (">= 5", "has no upper end"),
        ("9-7 h", "is reversed or empty (9 is not below 7)"),
        ("7-7", "is reversed or empty"),
        ("7 h - 9 min", "names two units"),
        ("7", "cannot be read"),
        ("about 7-9", "cannot be read"),
        ("7,5-9", "cannot be read"),
        ("7-9-11", "cannot be read"),
        ("nan-9", "cannot be read"),
        ("1e3-2e3", "cannot be read"),
        ("7-9 h per night", "cannot be read"),
    ],
)
def test_ambiguous_ranges_are_refused(written: str, reason: str) -> None:
    with pytest.raises(RangeError) as error:
        parse_range(written)
    assert reason in str(error.value)


@given(NUMBERS, NUMBERS, UNITS)
def test_every_range_survives_a_round_trip(one: float, other: float, unit: str | None) -> None:
    low, high = sorted((one, other))
    if low == high:
        return
    written = TypicalRange(low, high, unit)
    assert parse_range(str(written)) == written


@given(st.text(max_size=30))
def test_any_text_is_a_range_or_a_sentence(text: str) -> None:
    try:
        parsed = parse_range(text)
    except RangeError as error:
        assert "expected" in str(error)
    else:
        assert parsed.low < parsed.high
