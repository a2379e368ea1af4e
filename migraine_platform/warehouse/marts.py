"""Marts: views for analysts, one SQL file each in `warehouse/sql/`.

A file's name is the view's name in the schema `marts`; its leading comment is the view's description.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).with_name("sql")


@dataclass(frozen=True)
class Mart:
    """One view: name with schema, description, and the query."""

    name: str
    description: str
    sql: str


def read_mart(path: Path) -> Mart:
    """A mart from its file.

    Raises:
        ValueError: if the file does not begin with a comment that says what the mart shows.
    """
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    comment = [line.removeprefix("--").strip() for line in lines if line.startswith("--")]
    query = "\n".join(line for line in lines if not line.startswith("--")).strip().rstrip(";")
    if not comment or not query:
        raise ValueError(f"{path.name}: expected a leading comment that says what the mart shows, then a query")
    return Mart(f"marts.{path.stem}", " ".join(comment), query)


MARTS = tuple(read_mart(path) for path in sorted(_FOLDER.glob("*.sql")))
"""Every mart, by name."""
