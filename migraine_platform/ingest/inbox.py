"""The inbox: files that wait, and how they are taken.

    inbox/<any name>.csv        waits, once it has not changed for a while
    -> receipts.py              accepted or refused, under the digest of its content

The receipt is written first, then the file is renamed to beside it. A process that is killed in between leaves the file
in the inbox; the next one keeps the receipt and renames. A file whose content was accepted before replaces itself.

Belongs here: looking and moving. Does not: what files say (record.py).
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from migraine_platform.config.hashing import digest as digest_of
from migraine_platform.config.ingest import Ingest
from migraine_platform.ingest.receipts import Receipt, demand_folders, receipts_of
from migraine_platform.ingest.sources.registry import read
from migraine_platform.ingest.sources.source import Refused
from migraine_platform.warehouse.lake.places import InboxFolder, PlaceError, Side, replace_file

UNFINISHED = (
    ".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".opdownload", ".filepart", ".swp", "~",
)  # fmt: skip
"""How names end of files that a program is still writing: browsers, copy programs, editors."""

LOCK_OF_AN_OFFICE = "~$"
"""How the name of a file begins that an office program leaves beside an open one."""

_PLAIN_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,10}")

Outcome = Literal["accepted", "refused", "known", "changing", "stuck"]
"""What became of a waiting file; `known`: its content was accepted before. It stays if it changed while it was read,
or if it cannot be read or moved."""


@dataclass(frozen=True)
class Waiting:
    """What lies in the inbox."""

    ready: tuple[Path, ...]
    """Oldest first."""
    growing: int
    """Files that are still being written."""
    links: int = 0
    """They are not followed, and not taken."""
    ahead: int = 0
    """Files dated in the future: nobody can tell how long ago they were changed."""

    def reported(self) -> list[str]:
        """What keeps files from being taken, in words."""
        said = {
            "still being written": self.growing,
            "links, which are not taken": self.links,
            "dated in the future, by a clock that was ahead; `touch` them": self.ahead,
        }
        return [f"{count} {why}" for why, count in said.items() if count]


@dataclass(frozen=True)
class Stuck:
    """A file that cannot be read, or not be moved."""

    name: str
    reason: str


@dataclass(frozen=True)
class Taken:
    """What became of the files that waited."""

    outcomes: dict[str, int]
    """How many files had each Outcome."""
    waiting: Waiting
    """What was there before."""
    stuck: tuple[Stuck, ...] = ()


def waiting(folder: InboxFolder, settings: Ingest, now: float) -> Waiting:
    """What lies in the inbox; hidden files, unfinished ones and folders do not count.

    Args:
        now: seconds since 1970, as files are dated.
    """
    ready: list[tuple[int, str, Path]] = []
    growing = links = ahead = 0
    try:
        with os.scandir(folder.path) as entries:
            for entry in entries:
                if entry.name.startswith((".", LOCK_OF_AN_OFFICE)) or entry.name.lower().endswith(UNFINISHED):
                    continue
                try:
                    links += entry.is_symlink()
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    found = entry.stat(follow_symlinks=False)
                except FileNotFoundError:  # somebody took it back
                    continue
                age = now - _changed_at(found, now)
                if age < -settings.stable_seconds:
                    ahead += 1
                elif age < settings.stable_seconds:
                    growing += 1
                else:
                    ready.append((found.st_mtime_ns, entry.name, Path(entry.path)))
    except FileNotFoundError:
        return Waiting((), 0)
    return Waiting(tuple(path for _, _, path in sorted(ready)), growing, links, ahead)


def fingerprint(files: Sequence[Path], settings: Ingest) -> str | None:
    """Names the content of waiting files, the oldest ones; the same files give the same again. None if none is there.

    The time of a file's last change is in it: what was taken before and is dropped again, or is touched because its
    run failed, is something new. A look reads a bounded number of files and bytes.
    """
    seen, spent = [], 0
    for path in files[: settings.files_per_look]:
        try:
            found = path.stat()
            size = min(found.st_size, settings.largest_file_bytes + 1)
            if spent and spent + size > settings.largest_file_bytes:
                break
            content = ""
            if found.st_size <= settings.largest_file_bytes:
                with _itself(path) as file:
                    content = digest_of(file.read())
        except FileNotFoundError:
            continue
        except OSError:
            content = ""
        spent += size
        seen.append(f"{content} {found.st_size} {found.st_ctime_ns}")
    return digest_of("\n".join(sorted(seen)).encode()) if seen else None


def take(folder: InboxFolder, settings: Ingest, now: float) -> Taken:
    """Take every file that is ready, oldest first; whoever else wants to, waits.

    Raises:
        PlaceError: if the inbox cannot be written to.
        InboxError: if a receipt cannot be read, or a folder is a link.
    """
    outcomes: Counter[str] = Counter()
    stuck: list[Stuck] = []
    with _alone(folder):
        demand_folders(folder)
        found = waiting(folder, settings, now)
        ledger = _Ledger(receipts_of(folder, "accepted"), receipts_of(folder, "refused"))
        for path in found.ready:
            try:
                outcome = _take(folder, path, settings, ledger, now)
            except OSError as error:
                outcome = "stuck"
                stuck.append(Stuck(shown_name(path), f"cannot be read or moved: {error.strerror}"))
            outcomes[outcome] += 1
    return Taken(dict(outcomes), found, tuple(stuck))


class _Ledger:
    """The receipts that are there, with a file or without, and the number of the next."""

    def __init__(self, accepted: dict[str, Receipt], refused: dict[str, Receipt]) -> None:
        self.accepted, self.refused = accepted, refused
        self._last = max((receipt.arrival for receipt in (*accepted.values(), *refused.values())), default=0)

    def receipt(self, digest: str, path: Path, reason: str | None, now: float) -> Receipt:
        """The receipt for a file; one that is there already keeps its number and its time."""
        side = self.refused if reason else self.accepted
        if digest in side:
            side[digest] = replace(side[digest], reason=reason)
        else:
            self._last += 1
            suffix = path.suffix.lower() if _PLAIN_SUFFIX.fullmatch(path.suffix) else ""
            received = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
            side[digest] = Receipt(digest, suffix, shown_name(path), self._last, received, reason)
        return side[digest]


def shown_name(path: Path) -> str:
    """A file's name as a text, whatever bytes it is made of."""
    return path.name.encode("utf-8", "replace").decode()


