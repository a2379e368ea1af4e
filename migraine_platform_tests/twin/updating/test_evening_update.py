from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.core.prediction import ForecastSpread
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.drift.alarms import Record
from migraine_platform.twin.drift.examination import DetectedChange
from migraine_platform.twin.updating.evening_results import Detection, Past
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater, advance, begin
from migraine_platform.twin.updating.storage import load_state, to_bytes
from migraine_platform_tests.twin.conftest import everybody
from migraine_platform_tests.twin.living import CHANGED, DAYS, EASILY, with_changes

BEGUN, PEOPLE = 40, 8
BEGIN_ANEW = 2.5
"""Log-odds of a change after a single evening, at most: those of a first day's jump."""


@pytest.fixture(scope="module")
def people(measured) -> Histories:
    return everybody(with_changes(measured, PEOPLE))


@pytest.fixture(scope="module")
def updater(make_updater) -> TwinUpdater:
    return make_updater(EASILY)


class Lives(NamedTuple):
    """What came of some evenings."""

    state: TwinState
    record: Record
    said: ForecastSpread
    odds: np.ndarray
    detections: dict[str, tuple[Detection, ...]]


def live(updater: TwinUpdater, people: Histories, stops: list[int], through=lambda state: state) -> Lives:
    """From BEGUN days on, as many evenings at once as lie between two stops."""
    first = begin(updater, people.until(BEGUN))
    state, past = first.state, Past(first.evenings.record, {})
    said, odds = [], []
    for stop in stops:
        result = advance(updater, through(state), people.until(stop), past)
        found = dict(past.detections)
        for one in sorted(result.detections, key=lambda detection: detection.detected_on):
            found[one.patient_id] = (*found.get(one.patient_id, ()), one)
        state, past = result.state, Past(past.record.then(result.evenings.record), found)
        said.append(result.evenings.said)
        odds.append(result.evenings.odds)
    every = ForecastSpread(*(np.concatenate(parts, axis=1) for parts in zip(*said, strict=True)))
    return Lives(state, past.record, every, np.concatenate(odds, axis=1), dict(past.detections))


@pytest.fixture(scope="module")
def at_once(updater, people) -> Lives:
    return live(updater, people, [DAYS])


def numbers_of(state: TwinState) -> list[np.ndarray]:
    twins, watch = state.twins, state.watch
    parts = (*twins.beliefs, *twins.ledger, *twins.filter_state, *twins.last, twins.entries, twins.discarded)
    return [*parts, *watch.filter_state, watch.changed, watch.strayed]


def assert_same_lives(ours: Lives, theirs: Lives) -> None:
    for one, other in zip(
        (*numbers_of(ours.state), *ours.record, *ours.said, ours.odds),
        (*numbers_of(theirs.state), *theirs.record, *theirs.said, theirs.odds),
        strict=True,
    ):
        assert_allclose(one, other, rtol=1e-12, atol=1e-12)
    assert ours.state.twins.as_of == theirs.state.twins.as_of
    assert set(ours.detections) == set(theirs.detections)
    for patient, found in ours.detections.items():
        for mine, its in zip(found, theirs.detections[patient], strict=True):
            assert replace(mine, statistic=0.0, change=mine.change.since) == replace(
                its, statistic=0.0, change=its.change.since
            )
            assert (mine.change.shape, mine.change.kind, mine.change.target) == (
                its.change.shape,
                its.change.kind,
                its.change.target,
            )
            assert_allclose(
                (mine.statistic, mine.change.size, *mine.change.ways),
                (its.statistic, its.change.size, *its.change.ways),
                rtol=1e-9,
            )


def test_alarms_are_of_several_kinds_and_detectors_and_some_come_twice(at_once, people) -> None:
    """Else the comparisons below would say little."""
    found = [one for own in at_once.detections.values() for one in own]
    assert {"covariate", "label"} <= {one.change.kind for one in found}
    assert len({one.detector for one in found}) > 1
    assert max(len(own) for own in at_once.detections.values()) > 1
    assert set(people.patient_ids) > set(at_once.detections)
    covariate = [one.change for one in at_once.detections["P0001"] if one.change.kind == "covariate"]
    assert covariate[0].target == "stress_level"
    assert abs((covariate[0].since - people.first).days - CHANGED) <= 7


@pytest.mark.parametrize("stops", [list(range(BEGUN + 1, DAYS + 1)), [47, 54, 61, 68, DAYS], [53, 54, DAYS]])
def test_updating_day_by_day_or_at_once_gives_the_same_twins(updater, people, at_once, stops: list[int]) -> None:
    assert_same_lives(live(updater, people, stops), at_once)


def test_resumed_from_a_file_every_evening_is_the_same(updater, people, at_once, tmp_path) -> None:
    def through(state: TwinState) -> TwinState:
        path = tmp_path / "kept"
        path.write_bytes(to_bytes(state))
        return load_state(path)

    assert_same_lives(live(updater, people, [45, 50, 55, 60, 65, DAYS], through), at_once)


