from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from migraine_platform.twin.drift import classical
from migraine_platform.twin.drift.alarms import (
    LIKELIHOOD_RATIO,
    NONE,
    STREAMS,
    SURPRISE,
    WARM_UP,
    AlarmError,
    AlarmThresholds,
    Record,
    first_alarm_rate,
    first_alarms,
    thresholds_of,
)
from migraine_platform.twin.drift.classical import DETECTORS, DetectorThreshold

FIRST = date(2024, 3, 1)


def record_of(seed: int, patients: int, days: int, shift: float = 0.0, since: int = 0) -> Record:
    """Persons whose odds wander, and whose streams are noise that moves on a day."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(size=(patients, days)) + np.cumsum(rng.normal(scale=0.1, size=(patients, days)), axis=1)
    streams = rng.normal(size=(2, patients, days))
    streams[:, :, since:] += shift
    streams[rng.random(streams.shape) < 0.2] = np.nan
    return Record(log_odds, streams[0] * 0.2 + 1, streams[1] * 0.6)


def test_rate_is_alarms_by_the_years_until_them() -> None:
    """Three people: on the third evening, never in five, at once."""
    odds = np.array([[0, 0, 9, 9, 0], [0, 0, 0, 0, 0], [9, 0, 0, 0, 9.0]])
    assert first_alarm_rate(odds, 5.0) == pytest.approx(2 / (3 + 5 + 1) * 365.25)
    assert first_alarm_rate(odds, 9.0) == 0
    assert first_alarm_rate(odds, -1.0) == pytest.approx(365.25)
    assert first_alarm_rate(np.zeros((0, 5)), 0.0) == 0


@given(st.integers(0, 1000), st.floats(-3, 6), st.floats(0, 3))
def test_a_stricter_threshold_alarms_no_more_often(seed: int, threshold: float, apart: float) -> None:
    odds = record_of(seed, 20, 100).log_odds
    assert first_alarm_rate(odds, threshold + apart) <= first_alarm_rate(odds, threshold)


@pytest.fixture(scope="module")
def undrifted() -> Record:
    return record_of(1, 150, 400)


@pytest.fixture(scope="module")
def found(settings, undrifted) -> AlarmThresholds:
    return thresholds_of(undrifted, FIRST, settings.twin.drift, settings.twin.drift.detectors)


def test_all_detectors_together_alarm_of_nothing_no_more_often_than_is_wanted(found, settings, undrifted) -> None:
    wanted = settings.twin.drift.false_alarms_a_year
    assert set(found.realised) == {
        (LIKELIHOOD_RATIO, SURPRISE),
        *((detector, stream) for detector in DETECTORS for stream in STREAMS),
    }
    share = wanted * settings.twin.drift.likelihood_ratio_share
    rate = found.realised[LIKELIHOOD_RATIO, SURPRISE]
    assert 0.8 * share < rate <= share
    assert rate == first_alarm_rate(undrifted.log_odds[:, WARM_UP:], found.log_odds)
    each = (wanted - share) / 6
    others = [found.realised[key] for key in found.classical]
    assert max(others) <= each
    assert sum(found.realised.values()) <= wanted


def test_the_least_threshold_is_found(found, settings, undrifted) -> None:
    """A little below the one that was found, alarms are too many."""
    share = settings.twin.drift.false_alarms_a_year * settings.twin.drift.likelihood_ratio_share
    assert first_alarm_rate(undrifted.log_odds[:, WARM_UP:], found.log_odds - 1e-6) > share


def test_thresholds_survive_being_rows(found) -> None:
    again = AlarmThresholds.from_frame(found.to_frame().sample(fraction=1, shuffle=True, seed=0))
    assert (again.log_odds, again.classical, again.realised) == (found.log_odds, found.classical, found.realised)
    without = found.to_frame().filter(found.to_frame()["detector"] != LIKELIHOOD_RATIO)
    with pytest.raises(AlarmError, match=r"^twin\.thresholds: .*materialise drift_thresholds again$"):
        AlarmThresholds.from_frame(without)


def firsts(thresholds: AlarmThresholds, settings, record: Record, since: int = 0, alarmed=None):
    alarmed = np.full(len(record.log_odds), -1) if alarmed is None else alarmed
    return first_alarms(thresholds, settings.twin.drift.detectors, record, FIRST, since, alarmed)


def test_the_first_detector_to_speak_is_named_with_the_odds_of_that_evening(settings) -> None:
    """Against each detector asked by itself; of two on one evening, the likelihood ratio."""
    record = record_of(2, 40, 300, shift=1.2, since=150)
    loose = {
        (detector, stream): DetectorThreshold(detector, value, scale)
        for detector, value in (("page_hinkley", 15.0), ("kswin", 1e-4))
        for stream, scale in (("state_error", 0.2), ("surprise", 0.6))
    }
    thresholds = AlarmThresholds(5.0, loose, {})
    own = firsts(thresholds, settings, record)
    detectors = settings.twin.drift.detectors
    alarms = {LIKELIHOOD_RATIO: record.log_odds > 5.0}
    for (detector, stream), threshold in loose.items():
        values = record.stream(stream, FIRST)
        alarms[f"{detector} of {stream}"] = classical.alarms(threshold, values, detectors).on
    assert len({name for name, one in zip(own.detector, own.evening, strict=True) if one >= 0}) >= 3
    for row, evening in enumerate(own.evening.tolist()):
        earliest = {name: int(on[row].argmax()) for name, on in alarms.items() if on[row].any()}
        assert evening == min(earliest.values(), default=NONE)
        if evening != NONE:
            assert own.detector[row] == next(name for name in alarms if earliest.get(name) == evening)
            assert own.statistic[row] == record.log_odds[row, evening]


def test_only_new_evenings_are_asked_about(settings) -> None:
    odds = np.zeros((2, 10))
    odds[0, 3], odds[1, 7] = 9.0, 9.0
    nothing = np.full_like(odds, np.nan)
    own = firsts(AlarmThresholds(5.0, {}, {}), settings, Record(odds, nothing, nothing), since=5)
    assert_array_equal(own.evening, [NONE, 7])


@pytest.mark.parametrize("nights", [1, 7])
def test_asked_night_by_night_the_first_alarms_are_those_of_all_at_once(settings, nights: int) -> None:
    """Though a night looks no further back than detectors do, and an alarm makes them begin anew."""
    memory, days = settings.twin.drift.detectors.memory_days, 420
    record = record_of(3, 6, days, shift=1.0, since=200)
    thresholds = AlarmThresholds(
        np.inf, {("page_hinkley", "surprise"): DetectorThreshold("page_hinkley", 7.0, 0.6)}, {}
    )
    found: list[list[int]] = [[] for _ in range(6)]
    for first in range(0, days, nights):
        begin, until = max(0, first - memory), min(first + nights, days)
        for row in range(6):
            since = first
            while since < until:  # after an alarm, the rest of the evenings, as evening_update.py does
                own = Record(*(part[row : row + 1, begin:until] for part in record))
                last = np.array([found[row][-1] - begin if found[row] else -1])
                one = first_alarms(thresholds, settings.twin.drift.detectors, own, FIRST + timedelta(days=begin),
                                   since - begin, np.maximum(last, -1))  # fmt: skip
                if one.evening[0] == NONE:
                    break
                found[row].append(begin + int(one.evening[0]))
                since = found[row][-1] + 1
    stream = record.stream("surprise", FIRST)
    every = classical.alarms(thresholds.classical["page_hinkley", "surprise"], stream, settings.twin.drift.detectors).on
    assert found == [np.flatnonzero(on).tolist() for on in every]
    assert max(map(len, found)) > 1


def test_records_are_cut_and_joined() -> None:
    record = record_of(4, 5, 30)
    for ours, theirs in zip(record.until(12).then(Record(*(part[:, 12:] for part in record))), record, strict=True):
        assert_array_equal(ours, theirs)
    for ours, theirs in zip(record.of(np.array([3, 1])), record, strict=True):
        assert_array_equal(ours, theirs[[3, 1]])
    stream = record.stream("surprise", FIRST)
    assert_array_equal(stream.seen, np.isfinite(record.surprise))
    assert stream.first == FIRST.toordinal()
