"""The way to the standard scale and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.data.channels import CHANNELS, CONTEXT, GRID, PLACES, Z_LIMIT, Scales, grid
from migraine_platform.twin.data.histories import Histories, HistoryError


def with_channel(histories: Histories, c: int, numbers: np.ndarray) -> Histories:
    """Other recorded values [n] of one channel; everything else stays."""
    values, present = histories.values.copy(), histories.present.copy()
    flat, seen = values[..., PLACES[c]].reshape(-1), np.zeros(histories.diary.size, dtype=bool)
    flat[: len(numbers)], seen[: len(numbers)] = numbers, True
    values[..., PLACES[c]], present[..., PLACES[c]] = (
        flat.reshape(histories.diary.shape),
        seen.reshape(values.shape[:2]),
    )
    return replace(histories, values=values, present=present)


def read_back(scales: Scales, histories: Histories, c: int, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard scale of some values, and what they are in units again."""
    z = scales.standard(with_channel(histories, c, numbers)).z
    return z[..., c].reshape(-1)[: len(numbers)], scales.units(z)[..., c].reshape(-1)[: len(numbers)]


@given(st.integers(0, len(CHANNELS) - 1), st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=30))
def test_units_and_standard_scale_invert_each_other(histories: Histories, c: int, shares: list[float]) -> None:
    """Within the table exactly, to rounding; beyond its ends, at the ends. The order stays."""
    scales = Scales.of(histories)
    low, high = scales.table[c, [0, -1]]
    numbers = np.sort(low + np.array(shares) * (high - low))
    z, units = read_back(scales, histories, c, numbers)
    assert_allclose(units, np.clip(numbers, low, high), rtol=1e-9, atol=1e-9 * (high - low))
    assert np.all(np.diff(z) >= 0)
    assert np.all(np.abs(z) <= Z_LIMIT)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30))
def test_the_standard_scale_comes_back_within_its_tails(histories: Histories, points: list[float]) -> None:
    """1,000 values have no ties, so that the table rises, and z returns; beyond four it is held there."""
    scales = Scales.of(histories)
    assert np.all(np.diff(scales.table) > 0)
    c, z = CHANNELS.index("stress_level"), np.array(points)
    units = scales.units(np.repeat(z[:, None], len(CHANNELS), axis=1))[:, c]
    # In the flattest cell of the table a rounding of the value is this much of z.
    steepest = np.diff(grid()).max() / np.diff(scales.table[c]).min() * 1e-14
    again, _ = read_back(scales, histories, c, units)
    assert_allclose(again, np.clip(z, -Z_LIMIT, Z_LIMIT), atol=max(steepest, 1e-9))


def test_the_population_is_standard_normal_on_its_own_scale(histories) -> None:
    """Mean 0 and deviation 1: 1,100 normal scores leave out tails that hold 0.5 % of the variance."""
    days = Scales.of(histories).standard(histories)
    for c, name in enumerate(CHANNELS):
        z = days.z[..., c][days.seen[..., c]]
        assert abs(z.mean()) < 0.005, name
        assert abs(z.std() - 1) < 0.01, name
    assert_array_equal(days.z[~days.seen], 0)
    assert_array_equal(days.seen, histories.present[..., PLACES])


@pytest.mark.parametrize("name", ["stress_level", "steps"])
def test_values_that_many_share_keep_their_value_and_order(histories, name: str) -> None:
    """Diaries in whole points: each has one place, in the middle of what the population says of it."""
    c = CHANNELS.index(name)
    numbers = np.random.default_rng(1).integers(1, 6, histories.diary.size).astype(np.float64)
    scales = Scales.of(with_channel(histories, c, numbers))
    z, units = read_back(scales, histories, c, numbers)
    assert_allclose(units, numbers, rtol=1e-12)
    places = [np.unique(z[numbers == point]) for point in range(1, 6)]
    assert [len(place) for place in places] == [1] * 5
    assert np.all(np.diff(np.concatenate(places)) > 0)
    middle = np.median(grid()[scales.table[c] == 3])
    assert abs(places[2][0] - middle) <= 2 * Z_LIMIT / (GRID - 1)
    between, _ = read_back(scales, histories, c, np.array([2.0, 2.5, 3.0]))
    assert np.all(np.diff(between) > 0)


def test_a_channel_of_one_value_for_all_is_in_the_middle(histories) -> None:
    c = CHANNELS.index("noise_level")
    numbers = np.full(histories.diary.size, 55.0)
    z, units = read_back(Scales.of(with_channel(histories, c, numbers)), histories, c, numbers)
    assert_allclose(z, 0, atol=1e-12)
    assert_array_equal(units, 55.0)


def test_channels_that_nobody_recorded_are_named(histories) -> None:
    present = histories.present.copy()
    present[..., [PLACES[CHANNELS.index(name)] for name in ("rmssd", "steps")]] = False
    with pytest.raises(HistoryError, match="nobody recorded rmssd, steps; expected"):
        Scales.of(replace(histories, present=present))


def test_unrecorded_values_are_not_read(histories) -> None:
    values = np.where(histories.present, histories.values, 1e6)
    other, plain = Scales.of(replace(histories, values=values)), Scales.of(histories)
    assert_array_equal(other.table, plain.table)
    assert_array_equal(other.standard(replace(histories, values=values)).z, plain.standard(histories).z)


def test_the_context_is_the_diarys_and_the_calendars(histories) -> None:
    days = Scales.of(histories).standard(histories)
    reported = dict(zip(CONTEXT, np.moveaxis(days.context, 2, 0), strict=True))
    known = dict(zip(CONTEXT, np.moveaxis(days.context_seen, 2, 0), strict=True))
    for name in ("migraine_by_evening", "acute_medication"):
        assert_array_equal(reported[name], histories.events[..., EVENTS.index(name)])
        assert_array_equal(known[name], histories.diary)
    assert np.all(
        reported["onset"] <= reported["migraine_by_evening"]
    )  # an attack that began after the diary is not in it
    for k in range(histories.days):
        weekday = (histories.first + timedelta(days=k)).weekday()
        assert np.all(reported["weekend_today"][:, k] == (weekday >= 5))
        assert np.all(reported["weekend_tomorrow"][:, k] == (weekday in (4, 5)))
    assert known["weekend_today"].all()
    assert known["weekend_tomorrow"].all()


@given(st.integers(0, 80))
def test_the_days_from_one_on_are_those_of_the_later_histories(histories: Histories, first: int) -> None:
    scales = Scales.of(histories)
    cut = min(first, histories.days)
    ours, theirs = scales.standard(histories).since(cut), scales.standard(histories.since(cut))
    for name, value in vars(ours).items():
        assert_array_equal(value, getattr(theirs, name), err_msg=name)
