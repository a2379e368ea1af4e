"""A small project in a temporary folder, on which faults are tried: made by the `migraine` command, as a user would.

Belongs here: making one, running commands on it, reading what it published. Does not: the faults (faults.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import duckdb
import polars as pl
from polars.testing import assert_frame_equal

ROOT = Path(__file__).resolve().parents[1]
PRESET = "faults"
PATIENCE = 900
"""Seconds within which any command ends."""

SMALL = (ROOT / "migraine_platform_tests" / "tiny.yaml").read_text(encoding="utf-8")
COMMAND = [sys.executable, "-c", "from migraine_platform.cli import main; main()"]


class Begun(NamedTuple):
    """A command that was begun, and the file into which it says what goes wrong."""

    process: subprocess.Popen[str]
    said: IO[str]

    def ended(self) -> tuple[int, str]:
        """Exit code, and what it said of errors; helpers that it left behind are ended too."""
        code = self.process.wait(timeout=PATIENCE)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with self.said as file:
            file.seek(0)
            return code, file.read()


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
        among: Mapping[str, str] | None = None,
        before: Callable[[], None] | None = None,
        through: Sequence[str] = (),
    ) -> Begun:
        """The `migraine` command, begun.

        Args:
            among: environment variables beside the usual ones.
            before: called in the new process first.
            through: a command that starts it.
        """
        return self._begin([*through, *COMMAND, *arguments], among or {}, before)

    def run(self, *arguments: str, **around: Any) -> tuple[int, str]:
        """The same, to its end: exit code and what it said of errors."""
        return self.start(*arguments, **around).ended()

    def launch(self, job: str, **tags: str) -> Begun:
        """A job as the UI or the daemon runs it, with Dagster's own records; begun."""
        home = {"DAGSTER_HOME": str(self.data / "dagster")}
        command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "migraine_platform.definitions", "-j", job]
        return self._begin([*command, "--tags", json.dumps(tags)], home, None)

    def _begin(self, command: list[str], among: Mapping[str, str], before: Callable[[], None] | None) -> Begun:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MIGRAINE_", "DAGSTER_"))}
        environment = {**kept, "MIGRAINE_ROOT": str(self.folder), "MIGRAINE_PRESET": PRESET, **among}
        said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (closed when read)
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=said, text=True, preexec_fn=before,
            process_group=0,
        )  # fmt: skip
        return Begun(process, said)

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


def made(folder: Path) -> Project:
    """A project in which nothing has run."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(ROOT / "configs", folder / "configs")
    (folder / "data").mkdir()
    shutil.copy(ROOT / "data" / "migraine_prediction.xlsx", folder / "data")
    shutil.copytree(ROOT / "data" / "stations", folder / "data" / "stations")
    shutil.copy(ROOT / "workspace.yaml", folder)
    (folder / "configs" / "presets" / f"{PRESET}.yaml").write_text(SMALL)
    return Project(folder)


def begin(folder: Path) -> Project:
    """A project whose first run has ended well."""
    project = made(folder)
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
