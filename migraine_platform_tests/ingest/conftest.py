"""An inbox of its own for every test, and a way to drop files into it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from migraine_platform.config.ingest import Ingest
from migraine_platform.warehouse.lake.places import InboxFolder

NOW = 1_800_000_000.0
SETTINGS = Ingest(stable_seconds=10, largest_file_bytes=4000, most_rows=20, files_per_look=3)

Drop = Callable[..., Path]


@pytest.fixture
def inbox(tmp_path: Path) -> InboxFolder:
    return InboxFolder(tmp_path / "inbox")


@pytest.fixture
def drop(inbox: InboxFolder) -> Drop:
    """Puts a file into the inbox, last changed so many seconds ago."""

    def dropped(name: str, content: bytes | str, age: float = 60) -> Path:
        return drop_into(inbox, name, content, age)

    return dropped


def drop_into(inbox: InboxFolder, name: str, content: bytes | str, age: float = 60) -> Path:
    path = inbox.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    os.utime(path, (NOW - age, NOW - age))
    return path


def files_of(inbox: InboxFolder) -> dict[str, bytes]:
    """Everything in the inbox and below, but for what is hidden."""
    found = (path for path in inbox.path.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(inbox.path)): path.read_bytes() for path in found}
