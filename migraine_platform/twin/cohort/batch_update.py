"""The daily update of one batch: from what the day before left in lake and files to what today leaves there.

    load      the twins, the watch and the trial of a batch, if they still fit population and code
    keep      the update itself; then, as requested, a trial begun or decided, or the former champions brought back
    settle    rows by table and files to be written

Belongs here: the order of these, and what is forgotten when. Does not: the update (daily_update.py), weights and
decisions (trials.py), where rows lie (the orchestrator).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from migraine_platform.twin.cohort.daily_update import CARRIED, DailyUpdate, TwinBatch, in_their_place, update_twins
from migraine_platform.twin.core.twins import TwinArrays, TwinError
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater, advance
from migraine_platform.twin.updating.storage import load_state, to_bytes, version_of
from migraine_platform.twin.updating.trials import DROPPED, ON_TRIAL, PROMOTED, ROLLED_BACK, Trial, challengers
from migraine_platform.twin.updating.update_rows import current_rows, detections_of, past_of
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import Places, replace_file

Earlier = Callable[[type[Table], str], "pl.DataFrame | None"]
"""Rows of a batch as an earlier night left them; None if there are none of this population and code."""

KEPT_ROWS: tuple[type[Table], ...] = (
    tables.Twins, tables.TwinStates, tables.AppliedObservations, tables.Predictions, tables.Watch, tables.Drift,
    tables.Challengers, tables.Retrainings, *CARRIED,
)  # fmt: skip


@dataclass(frozen=True)
class UpdateRequest:
    """What a run asks for besides the night."""

    retrain: str | None = None
    """Reasons to make challengers."""
    roll_back: bool = False


@dataclass(frozen=True)
class Outcome:
    """A batch after its night."""

    state: TwinState
    night: DailyUpdate | None
    """None if there was no new day."""
    rows: dict[type[Table], pl.DataFrame]
    """By table, of `twin`; those of the twins themselves are still to be brought up to the evening."""
    trial: Trial | None
    challenger_population: str
    decisions: list[dict[str, Any]] = field(default_factory=list)
    """Rows of `twin.retrainings` to be added."""
    previous: str | None = None
    """File of the twins that were replaced last."""


def load_batch(
    earlier: Earlier, places: Places, batch: str, updater_of: Callable[[str], TwinUpdater | None]
) -> TwinBatch | None:
    """A batch as the night before left it; None if it must be made anew.

    Args:
        updater_of: by version of the population; None if that is not there any more.
    """
    rows: dict[type[Table], pl.DataFrame | None] = {table: earlier(table, batch) for table in KEPT_ROWS}
    found: dict[type[Table], pl.DataFrame] = {table: frame for table, frame in rows.items() if frame is not None}
    if len(found) < len(rows) or found[tables.Twins].is_empty():
        return None
    version = found[tables.Twins]["file_version"][0]
    updater = updater_of(found[tables.Twins]["population_version"][0])
    try:
        state = load_state(places.twins(version))
        if updater is None or not updater.fits(state):
            return None
    except TwinError:
        return None
    trial, trial_updater = _trial(found[tables.Challengers], state, places, updater_of)
    return TwinBatch(batch, state, found, trial, trial_updater)


def _trial(
    rows: pl.DataFrame, champions: TwinState, places: Places, updater_of: Callable[[str], TwinUpdater | None]
) -> tuple[Trial | None, TwinUpdater | None]:
    """The trial of a batch, if one is on; one whose challengers are damaged or no longer fit is given up."""
    if rows.is_empty():
        return None, None
    try:
        state = load_state(places.twins(rows["file_version"][0]))
    except TwinError:
        return None, None
    updater = updater_of(state.twins.population)
    if updater is None or not updater.fits(state) or state.twins.as_of != champions.twins.as_of:
        return None, None
    order = {patient: place for place, patient in enumerate(rows["patient_id"])}
    own = rows[[order[patient] for patient in state.twins.patient_ids]]
    likelihoods = (own[f"{name}_log_likelihood"].to_numpy().copy() for name in ("champion", "challenger"))
    return Trial(state, rows["born_on"][0], own["prior"].to_numpy().copy(), *likelihoods), updater


def update_batch(
    updater: TwinUpdater,
    newest: TwinUpdater,
    updater_of: Callable[[str], TwinUpdater | None],
    places: Places,
    batch: TwinBatch,
    whole: Histories,
    asked: UpdateRequest,
) -> Outcome:
    """One batch's night, and what was asked for.

    Args:
        newest: of the population that was learned last; challengers are its.
        updater_of: by version of the population; former champions may be of an older one.
        whole: all days of the batch's patients, in the order of its twins.

    Raises:
        TwinError: if there is nothing to roll back to.
    """
    twins = batch.rows[tables.Twins]
    night = update_twins(updater, batch, whole) if batch.state.twins.as_of < whole.last else None
    trial = night.trial if night else batch.trial
    state = night.state if night else batch.state
    population = trial.challengers.twins.population if trial else newest.model.version
    rows = night.rows if night else batch.rows
    out = Outcome(state, night, rows, trial, population, previous=twins["previous_file_version"][0])
    champion = version_of(to_bytes(state))
    if asked.roll_back:
        return _rolled_back(updater_of, places, batch, whole, out)
    if trial is not None and trial.is_over(whole.last, updater.settings.retraining):
        return _decided(updater, updater_of(population) or newest, places, batch, whole, out, trial, champion)
    if asked.retrain and (trial is None or trial.born_on == whole.last):
        return _retrained(updater, newest, batch, whole, out, champion, asked.retrain)
    return out


def _decided(
    updater: TwinUpdater,
    challenger_updater: TwinUpdater,
    places: Places,
    batch: TwinBatch,
    whole: Histories,
    out: Outcome,
    trial: Trial,
    champion: str,
) -> Outcome:
    """A trial at its end: challengers that won take the champions' place, whose file is kept.

    Args:
        champion: version of the twins in use.
    """
    decision = PROMOTED if trial.wins(updater.settings.retraining) else DROPPED
    row = _row(batch, out, trial, decision, champion, "end of the trial", whole)
    after = replace(out, trial=None, decisions=[*out.decisions, row])
    if decision == DROPPED:
        return after
    replace_file(places.twins(champion), to_bytes(out.state))
    rows = in_their_place(challenger_updater, trial.challengers, out.rows, trial.born_on)
    return replace(after, state=trial.challengers, previous=champion, rows=rows)


def _retrained(
    updater: TwinUpdater, newest: TwinUpdater, batch: TwinBatch, whole: Histories, out: Outcome, champion: str, why: str
) -> Outcome:
    """Challengers of the newest population, on trial from tonight."""
    settings = updater.settings
    drift = detections_of(current_rows(out.rows[tables.Drift]))
    trial = challengers(newest, whole, drift, settings.retraining, settings.drift.change_probability)
    now = replace(out, trial=trial, challenger_population=newest.model.version)
    return replace(now, decisions=[*out.decisions, _row(batch, now, trial, ON_TRIAL, champion, why, whole)])


def _rolled_back(
    updater_of: Callable[[str], TwinUpdater | None], places: Places, batch: TwinBatch, whole: Histories, out: Outcome
) -> Outcome:
    """The former champions in use again, brought up to today."""
    if out.previous is None:
        raise TwinError(f"{batch.name}: nothing was replaced yet, so there is nothing to roll back to")
    former = load_state(places.twins(out.previous))
    updater = updater_of(former.twins.population)
    if updater is None or not updater.fits(former):
        raise TwinError(f"{batch.name}: the former twins are of another population or code; they cannot be used again")
    if (as_of := former.twins.as_of) < whole.last:
        former = advance(updater, former, whole, past_of(batch.rows, updater.settings, whole.patient_ids, as_of)).state
    previous = version_of(to_bytes(out.state))
    now = Trial(former, whole.last, *(np.zeros(whole.count) for _ in range(3)))
    decisions = [*out.decisions, _row(batch, out, now, ROLLED_BACK, previous, "asked for", whole)]
    replace_file(places.twins(previous), to_bytes(out.state))
    rows = in_their_place(updater, former, out.rows, whole.last)
    return replace(out, state=former, rows=rows, trial=None, previous=previous, decisions=decisions)


def _row(
    batch: TwinBatch, out: Outcome, trial: Trial, decision: str, champion: str, why: str, whole: Histories
) -> dict[str, Any]:
    return {
        "patient_batch": batch.name,
        "requested_on": trial.born_on,
        "decision": decision,
        "decided_on": whole.last,
        "reasons": why,
        "champion_version": champion,
        "challenger_version": version_of(to_bytes(trial.challengers)),
        "champion_population": out.state.twins.population,
        "challenger_population": trial.challengers.twins.population,
        "patients": whole.count,
        "nights": trial.nights(whole.last),
        "log_likelihood_gain": trial.gain,
    }


def challenger_frame(trial: Trial | None, places: Places) -> pl.DataFrame:
    """Rows of `twin.challengers`; the challengers are written to a file of their own."""

    from migraine_platform.warehouse.contracts import polars_type

    types = {column.name: polars_type(column) for column in tables.Challengers.columns}
    if trial is None:
        return pl.DataFrame(schema=types)
    content = to_bytes(trial.challengers)
    version = version_of(content)
    replace_file(places.twins(version), content)
    count = len(trial.prior)
    columns = {
        "patient_id": trial.challengers.twins.patient_ids,
        "file_version": [version] * count,
        "born_on": [trial.born_on] * count,
        "prior": trial.prior,
        "champion_log_likelihood": trial.champion,
        "challenger_log_likelihood": trial.challenger,
        "weight": trial.weight,
    }
    return pl.DataFrame(columns, schema=types)


def retraining_frame(before: pl.DataFrame | None, decisions: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of `twin.retrainings`: those that are there stay."""

    from migraine_platform.warehouse.contracts import polars_type

    types = {column.name: polars_type(column) for column in tables.Retrainings.columns}
    new = pl.DataFrame(decisions, schema=types, orient="row")
    if before is None:
        return new
    return pl.concat([before.join(new, on=tables.Retrainings.key, how="anti").select(new.columns), new])


