"""How surely Dagster's own records are on the disk: SQLite files, written with each event of a run.

Dagster opens a connection for every event and closes it again; each time SQLite waits for the disk twice, at the commit
and when the last connection moves the log into its file. A night has hundreds of events. In a run of this process the
disk is not waited for: with its write-ahead log a file is whole whatever dies (sqlite.org/wal.html), and if the machine
itself goes down, the last events of its run may be lacking, which is then marked failed as any whose process is gone.

Belongs here: Dagster's records. Does not: what a run makes, which is synced before it takes its place
(warehouse/lake/places.py).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any


@contextmanager
def quick_records() -> Iterator[None]:
    """Meanwhile no commit waits for the disk, and each SQLite file that SQLAlchemy opens here is kept open."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    with ExitStack() as held:
        known: set[str] = set()

        def opened(connection: Any, record: object) -> None:
            if not isinstance(connection, sqlite3.Connection):
                return
            connection.execute("PRAGMA synchronous = NORMAL")
            path = connection.execute("PRAGMA database_list").fetchone()[2]
            if path and path not in known:
                known.add(path)
                # The last connection to be closed would wait; one that stays open needs a page read to hold on.
                holder = held.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
                holder.execute("PRAGMA schema_version").fetchone()

        event.listen(Engine, "connect", opened)
        held.callback(event.remove, Engine, "connect", opened)
        yield
