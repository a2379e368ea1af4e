"""Runs that take the place of another: with readers, a second run and SIGKILL in their way."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from migraine_platform.warehouse.query import query
from migraine_platform_tests.conftest import Finished, change, environment, migraine

pytestmark = pytest.mark.slow

RUN = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "run"]
SEED = 100
"""Of the second population."""

READER = """
import sys, threading, duckdb
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
connection = duckdb.connect(sys.argv[1], read_only=True)
while True:
    rows = connection.execute(
        "SELECT count(*), sum(has_migraine::INT), (SELECT max(published_at) FROM lineage.publication) "
        "FROM cohort.patient_days").fetchone()
    print(*rows, flush=True)
    if stop.wait(0.2):
        break
"""


@dataclass(frozen=True)
class Second:
    """A second population over the first: two runs were started at once while somebody read."""

    root: Path
    codes: list[int]
    errors: list[str]
    steps: int
    """Lines that the run which went through printed, one as each thing is done."""
    first: str
    """What the reader saw before the runs."""
    answers: list[str]
    """What he saw meanwhile."""


@pytest.fixture(scope="module")
def second(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Second:
    root = finished.copy(tmp_path_factory.mktemp("second") / "project")
    change(root, "simulator.yaml", "cohort", "seed", to=SEED)
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(root / "data" / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    first = reader.stdout.readline().strip()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(RUN, env=environment(root), **quiet) for _ in range(2)]
    errors = [run.communicate(timeout=1800)[1] for run in runs]
    answers, _ = reader.communicate("stop\n", timeout=600)
    assert reader.returncode == 0
    codes = [run.returncode for run in runs]
    steps = max(len(error.splitlines()) for error in errors)
    return Second(root, codes, errors, steps, first, answers.splitlines())


@pytest.fixture(scope="module")
def killing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where killed runs lie."""
    folder = tmp_path_factory.mktemp("killed")
    yield folder
    shutil.rmtree(folder)


def lake(root: Path) -> dict[str, bytes]:
    files = (root / "data" / "lake").rglob("[!.]*.parquet")
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def test_only_one_run_from_a_terminal_at_a_time(second: Second) -> None:
    assert sorted(second.codes) == [0, 1]
    refused = second.errors[second.codes.index(1)]
    assert "error: another run is working on " in refused
    assert "Traceback" not in refused


def test_a_reader_stays_on_its_version_while_a_full_run_publishes(second: Second) -> None:
    assert set(second.answers) == {second.first}
    assert len(second.answers) > 3
    warehouse = str(second.root / "data" / "warehouse.duckdb")
    fresh = subprocess.run(
        [sys.executable, "-c", READER, warehouse], input="stop\n", capture_output=True, text=True, timeout=600
    )
    assert fresh.stdout.splitlines()[0] != second.first


def test_a_killed_run_leaves_the_published_warehouse_and_whole_files(
    finished: Finished, second: Second, killing: Path
) -> None:
    """SIGKILL after a random line of each third of what a run prints that writes a second population over a first."""
    old, new = lake(finished.root), lake(second.root)
    published = (finished.root / "data" / "warehouse.duckdb").read_bytes()
    rng = random.Random(4)
    parts = (0.3, 0.53), (0.53, 0.77), (0.77, 1.0)
    outcomes = set()
    for number, part in enumerate(parts):
        root = finished.copy(killing / str(number))
        change(root, "simulator.yaml", "cohort", "seed", to=SEED)
        run = subprocess.Popen(RUN, env=environment(root), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert run.stderr is not None
        for _ in range(round(rng.uniform(*part) * second.steps)):
            run.stderr.readline()
        os.kill(run.pid, signal.SIGKILL)
        run.communicate()
        for name, content in lake(root).items():
            assert content in (old[name], new[name]), name
            outcomes.add("old" if content == old[name] else "new")
        with duckdb.connect(str(root / "data" / "warehouse.duckdb"), read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM marts.patient_profiles").fetchone() == (60,)
            (population,) = connection.execute("SELECT population FROM lineage.publication").fetchone()
        if (root / "data" / "warehouse.duckdb").read_bytes() != published:
            again = query(second.root / "data" / "warehouse.duckdb", "FROM lineage.publication")
            assert again["population"].item() == population
        if number == 0:
            assert migraine(root, "run").returncode == 0
            assert lake(root) == new
            assert list((root / "data").rglob("*.tmp*")) == []
    assert outcomes == {"old", "new"}  # the moments were spread over the run
