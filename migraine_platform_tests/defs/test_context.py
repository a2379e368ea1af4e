"""What a step reads of what an earlier night left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from migraine_platform.defs.context import PopulationView
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import Lake, Stamp


def empty(table: type[Table]) -> pl.DataFrame:
    return pl.DataFrame(schema={column.name: polars_type(column) for column in table.columns})


@pytest.mark.parametrize("other", ["population", "code"])
def test_the_trail_outlives_population_and_code_and_nothing_else_does(tmp_path: Path, other: str) -> None:
    lake = Lake(str(tmp_path))
    stamp = Stamp("0" * 16, "1" * 8, None)
    before = PopulationView(lake, stamp, ())
    for table in (tables.Audit, tables.Drift):
        before.write(table, "batch-000", empty(table))
        assert before.before(table, "batch-000") is not None
    after = PopulationView(lake, replace(stamp, **{other: "f" * 16}), ())
    assert after.before(tables.Audit, "batch-000") is not None
    assert after.before(tables.Drift, "batch-000") is None
    assert after.before(tables.Audit, "batch-001") is None
