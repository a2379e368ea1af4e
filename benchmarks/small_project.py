"""A small project in a temporary folder, on which faults are tried: made by the `migraine` command, as a user would.

Belongs here: making one, running commands on it, reading what it published. Does not: the faults (faults.py).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
from polars.testing import assert_frame_equal

ROOT = Path(__file__).resolve().parents[1]
PRESET = "faults"
PATIENCE = 900
"""Seconds within which any command ends."""

SMALL = (ROOT / "migraine_platform_tests" / "tiny.yaml").read_text(encoding="utf-8")
COMMAND = [sys.executable, "-c", "from migraine_platform.cli import main; main()"]


class Project:
    """A project in a folder, and what lies there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"

    def copy(self, to: Path) -> Project:
        """The same, to be damaged."""
        shutil.copytree(self.folder, to)
        return Project(to)

    def start(
        self,
        *arguments: str,
        said: int = subprocess.DEVNULL,
        among: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
    ) -> subprocess.Popen[str]:
        """The `migraine` command, begun; what it says of errors goes to `said`.

        Args:
            among: environment variables beside the usual ones.
            before: called in the new process first.
        """
        return self._begin([*COMMAND, *arguments], said, among or {}, before)

    def run(self, *arguments: str, **around: Any) -> tuple[int, str]:
        """The same, to its end: exit code and what it said of errors."""
        return ended(self.start(*arguments, said=subprocess.PIPE, **around))

    def launch(self, job: str, **tags: str) -> subprocess.Popen[str]:
        """A job as the UI or the daemon runs it, with Dagster's own records; begun."""
        home = {"DAGSTER_HOME": str(self.data / "dagster")}
        command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "migraine_platform.definitions", "-j", job]
        return self._begin([*command, "--tags", json.dumps(tags)], subprocess.PIPE, home, None)

    def _begin(
        self, command: list[str], said: int, among: Mapping[str, str], before: Callable[[], None] | None
    ) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MIGRAINE_", "DAGSTER_"))}
        environment = {**kept, "MIGRAINE_ROOT": str(self.folder), "MIGRAINE_PRESET": PRESET, **among}
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=said, text=True, preexec_fn=before
        )

    def published(self) -> dict[str, pl.DataFrame]:
        """Every table of the warehouse but when it was published."""
        with duckdb.connect(str(self.data / "warehouse.duckdb"), read_only=True) as connection:
            names = connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name <> 'lineage' ORDER BY 1"
            ).fetchall()
            return {name: connection.execute(f"SELECT * FROM {name} ORDER BY ALL").pl() for (name,) in names}

    def torn(self) -> list[str]:
        """Files of the lake that cannot be read."""
        found = []
        for path in (self.data / "lake").rglob("*.parquet"):
            try:
                pl.read_parquet_metadata(path)
            except pl.exceptions.PolarsError:
                found.append(path.name)
        return found


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code of a command, and what it said of errors."""
    _, said = process.communicate(timeout=PATIENCE)
    return process.returncode, said or ""


def begin(folder: Path) -> Project:
    """A project whose first run has ended well."""
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data" / "migraine_prediction.xlsx", folder / "data")
    shutil.copytree(ROOT / "data" / "stations", folder / "data" / "stations")
    shutil.copy(ROOT / "workspace.yaml", folder)
    (folder / "configs" / "presets" / f"{PRESET}.yaml").write_text(SMALL)
    project = Project(folder)
    code, said = project.run("run")
    if code:
        raise SystemExit(f"the first run failed:\n{said[-2000:]}")
    return project


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> bool:
    """Whether two warehouses say the same, to rounding; hashes of last bits may differ."""
    if one.keys() != other.keys():
        return False
    for name, frame in one.items():
        hashes = [column for column in frame.columns if column.endswith("_version") or column == "content_hash"]
        try:
            assert_frame_equal(frame.drop(hashes), other[name].drop(hashes), abs_tol=1e-9, rel_tol=1e-7)
        except AssertionError:
            return False
    return True
