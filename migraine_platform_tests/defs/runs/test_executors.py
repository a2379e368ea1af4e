"""The platform job where every step is a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from migraine_platform.config import load_settings
from migraine_platform.defs.automation import PLATFORM_JOB
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.query import query
from migraine_platform_tests.conftest import Finished, change, environment
from migraine_platform_tests.defs.lived import lake_files

LEARNED = ("aline/", "evaluation/", "twin/")
"""What holds sums whose last bits are not those of every process."""


@pytest.mark.slow
def test_the_multiprocess_executor_runs_the_same_graph(finished: Finished, project: Path) -> None:
    """From nothing, and to the same population as a run in one process."""
    change(project, "platform.yaml", "executor", to="multiprocess")
    home = project / "data" / "dagster"
    home.mkdir(parents=True)
    result = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute", "-m", "migraine_platform.definitions", "-j", PLATFORM_JOB],
        env={**environment(project), "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    settings, other = load_settings("tiny", project), load_settings("tiny", finished.root)
    assert query(Places.of(settings.platform).warehouse, "SELECT count(*) FROM cohort.patients").item() == 60
    files, others = lake_files(settings), lake_files(other)
    assert files.keys() == others.keys()
    assert [name for name in files if files[name] != others[name] and not name.startswith(LEARNED)] == []
