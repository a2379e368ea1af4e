"""How a table is declared: columns with type, unit, range and meaning; rules in SQL.

Belongs here: the vocabulary. Does not: the tables (tables/), or what is made of a declaration: the validation
contract (contracts.py), the SQL comments (publish.py), the UI's schema (defs/describe.py), the page (document.py).
Light to import: the code location reads it at every start.

    class SleepDays(Table, name="cohort.sleep_days", key=("patient_id", "date"), by_batch=True):
        '''One night per patient.'''

        total_sleep_hours = number("Time asleep", unit="h", low=2, high=14)

        rules: ClassVar = {"stages sum to one": "abs(deep + rem + light - 1) <= 0.000001"}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Literal

Kind = Literal["text", "integer", "number", "reading", "flag", "date", "time"]

SQL_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "reading": "FLOAT",
    "flag": "BOOLEAN",
    "date": "DATE",
    "time": "TIMESTAMP",
}


@dataclass(frozen=True)
class Column:
    """One column: what it holds, in which unit, within which bounds."""

    kind: Kind
    description: str
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None
    pattern: str | None = None
    nullable: bool = False
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    @property
    def sql_type(self) -> str:
        """The column's type in DuckDB."""
        return SQL_TYPES[self.kind]

    @property
    def expected(self) -> str:
        """The bounds in words: `2 to 14`, `M, F`, or nothing."""
        if self.values:
            return ", ".join(self.values)
        if self.low is not None and self.high is not None:
            return f"{self.low:g} to {self.high:g}"
        if self.low is not None:
            return f">= {self.low:g}"
        return f"<= {self.high:g}" if self.high is not None else ""

    @property
    def comment(self) -> str:
        """Description, unit, bounds and nullability in one line, as SQL and the UI show them."""
        gaps = "may be null" if self.nullable else ""
        details = "; ".join(part for part in (self.unit or "", self.expected, gaps) if part)
        return f"{self.description} [{details}]" if details else self.description


def text(
    description: str,
    *,
    values: tuple[str, ...] | None = None,
    pattern: str | None = None,
    nullable: bool = False,
) -> Column:
    """A text column, perhaps of known values."""
    return Column("text", description, values=values, pattern=pattern, nullable=nullable)


def number(
    description: str,
    *,
    unit: str | None = None,
    low: float | None = None,
    high: float | None = None,
    nullable: bool = False,
) -> Column:
    """A real number within inclusive bounds; never NaN or infinite."""
    return Column("number", description, unit=unit, low=low, high=high, nullable=nullable)


def reading(
    description: str, *, unit: str | None = None, low: float | None = None, high: float | None = None
) -> Column:
    """A number in single precision, as diaries and devices give it; never NaN or infinite."""
    return Column("reading", description, unit=unit, low=low, high=high)


def share(description: str, *, nullable: bool = False) -> Column:
    """A number between 0 and 1."""
    return number(description, unit="share", low=0, high=1, nullable=nullable)


def integer(
    description: str,
    *,
    unit: str | None = None,
    low: float | None = None,
    high: float | None = None,
    nullable: bool = False,
) -> Column:
    """A whole number within inclusive bounds."""
    return Column("integer", description, unit=unit, low=low, high=high, nullable=nullable)


def flag(description: str, *, nullable: bool = False) -> Column:
    """True or false."""
    return Column("flag", description, nullable=nullable)


def day(description: str, nullable: bool = False) -> Column:
    """A calendar day."""
    return Column("date", description, nullable=nullable)


def moment(description: str) -> Column:
    """A local time, to the microsecond, without zone."""
    return Column("time", description)


@dataclass(frozen=True)
class Family:
    """Columns of which there is one for each of some things, such as triggers, in this place of their table."""

    columns: tuple[Column, ...]


def family(names: Iterable[str], column: Callable[[str], Column]) -> Family:
    """A column for each of some names, which `column` makes of the name.

    flags = family(TRIGGER_FLAGS, lambda name: flag(f"Whether {name}"))
    """
    return Family(tuple(replace(column(name), name=name) for name in names))


class Table:
    """A declared table; subclasses are never instantiated."""

    name: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    by_batch: ClassVar[bool]
    by_days: ClassVar[bool]
    """Whether a longer history changes it."""
    columns: ClassVar[tuple[Column, ...]]
    rules: ClassVar[dict[str, str]] = {}
    may_be_empty: ClassVar[bool] = False
    """Whether a partition without rows keeps the contract."""
    agrees: ClassVar[dict[str, str]] = {}
    """Column -> `schema.table.column` of another table that must hold its values, or nothing is published."""
    audits: ClassVar[tuple[str, ...]] = ("contract",)
    """Blocking checks that a partition must have passed before it can be published."""

    def __init_subclass__(
        cls,
        *,
        name: str,
        key: tuple[str, ...],
        by_batch: bool = False,
        include: tuple[type[Table], ...] = (),
        by_days: bool = False,
        gaps: tuple[str, ...] = (),
    ) -> None:
        """Declare a table.

        Args:
            name: schema and table, as in `cohort.patients`.
            key: columns that name a row.
            by_batch: one partition per patient batch, instead of one in all.
            include: tables whose columns and rules it takes over.
            by_days: a longer history changes it, though no day is in its key.
            gaps: included columns that may be null here.
        """
        declared = {name: part for name, part in vars(cls).items() if isinstance(part, Column | Family)}
        own: dict[str, Column] = {}
        for attribute, part in declared.items():
            delattr(cls, attribute)  # a column may be called what a method of Table is called
            own |= {column.name: column for column in (part.columns if isinstance(part, Family) else (part,))}
        included = {
            column.name: replace(column, nullable=column.name in gaps or column.nullable)
            for table in include
            for column in table.columns
        }
        cls.name, cls.key, cls.by_batch = name, key, by_batch
        cls.by_days = by_days or "date" in key
        cls.columns = tuple({**own, **{n: c for n, c in included.items() if n not in own}}.values())
        cls.rules = {**{text: sql for table in include for text, sql in table.rules.items()}, **cls.rules}
        unknown = set(key) - {column.name for column in cls.columns}
        if unknown:
            raise TypeError(f"{name}: key names no column: {', '.join(sorted(unknown))}")

    @classmethod
    def schema_name(cls) -> str:
        """The part of the name before the dot: the SQL schema."""
        return cls.name.partition(".")[0]

    @classmethod
    def table_name(cls) -> str:
        """The part of the name after the dot."""
        return cls.name.partition(".")[2]

    @classmethod
    def description(cls) -> str:
        """The first line of the declaration's docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @classmethod
    def fingerprint(cls) -> str:
        """A digest of the declaration: data audited against another one is not audited."""
        declared = [cls.name, cls.key, [asdict(column) for column in cls.columns], cls.rules]
        return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()[:16]
