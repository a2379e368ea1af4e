"""Publish: from an audited, complete set of partitions to `warehouse.duckdb`, built aside and renamed into place.

A person with the warehouse open keeps what was open; whoever opens it next sees the new one; nobody sees half of one.
One publisher at a time. What does not belong together is refused before anything is built: missing partitions,
partitions whose bytes did not pass every check, partitions of different populations, code versions or last days.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from migraine_platform.config.hashing import package_version
from migraine_platform.errors import UserError
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import Lake, Stamp
from migraine_platform.warehouse.marts import MARTS, Mart

if TYPE_CHECKING:
    import duckdb

Plan = Mapping[type[Table], Sequence[str]]
"""Which partitions of which tables are to be published."""

Sealed = Mapping[tuple[type[Table], str], str]
"""Table and partition -> the hash of the bytes that passed their audit."""

LOCK_PATIENCE_SECONDS = 300

PUBLICATION = {
    "published_at": ("TIMESTAMP", "When the warehouse was published, UTC"),
    "population": ("VARCHAR", "Hash of the simulated population: configuration and workbook, without the horizon"),
    "code_version": ("VARCHAR", "Release and digest of the whole source that published it"),
    "last_date": ("DATE", "Last day that the cohort has lived"),
    "partitions": ("BIGINT", "Partitions of the lake that it was built from"),
}
"""Columns of `lineage.publication`: type and meaning."""


class PublishError(UserError):
    """The set cannot be published; the last published warehouse is untouched."""


@dataclass(frozen=True)
class Publication:
    """What was published."""

    path: Path
    stamp: Stamp
    rows: dict[str, int]
    """Rows by table and mart."""


def publish(
    lake: Lake, plan: Plan, target: Path, expected: Stamp, progress: Callable[[str], None] = lambda line: None
) -> Publication:
    """Build the warehouse aside and rename it into place.

    Args:
        plan: every table to be published, with its partitions.
        target: path of the warehouse.
        expected: the stamp that every partition must carry (`last_date` where the table has days).
        progress: told one line per table.

    Raises:
        PublishError: if the set is incomplete, not audited, or mixed, or another publisher holds the lock.
    """
    target = Path(os.path.realpath(target))  # a link to a share stays a link
    target.parent.mkdir(parents=True, exist_ok=True)
    with _only_publisher(target):
        sealed = _demand_publishable(lake, plan, expected)
        for stale in target.parent.glob(f".{target.name}.*.tmp*"):
            stale.unlink(missing_ok=True)
        aside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            rows = _build(lake, plan, aside, expected, progress)
            _demand_unchanged(lake, sealed)
            _demand_readable(aside, rows)
            _demand_agreement(aside, plan)
            _flush(aside)
            _replace(aside, target)
        finally:
            aside.unlink(missing_ok=True)
    return Publication(target, expected, rows)


@contextmanager
def _only_publisher(target: Path) -> Iterator[None]:
    """Hold the publisher's lock; the kernel lets go of it when the process ends, however it ends."""
    with target.with_name(f".{target.name}.lock").open("w") as lock:
        deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise PublishError(
                        f"{target.name}: another run has been publishing for {LOCK_PATIENCE_SECONDS} s; try again later"
                    ) from None
                time.sleep(0.2)
        yield


def _demand_publishable(lake: Lake, plan: Plan, expected: Stamp) -> Sealed:
    """The hash of every partition, after making sure that all are there, of one stamp, and sealed."""
    problems: list[str] = []
    sealed: dict[tuple[type[Table], str], str] = {}
    for table, partitions in plan.items():
        missing = set(lake.missing(table, partitions))
        if missing:
            problems.append(f"{table.name}: not in the lake: {_some(sorted(missing))}")
        present = [part for part in partitions if part not in missing]
        foreign = {part: lake.stamp(table, part) for part in present}
        foreign = {part: stamp for part, stamp in foreign.items() if stamp != expected.of(table)}
        if foreign:
            part, stamp = next(iter(foreign.items()))
            problems.append(
                f"{table.name}: of another population, code version or last day: {_some(list(foreign))} "
                f"({part} is {stamp}; expected {expected.of(table)})"
            )
        hashes = {part: lake.sealed_hash(table, part) for part in present if part not in foreign}
        sealed |= {(table, part): seen for part, seen in hashes.items() if seen is not None}
        unaudited = [part for part, seen in hashes.items() if seen is None]
        if unaudited:
            problems.append(f"{table.name}: not audited, or an audit failed: {_some(unaudited)}")
    if problems:
        raise PublishError(
            "nothing was published, the last warehouse stays; materialise these again:\n  " + "\n  ".join(problems)
        )
    return sealed


