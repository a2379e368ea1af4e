"""Claim: Dagster's records of a run take less of its time when no commit waits for the disk.

python benchmarks/records.py [events]

So many events, as a night of the small project records them (660), are stored in a new instance on the disk, once as
Dagster does by itself and once with `quick_records`; medians of interleaved runs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from contextlib import AbstractContextManager, nullcontext
from statistics import median

import dagster as dg
from measure import machine

from migraine_platform.defs.runs.records import quick_records

RUNS = 5


def store(events: int, how: AbstractContextManager[None]) -> float:
    """Seconds that so many events take."""
    with tempfile.TemporaryDirectory() as folder, how, dg.DagsterInstance.local_temp(folder) as instance:
        run = instance.create_run_for_job(dg.GraphDefinition(name="nothing", node_defs=[]).to_job())
        begun = time.perf_counter()
        for number in range(events):
            instance.report_engine_event(f"event {number}", run)
        return time.perf_counter() - begun


def main() -> None:
    """Time both ways."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 660
    plain, quick = [], []
    for _ in range(RUNS):
        plain.append(store(events, nullcontext()))
        quick.append(store(events, quick_records()))
    print(machine())
    print(f"{events} events: {median(plain):.1f} s as Dagster does, {median(quick):.1f} s without waiting for the disk")
    print(
        f"ratio {median(quick) / median(plain):.2f}, {(median(plain) - median(quick)) / events * 1e3:.1f} ms an event"
    )


if __name__ == "__main__":
    main()
