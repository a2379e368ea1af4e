"""Validation contracts, made from the declared tables.

Belongs here: turning a declaration into checks and counting what breaks them. A report holds rule names and counts,
never a patient's values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from migraine_platform.warehouse.declare import Column, Table

if TYPE_CHECKING:
    import dataframely as dy
    import polars as pl

    from migraine_platform.warehouse.lake.lake import Lake


@dataclass(frozen=True)
class AuditResult:
    """What a contract says of some rows."""

    table: str
    rows: int
    broken: dict[str, int] = field(default_factory=dict)
    """Rows that break each rule; a rule that nobody breaks is not listed."""
    may_be_empty: bool = False

    @property
    def passed(self) -> bool:
        """Whether there are rows, where there must be, and each keeps every rule."""
        return (self.rows > 0 or self.may_be_empty) and not self.broken

    def summary(self) -> str:
        """One sentence: what was found."""
        if self.passed:
            return f"{self.rows:,} rows keep the contract"
        if not self.rows and not self.broken:
            return "no rows; expected at least one"
        broken = "; ".join(f"{rule}: {count:,} rows" for rule, count in self.broken.items())
        return f"of {self.rows:,} rows, contract broken by: {broken}"


def audit(table: type[Table], frame: pl.DataFrame) -> AuditResult:
    """Hold rows against the table's contract: types first, then bounds, keys and rules."""
    mismatched = {
        f"{column.name} is {frame.schema.get(column.name, 'missing')}, expected {column.kind}": frame.height
        for column in table.columns
        if frame.schema.get(column.name) != polars_type(column)
    }
    if mismatched:
        return AuditResult(table.name, frame.height, mismatched)
    outcome = contract(table).filter(frame)
    return AuditResult(table.name, frame.height, dict(sorted(outcome.failure.counts().items())), table.may_be_empty)


def audit_partition(lake: Lake, table: type[Table], partition: str) -> AuditResult:
    """Audit one partition as it lies in the lake, and note in its seal that it passed."""
    frame, content_hash = lake.read_sealable(table, partition)
    result = audit(table, frame)
    if result.passed:
        lake.seal(table, partition, content_hash, "contract")
    return result


def contract(table: type[Table]) -> type[dy.Schema]:
    """The table's declaration as a dataframely schema."""
    import dataframely as dy

    # Prefixed, because a column may be called what a method of dataframely's Schema is called.
    members: dict[str, Any] = {f"column_{column.name}": _contract_column(column, table.key) for column in table.columns}
    for name, sql in table.rules.items():
        members[name] = dy.rule()(partial(_keeps, sql))
    return type(table.__name__, (dy.Schema,), members)


def _keeps(sql: str, schema: type[dy.Schema]) -> pl.Expr:
    import polars as pl

    return pl.sql_expr(sql)


def _contract_column(column: Column, key: tuple[str, ...]) -> dy.Column:
    import dataframely as dy

    common: dict[str, Any] = {
        "alias": column.name,
        "nullable": column.nullable,
        "primary_key": column.name in key,
    }
    match column.kind:
        case "text" if column.values:
            values = list(column.values)
            return dy.String(check={"known value": lambda expr: expr.is_in(values)}, **common)
        case "text":
            return dy.String(regex=column.pattern, **common)
        case "integer":
            return dy.Int64(min=_whole(column.low), max=_whole(column.high), **common)
        case "number":
            return dy.Float64(min=column.low, max=column.high, **common)
        case "reading":
            return dy.Float32(min=column.low, max=column.high, **common)
        case "flag":
            return dy.Bool(**common)
        case "date":
            return dy.Date(**common)
        case "time":
            return dy.Datetime(time_unit="us", **common)


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def polars_type(column: Column) -> pl.DataType:
    """The type of a declared column in polars."""
    import polars as pl

    types: dict[str, pl.DataType] = {
        "text": pl.String(),
        "integer": pl.Int64(),
        "number": pl.Float64(),
        "reading": pl.Float32(),
        "flag": pl.Boolean(),
        "date": pl.Date(),
        "time": pl.Datetime("us"),
    }
    return types[column.kind]
