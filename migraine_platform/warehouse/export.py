"""The generator design document's CSV files, streamed batch by batch.

    patient_profiles.csv  sleep_data.csv  weather_data.csv  stress_diet_data.csv  migraine_events.csv  combined_data.csv

Belongs here: which file holds which columns under which name. One batch is in memory at a time; a file appears in the
folder only when all are whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.places import PlaceError

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class File:
    """One CSV file: its table, and the columns that the document calls otherwise or that lie in another table."""

    name: str
    table: type[Table]
    leave_out: tuple[str, ...] = ("patient_batch",)
    renamed: Mapping[str, str] = field(default_factory=dict)
    joined: type[Table] | None = None


FILES = (
    File(
        "patient_profiles.csv",
        tables.Patients,
        leave_out=("patient_batch", "intercept"),
        renamed={"has_aura": "with_aura"},
        joined=tables.TruthPatients,  # the document's profiles name the susceptibilities: they are truth
    ),
    File("sleep_data.csv", tables.SleepDays),
    File("weather_data.csv", tables.WeatherDays),
    File("stress_diet_data.csv", tables.DiaryDays),
    File(
        "migraine_events.csv",
        tables.Attacks,
        leave_out=("attack_id", "onset_at", "headache_end", "treated"),
        renamed={"headache_start": "date", "duration_hours": "duration"},
    ),
    File("combined_data.csv", tables.PatientDays),
)


def export_csv(folder: Path, batches: Iterable[Mapping[str, pl.DataFrame]]) -> list[tuple[Path, int]]:
    """Write the six files into a folder.

    Args:
        batches: the tables of one patient batch after the other, by declared name.

    Returns:
        The files and their rows.

    Raises:
        PlaceError: if a folder has the name of one of the files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    blocked = [file.name for file in FILES if (folder / file.name).is_dir()]
    if blocked:
        raise PlaceError(f"{folder}: a folder stands where a file belongs: {', '.join(blocked)}")
    rows = dict.fromkeys(FILES, 0)
    begun = False
    try:
        for batch in batches:
            for file in FILES:
                frame = content(file, batch)
                with _aside(folder, file).open("ab" if begun else "wb") as target:
                    frame.write_csv(target, include_header=not begun)
                rows[file] += frame.height
            begun = True
        for file in FILES:
            _aside(folder, file).replace(folder / file.name)
    finally:
        for file in FILES:
            _aside(folder, file).unlink(missing_ok=True)
    return [(folder / file.name, count) for file, count in rows.items()]


def content(file: File, batch: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One file's rows of one batch."""
    import polars as pl

    frame = batch[file.table.name]
    if file.joined is not None:
        frame = frame.join(batch[file.joined.name], on="patient_id")
    if file.table is tables.Attacks:
        frame = frame.with_columns(pl.col("headache_start").dt.date())
    return frame.drop(file.leave_out, strict=False).rename(dict(file.renamed))


def _aside(folder: Path, file: File) -> Path:
    return folder / f".{file.name}.{os.getpid()}.tmp"
