"""Questions to the published warehouse, read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from migraine_platform.errors import UserError

if TYPE_CHECKING:
    import duckdb
    import polars as pl

EXAMPLES: dict[str, str] = {
    "How many migraine days a month do patients have?": (
        "SELECT is_chronic, count(*) AS patients, round(avg(realised_days_a_month), 1) AS migraine_days_a_month\n"
        "FROM marts.patient_profiles GROUP BY is_chronic ORDER BY is_chronic"
    ),
    "How often does an attack follow a trigger?": (
        "SELECT trigger, days_with, round(100 * onset_share_after, 1) AS percent_after,\n"
        "       round(100 * onset_share_otherwise, 1) AS percent_otherwise\n"
        "FROM marts.day_after_trigger"
    ),
    "How does the real weather station compare with the simulated sites?": (
        "SELECT origin, climate, count(*) AS sites, round(avg(sd_pressure), 1) AS sd_pressure,\n"
        "       round(100 * avg(share_of_falls), 1) AS percent_of_days_with_fall\n"
        "FROM marts.site_weather GROUP BY ALL ORDER BY origin DESC, percent_of_days_with_fall"
    ),
}
"""Questions an analyst may start from, with their queries."""


class QueryError(UserError):
    """A query that could not be answered; the message is one sentence."""


def query(warehouse: Path, sql: str) -> pl.DataFrame:
    """Answer one SQL query from the published warehouse.

    Raises:
        QueryError: if nothing is published yet, or the query is wrong or tries to write.
    """
    with _connected(warehouse) as connection:
        answer = connection.sql(sql)
        if answer is None:
            raise QueryError("the statement returns no rows; expected a query, as in SELECT ... FROM ...")
        frame: pl.DataFrame = answer.pl()
        return frame


def row_counts(warehouse: Path) -> list[tuple[str, int, str]]:
    """Every table and view of the warehouse: name, rows, description."""
    with _connected(warehouse) as connection:
        found = connection.execute(
            "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() UNION ALL "
            "SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY 1"
        ).fetchall()
        counts: list[tuple[str, int, str]] = []
        for name, comment in found:
            row = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
            counts.append((name, int(row[0]) if row else 0, (comment or "").split(" Key:")[0]))
        return counts


@contextmanager
def _connected(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection; whatever DuckDB objects to is a sentence."""
    import duckdb

    if not warehouse.is_file():
        raise QueryError(f"{warehouse}: nothing is published yet; `make run` publishes the warehouse")
    try:
        with duckdb.connect(str(warehouse), read_only=True) as connection:
            yield connection
    except duckdb.Error as error:
        raise QueryError(str(error).strip()) from None
