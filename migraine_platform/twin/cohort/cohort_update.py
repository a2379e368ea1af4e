"""The daily update of a cohort, batch by batch: which batches can be updated, and what each leaves in lake and files.

Belongs here: from the lake's rows to rows for the lake. Does not: the update of one batch (daily_update.py,
batch_update.py), twins that are made anew (inputs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from migraine_platform.config import Settings
from migraine_platform.twin.cohort.audit import extended
from migraine_platform.twin.cohort.batch_update import (
    KEPT_ROWS,
    Earlier,
    Outcome,
    UpdateRequest,
    challenger_frame,
    in_use,
    keep,
    load,
    retraining_frame,
)
from migraine_platform.twin.cohort.build import audit_frame
from migraine_platform.twin.cohort.daily_update import TwinBatch, standing_frames
from migraine_platform.twin.cohort.inputs import Read, demand_somebody, read_histories
from migraine_platform.twin.cohort.replay import applied, changed, relived
from migraine_platform.twin.cohort.symptoms import CohortSymptoms
from migraine_platform.twin.cohort.updaters import TwinUpdaters
from migraine_platform.twin.core.prediction import TwinForecasts
from migraine_platform.twin.core.twins import TwinError
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.transition import EXPERTS, STATE_SPACE
from migraine_platform.twin.symptoms.progression import onset_frame
from migraine_platform.twin.updating.days_ahead import ahead_frames
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater
from migraine_platform.twin.updating.storage import to_bytes, version_of
from migraine_platform.twin.updating.stored_states import StoredStates, state_frame
from migraine_platform.twin.updating.trials import ROLLED_BACK
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import Places, replace_file

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


@dataclass(frozen=True)
class BatchUpdate:
    """What a batch's night leaves."""

    batch: str
    frames: dict[type[Table], pl.DataFrame]
    obsolete: set[str]
    """Files that nothing names any more, once the rows are written."""
    found: int
    """Changes of persons that were noticed."""


def load_batches(
    earlier: Earlier, places: Places, keepers: TwinUpdaters, batches: Sequence[str]
) -> list[TwinBatch] | None:
    """The batches as the night before left them; None if any of them must be made anew."""
    found: list[TwinBatch] = []
    for name in batches:
        batch = load(earlier, places, name, keepers)
        if batch is None:
            return None
        found.append(batch)
    return found


def keep_batches(
    read: Read,
    earlier: Earlier,
    settings: Settings,
    places: Places,
    keepers: TwinUpdaters,
    batches: Sequence[TwinBatch],
    asked: UpdateRequest,
    population: str,
    progress: Callable[[str], None],
) -> Iterator[BatchUpdate]:
    """The night of some batches.

    Args:
        population: hash of the population that the patients belong to.
    """
    newest = keepers()
    found = read_histories(read, settings)  # everybody, whoever is asked for: onsets are shrunk to the cohort
    demand_somebody(found)
    if newest is None:
        raise TwinError("twin.population: there is none; materialise twin_population first")
    symptoms = CohortSymptoms.fit(read, settings, found, newest.model.scales)
    onsets = symptoms.symptoms.onsets
    rows_of = {patient: row for row, patient in enumerate(found.histories.patient_ids)}
    days = read(tables.RecordedDays, [batch.name for batch in batches], ["patient_id", "date", "has_migraine"])
    observed = read(tables.Observations)
    for done, batch in enumerate(batches, start=1):
        patients = batch.kept.twins.patient_ids
        if missing := [patient for patient in patients if patient not in rows_of]:
            raise TwinError(f"{batch.name}: {len(missing)} patients have twins but no usable days; make the twins anew")
        own_rows = np.array([rows_of[patient] for patient in patients], dtype=np.int64)
        whole = found.histories.of(own_rows)
        keeper = _keeper(keepers, batch.name, batch.kept.twins.population)
        states = StoredStates(batch.rows[tables.TwinStates], keeper, places)
        told = applied(observed, patients, whole.last)
        late = changed(batch.rows[tables.AppliedObservations], told, batch.kept.twins.as_of)
        begun = relived(keeper, batch.trial_keeper, batch, whole, late, states)
        out = _evening_by_evening(keepers, newest, places, begun, whole, asked)
        if out.night is None and not out.decisions and not late and (lying := _as_they_lie(earlier, batch.name)):
            progress(f"{batch.name} ({done} of {len(batches)}): {len(patients)} twins, no new day")
            yield BatchUpdate(batch.name, lying, set(), 0)
            continue
        own = _keeper(keepers, batch.name, out.kept.twins.population)
        settled, said = _settled(own, places, batch, out, whole, states)
        settled.frames.update(symptoms.of(patients))
        twins = settled.frames[tables.Twins]
        settled.frames[tables.Twins] = twins.update(symptoms.severity, on="patient_id", how="left")
        models = _transition_models(settled.frames[tables.Twins], patients)
        experts = keepers.experts(own.model.version) if EXPERTS in models else None
        settled.frames.update(ahead_frames(own, experts, out.kept.twins, whole, said, models))
        # Former twins that came into use again know of no report since they were replaced: the next night tells them.
        returned = any(decision["decision"] == ROLLED_BACK for decision in out.decisions)
        settled.frames[tables.AppliedObservations] = told.clear() if returned else told
        settled.frames[tables.OnsetTimes] = onset_frame(patients, onsets.of(own_rows).given_tomorrow(said.began))
        audit = audit_frame(said, out.kept.twins.versions(), whole, population)
        given = settled.frames[tables.Predictions].select("patient_id", "for_date", "probability", "lower", "upper")
        audit = audit.update(given, on=["patient_id", "for_date"], how="left")  # on trial, both twins speak
        week = settled.frames[tables.DaysAhead].update(given, on=["patient_id", "for_date"], how="left")
        settled.frames[tables.DaysAhead] = week
        trail = earlier(tables.Audit, batch.name)
        if trail is not None and late:
            audit = _as_given(audit, trail)
        settled.frames[tables.Audit] = extended(trail, audit, days.filter(days["patient_id"].is_in(list(patients))))
        again = f", {len(late)} lived again with late observations" if late else ""
        progress(
            f"{batch.name} ({done} of {len(batches)}): {len(patients)} twins, {settled.found} changes noticed{again}"
        )
        yield settled


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


