"""One run at a time, across processes that end in every way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from migraine_platform.operations.run_lock import BusyError, is_gone, only_run, this_process
from migraine_platform.warehouse.lake.places import PlaceError, Places

HOLDER = """
import sys
from pathlib import Path
from migraine_platform.operations.run_lock import only_run, this_process
from migraine_platform.warehouse.lake.places import Places

with only_run(Places(Path(sys.argv[1]), "nowhere"), "night", "0123456789abcdef"):
    print(this_process(), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "data", "nowhere")


@pytest.fixture
def holder(places: Places) -> Iterator[tuple[subprocess.Popen, str]]:
    """Another process that holds the lock, and its name."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(places.data)], **pipes)
    yield process, process.stdout.readline().strip()
    process.kill()
    process.wait()


def test_whoever_does_not_wait_is_told_who_works(places: Places, holder) -> None:
    process, _ = holder
    with (
        pytest.raises(BusyError, match=rf"night \(run 01234567\), process {process.pid}, since 20"),
        only_run(places, "run"),
    ):
        pass


def test_whoever_waits_goes_on_when_the_other_is_killed(places: Places, holder) -> None:
    process, _ = holder
    told: list[str] = []

    def waiting(line: str) -> None:
        told.append(line)
        process.send_signal(signal.SIGKILL)

    with only_run(places, "run", waiting=waiting):
        pass
    assert len(told) == 1
    assert told[0].startswith("waits for another run to end: night (run 01234567)")


def test_the_lock_is_free_after_its_run_whatever_came_of_it(places: Places) -> None:
    with pytest.raises(RuntimeError), only_run(places, "run"):
        raise RuntimeError
    with only_run(places, "run"):
        pass


def test_a_process_is_gone_when_it_was_killed_and_not_before(holder) -> None:
    process, name = holder
    assert not is_gone(name)
    process.kill()
    assert is_gone(name) or (process.wait() and is_gone(name))  # a zombie has ended too


def test_another_process_of_the_same_number_is_another_process() -> None:
    host, number, began = this_process().rsplit(":", 2)
    assert not is_gone(f"{host}:{number}:{began}")
    assert is_gone(f"{host}:{number}:{int(began) - 1}")
    assert not is_gone(f"elsewhere:{number}:0")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_one_sentence(places: Places) -> None:
    places.data.mkdir()
    places.data.chmod(0o500)
    with pytest.raises(PlaceError, match="cannot be written"), only_run(places, "run"):
        pass
