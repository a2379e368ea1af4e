"""The lake: Parquet partitions, each written whole or not at all, each saying what it is.

    <root>/<schema>/<table>/<partition>.parquet              the rows; the stamp lies in the file's own metadata
    <root>/<schema>/<table>/<partition>.<check>.audit.json   a seal: which bytes passed the check (seals.py)

Belongs here: reading, writing and stamping partitions. Does not: what rows must look like (contracts.py).
The root is any URL that fsspec opens. A reader sees the old file or the new one: a local file is renamed into place,
an object store's put is atomic by itself.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migraine_platform.config.hashing import maker_version
from migraine_platform.errors import UserError
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.atomic_files import AtomicFileSet
from migraine_platform.warehouse.lake.places import replace_file
from migraine_platform.warehouse.lake.seals import Sealed, Seals

if TYPE_CHECKING:
    import polars as pl

WHOLE = "all"
"""Partition name of a table that is not cut by patient batch."""

_STAMP = "migraine_platform"


class LakeError(UserError):
    """The lake does not hold what was asked for; the message names table and partition."""


@dataclass(frozen=True)
class Stamp:
    """What a partition belongs to. Partitions of different stamps never meet in one warehouse."""

    population: str
    code: str
    last_date: date | None = None

    def to_json(self) -> str:
        """Compact and in a fixed order: the same stamp is the same bytes."""
        return json.dumps({**asdict(self), "last_date": self.last_date and self.last_date.isoformat()}, sort_keys=True)

    def of(self, table: type[Table]) -> Stamp:
        """The stamp that a table's partitions carry: the code that makes this table; a last day if it has days."""
        code = self.code + maker_version(table.schema_name())
        return replace(self, code=code, last_date=self.last_date if table.by_days else None)

    def __str__(self) -> str:
        """The stamp in words."""
        last = f", to {self.last_date}" if self.last_date else ""
        return f"population {self.population}, code {self.code}{last}"

    @classmethod
    def from_json(cls, text: str) -> Stamp:
        """Inverse of `to_json`."""
        content = json.loads(text)
        last = content["last_date"]
        return cls(content["population"], content["code"], date.fromisoformat(last) if last else None)


