"""Seals that many checks put at the same time."""

from __future__ import annotations

import threading
from pathlib import Path

from fsspec.implementations.memory import MemoryFileSystem

from migraine_platform.warehouse.lake.places import replace_file
from migraine_platform.warehouse.lake.seals import Sealed, Seals

CHECKS = ("contract", "complete", "correlations", "every_patient")


def test_no_check_forgets_what_another_found_meanwhile(tmp_path: Path) -> None:
    """Checks of one asset run at the same time: each has read what lies there before the first one writes."""
    store = MemoryFileSystem()
    all_came = threading.Barrier(len(CHECKS))

    def put(path: str, content: bytes) -> None:
        all_came.wait(timeout=600)
        store.pipe_file(path, content)

    seals, passed = Seals(store, str(tmp_path), put), Sealed("0" * 64, "declared")
    threads = [threading.Thread(target=seals.put, args=("cohort/patients/all", check, passed)) for check in CHECKS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {check: seals.found("cohort/patients/all", check) for check in CHECKS} == dict.fromkeys(CHECKS, passed)


def test_what_is_taken_back_is_not_found_and_nothing_else_goes(tmp_path: Path) -> None:
    from fsspec.implementations.local import LocalFileSystem

    seals = Seals(LocalFileSystem(), str(tmp_path), lambda path, content: replace_file(Path(path), content))
    seals.remove("all", "contract")
    seals.put("all", "contract", Sealed("1", "a"))
    seals.put("all", "complete", Sealed("2", "b"))
    seals.remove("all", "contract")
    assert seals.found("all", "contract") is None
    assert seals.found("all", "complete") == Sealed("2", "b")
