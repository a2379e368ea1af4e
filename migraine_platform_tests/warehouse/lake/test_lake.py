from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import fsspec
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from migraine_platform.warehouse.lake.lake import Lake, LakeError, Stamp
from migraine_platform_tests.warehouse.test_contracts import GOOD, Example, frame

STAMP = Stamp("population", "code", date(2024, 3, 30))


@pytest.fixture(params=["local", "memory"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A local folder, and an object store's interface: nothing may depend on which."""
    if request.param == "local":
        return Lake(str(tmp_path / "lake"))
    root = f"memory://{tmp_path.name}"
    fsspec.filesystem("memory").rm("/", recursive=True) if fsspec.filesystem("memory").ls("/") else None
    return Lake(root)


def named(*names: str) -> pl.DataFrame:
    return frame(*({**GOOD, "id": name} for name in names))


def test_written_files_are_read_back(lake: Lake) -> None:
    lake.write(Example, "batch-000", named("b", "a"), STAMP)
    assert_frame_equal(lake.read(Example, ["batch-000"]), named("a", "b"))
    assert lake.stamp(Example, "batch-000") == STAMP
    assert lake.rows(Example, ["batch-000"]) == 2


def test_partitions_come_in_the_order_asked(lake: Lake) -> None:
    for name, rows in (("batch-000", named("a")), ("batch-001", named("b", "c"))):
        lake.write(Example, name, rows, STAMP)
    assert lake.read(Example, ["batch-001", "batch-000"])["id"].to_list() == ["b", "c", "a"]
    assert lake.missing(Example, ["batch-000", "batch-002"]) == ["batch-002"]


def test_a_missing_partition_is_named(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"example\.rows: not in the lake yet: batch-007; materialise it first"):
        lake.read(Example, ["batch-007"])


def test_reordered_columns_are_put_right_and_foreign_ones_refused(lake: Lake) -> None:
    shuffled = named("a").select(reversed(named("a").columns))
    lake.write(Example, "all", shuffled, STAMP)
    assert lake.read(Example).columns == [column.name for column in Example.columns]
    with pytest.raises(LakeError, match=r"columns missing: \['yes'\]; not declared: \['no'\]"):
        lake.write(Example, "all", named("a").rename({"yes": "no"}), STAMP)


def test_a_refused_write_leaves_what_was_there(lake: Lake) -> None:
    lake.write(Example, "all", named("a"), STAMP)
    with pytest.raises(LakeError):
        lake.write(Example, "all", named("b").drop("yes"), STAMP)
    assert lake.read(Example)["id"].to_list() == ["a"]


def test_duckdb_reads_the_partitions_where_they_lie(lake: Lake) -> None:
    for name, rows in (("batch-000", named("a")), ("batch-001", named("b", "c"))):
        lake.write(Example, name, rows, STAMP)
    with duckdb.connect() as connection:
        for _ in range(2):
            source = lake.sql_source(connection, Example, ["batch-000", "batch-001"])
            assert connection.execute(f"SELECT count(*), max(id) FROM {source}").fetchone() == (3, "c")


def test_a_file_that_the_platform_did_not_write_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "example" / "rows" / "all.parquet"
    path.parent.mkdir(parents=True)
    named("a").write_parquet(path)
    with pytest.raises(LakeError, match="carries no stamp"):
        Lake(str(tmp_path)).stamp(Example, "all")


def test_the_same_rows_are_the_same_bytes(tmp_path: Path) -> None:
    one, two = Lake(str(tmp_path / "one")), Lake(str(tmp_path / "two"))
    one.write(Example, "all", named("a", "b"), STAMP)
    two.write(Example, "all", named("b", "a"), STAMP)
    assert one.content_hash(Example, "all") == two.content_hash(Example, "all")


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=20), st.dates())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_and_stamps_survive_a_round_trip(tmp_path: Path, values: list[float], last: date) -> None:
    lake = Lake(str(tmp_path))
    rows = frame(*({**GOOD, "id": f"{i:03d}", "value": value} for i, value in enumerate(values)))
    stamp = Stamp("p", "c", last)
    lake.write(Example, "all", rows, stamp)
    assert_frame_equal(lake.read(Example), rows, check_exact=True)
    assert lake.stamp(Example, "all") == stamp


WRITER = """
import sys
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform_tests.warehouse.test_contracts import GOOD, Example, frame
from migraine_platform_tests.warehouse.lake.test_lake import STAMP
import polars as pl
lake = Lake(sys.argv[1])
old = frame(*({**GOOD, "id": f"x{i}", "count": 1} for i in range(20_000)))
new = old.with_columns(count=pl.lit(2, pl.Int64))
lake.write(Example, "all", old, STAMP)
print("ready", flush=True)
while True:
    lake.write(Example, "all", new, STAMP)
    lake.write(Example, "all", old, STAMP)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    for attempt in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(0.013 * attempt)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        rows = lake.read(Example)
        assert rows.height == 20_000
        assert rows["count"].n_unique() == 1
    lake.write(Example, "all", named("a"), STAMP)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["all.parquet"]
