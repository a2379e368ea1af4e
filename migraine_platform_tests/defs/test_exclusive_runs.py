"""Runs that wait for each other, and runs whose process is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest

from migraine_platform.defs.runs.dead_runs import GONE, end_dead_runs
from migraine_platform.defs.runs.executors import PROCESS_TAG, exclusive_executor
from migraine_platform.operations.run_lock import is_gone, only_run, this_process
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import REPOSITORY

FOLDER = "EXCLUSIVE_RUNS_FOLDER"


@dg.op
def announce() -> None:
    """Say that the run has begun; wait, if somebody is to end it, for a line that never comes."""
    folder = Path(os.environ[FOLDER])
    (folder / "begun").write_text("")
    if (folder / "stay").exists():
        print("begun", flush=True)
        sys.stdin.readline()


def small_with(executor: str, alone: bool = True) -> dg.JobDefinition:
    @dg.job(executor_def=exclusive_executor(executor, Places(Path(os.environ[FOLDER]), "nowhere"), alone))
    def small() -> None:
        announce()

    return small


def small_in_process() -> dg.JobDefinition:
    return small_with("in_process")


def small_in_processes() -> dg.JobDefinition:
    return small_with("multiprocess")


def small_beside_others() -> dg.JobDefinition:
    return small_with("in_process", alone=False)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        yield instance


def messages(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    entries = instance.all_logs(run_id)
    return [(entry.dagster_event and entry.dagster_event.message) or entry.user_message for entry in entries]


@pytest.mark.parametrize("make", [small_in_process, small_in_processes])
def test_a_run_of_the_ui_waits_for_one_of_a_terminal(folder: Path, instance, make) -> None:
    results: list[dg.JobExecutionResult] = []

    def execute() -> None:
        with dg.execute_job(dg.reconstructable(make), instance=instance) as result:
            results.append(result)

    with only_run(Places(folder, "nowhere"), "night", "0123456789abcdef"):
        other = Thread(target=execute)
        other.start()
        while not (found := instance.get_runs()) or not any("waits for" in line for line in _logged(instance, found)):
            other.join(0.1)
            assert other.is_alive()
        assert not (folder / "begun").exists()
    other.join()
    assert results[0].success
    (run,) = instance.get_runs()
    said = [line for line in messages(instance, run.run_id) if "waits for another run to end" in line]
    assert len(said) == 1
    assert "night (run 01234567)" in said[0]
    assert not is_gone(run.tags[PROCESS_TAG])


def _logged(instance: dg.DagsterInstance, runs: object) -> list[str]:
    return [line for run in runs for line in messages(instance, run.run_id)]  # type: ignore[attr-defined]


def test_a_run_whose_process_was_killed_is_marked_failed_by_whoever_comes_next(folder: Path, instance) -> None:
    (folder / "stay").write_text("")
    program = (
        "import dagster as dg, sys\n"
        "from migraine_platform_tests.defs.test_exclusive_runs import small_in_process\n"
        "with dg.DagsterInstance.from_ref(dg.DagsterInstance.local_temp(sys.argv[1]).get_ref()) as instance:\n"
        "    dg.execute_job(dg.reconstructable(small_in_process), instance=instance)\n"
    )
    command = [sys.executable, "-c", program, str(folder / "home")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    process = subprocess.Popen(command, cwd=REPOSITORY, **pipes)
    assert process.stdout.readline() == "begun\n"
    (run,) = instance.get_runs()
    assert end_dead_runs(instance) == []
    assert run.status == dg.DagsterRunStatus.STARTED
    process.kill()
    process.wait()
    assert end_dead_runs(instance) == ["small"]
    assert instance.get_run_by_id(run.run_id).status == dg.DagsterRunStatus.FAILURE
    assert any(GONE in line for line in messages(instance, run.run_id))
    assert end_dead_runs(instance) == []
    with only_run(Places(folder, "nowhere"), "next"):  # and its lock is free
        pass


def test_a_run_that_is_tried_again_does_not_die_of_its_parents_process(folder: Path, instance) -> None:
    """Dagster gives it its parent's tags, that of the process among them."""
    ended = subprocess.Popen([sys.executable, "-c", "pass"])
    ended.wait()
    gone = this_process().replace(f":{os.getpid()}:", f":{ended.pid}:")
    job = small_in_process()
    parent = instance.create_run_for_job(job, tags={PROCESS_TAG: gone}, status=dg.DagsterRunStatus.FAILURE)
    child = instance.create_run_for_job(
        job,
        tags={PROCESS_TAG: gone},
        status=dg.DagsterRunStatus.STARTING,
        parent_run_id=parent.run_id,
        root_run_id=parent.run_id,
    )
    assert end_dead_runs(instance) == []
    instance.add_run_tags(child.run_id, {PROCESS_TAG: f"{gone}0"})  # its own, which ended too
    assert end_dead_runs(instance) == ["small"]


def test_a_run_that_needs_no_lock_says_which_process_it_is_and_waits_for_nobody(folder: Path, instance) -> None:
    with only_run(Places(folder, "nowhere"), "night"):
        assert dg.execute_job(dg.reconstructable(small_beside_others), instance=instance).success
    (run,) = instance.get_runs()
    assert run.tags[PROCESS_TAG] == this_process()