def _keeper(keepers: TwinUpdaters, batch: str, population: str) -> TwinUpdater:
    keeper = keepers(population)
    if keeper is None:
        raise TwinError(f"{batch}: the population of its twins is not there; materialise twin_population")
    return keeper


def _evening_by_evening(
    keepers: TwinUpdaters, newest: TwinUpdater, places: Places, batch: TwinBatch, whole: Histories, asked: UpdateRequest
) -> Outcome:
    """A batch's nights: at once, but one by one while a trial is on, whose weights and end are a night's.

    What is asked for is done after the last of them.
    """
    following = (batch.kept.twins.as_of - whole.first).days + 2
    one_by_one = batch.trial is not None and following <= whole.days
    out: Outcome | None = None
    for days in range(following, whole.days + 1) if one_by_one else [whole.days]:
        keeper = _keeper(keepers, batch.name, batch.kept.twins.population)
        request = asked if days == whole.days else UpdateRequest()
        now = keep(keeper, newest, keepers, places, batch, whole.until(days), request)
        known = now.rows[tables.Twins].with_columns(previous_file_version=pl_text(now.previous))
        batch = TwinBatch(
            batch.name,
            now.kept,
            {**now.rows, tables.Twins: known},
            now.trial,
            keepers(now.challenger_population) if now.trial else None,
        )
        if out is not None:
            now.decisions = out.decisions + now.decisions
        out = now
    if out is None:
        raise TwinError(f"{batch.name}: there is no day to live")
    return out


def pl_text(value: str | None) -> pl.Expr:
    """The same text, or null, in every row."""

    return pl.lit(value, dtype=pl.String)


def _settled(
    keeper: TwinUpdater, places: Places, batch: TwinBatch, out: Outcome, whole: Histories, states: StoredStates
) -> tuple[BatchUpdate, TwinForecasts]:
    """Rows by table but onset times, audit and applied observations; the twins are written to their file."""
    frames, said = standing_frames(keeper, out.kept, whole, out.rows)
    content = to_bytes(out.kept)
    version = version_of(content)
    replace_file(places.twins(version), content)
    names = [column.name for column in tables.Twins.columns]
    frames[tables.Twins] = (
        frames[tables.Twins]
        .with_columns(pl_text(version).alias("file_version"), pl_text(out.previous).alias("previous_file_version"))
        .select(names)
    )
    replaced = out.kept.twins.population != batch.kept.twins.population or out.previous != _previous(batch)
    stood = {} if replaced else _written(states.corrected, places)
    frames[tables.TwinStates] = state_frame(
        None if replaced else batch.rows[tables.TwinStates], batch.name, {**stood, whole.last: version}, whole.last
    )
    frames[tables.Challengers] = challenger_frame(out.trial, places)
    frames[tables.Retrainings] = retraining_frame(batch.rows[tables.Retrainings], out.decisions)
    obsolete = in_use(batch.rows) - in_use(frames)
    return BatchUpdate(
        batch.name, frames, obsolete, frames[tables.Drift].height - batch.rows[tables.Drift].height
    ), said


def _previous(batch: TwinBatch) -> str | None:
    """File of the twins that a batch's twins replaced."""
    version: str | None = batch.rows[tables.Twins]["previous_file_version"][0]
    return version


def _written(states: Mapping[date, TwinState], places: Places) -> dict[date, str]:
    """Each state in a file of its own, by evening."""
    versions: dict[date, str] = {}
    for evening, kept in states.items():
        content = to_bytes(kept)
        versions[evening] = version_of(content)
        replace_file(places.twins(versions[evening]), content)
    return versions
