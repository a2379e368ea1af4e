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
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.core.prediction import ForecastSpread, say
from migraine_platform.twin.core.twins import Replay, TwinArrays, create, update
from migraine_platform.twin.data.features import EVENTS
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

    def fits(self, kept: TwinState) -> bool:
        """Whether twins are of this population, and stand on its hypotheses."""
        own, grid = kept.twins.standing.log_weight.shape[1], kept.watch.standing.log_weight.shape[1]
        hypotheses = (len(self.points.level), len(self.watcher.grid.points.level))
        return kept.twins.population == self.model.version and (own, grid) == hypotheses

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

    kept: TwinState
    evenings: EveningResults
    detections: tuple[Detection, ...]
    replay: Replay
    """As if nobody had changed in these evenings."""


def begin(keeper: TwinUpdater, histories: Histories, standing: FilterState | None = None) -> UpdateResult:
    """Twins of patients from their first days; nobody is suspected yet.

    Args:
        standing: where to start instead of the population's prior.
    """
    twins, replay = create(keeper.model, keeper.clinical, keeper.points, histories, standing, with_spread=True)
    watch, suspicion = _watched(keeper, keeper.watcher.begin(histories.count), replay)
    nothing = np.full((histories.count, 1), np.nan)
    return UpdateResult(TwinState(twins, watch), _evenings(keeper, histories, replay, suspicion, nothing), (), replay)


def advance(keeper: TwinUpdater, kept: TwinState, whole: Histories, past: Past) -> UpdateResult:
    """The evenings after the twins' last one, up to the last one of a history.

    Args:
        whole: all days of the twins' patients.
    """
    lived = _unsuspected(keeper, kept, whole)
    alarms = _alarms(keeper, past, lived.evenings, whole.patient_ids)
    adapted: dict[int, UpdateResult] = {}
    for row in np.flatnonzero(alarms.evening >= 0).tolist():
        rows = np.array([row])
        one = UpdateResult(lived.kept.of(rows), lived.evenings.of(row), (), lived.replay.of(row, lived.evenings.days))
        adapted[row] = _through_alarms(keeper, kept.of(rows), whole.of(rows), past.of(row), one)
    return UpdateResult(
        replaced_rows(lived.kept, {row: one.kept for row, one in adapted.items()}),
        lived.evenings.with_patients({row: one.evenings for row, one in adapted.items()}),
        tuple(detection for one in adapted.values() for detection in one.detections),
        lived.replay,
    )


def _through_alarms(
    keeper: TwinUpdater, kept: TwinState, own: Histories, past: Past, lived: UpdateResult
) -> UpdateResult:
    """One patient's evenings: after each alarm he is adapted, and goes on from there until the next.

    Args:
        kept: his twin before these evenings.
        lived: the evenings if no alarm went off.
    """
    (patient,) = own.patient_ids
    evenings: EveningResults | None = None
    found: list[Detection] = []
    while True:
        alarms = _alarms(keeper, past, lived.evenings, own.patient_ids)
        evening = int(alarms.evening[0])
        if evening < 0:
            kept, stretch = lived.kept, lived.evenings
        else:
            until = own.until(own.days - lived.evenings.days + evening + 1)
            before = past.detections.get(patient, ())
            change, kept, tonight = _adapted(keeper, kept.watch, lived.replay.of(0, evening + 1), until, before)
            found.append(Detection(patient, until.last, alarms.detector[0], float(alarms.statistic[0]), change))
            stretch = lived.evenings.until(evening + 1, tonight)
        evenings = stretch if evenings is None else evenings.then(stretch)
        if evening < 0 or stretch.days == lived.evenings.days:
            return UpdateResult(kept, evenings, tuple(found), lived.replay)

        past = past.then(stretch.record, patient, found[-1])
        lived = _unsuspected(keeper, kept, own)


def _alarms(keeper: TwinUpdater, past: Past, evenings: EveningResults, patient_ids: Sequence[str]) -> First:
    """The first alarm of each patient on some evenings, counted from the first of these."""
    known = past.record.log_odds.shape[1]
    first = evenings.first - timedelta(days=known)
    found = first_alarms(
        keeper.thresholds,
        keeper.settings.drift.detectors,
        past.record.then(evenings.record),
        first,
        known,
        past.alarmed(patient_ids, first),
    )
    return found._replace(evening=np.where(found.evening >= 0, found.evening - known, found.evening))


def _unsuspected(keeper: TwinUpdater, kept: TwinState, whole: Histories) -> UpdateResult:
    """The evenings as they are lived if nobody's alarm goes off."""
    first = (kept.twins.as_of - whole.first).days
    tonight = foresee(keeper.points, keeper.model.effects, kept.twins.standing, with_spread=False).probability
    days = whole.since(first)
    twins, replay = update(keeper.model, keeper.clinical, keeper.points, kept.twins, days, with_spread=True)
    watch, suspicion = _watched(keeper, kept.watch, replay)
    return UpdateResult(
        TwinState(twins, watch), _evenings(keeper, days.since(1), replay, suspicion, tonight), (), replay
    )


def _watched(keeper: TwinUpdater, watch: DriftWatch, replay: Replay) -> tuple[DriftWatch, Suspicion]:
    return keeper.watcher.follow(watch, replay.covariates, replay.evidence, replay.channels.innovation)


def _evenings(
    keeper: TwinUpdater, days: Histories, replay: Replay, suspicion: Suspicion, tonight: NDArray[np.float64]
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
    came = days.events[..., BY_EVENING]
    surprise = np.where(days.diary, (forecast - came) * log_odds, np.nan)  # log loss minus its expectation
    return EveningResults(
        first=days.first,
        said=say(keeper.model, keeper.clinical, replay.forecasts, replay.covariates),
        odds=suspicion.by_kind(),
        record=Record(
            suspicion.log_odds(), np.where(seen > 0, np.sqrt(squares / np.maximum(seen, 1)), np.nan), surprise
        ),
    )


def _adapted(
    keeper: TwinUpdater, watch: DriftWatch, seen: Replay, own: Histories, before: Sequence[Detection]
) -> tuple[DetectedChange, TwinState, ForecastSpread]:
    """One patient on the evening of an alarm: what changed, where he stands now, what is said of tomorrow.

    Args:
        watch: as of an evening before.
        seen: by his twin on the evenings since then.
        own: his days, the alarm's being the last.
    """
    known = [detection.change for detection in before]
    watch, suspicion = _watched(keeper, watch, seen)
    _, past = keeper.relive(own, known)
    change = examine(suspicion, keeper.model.effects, past, own, keeper.course)
    twins, _ = keeper.relive(own, [*known, change])
    forecasts = foresee(keeper.points, keeper.model.effects, twins.standing)
    said = say(keeper.model, keeper.clinical, forecasts, twins.last)
    return change, TwinState(twins, keeper.watcher.reset(watch)), said


def replaced_rows(kept: TwinState, mended: Mapping[int, TwinState]) -> TwinState:
    """Some patients' twins and watches replaced."""
    if not mended:
        return kept
    order = np.arange(len(kept.twins.patient_ids))
    parts = [kept, *mended.values()]
    for place, row in enumerate(mended):
        order[row] = len(order) + place
    whole = TwinState(
        TwinArrays.of_all([part.twins for part in parts]), DriftWatch.of_all([part.watch for part in parts])
    )
    return whole.of(order)
