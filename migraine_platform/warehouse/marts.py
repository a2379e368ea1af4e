"""Marts: views for analysts, one SQL file each in `warehouse/sql/`.

A file's name is the view's name in the schema `marts`. Its leading comment is the view's description; lines in it that
read `-- column: meaning` are the columns' comments; one with `{trigger}` in its name stands for those of all triggers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from migraine_platform.priors.vocabulary import TRIGGERS

_COLUMN = re.compile(r"([a-z_0-9{}]+): (.+)")
TRIGGER = "{trigger}"
_FOLDER = Path(__file__).with_name("sql")


@dataclass(frozen=True)
class Mart:
    """One view: name with schema, description, the query, and what its columns mean."""

    name: str
    description: str
    sql: str
    columns: dict[str, str]


def read_mart(path: Path) -> Mart:
    """A mart from its file.

    Raises:
        ValueError: if the file does not begin with a comment that says what the mart shows, and what its columns mean.
    """
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    comment = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    query = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
    columns = {
        name: meaning
        for line in comment
        if (match := _COLUMN.fullmatch(line))
        for name, meaning in _of_each_trigger(match[1], match[2])
    }
    shown = [line for line in comment if not _COLUMN.fullmatch(line)]
    if not shown or not columns or not query:
        raise ValueError(f"{path.name}: expected a comment that says what the mart shows, its columns, then a query")
    return Mart(f"marts.{path.stem}", " ".join(shown), query, columns)


def _of_each_trigger(name: str, meaning: str) -> list[tuple[str, str]]:
    """The column, or those of all triggers where the name has a place for them."""
    if TRIGGER not in name:
        return [(name, meaning)]
    return [(name.replace(TRIGGER, trigger.name), meaning.format(label=trigger.label)) for trigger in TRIGGERS]


MARTS = tuple(read_mart(path) for path in sorted(_FOLDER.glob("*.sql")))
"""Every mart, by name."""
