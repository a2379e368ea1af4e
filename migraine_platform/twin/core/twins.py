"""Digital twins: where every patient stands, kept from evening to evening.

    create   the filters run over a history, evening by evening; the last days validate them
    update   the same filters go on from where they stood; a day costs the same after a month and after a year

Creating from n days, and creating from fewer and updating by the rest, is the same arithmetic. Belongs here: the life
of a batch of twins. Does not: what they say of tomorrow (prediction.py), files (storage.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from migraine_platform.config.hashing import compiled_version
from migraine_platform.config.twin import Twin
from migraine_platform.domain.events import HAS_MIGRAINE
from migraine_platform.errors import UserError
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.data.ledger import Ledger
from migraine_platform.twin.dynamics.kalman import FilteredStates, StateBeliefs
from migraine_platform.twin.dynamics.state_space import filter_histories
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import (
    LIVED,
    SILENT,
    STARTED,
    WRITTEN,
    AttackEvidence,
    FilterState,
    Forecasts,
    Points,
    told_late,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


class TwinError(UserError):
    """Days that do not follow, or twins that do not fit."""


@dataclass(frozen=True)
class TwinArrays:
    """P patients' twins, as of one evening."""

    patient_ids: tuple[str, ...]
    as_of: date
    population: str
    """Version of the model that they belong to."""
    beliefs: StateBeliefs
    ledger: Ledger
    filter_state: FilterState
    last: Covariates
    """[P, 1, ...] of the last evening."""
    entries: NDArray[np.int64]
    """[P] diary entries so far."""
    discarded: NDArray[np.int64]
    """[P] impossible values so far."""

    @property
    def started(self) -> NDArray[np.bool_]:
        """[P] who has a day at all; the others' twins are the population's prior."""
        return np.asarray(self.filter_state.numbers[:, STARTED] > 0)

    @property
    def silent(self) -> NDArray[np.int64]:
        """[P] evenings since the last diary entry; since the first day, if there is none."""
        return self.filter_state.numbers[:, SILENT].astype(np.int64)

    @property
    def adherence(self) -> NDArray[np.float64]:
        """[P] share of days without migraine that have an entry."""
        numbers = self.filter_state.numbers
        return np.asarray(numbers[:, WRITTEN] / np.maximum(numbers[:, LIVED], 1.0))

    def of(self, rows: NDArray[np.int64]) -> TwinArrays:
        """Some of the patients.

        Args:
            rows: [N] places of those wanted.
        """
        return replace(
            self,
            patient_ids=tuple(self.patient_ids[row] for row in rows.tolist()),
            beliefs=StateBeliefs(*(part[rows] for part in self.beliefs)),
            ledger=Ledger(*(part[rows] for part in self.ledger)),
            filter_state=self.filter_state.of(rows),
            last=Covariates(*(part[rows] for part in self.last)),
            entries=self.entries[rows],
            discarded=self.discarded[rows],
        )

    @classmethod
    def of_all(cls, parts: Sequence[TwinArrays]) -> TwinArrays:
        """Several batches of the same evening and population, one after the other."""

        def joined(name: str) -> list[NDArray[Any]]:
            return [np.concatenate(arrays) for arrays in zip(*(getattr(part, name) for part in parts), strict=True)]

        return replace(
            parts[0],
            patient_ids=tuple(patient for part in parts for patient in part.patient_ids),
            beliefs=StateBeliefs(*joined("beliefs")),
            ledger=Ledger(*joined("ledger")),
            filter_state=FilterState(*joined("filter_state")),
            last=Covariates(*joined("last")),
            entries=np.concatenate([part.entries for part in parts]),
            discarded=np.concatenate([part.discarded for part in parts]),
        )

    def versions(self) -> list[str]:
        """First digits of the hash of each twin, and of the code that speaks for it."""
        out, code = [], compiled_version()
        for i in range(len(self.patient_ids)):
            digest = hashlib.sha256(f"{code} {self.population} {self.patient_ids[i]} {self.as_of}".encode())
            for part in (*self.beliefs, *self.ledger, *self.filter_state):
                digest.update(np.ascontiguousarray(part[i]).tobytes())
            out.append(digest.hexdigest()[:12])
        return out


@dataclass(frozen=True)
class Replay:
    """What the filters said on every evening of the days they were run over: always of the day that followed."""

    forecasts: Forecasts
    covariates: Covariates
    channels: FilteredStates
    evidence: AttackEvidence

    def of(self, row: int, evenings: int) -> Replay:
        """One patient's first so many evenings."""
        rows, days = slice(row, row + 1), slice(0, evenings)
        channels = {name: part[rows, days] for name, part in self.channels._asdict().items() if name != "beliefs"}
        return Replay(
            Forecasts(*(part[rows, days] for part in self.forecasts)),
            Covariates(*(part[rows, days] for part in self.covariates)),
            self.channels._replace(**channels),
            self.evidence.of_patients(rows).of_days(days),
        )

    def then(self, later: Replay) -> Replay:
        """Both stretches of days as one, without the spread of the hypotheses."""
        bare = [one.forecasts._replace(spread=np.zeros((*one.forecasts.ill.shape, 2, 0))) for one in (self, later)]
        covariates = zip(self.covariates, later.covariates, strict=True)
        return Replay(
            Forecasts(*(np.concatenate(parts, axis=1) for parts in zip(*bare, strict=True))),
            Covariates(*(np.concatenate(parts, axis=1) for parts in covariates)),
            self.channels.then(later.channels),
            self.evidence.then(later.evidence),
        )


