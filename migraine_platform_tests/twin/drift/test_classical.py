from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from pydantic import ValidationError
from river import drift

from migraine_platform.config.detectors import Detectors
from migraine_platform.twin.drift.classical import (
    ADWIN_UNITS,
    DETECTORS,
    Alarms,
    DetectorThreshold,
    Streams,
    alarms,
    distances,
    p_values,
    turned,
)

SETTINGS = Detectors(memory_days=120, warm_up=20, tolerance=0.25, window=40, recent=15, seed=3)
ENDLESS = SETTINGS.model_copy(update={"memory_days": 2000})
"""No detector begins anew within the days of these tests, but after alarms."""

SCALE = 0.5
LOOSE = {
    "adwin": DetectorThreshold("adwin", 0.9, SCALE),
    "page_hinkley": DetectorThreshold("page_hinkley", 5.0, SCALE),
    "kswin": DetectorThreshold("kswin", 0.03, SCALE),
}
"""So that each alarms several times a year of nothing."""

STRICT = {
    "adwin": DetectorThreshold("adwin", 1e-4, SCALE),
    "page_hinkley": DetectorThreshold("page_hinkley", 15.0, SCALE),
    "kswin": DetectorThreshold("kswin", 1e-4, SCALE),
}


def noise(seed: int, patients: int = 12, days: int = 400, first: int = 0) -> Streams:
    generator = np.random.default_rng(seed)
    values = SCALE * generator.normal(size=(patients, days))
    return Streams(values, generator.random((patients, days)) < 0.8, first)


def until(streams: Streams, end: int) -> Streams:
    return Streams(streams.values[:, :end], streams.seen[:, :end], streams.first)


def since(streams: Streams, start: int) -> Streams:
    return Streams(streams.values[:, start:], streams.seen[:, start:], streams.first + start)


def assert_same(ours: Alarms, theirs: Alarms) -> None:
    assert_array_equal(ours.on, theirs.on)
    assert_array_equal(ours.since, theirs.since)


