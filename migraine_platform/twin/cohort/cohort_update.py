"""The daily update of a cohort, batch by batch: which batches can be updated, and what each leaves in lake and files.

Belongs here: from the lake's rows to rows for the lake. Does not: the update of one batch (daily_update.py,
batch_update.py), twins that are made anew (inputs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config import Settings
from migraine_platform.twin.cohort.audit import extended
from migraine_platform.twin.cohort.batch_update import (
    KEPT_ROWS,
    Earlier,
    Outcome,
    UpdateRequest,
    load_batch,
    update_batch,
)
from migraine_platform.twin.cohort.build import audit_frame
from migraine_platform.twin.cohort.daily_update import TwinBatch
from migraine_platform.twin.cohort.inputs import Read, demand_somebody, read_histories
from migraine_platform.twin.cohort.replay import applied, changed, replayed
from migraine_platform.twin.cohort.settling import BatchUpdate, pl_text, settle
from migraine_platform.twin.cohort.symptoms import CohortSymptoms
from migraine_platform.twin.cohort.updaters import TwinUpdaters
from migraine_platform.twin.core.prediction import TwinForecasts
from migraine_platform.twin.core.twins import TwinError
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.transition import EXPERTS, STATE_SPACE
from migraine_platform.twin.symptoms.progression import onset_frame
from migraine_platform.twin.updating.days_ahead import ahead_frames
from migraine_platform.twin.updating.evening_update import TwinUpdater
from migraine_platform.twin.updating.stored_states import StoredStates
from migraine_platform.twin.updating.trials import ROLLED_BACK
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETTLED: tuple[type[Table], ...] = (
    *KEPT_ROWS,
    tables.DaysAhead,
    tables.StatesAhead,
    tables.Contributions,
    tables.TriggerSensitivity,
    tables.SymptomPhases,
    tables.OnsetTimes,
    tables.Signs,
    tables.Audit,
)
"""Tables that a night writes."""


def load_batches(
    earlier: Earlier, places: Places, updaters: TwinUpdaters, batches: Sequence[str]
) -> list[TwinBatch] | None:
    """The batches as the night before left them; None if any of them must be made anew."""
    found: list[TwinBatch] = []
    for name in batches:
        batch = load_batch(earlier, places, name, updaters)
        if batch is None:
            return None
        found.append(batch)
    return found


def update_batches(
    read: Read,
    earlier: Earlier,
    settings: Settings,
    places: Places,
    updaters: TwinUpdaters,
    batches: Sequence[TwinBatch],
    asked: UpdateRequest,
    population: str,
    progress: Callable[[str], None],
) -> Iterator[BatchUpdate]:
    """The daily update of some batches.

    Args:
        population: hash of the population that the patients belong to.
    """
    update = _CohortUpdate.of(read, earlier, settings, places, updaters, batches, asked, population)
    for done, batch in enumerate(batches, start=1):
        settled, what = update.of_batch(batch)
        patients = len(batch.state.twins.patient_ids)
        progress(f"{batch.name} ({done} of {len(batches)}): {patients} twins, {what}")
        yield settled


@dataclass(frozen=True)
class _CohortUpdate:
    """What the update of every batch reads."""

    earlier: Earlier
    places: Places
    updaters: TwinUpdaters
    newest: TwinUpdater
    asked: UpdateRequest
    population: str
    histories: Histories
    """Everybody's, whoever is asked for: onsets are shrunk to the cohort."""
    symptoms: CohortSymptoms
    days: pl.DataFrame
    observed: pl.DataFrame

    @classmethod
    def of(
        cls,
        read: Read,
        earlier: Earlier,
        settings: Settings,
        places: Places,
        updaters: TwinUpdaters,
        batches: Sequence[TwinBatch],
        asked: UpdateRequest,
        population: str,
    ) -> _CohortUpdate:
        """Read once for all batches.

        Raises:
            TwinError: if there is no population, or nobody has usable days.
        """
        newest = updaters()
        found = read_histories(read, settings)
        demand_somebody(found)
        if newest is None:
            raise TwinError("twin.population: there is none; materialise twin_population first")
        symptoms = CohortSymptoms.fit(read, settings, found, newest.model.scales)
        days = read(tables.RecordedDays, [batch.name for batch in batches], ["patient_id", "date", "has_migraine"])
        observed = read(tables.Observations)
        return cls(earlier, places, updaters, newest, asked, population, found.histories, symptoms, days, observed)

    def of_batch(self, batch: TwinBatch) -> tuple[BatchUpdate, str]:
        """One batch's update, and what there is to say of it."""
        rows = self._rows(batch)
        whole, patients = self.histories.of(rows), batch.state.twins.patient_ids
        updater = _updater(self.updaters, batch.name, batch.state.twins.population)

        states = StoredStates(batch.rows[tables.TwinStates], updater, self.places)
        reported = applied(self.observed, patients, whole.last)
        late = changed(batch.rows[tables.AppliedObservations], reported, batch.state.twins.as_of)
        begun = replayed(updater, batch.trial_updater, batch, whole, late, states)
        out = _evening_by_evening(self.updaters, self.newest, self.places, begun, whole, self.asked)
        if out.night is None and not out.decisions and not late and (lying := _as_they_lie(self.earlier, batch.name)):
            return BatchUpdate(batch.name, lying, set(), 0), "no new day"

        own = _updater(self.updaters, batch.name, out.state.twins.population)
        settled, said = settle(own, self.places, batch, out, whole, states)
        # Former twins that came into use again know of no report since they were replaced: the next night tells them.
        returned = any(decision["decision"] == ROLLED_BACK for decision in out.decisions)
        settled.frames[tables.AppliedObservations] = reported.clear() if returned else reported
        self._add_symptoms(settled, rows, said)
        self._add_forecasts(settled, own, out, whole, said, late=bool(late))
        again = f", {len(late)} lived again with late observations" if late else ""
        return settled, f"{settled.found} changes noticed{again}"

    def _rows(self, batch: TwinBatch) -> NDArray[np.int64]:
        """[P] places of the batch's patients among everybody's histories.

        Raises:
            TwinError: if some have twins but no usable days.
        """
        place = {patient: row for row, patient in enumerate(self.histories.patient_ids)}
        patients = batch.state.twins.patient_ids
        if missing := [patient for patient in patients if patient not in place]:
            raise TwinError(f"{batch.name}: {len(missing)} patients have twins but no usable days; make the twins anew")
        return np.array([place[patient] for patient in patients], dtype=np.int64)

    def _add_symptoms(self, settled: BatchUpdate, rows: NDArray[np.int64], said: TwinForecasts) -> None:
        """How attacks go, and the time to the next given tomorrow's forecast."""
        patients = [self.histories.patient_ids[row] for row in rows]
        onsets = self.symptoms.symptoms.onsets.of(rows).given_tomorrow(said.began)
        settled.frames.update(self.symptoms.of(tuple(patients)))
        settled.frames[tables.Twins] = settled.frames[tables.Twins].update(
            self.symptoms.severity, on="patient_id", how="left"
        )
        settled.frames[tables.OnsetTimes] = onset_frame(tuple(patients), onsets)

    def _add_forecasts(
        self,
        settled: BatchUpdate,
        updater: TwinUpdater,
        out: Outcome,
        whole: Histories,
        said: TwinForecasts,
        late: bool,
    ) -> None:
        """The days ahead and the audit trail, with the probabilities that are given: on trial, both twins speak."""
        patients = out.state.twins.patient_ids
        given = settled.frames[tables.Predictions].select("patient_id", "for_date", "probability", "lower", "upper")
        models = _transition_models(settled.frames[tables.Twins], patients)
        experts = self.updaters.experts(updater.model.version) if EXPERTS in models else None
        settled.frames.update(ahead_frames(updater, experts, out.state.twins, whole, said, models))
        week = settled.frames[tables.DaysAhead].update(given, on=["patient_id", "for_date"], how="left")
        settled.frames[tables.DaysAhead] = week

        audit = audit_frame(said, out.state.twins.versions(), whole, self.population)
        audit = audit.update(given, on=["patient_id", "for_date"], how="left")
        trail = self.earlier(tables.Audit, settled.batch)
        if trail is not None and late:
            audit = _as_given(audit, trail)
        own = self.days.filter(self.days["patient_id"].is_in(list(patients)))
        settled.frames[tables.Audit] = extended(trail, audit, own)


