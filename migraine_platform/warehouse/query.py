"""Questions to the published warehouse, read-only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from migraine_platform.errors import UserError

if TYPE_CHECKING:
    import duckdb
    import polars as pl

    from migraine_platform.warehouse.declare import Table

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


READS_NOTHING_ELSE: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
}
"""DuckDB's settings under which a query reads the warehouse: no files, no extensions, no variables of the program."""


class QueryError(UserError):
    """A query that could not be answered; the message is one sentence."""


def query(warehouse: Path, sql: str) -> pl.DataFrame:
    """Answer one SQL query from the published warehouse.

    Raises:
        QueryError: if nothing is published yet, or the query is wrong or tries to write.
    """
    with _answered(warehouse, sql) as answer:
        frame: pl.DataFrame = answer.pl()
        return frame


def query_text(warehouse: Path, sql: str, shape: Literal["table", "csv", "json"], rows: int = 40) -> str:
    """Answer one SQL query as text, every value as DuckDB writes it.

    Args:
        shape: a table for people, CSV with a header, or a JSON list of rows.
        rows: how many rows a table shows; CSV and JSON hold all.

    Raises:
        QueryError: as `query`.
    """
    import csv
    import io
    import json

    with _answered(warehouse, sql) as answer:
        names = answer.columns
        if shape == "json":
            if len(set(names)) < len(names):
                raise QueryError(f"two columns have one name ({', '.join(names)}); give them aliases")
            found = [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in answer.fetchall()]
            return json.dumps(found, default=str, allow_nan=False)
        values = answer.project("CAST(COLUMNS(*) AS VARCHAR)").fetchall()
    if shape == "csv":
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([names, *values])
        return text.getvalue().removesuffix("\n")
    return text_table(names, values, rows)


def _plain(value: Any) -> Any:
    """A value as JSON knows it: decimals are numbers, what is no finite number is null, keys of a map are texts."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        value = float(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def text_table(names: Sequence[str], values: Sequence[Sequence[str | None]], rows: int) -> str:
    """Rows of texts in columns of equal width, the first `rows` of them; a missing value is a dot."""
    shown = [["·" if value is None else value for value in row] for row in values[:rows]]
    widths = [max(map(len, column)) for column in zip(names, *shown, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [names, *shown]
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if len(values) > rows:
        lines.append(f"({len(values) - rows:,} more rows)")
    return "\n".join(lines)


def _demand_query(sql: str) -> None:
    """One statement that only asks."""
    import duckdb

    statements = duckdb.extract_statements(sql)
    if len(statements) != 1 or statements[0].type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
        kinds = ", ".join(statement.type.name for statement in statements) or "nothing"
        hint = (
            " (a PIVOT needs its values: PIVOT ... ON column IN (...))" if sql.lstrip()[:5].upper() == "PIVOT" else ""
        )
        raise QueryError(f"found {kinds}; expected one query, as in SELECT ... FROM ...{hint}")


@contextmanager
def _answered(warehouse: Path, sql: str) -> Iterator[duckdb.DuckDBPyRelation]:
    """The answer to one query, while the connection is open."""
    with _connected(warehouse) as connection:
        _demand_query(sql)
        answer = connection.sql(sql)
        if answer is None:
            raise QueryError("the statement returns no rows; expected a query, as in SELECT ... FROM ...")
        yield answer


def row_counts(warehouse: Path) -> list[tuple[str, int, str]]:
    """Every table and view of the warehouse: name, rows, description."""
    with _connected(warehouse) as connection:
        return counted(connection)


def counted(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, int, str]]:
    """The same of an open warehouse."""
    found = connection.execute(
        "SELECT schema_name || '.' || table_name, comment FROM duckdb_tables() UNION ALL "
        "SELECT schema_name || '.' || view_name, comment FROM duckdb_views() WHERE NOT internal ORDER BY 1"
    ).fetchall()
    counts: list[tuple[str, int, str]] = []
    for name, comment in found:
        row = connection.execute(f"SELECT count(*) FROM {_quoted(name)}").fetchone()
        counts.append((name, int(row[0]) if row else 0, (comment or "").split(" Key:")[0]))
    return counts


@contextmanager
def _connected(warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A read-only connection; whatever DuckDB objects to is a sentence."""
    import duckdb

    if not warehouse.is_file():
        raise QueryError(f"{warehouse}: nothing is published yet; `make run` publishes the warehouse")
    try:
        with duckdb.connect(str(warehouse), read_only=True, config=READS_NOTHING_ELSE) as connection:
            connection.execute("SET enable_progress_bar = false; SET lock_configuration = true")
            yield connection
    except duckdb.Error as error:
        raise QueryError(_in_a_sentence(warehouse, str(error).strip())) from None


def _in_a_sentence(warehouse: Path, error: str) -> str:
    """DuckDB's message; where it is about the file and not about the query, what to do."""
    if "Could not set lock" in error or "Conflicting lock" in error:
        return f"{warehouse}: another program has it open for writing; close it there, or open it read-only"
    log = warehouse.with_name(f"{warehouse.name}.wal")
    if log.exists() and any(word in error for word in ("WAL", "write-ahead", log.name)):
        return f"{log}: a program that wrote to the warehouse was killed and left this log; delete it, or publish again"
    return error


def _quoted(name: str) -> str:
    schema, _, table = name.partition(".")
    return ".".join('"' + part.replace('"', '""') + '"' for part in (schema, table))


def rows(warehouse: Path, table: type[Table], patient_id: str | None = None) -> pl.DataFrame:
    """Rows of a declared table, in the order of its key; none where the published warehouse lacks the table.

    Args:
        patient_id: only rows of this patient, where the table has patients.

    Raises:
        QueryError: if nothing is published yet, or by an earlier version, whose table lacks a column.
    """
    with _connected(warehouse) as connection:
        published = connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?",
            [table.schema_name(), table.table_name()],
        ).fetchall()
        lacking = [column.name for column in table.columns if (column.name,) not in published]
        if published and lacking:
            raise QueryError(
                f"the published {table.name} has no column {', '.join(lacking)}: an earlier version made it; expected "
                "one that `migraine run` makes anew"
            )
        if not published:
            types = ", ".join(f'CAST(NULL AS {column.sql_type}) AS "{column.name}"' for column in table.columns)
            return connection.execute(f"SELECT {types} WHERE false").pl()
        own = patient_id is not None and any(column.name == "patient_id" for column in table.columns)
        condition, values = (" WHERE patient_id = ?", [patient_id]) if own else ("", [])
        order = ", ".join(f'"{name}"' for name in table.key)
        return connection.execute(f"SELECT * FROM {_quoted(table.name)}{condition} ORDER BY {order}", values).pl()
