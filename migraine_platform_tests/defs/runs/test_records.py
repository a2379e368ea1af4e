"""Dagster's records do not wait for the disk, and nothing of them is lost by it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from sqlalchemy import NullPool, create_engine, text

from migraine_platform.defs.runs.records import quick_records

NORMAL = 1
ROWS = 200


def engine_of(path: Path):
    """As Dagster makes one for every event: nothing is kept open."""
    return create_engine(f"sqlite:///{path}", poolclass=NullPool)


def begin(path: Path) -> None:
    with engine_of(path).connect() as connection:
        connection.execute(text("PRAGMA journal_mode = WAL"))
        connection.execute(text("CREATE TABLE events (number INTEGER)"))
        connection.commit()


def write(path: Path, number: int) -> None:
    with engine_of(path).connect() as connection:
        connection.execute(text(f"INSERT INTO events VALUES ({number})"))
        connection.commit()


def told(path: Path) -> list[int]:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return [number for (number,) in connection.execute("SELECT number FROM events ORDER BY number")]


def how_sure(path: Path) -> int:
    with engine_of(path).connect() as connection:
        return int(connection.execute(text("PRAGMA synchronous")).scalar_one())


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def test_no_commit_waits_and_the_log_is_not_moved_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    begin(path)
    with quick_records():
        assert how_sure(path) == NORMAL
        for number in range(ROWS):
            write(path, number)
        assert log_of(path).stat().st_size > 0
    assert not log_of(path).exists()
    assert told(path) == list(range(ROWS))


def test_afterwards_connections_are_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    begin(path)
    before = how_sure(path)
    with quick_records():
        write(path, 1)
    assert how_sure(path) == before
    write(path, 2)
    assert not log_of(path).exists()


def test_a_killed_process_leaves_every_event_that_it_had_told(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    begin(path)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from migraine_platform.defs.runs.records import quick_records\n"
        "from migraine_platform_tests.defs.runs.test_records import write\n"
        "with quick_records():\n"
        "    for number in range(10_000):\n"
        "        write(Path(sys.argv[1]), number)\n"
        "        print(number, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(ROWS)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert said[-1].strip() == str(ROWS - 1)
    found = told(path)
    assert len(found) >= ROWS
    assert found == list(range(len(found)))


def test_a_database_in_memory_is_left_alone() -> None:
    with quick_records(), create_engine("sqlite://").connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