def _transition_models(rows: pl.DataFrame, patient_ids: Sequence[str]) -> list[str]:
    """Which model of the next day is each patient's.

    Args:
        rows: of `twin.twins`.
    """
    of = dict(rows.select("patient_id", "transition_model").iter_rows())
    return [of[patient] or STATE_SPACE for patient in patient_ids]


def _as_given(forecasts: pl.DataFrame, trail: pl.DataFrame) -> pl.DataFrame:
    """Forecasts, with the hash of what was known when they were first given.

    What a report says may be nothing that a twin learns from: it is the same twin, and says what it said.
    """
    key = list(tables.Audit.key)
    return forecasts.update(trail.select(*key, "inputs_hash"), on=key, how="left")


def _as_they_lie(earlier: Earlier, batch: str) -> dict[type[Table], pl.DataFrame] | None:
    """Everything that was said of a batch; None if some of it is missing.

    A night that is run again changes nothing: made anew, rows would differ by their rounding.
    """
    rows = {table: earlier(table, batch) for table in SETTLED}
    found = {table: frame for table, frame in rows.items() if frame is not None}
    return found if len(found) == len(rows) else None


def _updater(updaters: TwinUpdaters, batch: str, population: str) -> TwinUpdater:
    updater = updaters(population)
    if updater is None:
        raise TwinError(f"{batch}: the population of its twins is not there; materialise twin_population")
    return updater


def _evening_by_evening(
    updaters: TwinUpdaters,
    newest: TwinUpdater,
    places: Places,
    batch: TwinBatch,
    whole: Histories,
    asked: UpdateRequest,
) -> Outcome:
    """A batch's nights: at once, but one by one while a trial is on, whose weights and end are a night's.

    What is asked for is done after the last of them.
    """
    following = (batch.state.twins.as_of - whole.first).days + 2
    one_by_one = batch.trial is not None and following <= whole.days
    out: Outcome | None = None
    for days in range(following, whole.days + 1) if one_by_one else [whole.days]:
        updater = _updater(updaters, batch.name, batch.state.twins.population)
        request = asked if days == whole.days else UpdateRequest()
        now = update_batch(updater, newest, updaters, places, batch, whole.until(days), request)
        known = now.rows[tables.Twins].with_columns(previous_file_version=pl_text(now.previous))
        batch = TwinBatch(
            batch.name,
            now.state,
            {**now.rows, tables.Twins: known},
            now.trial,
            updaters(now.challenger_population) if now.trial else None,
        )
        out = now if out is None else replace(now, decisions=out.decisions + now.decisions)
    if out is None:
        raise TwinError(f"{batch.name}: there is no day to live")
    return out
