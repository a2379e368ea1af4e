"""Several files replaced together: all of them or none, wherever the process is killed.

    stage      each new content is written beside its place
    intend     one small file names all the moves: from here on, the new contents are what is meant
    move       each is moved into its place; the file of intent is removed

Pending writes that a killed process left are finished by whoever works on the folder next. Belongs here: that order.
Does not: what the files hold (lake.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

WRITERS = 4
"""Files that are written at a time: the disk is waited for once, not file by file."""

PENDING = ".pending"


class AtomicFileSet:
    """Files below one root of a file system."""

    def __init__(self, filesystem: Any, base: str, local: bool, put: Callable[[str, bytes], None]) -> None:
        """Files below a root.

        Args:
            put: writes a whole file, or nothing.
        """
        self._fs, self._base, self._local, self._put = filesystem, base, local, put

    def replace(self, contents: Mapping[str, Callable[[], bytes]]) -> None:
        """Replace some files.

        Args:
            contents: by path below the root, what gives the content.
        """
        with ThreadPoolExecutor(WRITERS) as pool:
            staged = pool.map(self._stage, contents, contents.values())
            moves = dict(zip(contents, staged, strict=True))
        intent = json.dumps(moves, sort_keys=True).encode()
        path = f"{self._base}/{PENDING}/{hashlib.sha256(intent).hexdigest()[:16]}.json"
        self._put(path, intent)
        self._move_all(path, moves)
        for target in moves:  # what was staged by a process that was killed before that
            for leftover in self._fs.glob(f"{self._base}/{_beside(target, '*')}"):
                self._remove(str(leftover))

    def recover_pending_writes(self) -> None:
        """Finish what a killed process had begun."""
        for path in self._fs.glob(f"{self._base}/{PENDING}/*.json"):
            with suppress(FileNotFoundError):  # its writer lives, and has finished meanwhile
                self._move_all(str(path), json.loads(self._fs.cat_file(path)))

    def _stage(self, target: str, content: Callable[[], bytes]) -> str:
        made = content()
        source = _beside(target, hashlib.sha256(made).hexdigest()[:16])
        self._put(f"{self._base}/{source}", made)
        return source

    def _move_all(self, intent: str, moves: Mapping[str, str]) -> None:
        for target, source in moves.items():
            with suppress(FileNotFoundError):  # moved already
                self._move(f"{self._base}/{source}", f"{self._base}/{target}")
        self._remove(intent)

    def _move(self, source: str, target: str) -> None:
        if self._local:
            Path(source).replace(target)
        else:
            self._fs.mv(source, target)

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError):
            self._fs.rm_file(path)


def _beside(target: str, mark: str) -> str:
    """Where the next content of a file is staged: hidden beside it."""
    folder, _, name = target.rpartition("/")
    return f"{folder}/.{name}.{mark}.next"
