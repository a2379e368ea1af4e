"""CSV files of simulated tables, streamed batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def export_csv(folder: Path, batches: Iterable[dict[str, pl.DataFrame]]) -> list[tuple[Path, int]]:
    """Append each batch's tables to `<schema>_<table>.csv` in a folder; a file appears only when it is whole.

    Returns:
        The files and their rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, int] = {}
    try:
        for tables in batches:
            for name, frame in tables.items():
                with _aside(folder, name).open("ab" if name in rows else "wb") as file:
                    frame.write_csv(file, include_header=name not in rows)
                rows[name] = rows.get(name, 0) + frame.height
        for name in rows:
            _aside(folder, name).replace(_final(folder, name))
    finally:
        for name in rows:
            _aside(folder, name).unlink(missing_ok=True)
    return [(_final(folder, name), count) for name, count in rows.items()]


def _final(folder: Path, name: str) -> Path:
    return folder / f"{name.replace('.', '_')}.csv"


def _aside(folder: Path, name: str) -> Path:
    return folder / f".{name.replace('.', '_')}.csv.tmp"