def _take(folder: InboxFolder, path: Path, settings: Ingest, ledger: _Ledger, now: float) -> Outcome:
    before = path.lstat()
    digest, reason = _judged(path, before.st_size, settings)
    after = path.lstat()
    if (before.st_ino, before.st_size, before.st_mtime_ns) != (after.st_ino, after.st_size, after.st_mtime_ns):
        return "changing"
    known = ledger.accepted.get(digest)
    if known and folder.content("accepted", digest, known.suffix).exists():
        path.replace(folder.content("accepted", digest, known.suffix))
        return "known"
    side: Side = "refused" if reason else "accepted"
    receipt = ledger.receipt(digest, path, reason, now)
    replace_file(folder.receipt(side, digest), receipt.to_json())
    path.replace(folder.content(side, digest, receipt.suffix))
    if side == "accepted" and (refused := ledger.refused.get(digest)):
        folder.content("refused", digest, refused.suffix).unlink(missing_ok=True)
        folder.receipt("refused", digest).unlink(missing_ok=True)
    return side


def _judged(path: Path, size: int, settings: Ingest) -> tuple[str, str | None]:
    """The digest of a file, and why it is refused."""
    if size > settings.largest_file_bytes:
        with _itself(path) as file:  # it may not fit into memory
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
        return digest, f"larger than {settings.largest_file_bytes:,} bytes; divide the file"
    with _itself(path) as file:
        content = file.read()
    verdict = read(content, path.suffix.lower(), settings)
    return digest_of(content), verdict.reason if isinstance(verdict, Refused) else None


def _itself(path: Path) -> io.BufferedReader:
    """A file opened for reading; a link that took its place meanwhile is not followed."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def _changed_at(found: os.stat_result, now: float) -> float:
    """When the content changed; a file dated in the future tells it by when it came."""
    return found.st_mtime if found.st_mtime <= now else found.st_ctime


@contextmanager
def _alone(folder: InboxFolder) -> Iterator[None]:
    """One process takes files at a time; the kernel lets go of the lock when it ends, however it ends."""
    try:
        folder.path.mkdir(parents=True, exist_ok=True)
        lock = folder.lock.open("w")
    except OSError as error:
        raise PlaceError(f"{folder.path}: cannot be written: {error.strerror}") from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
