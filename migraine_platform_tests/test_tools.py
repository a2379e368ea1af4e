"""Aids for maintainers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl

from migraine_platform_tests.conftest import REPOSITORY

ROWS = pl.DataFrame({"patient_id": ["P0001", "P0002"], "probability": [0.25, 0.5]})


def compared(before: Path, after: Path) -> tuple[int, str]:
    tool = REPOSITORY / "tools" / "compare_lakes.py"
    done = subprocess.run([sys.executable, str(tool), str(before), str(after)], capture_output=True, text=True)
    return done.returncode, done.stdout


def lake(root: Path, **tables: pl.DataFrame) -> Path:
    for name, rows in tables.items():
        folder = root / "lake" / "twin" / name
        folder.mkdir(parents=True)
        rows.write_parquet(folder / "all.parquet")
    return root


def test_equal_lakes_have_no_differences_and_others_are_told_by_table_and_column(tmp_path: Path) -> None:
    first = lake(tmp_path / "a", predictions=ROWS, audit=ROWS)
    assert compared(first, lake(tmp_path / "b", predictions=ROWS, audit=ROWS))[0] == 0
    moved = ROWS.with_columns(pl.col("probability") + 0.125)
    code, said = compared(first, lake(tmp_path / "c", predictions=moved, states=ROWS))
    assert code == 1
    assert "twin/predictions/all.parquet: probability (by at most 0.12)" in said
    assert "twin/audit/all.parquet: only before" in said
    assert "twin/states/all.parquet: only after" in said
