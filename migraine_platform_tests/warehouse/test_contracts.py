from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import AuditResult, audit, audit_partition, contract
from migraine_platform.warehouse.declare import Table, day, family, flag, integer, moment, number, share, text
from migraine_platform.warehouse.document import tables_page
from migraine_platform.warehouse.lake.lake import Lake, Stamp


class Example(Table, name="example.rows", key=("id", "date")):
    """Rows of every kind."""

    id = text("Name", pattern=r"^[a-z]+$")
    date = day("Day")
    kind = text("Kind", values=("a", "b"))
    count = integer("Count", low=0, high=9)
    value = number("Value", unit="h", low=0, high=1, nullable=True)
    other = share("Share")
    yes = flag("Yes")
    at = moment("When")

    rules: ClassVar = {"value is at most other": "value <= other"}


GOOD: dict[str, Any] = {
    "id": "x",
    "date": date(2024, 1, 1),
    "kind": "a",
    "count": 3,
    "value": 0.5,
    "other": 0.75,
    "yes": True,
    "at": datetime(2024, 1, 1, 12),
}


class Several(Table, name="example.several", key=("id",)):
    """A column for each of some names, in the middle."""

    id = text("Name")
    parts = family(("first", "second"), lambda name: share(f"Part {name}"))
    last = flag("Last")


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = {
        "id": pl.String, "date": pl.Date, "kind": pl.String, "count": pl.Int64, "value": pl.Float64,
        "other": pl.Float64, "yes": pl.Boolean, "at": pl.Datetime("us"),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def test_good_rows_pass() -> None:
    assert audit(Example, frame(GOOD, {**GOOD, "id": "y", "value": None})).passed


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"id": "X1"}, "id|regex"),
        ({"id": None}, "id|nullability"),
        ({"kind": "c"}, "kind|check__known value"),
        ({"count": -1}, "count|min"),
        ({"count": 10}, "count|max"),
        ({"value": 1.5}, "value|max"),
        ({"value": float("nan")}, "value|nan"),
        ({"other": float("inf")}, "other|inf"),
        ({"yes": None}, "yes|nullability"),
        ({"value": 0.9}, "value is at most other"),
    ],
)
def test_each_rule_catches_its_row_and_is_named(change: dict[str, Any], rule: str) -> None:
    result = audit(Example, frame(GOOD, {**GOOD, "id": "y", **change}))
    assert not result.passed
    assert result.broken.get(rule) == 1, result.broken


def test_a_key_that_stands_twice_is_caught() -> None:
    assert audit(Example, frame(GOOD, GOOD)).broken == {"primary_key": 2}


def test_no_rows_do_not_pass() -> None:
    result = audit(Example, frame())
    assert not result.passed
    assert "no rows" in result.summary()


def test_types_are_checked_before_values() -> None:
    result = audit(Example, frame(GOOD).with_columns(pl.col("count").cast(pl.Float64)))
    assert result.broken == {"count is Float64, expected integer": 1}
    assert audit(Example, frame(GOOD).drop("yes")).broken == {"yes is missing, expected flag": 1}


def test_reports_hold_no_values() -> None:
    result = audit(Example, frame({**GOOD, "id": "SECRET", "value": 0.123456}))
    assert "SECRET" not in result.summary()
    assert "0.123456" not in result.summary()


@pytest.mark.parametrize("table", tables.ALL, ids=lambda table: table.name)
def test_every_declared_table_makes_a_contract_of_its_columns(table: type[Table]) -> None:
    assert contract(table).column_names() == [column.name for column in table.columns]


@pytest.mark.parametrize("table", tables.ALL, ids=lambda table: table.name)
def test_every_column_says_what_it_is(table: type[Table]) -> None:
    assert len(table.description()) > 20
    assert all(column.description for column in table.columns)
    schemas = {"priors", "mock", "cohort", "measured", "recorded", "ingest", "truth", "realism", "aline", "twin"}
    schemas |= {"clinical", "evaluation"}
    assert table.schema_name() in schemas


