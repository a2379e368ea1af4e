"""From the files that were taken to the tables: a pure function of what lies in the inbox's folders.

Belongs here: what the three tables hold. Nothing is carried over from an earlier run: another population, another
last day or a lost lake only means reading the accepted files again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from migraine_platform.config.hashing import digest as digest_of
from migraine_platform.config.ingest import Ingest
from migraine_platform.ingest.inbox import Stuck
from migraine_platform.ingest.overlay import merged
from migraine_platform.ingest.receipts import Receipt, content_of, kept
from migraine_platform.ingest.row_validation import validate_rows
from migraine_platform.ingest.sources.registry import read
from migraine_platform.ingest.sources.source import Refused
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import InboxFolder
from migraine_platform.warehouse.tables.ingest import Files, Observations, Quarantine

if TYPE_CHECKING:
    import polars as pl


def record(
    folder: InboxFolder,
    settings: Ingest,
    patients: Sequence[str],
    first: date,
    last: date,
    stuck: Sequence[Stuck] = (),
) -> dict[type[Table], pl.DataFrame]:
    """Rows of `ingest.files`, `ingest.observations` and `ingest.quarantine`.

    Args:
        patients: everybody in the cohort.
        first, last: the cohort's days.
        stuck: files that wait and could not be taken.

    Raises:
        InboxError: if an accepted file is not what it was when it was accepted.
    """
    import polars as pl

    files: list[dict[str, Any]] = []
    said, doubted = [_empty(Observations)], [_empty(Quarantine)]
    accepted = kept(folder, "accepted")
    for receipt in accepted:
        reading = read(content_of(folder, receipt), receipt.suffix, settings)
        if isinstance(reading, Refused):  # it could be read when it came, under other settings
            files.append(_file(receipt, reading.reason))
            continue
        judged = validate_rows(reading, patients, first, last)
        files.append(_file(receipt, None, judged.count, judged.rows.height))
        digest = pl.lit(receipt.digest).alias("digest")
        said.append(judged.rows.with_columns(digest).select(said[0].columns))
        doubted.append(judged.quarantine.with_columns(digest).select(doubted[0].columns))
    files += [_waiting(one, place) for place, one in enumerate(stuck, start=1)]
    known = {receipt.digest for receipt in accepted}
    files += [_file(receipt, receipt.reason) for receipt in kept(folder, "refused") if receipt.digest not in known]
    return {
        Files: pl.DataFrame(files, schema=_empty(Files).schema),
        Observations: merged(said),
        Quarantine: pl.concat(doubted),
    }


def _waiting(stuck: Stuck, place: int) -> dict[str, Any]:
    """Its content cannot be read, so that its name stands for it."""
    digest = digest_of(f"{stuck.name} {place}".encode())
    now = datetime.now(UTC).replace(tzinfo=None)
    receipt = Receipt(digest, "", stuck.name, 0, now, stuck.reason)
    return {**_file(receipt, stuck.reason), "status": "stuck"}


def _file(receipt: Receipt, reason: str | None, rows: int = 0, accepted: int = 0) -> dict[str, Any]:
    return {
        "digest": receipt.digest,
        "file_name": receipt.file_name,
        "arrival": receipt.arrival,
        "received_at": receipt.received_at,
        "status": "refused" if reason else "accepted",
        "reason": reason,
        "rows": rows,
        "accepted_rows": accepted,
        "quarantined_rows": rows - accepted,
    }


def _empty(table: type[Table]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema={column.name: polars_type(column) for column in table.columns})
