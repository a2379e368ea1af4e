"""What the update of a batch leaves: rows by table, the twins in files, and which files nothing names any more.

Belongs here: from an outcome to rows and files. Does not: what happened to the batch (batch_update.py), what is
computed for the whole cohort (cohort_update.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from migraine_platform.twin.cohort.batch_update import Outcome, challenger_frame, in_use, retraining_frame
from migraine_platform.twin.cohort.daily_update import TwinBatch, current_frames
from migraine_platform.twin.core.prediction import TwinForecasts
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater
from migraine_platform.twin.updating.storage import to_bytes, version_of
from migraine_platform.twin.updating.stored_states import StoredStates, state_frame
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import Places, replace_file


@dataclass(frozen=True)
class BatchUpdate:
    """What a batch's night leaves."""

    batch: str
    frames: dict[type[Table], pl.DataFrame]
    obsolete: set[str]
    """Files that nothing names any more, once the rows are written."""
    found: int
    """Changes of persons that were noticed."""


def pl_text(value: str | None) -> pl.Expr:
    """The same text, or null, in every row."""

    return pl.lit(value, dtype=pl.String)


def settle(
    updater: TwinUpdater, places: Places, batch: TwinBatch, out: Outcome, whole: Histories, states: StoredStates
) -> tuple[BatchUpdate, TwinForecasts]:
    """Rows by table but onset times, audit and applied observations; the twins are written to their file."""
    frames, said = current_frames(updater, out.state, whole, out.rows)
    content = to_bytes(out.state)
    version = version_of(content)
    replace_file(places.twins(version), content)
    names = [column.name for column in tables.Twins.columns]
    frames[tables.Twins] = (
        frames[tables.Twins]
        .with_columns(pl_text(version).alias("file_version"), pl_text(out.previous).alias("previous_file_version"))
        .select(names)
    )
    replaced = out.state.twins.population != batch.state.twins.population or out.previous != _previous(batch)
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
    for evening, state in states.items():
        content = to_bytes(state)
        versions[evening] = version_of(content)
        replace_file(places.twins(versions[evening]), content)
    return versions
