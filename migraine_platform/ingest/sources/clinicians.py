"""A clinician's list of triggers, from a file.

    patient_id,trigger
    P0001,stress
    P0001,sleep
    P0002,            seen, and found to have none of the triggers

Belongs here: what such a file says. Does not: how it is held against the twins (evaluation/components/agreement.py).
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from migraine_platform.config.texts import visible
from migraine_platform.errors import UserError
from migraine_platform.ingest.sources.plain_csv import FormatError, records
from migraine_platform.priors.vocabulary import TRIGGER_NAMES

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("patient_id", "trigger")


class ListError(UserError):
    """A list that cannot be read, or says what it cannot."""


def trigger_list(path: Path, patients: Collection[str]) -> pl.DataFrame:
    """patient_id, trigger of a file; a null for who was seen and has none. No rows if there is no such file.

    Args:
        patients: whom a list may name.

    Raises:
        ListError: naming the row, and what was expected there; values are not repeated, for they are a patient's.
    """
    import polars as pl

    rows: list[tuple[str, str | None]] = []
    if path.is_file():
        try:
            found = list(records(path.read_bytes()))
        except (OSError, FormatError) as error:
            raise ListError(f"{path.name}: {getattr(error, 'strerror', None) or error}") from None
        header = [visible(name).casefold() for name in _cut(found[0][1])] if found else []
        if tuple(header) != COLUMNS:
            raise ListError(f"{path.name}: the first row's titles are others; expected {','.join(COLUMNS)}")
        rows = [_row(path, number, _cut(cells), patients) for number, cells in found[1:] if any(cells)]
    return pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row").unique(maintain_order=True)


def _cut(cells: list[str]) -> list[str]:
    """Without the empty cells that commas at the end of a line leave."""
    return cells if any(cells[len(COLUMNS) :]) else cells[: len(COLUMNS)]


def _row(path: Path, number: int, cells: list[str], patients: Collection[str]) -> tuple[str, str | None]:
    place = f"{path.name}, row {number}"
    if len(cells) != len(COLUMNS):
        raise ListError(f"{place}: {len(cells)} cells; expected {len(COLUMNS)}")
    patient, trigger = visible(cells[0]), visible(cells[1]).casefold()
    if patient not in patients:
        raise ListError(f"{place}, patient_id: no such patient; expected a name as in P0001 of this cohort")
    if trigger and trigger not in TRIGGER_NAMES:
        raise ListError(f"{place}, trigger: none of {', '.join(TRIGGER_NAMES)}; expected one of them, or nothing")
    return patient, trigger or None