def _demand_unchanged(lake: Lake, sealed: Sealed) -> None:
    """A run that rewrote a partition while the warehouse was built may have mixed it in, unaudited."""
    changed = [
        f"{table.name} {part}" for (table, part), seen in sealed.items() if lake.content_hash(table, part) != seen
    ]
    if changed:
        raise PublishError(
            f"nothing was published: rewritten by another run meanwhile: {_some(changed)}; publish again"
        )


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _demand_readable(path: Path, rows: Mapping[str, int]) -> None:
    """Open what was built as a reader will, and count again."""
    import duckdb

    with duckdb.connect(str(path), read_only=True) as connection:
        wrong = [name for name, count in rows.items() if _count(connection, name) != count]
    if wrong:
        raise PublishError(f"nothing was published: rows got lost on the way to the file: {_some(wrong)}")


def _demand_agreement(path: Path, plan: Plan) -> None:
    """What one table says of another must be there: answers of an older model are not published beside a newer one."""
    import duckdb

    stale: list[str] = []
    with duckdb.connect(str(path), read_only=True) as connection:
        for table in plan:
            for column, place in table.agrees.items():
                other, _, name = place.rpartition(".")
                absent = f"SELECT count(*) FROM {table.name} WHERE {column} NOT IN (SELECT {name} FROM {other})"
                row = connection.execute(absent).fetchone()
                if row and row[0]:
                    stale.append(f"{table.name}: {row[0]:,} rows whose {column} is not in {other}")
    if stale:
        raise PublishError(
            "nothing was published, the last warehouse stays; materialise these again:\n  " + "\n  ".join(stale)
        )


def _replace(aside: Path, target: Path) -> None:
    """Rename into place. A write-ahead log of the old file, left by a client that wrote to it and died, must not be
    replayed into the new one.
    """
    log = target.with_name(f"{target.name}.wal")
    log.unlink(missing_ok=True)
    aside.replace(target)
    log.unlink(missing_ok=True)
    _flush(target.parent)


def _build(lake: Lake, plan: Plan, path: Path, stamp: Stamp, progress: Callable[[str], None]) -> dict[str, int]:
    import duckdb

    path.unlink(missing_ok=True)
    rows: dict[str, int] = {}
    with duckdb.connect(str(path)) as connection:
        connection.execute("SET enable_progress_bar = false")  # it would draw into the run's log
        for table, partitions in plan.items():
            rows[table.name] = _create_table(connection, lake, table, partitions)
            progress(f"{table.name}: {rows[table.name]:,} rows")
        for mart in MARTS:
            _create_mart(connection, mart)
            rows[mart.name] = _count(connection, mart.name)
        _create_publication(connection, stamp, plan)
        connection.execute("CHECKPOINT")
    return rows


def _create_table(
    connection: duckdb.DuckDBPyConnection, lake: Lake, table: type[Table], partitions: Sequence[str]
) -> int:
    """Insert by name, so that a reordered column can never land in another one's place."""
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {table.schema_name()}")
    columns = ", ".join(
        f'"{column.name}" {column.sql_type}{"" if column.nullable else " NOT NULL"}' for column in table.columns
    )
    connection.execute(f"CREATE TABLE {table.name} ({columns})")
    source = lake.sql_source(connection, table, partitions)
    connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM {source}")
    meanings = {column.name: column.comment for column in table.columns}
    _describe(connection, "TABLE", table.name, f"{table.description()} Key: {', '.join(table.key)}.", meanings)
    return _count(connection, table.name)


def _create_mart(connection: duckdb.DuckDBPyConnection, mart: Mart) -> None:
    connection.execute("CREATE SCHEMA IF NOT EXISTS marts")
    connection.execute(f"CREATE VIEW {mart.name} AS {mart.sql}")
    _describe(connection, "VIEW", mart.name, mart.description, mart.columns)


def _create_publication(connection: duckdb.DuckDBPyConnection, stamp: Stamp, plan: Plan) -> None:
    connection.execute("CREATE SCHEMA lineage")
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in PUBLICATION.items())
    connection.execute(f"CREATE TABLE lineage.publication ({columns})")
    parts = sum(len(partitions) for partitions in plan.values())
    connection.execute(
        "INSERT INTO lineage.publication VALUES (?, ?, ?, ?, ?)",
        [datetime.now(UTC).replace(tzinfo=None), stamp.population, package_version(), stamp.last_date, parts],
    )
    meanings = {name: meaning for name, (_, meaning) in PUBLICATION.items()}
    about = "What this warehouse was made from, and when (UTC)."
    _describe(connection, "TABLE", "lineage.publication", about, meanings)


def _describe(
    connection: duckdb.DuckDBPyConnection, kind: str, name: str, text: str, columns: Mapping[str, str]
) -> None:
    """Comment on a table or view and its columns, in one transaction: each by itself would wait for the disk."""
    comments = {f"{kind} {name}": text} | {f'COLUMN {name}."{column}"': said for column, said in columns.items()}
    connection.begin()
    for what, said in comments.items():
        quoted = said.replace("'", "''")
        connection.execute(f"COMMENT ON {what} IS '{quoted}'")
    connection.commit()


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
    return int(row[0]) if row else 0


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