def create(
    model: TwinModel,
    clinical: Clinical,
    points: Points,
    histories: Histories,
    filter_state: FilterState | None = None,
    with_spread: bool = False,
) -> tuple[TwinArrays, Replay]:
    """Twins from histories, from nothing.

    A patient without a day gets the population's prior; one who never wrote is known by device and weather alone.

    Args:
        filter_state: where to start instead of the population's prior.
        with_spread: whether the hypotheses' single forecasts are wanted too.
    """
    return _run(model, clinical, points, histories, None, filter_state, with_spread)


def update(
    model: TwinModel, clinical: Clinical, points: Points, twins: TwinArrays, days: Histories, with_spread: bool = False
) -> tuple[TwinArrays, Replay]:
    """Twins some days later.

    Args:
        days: of the same patients, the day of the twins' last evening first, because the diary tells that day's night
            only now; then the new ones.
        with_spread: whether the hypotheses' single forecasts are wanted too.

    Raises:
        TwinError: if the twins are of another population, or the days are others' or do not follow.
    """
    if twins.population != model.version:
        raise TwinError(f"twins of population {twins.population}; expected {model.version}: create them again")
    if twins.filter_state.log_weight.shape[1] != len(points.level):
        raise TwinError(f"{len(points.level)} hypotheses; the twins have {twins.filter_state.log_weight.shape[1]}")
    if days.patient_ids != twins.patient_ids:
        raise TwinError(f"days of {days.count} patients; expected those of the {len(twins.patient_ids)} twins")
    if days.first != twins.as_of or days.days < 2:
        raise TwinError(
            f"days from {days.first} to {days.last}; expected them from {twins.as_of}, the twins' last evening, on"
        )
    return _run(model, clinical, points, days, twins, None, with_spread)


def _run(
    model: TwinModel,
    clinical: Clinical,
    points: Points,
    histories: Histories,
    twins: TwinArrays | None,
    filter_state: FilterState | None,
    with_spread: bool,
) -> tuple[TwinArrays, Replay]:
    late, days, first = told_late(histories), model.scales.standard(histories), 0 if twins is None else 1
    beliefs = ledger = None
    if twins is not None:
        begun = np.where(twins.started, 1, np.maximum(histories.begun, 1))
        histories = replace(histories, begun=begun).since(first)
        beliefs, ledger, filter_state = twins.beliefs, twins.ledger, twins.filter_state
    channels = filter_histories(model.dynamics, days, beliefs, first)
    covariates, ledger = model.reader(clinical).read(histories, days.since(first), channels, ledger)
    evidence = AttackEvidence.of(histories, channels)._replace(late=late[:, first:])
    forecasts, filter_state = follow(points, model.effects, covariates, evidence, filter_state, with_spread)
    made = TwinArrays(
        patient_ids=histories.patient_ids,
        as_of=histories.last,
        population=model.version,
        beliefs=channels.beliefs,
        ledger=ledger,
        filter_state=filter_state,
        last=Covariates(*(part[:, -1:] for part in covariates)),
        entries=histories.diary.sum(axis=1) + (0 if twins is None else twins.entries),
        discarded=histories.discarded.sum(axis=1) + (0 if twins is None else twins.discarded),
    )
    return made, Replay(forecasts, covariates, channels, evidence)


@dataclass(frozen=True)
class Validation:
    """How well P twins forecast their patients' last days, each day from the evening before."""

    days: NDArray[np.int64]
    """[P] recorded days among them."""
    log_loss: NDArray[np.float64]
    """[P] NaN without a recorded day."""
    brier: NDArray[np.float64]
    climatology: NDArray[np.float64]
    """[P] log loss of the patient's own share of migraine days before."""
    state_error: NDArray[np.float64]
    """[P] root mean square of the channels' normalised innovations; 1 where the state-space model is right."""


PRIOR_DAYS = 10.0
"""Weight of the population's share of migraine days in a personal climatology."""


def validate(replay: Replay, histories: Histories, settings: Twin) -> Validation:
    """Scores on the last days of a history; never on days chosen at random."""
    first = max(1, histories.days - settings.validation_days)
    days = slice(first, histories.days)
    reported = histories.diary[:, days]
    migraine = histories.events[:, days, 0]
    forecast = np.clip(replay.forecasts.probability[:, first - 1 : -1], 1e-6, 1 - 1e-6)
    count = np.maximum(reported.sum(axis=1), 1)
    baseline = climatology(histories)[:, days]
    seen = replay.channels.innovation[:, days] != 0
    squares = (replay.channels.innovation[:, days] ** 2).sum(axis=(1, 2)) / np.maximum(seen.sum(axis=(1, 2)), 1)

    def mean(scores: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.where(reported.any(axis=1), (scores * reported).sum(axis=1) / count, np.nan))

    return Validation(
        days=reported.sum(axis=1),
        log_loss=mean(-np.log(np.where(migraine, forecast, 1 - forecast))),
        brier=mean((forecast - migraine) ** 2),
        climatology=mean(-np.log(np.where(migraine, baseline, 1 - baseline))),
        state_error=np.where(seen.any(axis=(1, 2)), np.sqrt(squares), np.nan),
    )


def climatology(histories: Histories) -> NDArray[np.float64]:
    """[P, K] each patient's share of migraine days among the recorded ones before each day, shrunk to everybody's.

    Until somebody has written, a day in PRIOR_DAYS.
    """
    migraine = histories.events[..., HAS_MIGRAINE] & histories.diary
    seen = np.cumsum(histories.diary, axis=1, dtype=np.int64) - histories.diary
    found = np.cumsum(migraine, axis=1, dtype=np.int64) - migraine
    baseline = (found.sum(axis=0) + 1) / (seen.sum(axis=0) + PRIOR_DAYS)
    return np.asarray(np.clip((found + PRIOR_DAYS * baseline) / (seen + PRIOR_DAYS), 1e-6, 1 - 1e-6))
