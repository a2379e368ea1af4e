"""What an evaluation's figures were made from: hashes of configuration and data, versions of models and code."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from migraine_platform.config import Settings
from migraine_platform.config.hashing import digest
from migraine_platform.twin.cohort.inputs import Read
from migraine_platform.twin.core.model import newest
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import Stamp

if TYPE_CHECKING:
    import polars as pl

TWIN_POPULATION, IN_USE = "population of twins", "populations of the twins in use"
"""That which is judged, learned last; and those that tonight's forecasts are by: the same, but after a retraining."""


def provenance_frame(settings: Settings, stamp: Stamp, read: Read, asked: bool) -> pl.DataFrame:
    """Rows of `evaluation.provenance`.

    Args:
        asked: whether ALINE's checkpoint is promoted, and was compared.
    """
    import polars as pl

    cohort = settings.simulator.cohort
    used = read(tables.Twins, cohort.batch_names, ["population_version"])["population_version"].unique().sort()
    checkpoints = read(tables.Checkpoints, columns=["version"])["version"].to_list()
    rows = {
        "preset": settings.preset,
        "cohort": f"{cohort.patients} patients x {cohort.days} days",
        "last day": f"{stamp.last_date}",
        "simulated population": stamp.population,
        "code": stamp.code,
        "configuration of the evaluation": digest(settings.evaluation.model_dump_json().encode()),
        "configuration of the twins": digest(settings.twin.model_dump_json().encode()),
        TWIN_POPULATION: newest(read(tables.TwinPopulation)) or "none",
        IN_USE: ", ".join(used) or "none",
        "ALINE's checkpoint": checkpoints[0] if asked else "none is promoted",
        "diaries of the study": _digest(read(tables.StudyDays)),
    }
    return pl.DataFrame({"item": list(rows), "value": list(rows.values())})


def _digest(frame: pl.DataFrame) -> str:
    """First digits of the hash of a table's rows; `none` of an empty one."""
    if frame.is_empty():
        return "none"
    return hashlib.sha256(frame.sort(frame.columns).write_csv().encode()).hexdigest()[:16]
