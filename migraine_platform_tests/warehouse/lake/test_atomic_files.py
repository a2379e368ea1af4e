"""Files that are replaced together: wherever the process dies, all of them are old, or all are new at the next look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from migraine_platform.warehouse.lake.atomic_files import AtomicFileSet
from migraine_platform.warehouse.lake.places import replace_file

NAMES = ["a/one.parquet", "a/two.parquet", "b/three.parquet"]
OLD, NEW, NEWER = ({name: f"{age} {name}".encode() for name in NAMES} for age in ("old", "new", "newer"))


class Killed(BaseException):
    """The process is gone."""


class Mortal(AtomicFileSet):
    """Dies before one of the things that it does to the disk."""

    def __init__(self, *arguments: Any, lives: int) -> None:
        super().__init__(*arguments)
        self._lives = lives
        put = self._put
        self._put = lambda path, content: self._spend() or put(path, content)

    def _spend(self) -> None:
        self._lives -= 1
        if self._lives < 0:
            raise Killed

    def _move(self, source: str, target: str) -> None:
        self._spend()
        super()._move(source, target)

    def _remove(self, path: str) -> None:
        self._spend()
        super()._remove(path)


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, str, bool, Any]:
    """A folder, and an object store's interface."""
    if request.param == "local":
        filesystem = fsspec.filesystem("file")
        return filesystem, tmp_path.as_posix(), True, lambda path, content: replace_file(Path(path), content)
    filesystem = fsspec.filesystem("memory")
    return filesystem, f"/{tmp_path.name}", False, filesystem.pipe_file


def replaced(together: AtomicFileSet, contents: dict[str, bytes]) -> None:
    together.replace({name: (lambda content=content: content) for name, content in contents.items()})


def content(place: tuple[Any, str, bool, Any]) -> dict[str, bytes]:
    filesystem, base = place[:2]
    return {path.removeprefix(f"{base}/"): filesystem.cat_file(path) for path in filesystem.find(base)}


@pytest.mark.parametrize("lives", range(8))
def test_a_process_that_dies_leaves_all_old_or_all_new(place, lives: int) -> None:
    """Three are staged, the intent is written, three are moved, the promise is forgotten."""
    replaced(AtomicFileSet(*place), OLD)
    with pytest.raises(Killed):
        replaced(Mortal(*place, lives=lives), NEW)
    AtomicFileSet(*place).recover_pending_writes()
    found = content(place)
    assert {name: found[name] for name in NAMES} == (OLD if lives <= 3 else NEW)
    replaced(AtomicFileSet(*place), NEWER)
    assert content(place) == NEWER  # and nothing beside them


def test_pending_writes_are_recovered_by_several_at_once(place) -> None:
    replaced(AtomicFileSet(*place), OLD)
    with pytest.raises(Killed):
        replaced(Mortal(*place, lives=4), NEW)
    with pytest.raises(Killed):
        Mortal(*place, lives=1).recover_pending_writes()
    AtomicFileSet(*place).recover_pending_writes()
    AtomicFileSet(*place).recover_pending_writes()
    assert content(place) == NEW


def test_a_content_that_cannot_be_made_changes_nothing(place) -> None:
    replaced(AtomicFileSet(*place), OLD)

    def broken() -> bytes:
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        AtomicFileSet(*place).replace({NAMES[0]: lambda: b"new", NAMES[1]: broken})
    AtomicFileSet(*place).recover_pending_writes()
    assert {name: content(place)[name] for name in NAMES} == OLD
