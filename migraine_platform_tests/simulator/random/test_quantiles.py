"""Hours of onset on days when attacks begin later."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migraine_platform.simulator.random.quantiles import LATEST_RISE, earlier_hour, later_hour

EVENING = 20.0
hours = st.floats(0.0, 24.0)
amounts = st.floats(0.0, 6.0)


@given(hours, amounts)
def test_the_hour_of_other_days_is_found_again(hour: float, later: float) -> None:
    assert earlier_hour(later_hour(hour, later, EVENING), later, EVENING) == pytest.approx(hour, abs=1e-9)


@given(hours, hours, amounts)
def test_hours_keep_their_order(one: float, other: float, later: float) -> None:
    first, last = (later_hour(hour, later, EVENING) for hour in sorted((one, other)))
    assert first <= last + 1e-12


@given(hours, amounts)
def test_mornings_wait_evenings_do_not_and_nothing_becomes_earlier(hour: float, later: float) -> None:
    moved = later_hour(hour, later, EVENING) - hour
    assert moved == pytest.approx(later) if hour <= LATEST_RISE else -1e-12 <= moved <= later + 1e-12
    assert (later_hour(hour, later, EVENING) >= EVENING) == (hour >= EVENING)
    assert later_hour(hour, 0.0, EVENING) == earlier_hour(hour, 0.0, EVENING) == hour
