from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from migraine_platform.operations.storage import disk_of, folders_of, size_of, warehouse_of
from migraine_platform.warehouse.lake.places import Places


def places_in(folder: Path) -> Places:
    return Places(data=folder, lake_url=(folder / "lake").as_posix())


def test_folders_are_measured_to_their_last_file(tmp_path: Path) -> None:
    (tmp_path / "lake" / "cohort").mkdir(parents=True)
    (tmp_path / "lake" / "cohort" / "a.parquet").write_bytes(b"x" * 700)
    (tmp_path / "lake" / "b.parquet").write_bytes(b"x" * 300)
    (tmp_path / "lake" / "loop").symlink_to(tmp_path / "lake")
    found = {folder.name: folder for folder in folders_of(places_in(tmp_path), 100)}
    assert found["lake"].files == 3
    assert 1000 <= found["lake"].bytes < 1200  # and the link's own bytes
    assert (found["twins"].bytes, found["twins"].files, found["twins"].complete) == (0, 0, True)


def test_a_very_full_folder_is_counted_up_to_a_bound(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"1234567890")
    bounded, whole = size_of("x", tmp_path, 3), size_of("x", tmp_path, 5)
    assert (bounded.files, bounded.bytes, bounded.complete) == (3, 30, False)
    assert (whole.files, whole.bytes, whole.complete) == (5, 50, True)


def test_a_lake_that_lies_elsewhere_is_not_measured(tmp_path: Path) -> None:
    places = Places(data=tmp_path, lake_url="s3://bucket/lake")
    assert "lake" not in {folder.name for folder in folders_of(places, 10)}
    assert disk_of(places).total > 0


def test_the_publication_is_read_from_the_warehouse(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    assert warehouse_of(places).problem == "nothing is published yet"
    with duckdb.connect(str(places.warehouse)) as connection:
        connection.execute("CREATE TABLE other (x INTEGER)")
    assert "cannot be read, or does not say" in warehouse_of(places).problem
    with duckdb.connect(str(places.warehouse)) as connection:
        connection.execute("CREATE SCHEMA lineage")
        connection.execute("CREATE TABLE lineage.publication (published_at TIMESTAMP, last_date DATE)")
        connection.execute("INSERT INTO lineage.publication VALUES ('2026-11-21 02:45:00', '2026-11-20')")
    found = warehouse_of(places)
    assert (found.published_at, found.last_date, found.problem) == (
        datetime(2026, 11, 21, 2, 45, tzinfo=UTC),
        date(2026, 11, 20),
        "",
    )


def test_a_broken_warehouse_is_a_sentence(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    places.warehouse.write_bytes(b"not a database" * 1000)
    assert "cannot be read" in warehouse_of(places).problem