def test_a_declaration_with_a_wrong_key_is_refused() -> None:
    with pytest.raises(TypeError, match="key names no column: nothing"):
        type("Wrong", (Table,), {"a": text("A")}, name="example.wrong", key=("nothing",))


def test_the_fingerprint_follows_the_declaration() -> None:
    def declared(high: float) -> str:
        made: type[Table] = type("T", (Table,), {"a": number("A", high=high)}, name="example.t", key=("a",))
        return made.fingerprint()

    assert declared(1) == declared(1)
    assert declared(1) != declared(2)


def test_the_page_names_every_table_and_column() -> None:
    page = tables_page()
    for table in tables.ALL:
        assert f"## `{table.name}`" in page
        assert all(f"| `{column.name}` |" in page for column in table.columns)


@given(st.lists(st.tuples(st.floats(-1, 2), st.floats(0, 1)), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_counts_agree_with_counting_by_hand(values: list[tuple[float, float]]) -> None:
    rows = [
        {**GOOD, "id": "abcdefghijklmnopqrstuvwxyz"[i % 26] * (1 + i // 26), "value": value, "other": other}
        for i, (value, other) in enumerate(values)
    ]
    broken = audit(Example, frame(*rows)).broken
    assert broken.get("value|min", 0) == sum(value < 0 for value, _ in values)
    assert broken.get("value|max", 0) == sum(value > 1 for value, _ in values)
    inside = [(value, other) for value, other in values if 0 <= value <= 1]
    if len(inside) == len(values):  # a row outside its bounds may not reach the rules between columns
        assert broken.get("value is at most other", 0) == sum(value > other for value, other in inside)


def test_only_a_passing_partition_is_sealed_and_only_as_it_was(tmp_path) -> None:
    lake = Lake(str(tmp_path))
    stamp = Stamp("p", "c")
    lake.write(Example, "all", frame({**GOOD, "count": 99}), stamp)
    assert isinstance(audit_partition(lake, Example, "all"), AuditResult)
    assert not lake.sealed(Example, "all")
    lake.write(Example, "all", frame(GOOD), stamp)
    assert not lake.sealed(Example, "all")
    assert audit_partition(lake, Example, "all").passed
    assert lake.sealed(Example, "all")
    lake.write(Example, "all", frame({**GOOD, "count": 4}), stamp)
    assert not lake.sealed(Example, "all")


def test_a_seal_collects_the_checks_of_the_same_bytes(tmp_path) -> None:
    class Strict(Example, name="example.strict", key=("id",), include=(Example,)):
        """Rows that two checks must pass."""

        audits: ClassVar = ("contract", "second")

    lake = Lake(str(tmp_path))
    lake.write(Strict, "all", frame(GOOD), Stamp("p", "c"))
    content_hash = lake.content_hash(Strict, "all")
    lake.seal(Strict, "all", content_hash, "second")
    assert not lake.sealed(Strict, "all")
    assert audit_partition(lake, Strict, "all").passed
    assert lake.sealed(Strict, "all")
    lake.seal(Strict, "all", content_hash, "second", passed=False)
    assert not lake.sealed(Strict, "all")
    lake.seal(Strict, "all", content_hash, "second")
    lake.seal(Strict, "all", "0" * 64, "contract")
    assert not lake.sealed(Strict, "all")


def test_a_family_is_a_column_for_each_name_in_its_place() -> None:
    assert [column.name for column in Several.columns] == ["id", "first", "second", "last"]
    assert Several.columns[2].description == "Part second"
    assert not hasattr(Several, "parts")
    rows = pl.DataFrame({"id": ["a"], "first": [0.5], "second": [1.5], "last": [True]})
    assert not audit(Several, rows).passed
    assert audit(Several, rows.with_columns(second=pl.lit(1.0))).passed
