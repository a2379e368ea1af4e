"""The evenings of twins that are kept: a day is filtered, forecast and watched; who has changed is adapted that night.

    begin     twins from the first days of a history
    advance   the evenings that follow, one or many: what a missed week catches up is what its nights would have done

An alarm ends a patient's evening otherwise: what changed is examined, his past is lived again with it (adaptation.py),
the watch begins anew, and his later evenings go on from there. Belongs here: that order. Does not: its steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.twin import Twin
from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.core.prediction import ForecastSpread, say
from migraine_platform.twin.core.twins import Replay, TwinArrays, create, update
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.drift.adaptation import renewals, replay_with_changes
from migraine_platform.twin.drift.alarms import AlarmThresholds, First, Record, first_alarms
from migraine_platform.twin.drift.examination import ChangeCourse, DetectedChange, examine
from migraine_platform.twin.drift.watch import DriftWatch, Suspicion, Watcher
from migraine_platform.twin.hazard.hypotheses import FilterState, Points
from migraine_platform.twin.hazard.outlook import foresee
from migraine_platform.twin.updating.evening_results import Detection, EveningResults, Past

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 1e-6
BY_EVENING = EVENTS.index("migraine_by_evening")


@dataclass(frozen=True)
class TwinUpdater:
    """What all twins of a population are kept by."""

    model: TwinModel
    clinical: Clinical
    points: Points
    watcher: Watcher
    thresholds: AlarmThresholds
    course: ChangeCourse
    settings: Twin

    @classmethod
    def of(
        cls, model: TwinModel, clinical: Clinical, thresholds: AlarmThresholds, course: ChangeCourse, settings: Twin,
        expected: Mapping[str, float],
    ) -> TwinUpdater:  # fmt: skip
        """A population's.

        Args:
            expected: channel -> sign of the change that clinicians expect of it.
        """
        watcher = Watcher.of(model, settings.drift, expected)
        return cls(model, clinical, model.points(settings.points), watcher, thresholds, course, settings)

    @cached_property
    def after(self) -> NDArray[np.float64]:
        """[WAYS, M, M] who somebody may be after a change of each way."""
        return renewals(self.points, self.model.personal.susceptibility, self.settings.drift.level_change)

    def fits(self, state: TwinState) -> bool:
        """Whether twins are of this population, and stand on its hypotheses."""
        own, grid = state.twins.filter_state.log_weight.shape[1], state.watch.filter_state.log_weight.shape[1]
        hypotheses = (len(self.points.level), len(self.watcher.grid.points.level))
        return state.twins.population == self.model.version and (own, grid) == hypotheses

    def relive(
        self, own: Histories, changes: Sequence[DetectedChange], probability: float | None = None
    ) -> tuple[TwinArrays, Replay]:
        """One patient's twin that knows of changes.

        Args:
            probability: that they happened; by default what an alarm is believed at first.
        """
        probability = self.settings.drift.change_probability if probability is None else probability
        return replay_with_changes(self.model, self.clinical, self.points, self.after, own, changes, probability)


@dataclass(frozen=True)
class TwinState:
    """P patients' twins and the watch over them, as of one evening."""

    twins: TwinArrays
    watch: DriftWatch

    def of(self, rows: NDArray[np.int64]) -> TwinState:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        return TwinState(self.twins.of(rows), self.watch.of(rows))


@dataclass(frozen=True)
class UpdateResult:
    """After some evenings."""

    state: TwinState
    evenings: EveningResults
    detections: tuple[Detection, ...]
    replay: Replay
    """As if nobody had changed in these evenings."""


def begin(updater: TwinUpdater, histories: Histories, filter_state: FilterState | None = None) -> UpdateResult:
    """Twins of patients from their first days; nobody is suspected yet.

    Args:
        filter_state: where to start instead of the population's prior.
    """
    twins, replay = create(updater.model, updater.clinical, updater.points, histories, filter_state, with_spread=True)
    watch, suspicion = _watched(updater, updater.watcher.begin(histories.count), replay)
    nothing = np.full((histories.count, 1), np.nan)
    return UpdateResult(TwinState(twins, watch), _evenings(updater, histories, replay, suspicion, nothing), (), replay)


def advance(updater: TwinUpdater, state: TwinState, whole: Histories, past: Past) -> UpdateResult:
    """The evenings after the twins' last one, up to the last one of a history.

    Args:
        whole: all days of the twins' patients.
    """
    result = _unsuspected(updater, state, whole)
    alarms = _alarms(updater, past, result.evenings, whole.patient_ids)
    adapted: dict[int, UpdateResult] = {}
    for row in np.flatnonzero(alarms.evening >= 0).tolist():
        rows = np.array([row])
        one = UpdateResult(
            result.state.of(rows), result.evenings.of(row), (), result.replay.of(row, result.evenings.days)
        )
        adapted[row] = _through_alarms(updater, state.of(rows), whole.of(rows), past.of(row), one)
    return UpdateResult(
        replaced_rows(result.state, {row: one.state for row, one in adapted.items()}),
        result.evenings.with_patients({row: one.evenings for row, one in adapted.items()}),
        tuple(detection for one in adapted.values() for detection in one.detections),
        result.replay,
    )


