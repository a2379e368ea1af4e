"""What is known of each day: what was measured, with what people reported laid over it.

Belongs here: the one view that twins, questions, outcomes, evaluation and reports read. Does not: how statements are
laid over each other (overlay.py), or which of them are believed (row_validation.py).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from migraine_platform.ingest.overlay import overlay
from migraine_platform.ingest.sources.source import CELLS, KEY
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.tables.ingest import ONLY_REPORTED

if TYPE_CHECKING:
    import polars as pl


def recorded_days(measured: pl.DataFrame, observations: pl.DataFrame) -> pl.DataFrame:
    """Rows of `recorded.patient_days`.

    Args:
        measured: rows of `measured.patient_days`.
        observations: rows of `ingest.observations`; those of other patients and days do not count.
    """
    import polars as pl

    own = observations.join(measured.select(KEY), on=KEY, how="semi")
    blank = (pl.lit(None, polars_type(column)).alias(column.name) for column in ONLY_REPORTED)
    spoken = own.select(*KEY, reported=pl.lit(True))
    return (
        overlay(measured.with_columns(blank), own)
        .join(spoken, on=KEY, how="left", maintain_order="left")
        .with_columns(pl.col("reported").fill_null(False))
    )


def before_reports(frame: pl.DataFrame, recorded: pl.DataFrame, day: str = "date") -> pl.DataFrame:
    """Rows of days before anything was reported of the patient from outside.

    From then on he is somebody else than the simulated person of that name, and the simulation's truth is not his.

    Args:
        frame: rows with patient_id and a day.
        recorded: patient_id, date, reported of `recorded.patient_days`.
        day: name of the day's column.
    """
    import polars as pl

    since = recorded.filter("reported").group_by("patient_id").agg(since_report=pl.col("date").min())
    own = frame.join(since, on="patient_id", how="left", maintain_order="left")
    return own.filter((pl.col(day) < pl.col("since_report")).fill_null(True)).drop("since_report")


def somebody_is_simulated(recorded: pl.DataFrame) -> bool:
    """Whether a day is left whose truth the simulation knows.

    Args:
        recorded: patient_id, date, reported of `recorded.patient_days`.
    """
    return before_reports(recorded, recorded).height > 0


def content_hashes(observations: pl.DataFrame) -> pl.DataFrame:
    """patient_id, date, content_hash: what each observation says, as a hash.

    Args:
        observations: rows of `ingest.observations`.
    """
    import polars as pl

    said = [repr(row).encode() for row in observations.select(CELLS).iter_rows()]
    hashes = pl.Series([hashlib.sha256(one).hexdigest()[:12] for one in said], dtype=pl.String)
    return observations.select(*KEY, content_hash=hashes).sort(KEY)