def test_an_alarm_changes_what_is_said_from_that_evening_on_and_nothing_before(
    updater, make_updater, people, at_once
) -> None:
    calm = live(make_updater(), people, [DAYS])
    assert not calm.detections
    for row, patient in enumerate(people.patient_ids):
        ours, theirs = at_once.said.probability[row], calm.said.probability[row]
        if patient not in at_once.detections:
            assert_array_equal(ours, theirs)
            continue
        alarm = (at_once.detections[patient][0].detected_on - people.first).days - BEGUN
        assert_array_equal(ours[:alarm], theirs[:alarm])
        assert np.any(ours[alarm:] != theirs[alarm:])
        assert_array_equal(
            at_once.record.log_odds[row, : BEGUN + alarm + 1], calm.record.log_odds[row, : BEGUN + alarm + 1]
        )


def test_after_an_alarm_the_watch_begins_anew(at_once, people) -> None:
    for patient, own in at_once.detections.items():
        row = at_once.state.twins.patient_ids.index(patient)
        if own[-1].detected_on == at_once.state.twins.as_of:
            assert not at_once.state.watch.changed[row].any()
        for evening in [(one.detected_on - people.first).days for one in own]:
            if evening + 1 < DAYS:
                assert at_once.record.log_odds[row, evening + 1] < BEGIN_ANEW


def test_errors_and_surprises_are_those_of_their_definitions(make_updater, people) -> None:
    """Root mean square of the day's innovations; log loss of an entry minus what its forecast expected of it."""
    updater = make_updater()
    first = begin(updater, people.until(BEGUN))
    result = advance(updater, first.state, people, Past(first.evenings.record, {}))
    record, replay = result.evenings.record, result.replay
    said = np.concatenate([first.replay.forecasts.probability[:, -1:], replay.forecasts.probability[:, :-1]], axis=1)
    assert np.isnan(first.evenings.record.surprise[:, 0]).all()
    for row in range(people.count):
        for evening in range(DAYS - BEGUN):
            innovation = replay.channels.innovation[row, evening]
            some = innovation[innovation != 0]
            error = np.sqrt((some**2).mean()) if len(some) else np.nan
            assert_allclose(record.state_error[row, evening], error, rtol=1e-12)
            p, outcome = said[row, evening], people.events[row, BEGUN + evening, EVENTS.index("migraine_by_evening")]
            loss = -np.log(p if outcome else 1 - p) + p * np.log(p) + (1 - p) * np.log(1 - p)
            expected = loss if people.diary[row, BEGUN + evening] else np.nan
            assert_allclose(record.surprise[row, evening], expected, rtol=1e-9, atol=1e-9)


def test_odds_of_the_kinds_add_up_to_the_statistic(at_once) -> None:
    assert_allclose(np.log(at_once.odds.sum(axis=-1)), at_once.record.log_odds[:, BEGUN:], rtol=1e-12)


def test_a_batch_without_a_twin_lives_on(updater, people) -> None:
    nobody = people.of(slice(0, 0))
    state = begin(updater, people.until(BEGUN)).state.of(np.arange(0))
    result = advance(updater, state, nobody, Past.nothing(0))
    assert result.state.twins.as_of == people.last
    assert result.evenings.record.log_odds.shape == (0, DAYS - BEGUN)


def test_twins_of_others_do_not_fit(updater, make_updater, at_once) -> None:
    assert updater.fits(at_once.state)
    assert not make_updater(EASILY, points=128).fits(at_once.state)
    assert not updater.fits(replace(at_once.state, twins=replace(at_once.state.twins, population="0" * 12)))
    filter_state = at_once.state.watch.filter_state
    other = at_once.state.watch._replace(filter_state=filter_state._replace(log_weight=filter_state.log_weight[:, :-1]))
    assert not updater.fits(replace(at_once.state, watch=other))


FIRST = date(2024, 1, 1)
CHANGE = DetectedChange(FIRST, "sudden", "label", "hazard", 1.0, (1.0, 0.0, 0.0, 0.0, 0.0))


def detection(patient: str, day: int) -> Detection:
    return Detection(patient, FIRST + timedelta(days=day), "likelihood_ratio", 7.0, CHANGE)


def test_the_last_alarm_is_counted_from_a_day_and_is_none_before_it() -> None:
    past = Past(Past.nothing(3).record, {"A": (detection("A", 2), detection("A", 9)), "C": (detection("C", 4),)})
    assert_array_equal(past.alarmed(["A", "B", "C"], FIRST + timedelta(days=5)), [4, -1, -1])
    assert_array_equal(past.alarmed(["C", "A"], FIRST), [4, 9])


def test_a_past_goes_on_and_leaves_the_one_before_as_it_was() -> None:
    record = Record(*(np.arange(6.0).reshape(2, 3) + part for part in range(3)))
    past = Past(record, {"A": (detection("A", 1),)})
    own = past.of(1)
    later = own.then(record.of(slice(0, 1)), "A", detection("A", 7))
    assert [one.detected_on.day for one in later.detections["A"]] == [2, 8]
    assert [one.detected_on.day for one in past.detections["A"]] == [2]
    assert_array_equal(later.record.surprise, [[5, 6, 7, 2, 3, 4]])