def _through_alarms(
    updater: TwinUpdater, state: TwinState, own: Histories, past: Past, result: UpdateResult
) -> UpdateResult:
    """One patient's evenings: after each alarm he is adapted, and goes on from there until the next.

    Args:
        state: his twin before these evenings.
        result: the evenings if no alarm went off.
    """
    (patient,) = own.patient_ids
    evenings: EveningResults | None = None
    found: list[Detection] = []
    while True:
        alarms = _alarms(updater, past, result.evenings, own.patient_ids)
        evening = int(alarms.evening[0])
        if evening < 0:
            state, stretch = result.state, result.evenings
        else:
            until = own.until(own.days - result.evenings.days + evening + 1)
            before = past.detections.get(patient, ())
            change, state, tonight = _adapted(updater, state.watch, result.replay.of(0, evening + 1), until, before)
            found.append(Detection(patient, until.last, alarms.detector[0], float(alarms.statistic[0]), change))
            stretch = result.evenings.until(evening + 1, tonight)
        evenings = stretch if evenings is None else evenings.then(stretch)
        if evening < 0 or stretch.days == result.evenings.days:
            return UpdateResult(state, evenings, tuple(found), result.replay)

        past = past.then(stretch.record, patient, found[-1])
        result = _unsuspected(updater, state, own)


def _alarms(updater: TwinUpdater, past: Past, evenings: EveningResults, patient_ids: Sequence[str]) -> First:
    """The first alarm of each patient on some evenings, counted from the first of these."""
    known = past.record.log_odds.shape[1]
    first = evenings.first - timedelta(days=known)
    found = first_alarms(
        updater.thresholds,
        updater.settings.drift.detectors,
        past.record.then(evenings.record),
        first,
        known,
        past.alarmed(patient_ids, first),
    )
    return found._replace(evening=np.where(found.evening >= 0, found.evening - known, found.evening))


def _unsuspected(updater: TwinUpdater, state: TwinState, whole: Histories) -> UpdateResult:
    """The evenings as they are lived if nobody's alarm goes off."""
    first = (state.twins.as_of - whole.first).days
    tonight = foresee(updater.points, updater.model.effects, state.twins.filter_state, with_spread=False).probability
    days = whole.since(first)
    twins, replay = update(updater.model, updater.clinical, updater.points, state.twins, days, with_spread=True)
    watch, suspicion = _watched(updater, state.watch, replay)
    return UpdateResult(
        TwinState(twins, watch), _evenings(updater, days.since(1), replay, suspicion, tonight), (), replay
    )


def _watched(updater: TwinUpdater, watch: DriftWatch, replay: Replay) -> tuple[DriftWatch, Suspicion]:
    return updater.watcher.follow(watch, replay.covariates, replay.evidence, replay.channels.innovation)


def _evenings(
    updater: TwinUpdater, days: Histories, replay: Replay, suspicion: Suspicion, tonight: NDArray[np.float64]
) -> EveningResults:
    """What was said and seen.

    Args:
        days: the replay's.
        tonight: [P, 1] forecast of the first of them; NaN if there was none.
    """
    innovation = replay.channels.innovation
    seen = (innovation != 0).sum(axis=2)
    squares = (innovation**2).sum(axis=2)
    forecast = np.concatenate([tonight, replay.forecasts.probability[:, :-1]], axis=1)
    forecast = np.clip(forecast, LEAST, 1 - LEAST)
    log_odds = np.log(forecast / (1 - forecast))
    outcome = days.events[..., BY_EVENING]
    surprise = np.where(days.diary, (forecast - outcome) * log_odds, np.nan)  # log loss minus its expectation
    return EveningResults(
        first=days.first,
        said=say(updater.model, updater.clinical, replay.forecasts, replay.covariates),
        odds=suspicion.by_kind(),
        record=Record(
            suspicion.log_odds(), np.where(seen > 0, np.sqrt(squares / np.maximum(seen, 1)), np.nan), surprise
        ),
    )


def _adapted(
    updater: TwinUpdater, watch: DriftWatch, seen: Replay, own: Histories, before: Sequence[Detection]
) -> tuple[DetectedChange, TwinState, ForecastSpread]:
    """One patient on the evening of an alarm: what changed, where he stands now, what is said of tomorrow.

    Args:
        watch: as of an evening before.
        seen: by his twin on the evenings since then.
        own: his days, the alarm's being the last.
    """
    known = [detection.change for detection in before]
    watch, suspicion = _watched(updater, watch, seen)
    _, past = updater.relive(own, known)
    change = examine(suspicion, updater.model.effects, past, own, updater.course)
    twins, _ = updater.relive(own, [*known, change])
    forecasts = foresee(updater.points, updater.model.effects, twins.filter_state)
    said = say(updater.model, updater.clinical, forecasts, twins.last)
    return change, TwinState(twins, updater.watcher.reset(watch)), said


def replaced_rows(state: TwinState, mended: Mapping[int, TwinState]) -> TwinState:
    """Some patients' twins and watches replaced."""
    if not mended:
        return state
    order = np.arange(len(state.twins.patient_ids))
    parts = [state, *mended.values()]
    for place, row in enumerate(mended):
        order[row] = len(order) + place
    whole = TwinState(
        TwinArrays.of_all([part.twins for part in parts]), DriftWatch.of_all([part.watch for part in parts])
    )
    return whole.of(order)
