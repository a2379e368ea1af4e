"""When the warehouse was published, and up to which day it reaches; asked as any reader asks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from migraine_platform.warehouse.query import QueryError, query


def last_publication(warehouse: Path) -> tuple[datetime, date | None]:
    """When it was published, and its last day if it has days.

    Raises:
        QueryError: if there is no warehouse, it cannot be read, or it does not say.
    """
    rows = query(warehouse, "SELECT published_at, last_date FROM lineage.publication").rows()
    if not rows:
        raise QueryError(f"{warehouse}: does not say when it was published")
    published_at, last_date = rows[0]
    return published_at.replace(tzinfo=UTC), last_date