def river_adwin(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    detector, out = drift.ADWIN(delta=LOOSE["adwin"].value, clock=1, grace_period=SETTINGS.warm_up), []
    for place, value in enumerate(values.tolist()):
        detector.update(value / SCALE * ADWIN_UNITS)
        if detector.drift_detected:
            out.append((place, int(place + 1 - detector.width)))
    return out


def river_page_hinkley(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    detector = drift.PageHinkley(SETTINGS.warm_up, SETTINGS.tolerance, LOOSE["page_hinkley"].value, alpha=1.0)
    out, low, high = [], 0, 0
    for place, value in enumerate(values.tolist()):
        detector.update(value / SCALE)
        low = place if detector._sum_increase == detector._min_increase else low
        high = place if detector._sum_decrease == detector._max_decrease else high
        if detector.drift_detected:
            risen = detector._sum_increase - detector._min_increase > detector._max_decrease - detector._sum_decrease
            out.append((place, (low if risen else high) + 1))
    return out


def river_kswin(values: NDArray[np.float64]) -> list[tuple[int, int]]:
    out, begun = [], 0
    for place in range(len(values)):
        before = (values[max(begun, place + 1 - SETTINGS.window) : place] / SCALE).tolist()
        detector = drift.KSWIN(LOOSE["kswin"].value, SETTINGS.window, SETTINGS.recent, SETTINGS.seed, before)
        detector.update(values[place] / SCALE)
        if detector.drift_detected:
            out.append((place, place + 1 - SETTINGS.recent))
            begun = place + 1
    return out


@pytest.mark.parametrize(
    ("name", "river"), [("adwin", river_adwin), ("page_hinkley", river_page_hinkley), ("kswin", river_kswin)]
)
def test_detectors_agree_with_river_on_single_streams(name, river) -> None:
    streams = noise(1, patients=5)
    said = alarms(LOOSE[name], streams, ENDLESS)
    for i in range(5):
        at = np.flatnonzero(streams.seen[i])
        expected = [(int(at[place]), int(at[start])) for place, start in river(streams.values[i, at])]
        assert [(day, int(said.since[i, day])) for day in np.flatnonzero(said.on[i]).tolist()] == expected
    assert said.on.sum() > 5


def test_kolmogorov_and_smirnov_in_batch_agree_with_rivers_test_of_one_window_ties_included() -> None:
    x = np.round(np.random.default_rng(2).normal(size=120) + (np.arange(120) > 80), 1)
    ours = p_values(SETTINGS.recent)[distances(x, SETTINGS)]
    for place in range(SETTINGS.window - 1, 120):
        detector = drift.KSWIN(0.0, SETTINGS.window, SETTINGS.recent, SETTINGS.seed, x[place + 1 - 40 : place].tolist())
        detector.update(x[place])
        assert_allclose(ours[place], detector.p_value, rtol=1e-12)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_was_not_seen_is_not_read(name: str) -> None:
    streams = noise(4)
    blind = streams._replace(values=np.where(streams.seen, streams.values, np.nan))
    assert_same(alarms(LOOSE[name], streams, SETTINGS), alarms(LOOSE[name], blind, SETTINGS))


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("end", [1, 61, 200, 399])
def test_days_to_come_change_no_alarm(name: str, end: int) -> None:
    streams = noise(5)
    everything = alarms(LOOSE[name], streams, SETTINGS)
    assert_same(
        alarms(LOOSE[name], until(streams, end), SETTINGS), Alarms(everything.on[:, :end], everything.since[:, :end])
    )


@pytest.mark.parametrize("name", DETECTORS)
@pytest.mark.parametrize("new", [1, 7, 70])
def test_nights_that_hold_the_memory_alone_alarm_as_a_replay_of_everything(name: str, new: int) -> None:
    streams = noise(6, first=733)
    everything = alarms(LOOSE[name], streams, SETTINGS)
    last = np.full(12, -1)
    for start in range(0, 400, new):
        held = max(0, start - SETTINGS.memory_days)
        night = alarms(
            LOOSE[name], since(until(streams, start + new), held), SETTINGS, since=start - held, alarmed=last - held
        )
        asked = slice(start, start + new)
        assert not night.on[:, : start - held].any()
        assert_array_equal(night.on[:, start - held :], everything.on[:, asked])
        found = everything.on[:, asked]
        assert_array_equal(night.since[:, start - held :][found] + held, everything.since[:, asked][found])
        days = np.arange(start, start + found.shape[1])
        last = np.where(found.any(axis=1), np.where(found, days, -1).max(axis=1), last)
    assert everything.on.sum() > 24


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_forget_what_preceded_an_alarm(name: str) -> None:
    streams = noise(6)
    everything = alarms(LOOSE[name], streams, SETTINGS)
    assert everything.on.any(axis=1).sum() > 6
    days = np.where(everything.on.any(axis=1), everything.on.argmax(axis=1), -1)[:, None]
    later = np.arange(400) > days
    again = alarms(LOOSE[name], streams._replace(seen=streams.seen & later), SETTINGS)
    assert_array_equal(again.on, everything.on & later)


def test_kswin_reads_no_value_older_than_the_memory() -> None:
    streams, always = noise(6), DetectorThreshold("kswin", 1.0, SCALE)
    rarely = streams._replace(seen=np.tile(np.arange(400) % 4 == 0, (12, 1)))
    assert alarms(always, rarely, ENDLESS).on.any()
    assert not alarms(always, rarely, SETTINGS).on.any()


@pytest.mark.parametrize("name", DETECTORS)
def test_a_shift_is_detected_and_dated_no_later_than_it_came(name: str) -> None:
    """Of five standard deviations: that a day's noise hides it, or feigns it, has a probability below 1e-6 per day."""
    streams = noise(7, patients=30, days=300)
    streams.values[:, 200:] += 5 * SCALE
    said = alarms(STRICT[name], streams, SETTINGS)
    assert not said.on[:, :200].any()
    assert said.on.any(axis=1).all()
    first = said.on.argmax(axis=1)
    assert all(streams.seen[i, 200 : first[i] + 1].sum() <= SETTINGS.recent for i in range(30))
    dated = said.since[np.arange(30), first]
    assert (dated > 200 - SETTINGS.memory_days).all()
    shifted = [np.flatnonzero(streams.seen[i, 200:])[0] + 200 for i in range(30)]
    assert (dated <= shifted).all()


def test_page_and_hinkley_date_a_shift_without_noise_to_the_day() -> None:
    streams = noise(7)
    streams.values[:] = SCALE * (np.arange(400) >= 230)
    said = alarms(STRICT["page_hinkley"], streams, SETTINGS)
    for i in range(12):
        assert said.since[i, said.on[i].argmax()] == np.flatnonzero(streams.seen[i, 230:])[0] + 230


def test_page_and_hinkleys_extremum_is_that_of_the_sums_by_hand() -> None:
    """Means of 0 0 2 2 so far are 0, 0, 2/3, 1; the sum is least at the second value."""
    assert turned(np.array([0.0, 0.0, 2.0, 2.0]), 0.1) == 2
    assert turned(np.array([2.0, 2.0, 2.0, 0.0, 0.0]), 0.1) == 3


@pytest.mark.parametrize("name", DETECTORS)
def test_a_patient_who_never_records_never_alarms(name: str) -> None:
    streams = noise(8)._replace(seen=np.zeros((12, 400), bool))
    assert not alarms(LOOSE[name], streams, SETTINGS).on.any()


def test_values_that_are_seen_must_be_finite_and_detectors_known() -> None:
    streams = noise(9)
    with pytest.raises(ValueError, match='no detector "cusum"; expected one of adwin, page_hinkley, kswin'):
        alarms(DetectorThreshold("cusum", 1.0, 1.0), streams, SETTINGS)
    with pytest.raises(ValueError, match="seen and not finite"):
        alarms(LOOSE["adwin"], streams._replace(values=np.full((12, 400), np.nan)), SETTINGS)


def test_kswin_draws_from_enough() -> None:
    with pytest.raises(ValidationError, match="recent: 30 of 50 values; expected half of them at most"):
        Detectors(**{**SETTINGS.model_dump(), "window": 50, "recent": 30})
