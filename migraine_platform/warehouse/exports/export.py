"""The generator design document's files, streamed batch by batch, as CSV or Parquet.

    patient_profiles  sleep_data  weather_data  stress_diet_data  migraine_events  combined_data

Belongs here: which file holds which columns under which name. One batch is in memory at a time; a file appears in the
folder only when all are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import PlaceError, written_aside

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class File:
    """One file: its table, and the columns that the document calls otherwise or that lie in another table."""

    name: str
    table: type[Table]
    leave_out: tuple[str, ...] = ("patient_batch",)
    renamed: Mapping[str, str] = field(default_factory=dict)
    joined: type[Table] | None = None


LENGTHS = ("prodrome_hours", "postdrome_hours", "headache_hours")
TRAITS = ("severity", "aura_share", "prodrome_share", "weekend_log_odds", *LENGTHS)

FILES = (
    File(
        "patient_profiles",
        tables.Patients,
        leave_out=("patient_batch", "menstruates", "intercept", "diary_adherence", *TRAITS),
        renamed={"has_aura": "with_aura"},
        joined=tables.TruthPatients,  # the document's profiles name the susceptibilities: they are truth
    ),
    File("sleep_data", tables.SleepDays),
    File("weather_data", tables.WeatherDays),
    File("stress_diet_data", tables.DiaryDays),
    File(
        "migraine_events",
        tables.Attacks,
        leave_out=(
            *("attack_id", "onset_at", "headache_end", "postdrome_end"),
            *("with_prodrome", "treated", "acute_drug"),
        ),
        renamed={"headache_start": "date", "duration_hours": "duration"},
    ),
    File("combined_data", tables.PatientDays),
)


Shape = Literal["csv", "parquet"]


def export_files(
    folder: Path, batches: Iterable[Mapping[str, pl.DataFrame]], shape: Shape = "csv"
) -> list[tuple[Path, int]]:
    """Write the six files into a folder.

    Args:
        batches: the tables of one patient batch after the other, by declared name.

    Returns:
        The files and their rows.

    Raises:
        PlaceError: if a folder has the name of one of the files.
    """
    targets = {file: folder / f"{file.name}.{shape}" for file in FILES}
    rows = dict.fromkeys(FILES, 0)
    with all_or_nothing(list(targets.values())) as aside, ExitStack() as stack:
        sinks = {file: _SINKS[shape](aside[target]) for file, target in targets.items()}
        for sink in sinks.values():
            stack.enter_context(sink)
        for batch in batches:
            for file, sink in sinks.items():
                frame = content(file, batch)
                sink.write(frame)
                rows[file] += frame.height
    return [(target, rows[file]) for file, target in targets.items()]


@contextmanager
def all_or_nothing(targets: Sequence[Path]) -> Iterator[dict[Path, Path]]:
    """Files that appear in their places together once the block has ended well; yields where to write each meanwhile.

    Raises:
        PlaceError: if a folder stands where a file belongs.
    """
    blocked = [target.name for target in targets if target.is_dir()]
    if blocked:
        raise PlaceError(f"{targets[0].parent}: a folder stands where a file belongs: {', '.join(blocked)}")
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
    aside = {target: written_aside(target) for target in targets}
    try:
        yield aside
        for target, temporary in aside.items():
            temporary.replace(target)
    finally:
        for temporary in aside.values():
            temporary.unlink(missing_ok=True)


class CsvSink:
    """A CSV file, frame after frame under one header."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> CsvSink:
        self._file = self._path.open("wb")
        self._begun = False
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        frame.write_csv(self._file, include_header=not self._begun)
        self._begun = True


class ParquetSink:
    """A Parquet file, a row group a frame."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> ParquetSink:
        self._writer: Any = None
        return self

    def __exit__(self, *raised: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, frame: pl.DataFrame) -> None:
        """Append rows."""
        import pyarrow.parquet as pq

        table = frame.to_arrow()
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="lz4")
        self._writer.write_table(table)


_SINKS: dict[Shape, Callable[[Path], CsvSink | ParquetSink]] = {"csv": CsvSink, "parquet": ParquetSink}


def content(file: File, batch: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One file's rows of one batch."""
    import polars as pl

    frame = batch[file.table.name]
    if file.joined is not None:
        frame = frame.join(batch[file.joined.name], on="patient_id")
    if file.table is tables.Attacks:
        frame = frame.with_columns(pl.col("headache_start").dt.date())
    return frame.drop(file.leave_out, strict=False).rename(dict(file.renamed))
