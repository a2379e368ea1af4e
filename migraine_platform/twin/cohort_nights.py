"""A cohort's night, batch by batch: which batches can be kept, and what each leaves in lake and files.

Belongs here: from the lake's rows to rows for the lake. Does not: one batch's night (nights.py, keeping.py), twins that
are made anew (inputs.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config import Settings
from migraine_platform.priors.features import Feature
from migraine_platform.twin.audit import extended
from migraine_platform.twin.cohort import audit_frame
from migraine_platform.twin.drift.alarms import Thresholds
from migraine_platform.twin.histories import Histories
from migraine_platform.twin.inputs import Read, demand_somebody, keeper_of, read_histories
from migraine_platform.twin.keeping import (
    Asked,
    Earlier,
    Outcome,
    challenger_frame,
    in_use,
    keep,
    load,
    retraining_frame,
)
from migraine_platform.twin.lifecycle import Keeper
from migraine_platform.twin.model import Model, ModelError
from migraine_platform.twin.nights import Batch, standing_frames
from migraine_platform.twin.prediction import Predictions
from migraine_platform.twin.storage import to_bytes, version_of
from migraine_platform.twin.symptoms.progression import onset_times
from migraine_platform.twin.twins import TwinError
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.places import Places, replace_file

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Settled:
    """What a batch's night leaves."""

    batch: str
    frames: dict[type[Table], pl.DataFrame]
    obsolete: set[str]
    """Files that nothing names any more, once the rows are written."""
    found: int
    """Changes of persons that were noticed."""


class Keepers:
    """What twins of each population are kept by, made when asked for."""

    def __init__(self, read: Read, settings: Settings, features: tuple[Feature, ...]) -> None:
        self._rows = read(tables.TwinPopulation)
        self._thresholds = Thresholds.from_frame(read(tables.Thresholds))
        self._settings, self._features = settings, features
        self._made: dict[str | None, Keeper | None] = {}

    def __call__(self, version: str | None = None) -> Keeper | None:
        """A population's, by default the newest one's; None if it is not there any more."""
        if version not in self._made:
            try:
                model = Model.from_frame(self._rows, version)
            except ModelError:
                self._made[version] = None
            else:
                self._made[version] = keeper_of(model, self._settings, self._features, self._thresholds)
        return self._made[version]


def load_batches(earlier: Earlier, places: Places, keepers: Keepers, batches: Sequence[str]) -> list[Batch] | None:
    """The batches as the night before left them; None if any of them must be made anew."""
    found: list[Batch] = []
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
    keepers: Keepers,
    batches: Sequence[Batch],
    asked: Asked,
    population: str,
    progress: Callable[[str], None],
) -> Iterator[Settled]:
    """The night of some batches.

    Args:
        population: hash of the population that the patients belong to.
    """
    newest = keepers()
    found = read_histories(read, settings, [batch.name for batch in batches])
    demand_somebody(found)
    rows_of = {patient: row for row, patient in enumerate(found.histories.patient_ids)}
    days = read(tables.MeasuredDays, [batch.name for batch in batches], ["patient_id", "date", "has_migraine"])
    for done, batch in enumerate(batches, start=1):
        keeper = keepers(batch.kept.twins.population)
        if keeper is None or newest is None:
            raise TwinError(f"{batch.name}: the population of its twins is not there; materialise twin_population")
        patients = batch.kept.twins.patient_ids
        if missing := [patient for patient in patients if patient not in rows_of]:
            raise TwinError(f"{batch.name}: {len(missing)} patients have twins but no usable days; make the twins anew")
        whole = found.histories.of(np.array([rows_of[patient] for patient in patients], dtype=np.int64))
        out = keep(keeper, newest, places, batch, whole, asked)
        own = keepers(out.kept.twins.population) or keeper
        settled, said = _settled(own, places, batch, out, whole)
        settled.frames[tables.OnsetTimes] = onset_times(whole, said.began)
        audit = audit_frame(said, out.kept.twins.versions(), whole, population)
        trail = earlier(tables.Audit, batch.name)
        settled.frames[tables.Audit] = extended(trail, audit, days.filter(days["patient_id"].is_in(list(patients))))
        progress(f"{batch.name} ({done} of {len(batches)}): {len(patients)} twins, {settled.found} changes noticed")
        yield settled


def _settled(
    keeper: Keeper, places: Places, batch: Batch, out: Outcome, whole: Histories
) -> tuple[Settled, Predictions]:
    """Rows by table but onset times and audit; the twins are written to their file."""
    import polars as pl

    rows = out.night.rows if out.night else batch.rows
    frames, said = standing_frames(keeper, out.kept, whole, rows, out.trained_on)
    content = to_bytes(out.kept)
    version = version_of(content)
    replace_file(places.twins(version), content)
    names = [column.name for column in tables.Twins.columns]
    frames[tables.Twins] = (
        frames[tables.Twins]
        .with_columns(
            pl.lit(version).alias("file_version"), pl.lit(out.previous, pl.String).alias("previous_file_version")
        )
        .select(names)
    )
    frames[tables.Challengers] = challenger_frame(out.trial, places)
    frames[tables.Retrainings] = retraining_frame(batch.rows[tables.Retrainings], out.decisions)
    obsolete = in_use(batch.rows) - in_use(frames)
    return Settled(batch.name, frames, obsolete, out.night.found if out.night else 0), said