def ended_trials(earlier: Earlier, batch: str, twins: TwinArrays, version: str) -> list[dict[str, Any]]:
    """A row of `twin.retrainings` for the trial that ends because all of a batch's twins are made anew.

    Args:
        twins: the new ones.
        version: of their file.
    """
    trial, before = earlier(tables.Challengers, batch), earlier(tables.Twins, batch)
    if trial is None or trial.is_empty() or before is None or before.is_empty():
        return []
    gain = (trial["challenger_log_likelihood"] - trial["champion_log_likelihood"]).sum()
    born_on = trial["born_on"][0]
    row = {
        "patient_batch": batch,
        "requested_on": born_on,
        "decision": DROPPED,
        "decided_on": twins.as_of,
        "reasons": f"all twins were made anew, as {version}",
        "champion_version": before["file_version"][0],
        "challenger_version": trial["file_version"][0],
        "champion_population": before["population_version"][0],
        "challenger_population": twins.population,
        "patients": trial.height,
        "nights": (twins.as_of - born_on).days,
        "log_likelihood_gain": float(gain),
    }
    return [row]


def in_use(frames: Mapping[type[Table], pl.DataFrame]) -> set[str]:
    """Files that rows of a batch name."""
    used: set[str] = set()
    for table in (tables.Challengers, tables.TwinStates):
        used |= set(frames[table]["file_version"]) if table in frames else set()
    for column in ("file_version", "previous_file_version"):
        used |= set(frames[tables.Twins][column].drop_nulls())
    return used
