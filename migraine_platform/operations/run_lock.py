"""One run at a time on a data folder, whoever started it: the UI, a schedule, a sensor, a terminal.

The lock is the kernel's: it is let go of when its process ends, however it ends. The file says who holds it, for those
who must wait. Belongs here: the lock, and whether a process still lives. Does not: what becomes of the runs of those
that do not (defs/runs/dead_runs.py).
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import PlaceError, Places

POLL_SECONDS = 0.5


class BusyError(UserError):
    """Another run works on the data folder."""


@contextmanager
def only_run(
    places: Places, job: str, run_id: str | None = None, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Hold the lock of runs.

    Args:
        job, run_id: what is said to others meanwhile.
        waiting: told once who holds the lock, and then waits for its end; without it, nobody waits.

    Raises:
        BusyError: if another run holds it, and nobody is to wait.
    """
    with _opened(places.run_lock) as lock:
        told = False
        while not _locked(lock):
            holder = _holder(lock)
            if waiting is None:
                raise BusyError(f"another run is working on {places.data}: {holder}; wait for it to end")
            if not told:
                waiting(f"waits for another run to end: {holder}")
                told = True
            time.sleep(POLL_SECONDS)
        _tell(lock, job, run_id)
        try:
            yield
        finally:
            lock.truncate(0)


def this_process() -> str:
    """Names this process for good: a number alone is used again by others."""
    return f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}"


def is_gone(process: str) -> bool:
    """Whether a process, named by `this_process`, has ended; of another machine's nothing is known."""
    host, _, rest = process.rpartition(":")[0].rpartition(":")
    number, began = rest, process.rpartition(":")[2]
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _began(int(number)) != began


def _began(number: int) -> str:
    """When a process began, in the kernel's ticks; nothing where the kernel does not say, or where it is a zombie."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise PlaceError(f"{path}: cannot be written: {error.strerror}") from None
    with lock:
        yield lock


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _tell(lock: IO[str], job: str, run_id: str | None) -> None:
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    lock.truncate(0)
    lock.write(json.dumps({"job": job, "run": run_id, "process": os.getpid(), "since": now}))
    lock.flush()


def _holder(lock: IO[str]) -> str:
    """Who holds the lock, as far as the file says."""
    with suppress(ValueError, KeyError, TypeError):
        lock.seek(0)
        found = json.loads(lock.read())
        run = f" (run {str(found['run'])[:8]})" if found["run"] else ""
        return f"{found['job']}{run}, process {found['process']}, since {found['since']}"
    return "it does not say which"
