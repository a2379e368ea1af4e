"""The latent-state simulator's data set: latent states, inputs and migraine, split by patient.

    synthetic_migraine_train.csv  synthetic_migraine_val.csv  synthetic_migraine_meta.json

A patient is in one file or the other, never in both. One batch is in memory at a time; the three files appear together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migraine_platform.config.simulator.copula import COLUMN_OF
from migraine_platform.config.simulator.latent import AXES, INPUTS
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.exports.export import CsvSink, all_or_nothing

if TYPE_CHECKING:
    import polars as pl

NAME = "synthetic_migraine"
SPLITS = ("train", "val")
COLUMNS = {
    "patient_id": "patient",
    "t": "day, counted from 0",
    **{f"z_{axis}": f"latent state on day t: {axis}" for axis in AXES},
    **{name: f"input on day t, in its unit: {name}" for name in INPUTS},
    "y": "1 if day t is a migraine day",
}
"""What the data files hold; an input that nobody has (the cycle of a patient without one) is empty."""


def export_split(
    folder: Path, batches: Iterable[tuple[Mapping[str, pl.DataFrame], pl.Series]], meta: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the three files.

    Args:
        batches: patient batch by patient batch, the tables by declared name and the ids of its validation patients.
        meta: what to say of the data's origin: configuration, hash, seed.

    Returns:
        The content of the meta file.
    """
    paths = {split: folder / f"{NAME}_{split}.csv" for split in SPLITS}
    meta_path = folder / f"{NAME}_meta.json"
    counts = {split: {"patients": 0, "rows": 0, "migraine_days": 0} for split in SPLITS}
    with all_or_nothing([*paths.values(), meta_path]) as aside:
        with ExitStack() as stack:
            sinks = {split: stack.enter_context(CsvSink(aside[path])) for split, path in paths.items()}
            for frames, validation in batches:
                for split, rows in split_rows(frames, validation).items():
                    sinks[split].write(rows)
                    counts[split]["patients"] += rows["patient_id"].n_unique()
                    counts[split]["rows"] += rows.height
                    counts[split]["migraine_days"] += int(rows["y"].sum())
        splits = {
            split: {"file": paths[split].name, **count, "base_rate": count["migraine_days"] / max(count["rows"], 1)}
            for split, count in counts.items()
        }
        content = {"split_by": "patient", "splits": splits, "columns": COLUMNS, **meta}
        aside[meta_path].write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    return content


def split_rows(frames: Mapping[str, pl.DataFrame], validation: pl.Series) -> dict[str, pl.DataFrame]:
    """One batch's rows by split."""
    import polars as pl

    joined = frames[tables.PatientDays.name].join(frames[tables.TruthPatientDays.name], on=["patient_id", "date"])
    rows = joined.sort("patient_id", "date").select(
        "patient_id",
        (pl.int_range(pl.len()).over("patient_id")).alias("t"),
        *(f"z_{axis}" for axis in AXES),
        *(pl.col(COLUMN_OF.get(name, name)).alias(name) for name in INPUTS),
        pl.col("has_migraine").cast(pl.Int8).alias("y"),
    )
    held_out = pl.col("patient_id").is_in(validation.to_list())
    return {"train": rows.filter(~held_out), "val": rows.filter(held_out)}
