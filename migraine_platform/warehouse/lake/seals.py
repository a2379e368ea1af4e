"""Seals: which bytes of a partition passed which check, under which contract.

One small file for each check, because checks of one asset run at the same time in processes of their own: in a file
that they shared, one would write what another had not yet read, and a check that passed would be forgotten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Sealed(NamedTuple):
    """What passed."""

    sha256: str
    """Of the partition's file."""
    contract: str
    """Fingerprint of the table's declaration."""


class Seals:
    """The seals of a lake's partitions.

    Args:
        filesystem: where the lake lies (fsspec).
        base: the lake's folder there.
        put: writes a file whole or not at all.
    """

    def __init__(self, filesystem: Any, base: str, put: Callable[[str, bytes], None]) -> None:
        self._fs, self._base, self._put = filesystem, base, put

    def put(self, place: str, check: str, sealed: Sealed) -> None:
        """Record that these bytes passed a check; `place` is the partition's, below the lake's folder."""
        self._put(self._path(place, check), json.dumps(sealed._asdict(), sort_keys=True).encode())

    def remove(self, place: str, check: str) -> None:
        """Nothing has passed this check any more."""
        if self._fs.exists(path := self._path(place, check)):
            self._fs.rm_file(path)

    def found(self, place: str, check: str) -> Sealed | None:
        """What passed a check last; None if nothing did, or the seal cannot be read."""
        try:
            return Sealed(**json.loads(self._fs.cat_file(self._path(place, check))))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _path(self, place: str, check: str) -> str:
        return f"{self._base}/{place}.{check}.audit.json"