class Lake:
    """Parquet partitions of declared tables under one root URL."""

    def __init__(self, root: str) -> None:
        from fsspec.core import url_to_fs

        self.root = root
        try:
            self._fs, self._base = url_to_fs(root)
        except (ValueError, ImportError) as error:
            raise LakeError(f'lake_url "{root}" cannot be opened: {error}; expected a folder or a URL') from None
        self._local = "file" in _protocols(self._fs)
        self._seals = Seals(self._fs, self._base, self._put)
        self._file_sets = AtomicFileSet(self._fs, self._base, self._local, self._put)

    def write(self, table: type[Table], partition: str, frame: pl.DataFrame, stamp: Stamp) -> None:
        """Replace one partition, rows sorted by the table's key, columns in the declared order.

        The part of the stamp that concerns the table is written into the file.

        Raises:
            LakeError: if the frame lacks a declared column or has one too many.
        """
        self._put(self._path(table, partition), _encoded(table, partition, frame, stamp))

    def write_many(self, frames: Mapping[type[Table], pl.DataFrame], partition: str, stamp: Stamp) -> None:
        """Replace one partition of several tables, all of them or none: they were made together, and go on together.

        Of a process that is killed meanwhile, `recover_pending_writes` finishes what can be finished.
        """
        self._file_sets.replace(
            {
                _place(table, partition): partial(_encoded, table, partition, frame, stamp)
                for table, frame in frames.items()
            }
        )

    def recover_pending_writes(self) -> None:
        """Finish the writes of several tables that a killed process left half done; to be called before reading."""
        self._file_sets.recover_pending_writes()

    def read(
        self,
        table: type[Table],
        partitions: Sequence[str] = (WHOLE,),
        columns: Sequence[str] | None = None,
        stamp: Stamp | None = None,
    ) -> pl.DataFrame:
        """The rows of some partitions, in the order given.

        Args:
            columns: which columns to read; by default all.
            stamp: what the partitions must belong to, so that nothing is made from stale inputs.

        Raises:
            LakeError: naming the partitions that are not there, or that belong to another population.
        """
        import polars as pl

        self._demand(table, partitions)
        frames: list[pl.DataFrame] = []
        for part in partitions:
            if stamp is not None and (found := self.stamp(table, part)) != stamp.of(table):
                raise LakeError(
                    f"{table.name}, {part}: is of {found}; expected {stamp.of(table)}; materialise it again first"
                )
            with self._readable(table, part):
                content = io.BytesIO(self._get(table, part))
                frames.append(pl.read_parquet(content, columns=None if columns is None else list(columns)))
        return pl.concat(frames)

    def stamp(self, table: type[Table], partition: str) -> Stamp:
        """What a partition says it belongs to.

        Raises:
            LakeError: if the file was not written by the platform.
        """
        import polars as pl

        with self._readable(table, partition), self._fs.open(self._path(table, partition), "rb") as file:
            metadata = pl.read_parquet_metadata(file)
        if _STAMP not in metadata:
            raise LakeError(f"{table.name}, {partition}: not written by the platform (it carries no stamp)")
        return Stamp.from_json(metadata[_STAMP])

    def missing(self, table: type[Table], partitions: Iterable[str]) -> list[str]:
        """Which of the partitions are not there."""
        return [part for part in partitions if not self._fs.exists(self._path(table, part))]

    def rows(self, table: type[Table], partitions: Iterable[str]) -> int:
        """How many rows some partitions hold, read from the files' footers.

        Raises:
            LakeError: naming the partitions that are not there, or are damaged.
        """
        import polars as pl

        total = 0
        partitions = list(partitions)
        self._demand(table, partitions)
        for part in partitions:
            with self._readable(table, part), self._fs.open(self._path(table, part), "rb") as file:
                total += pl.scan_parquet(file).select(pl.len()).collect().item()
        return total

    def seal(self, table: type[Table], partition: str, content_hash: str, check: str, passed: bool = True) -> None:
        """Record that exactly these bytes passed a check, under the table's contract of today; or that none do now."""
        if passed:
            self._seals.put(_place(table, partition, ""), check, Sealed(content_hash, table.fingerprint()))
        else:
            self._seals.remove(_place(table, partition, ""), check)

    def sealed(self, table: type[Table], partition: str) -> bool:
        """Whether the partition's present bytes passed every check that the table demands."""
        return self.sealed_hash(table, partition) is not None

    def sealed_hash(self, table: type[Table], partition: str) -> str | None:
        """The hash of the present bytes if these passed every check that the table demands; else None."""
        content_hash = self.content_hash(table, partition)
        wanted = Sealed(content_hash, table.fingerprint())
        passed = all(self._seals.found(_place(table, partition, ""), check) == wanted for check in table.audits)
        return content_hash if passed else None

    def content_hash(self, table: type[Table], partition: str) -> str:
        """SHA-256 of a partition's file."""
        self._demand(table, [partition])
        return hashlib.sha256(self._get(table, partition)).hexdigest()

    def read_sealable(self, table: type[Table], partition: str) -> tuple[pl.DataFrame, str]:
        """A partition's rows with the hash of the very bytes they were read from."""
        import polars as pl

        self._demand(table, [partition])
        content = self._get(table, partition)
        with self._readable(table, partition):
            return pl.read_parquet(io.BytesIO(content)), hashlib.sha256(content).hexdigest()

    def sql_source(self, connection: Any, table: type[Table], partitions: Sequence[str]) -> str:
        """A `read_parquet(...)` expression over some partitions, for a DuckDB connection.

        Raises:
            LakeError: naming the partitions that are not there.
        """
        self._demand(table, partitions)
        paths = [self._path(table, part) for part in partitions]
        if not self._local:
            protocol = _protocols(self._fs)[0]
            if protocol not in connection.list_filesystems():
                connection.register_filesystem(self._fs)
            paths = [f"{protocol}://{path.lstrip('/')}" for path in paths]
        quoted = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        return f"read_parquet([{quoted}])"

    @contextmanager
    def _readable(self, table: type[Table], partition: str) -> Iterator[None]:
        """A file that is no Parquet is named by table and partition."""
        import polars as pl

        try:
            yield
        except pl.exceptions.PolarsError:
            raise LakeError(f"{table.name}, {partition}: the file is damaged; materialise it again") from None

    def _demand(self, table: type[Table], partitions: Sequence[str]) -> None:
        missing = self.missing(table, partitions)
        if missing:
            shown = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            raise LakeError(f"{table.name}: not in the lake yet: {shown}; materialise it first")

    def _path(self, table: type[Table], partition: str) -> str:
        return f"{self._base}/{_place(table, partition)}"

    def _get(self, table: type[Table], partition: str) -> bytes:
        return bytes(self._fs.cat_file(self._path(table, partition)))

    def _put(self, path: str, content: bytes) -> None:
        if self._local:
            replace_file(Path(path), content)
        else:
            self._fs.pipe_file(path, content)


def _place(table: type[Table], partition: str, suffix: str = ".parquet") -> str:
    return f"{table.schema_name()}/{table.table_name()}/{partition}{suffix}"


def _encoded(table: type[Table], partition: str, frame: pl.DataFrame, stamp: Stamp) -> bytes:
    """A partition's file."""
    declared = [column.name for column in table.columns]
    if set(frame.columns) != set(declared):
        lacking = sorted(set(declared) - set(frame.columns))
        extra = sorted(set(frame.columns) - set(declared))
        raise LakeError(f"{table.name}, {partition}: columns missing: {lacking}; not declared: {extra}")
    buffer = io.BytesIO()
    ordered = frame if _is_sorted(frame, table.key) else frame.sort(table.key)
    ordered.select(declared).write_parquet(buffer, compression="lz4", metadata={_STAMP: stamp.of(table).to_json()})
    return buffer.getvalue()


def _protocols(filesystem: Any) -> tuple[str, ...]:
    protocol = filesystem.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


def _is_sorted(frame: pl.DataFrame, key: Sequence[str]) -> bool:
    """Whether rows follow each other by the key; cheaper to ask than to sort."""
    import polars as pl

    later = pl.lit(True)
    for name in reversed(key):
        column, before = pl.col(name), pl.col(name).shift(1)
        later = (column > before) | ((column == before) & later)
    return bool(frame.select(later.fill_null(True).all()).item())
