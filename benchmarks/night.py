"""Claim: a night of 1,000 patients takes a minute at most, and most of it is computing.

python benchmarks/night.py [--patients 1000] [--nights 3] [--keep FOLDER]

The default cohort, with the demo's network for the questions (what a night asks of it is the same). The platform runs
once; then each night is a process of its own, as the daemon starts one: from its start to the published warehouse.
Computing is what happens inside the steps' and checks' own bodies; the rest is orchestration: starting Python, loading
the definitions, planning, events, the instance's database.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from measure import machine

from migraine_platform.config import Settings, load_settings, resized

CHILD = "--child"


def settings_of(data: Path, patients: int) -> Settings:
    """The default cohort; the demo's training."""
    os.environ["MIGRAINE_DATA"] = str(data)
    settings = resized(load_settings("default"), patients=patients)
    return settings.model_copy(update={"train": load_settings("demo").train})


def child(data: Path, patients: int, night: str | None) -> None:
    """One run, in this process; prints what was computing."""
    from contextlib import contextmanager

    from migraine_platform.defs import context

    spent = [0.0]
    plainly = context.failing_plainly

    @contextmanager
    def timed():
        begun = time.perf_counter()
        try:
            with plainly():
                yield
        finally:
            spent[0] += time.perf_counter() - begun

    context.failing_plainly = timed
    from migraine_platform.defs.runs.launch import run_night, run_platform

    settings = settings_of(data, patients)
    if night:
        run_night(settings, date.fromisoformat(night), ahead=True)
    else:
        run_platform(settings)
    print(json.dumps({"computing": spent[0]}))


def run(data: Path, patients: int, night: str | None) -> tuple[float, float]:
    """Seconds of a run in a process of its own: all of it, and computing."""
    arguments = [sys.executable, __file__, CHILD, str(data), "--patients", str(patients), *([night] if night else [])]
    begun = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return wall, json.loads(done.stdout.splitlines()[-1])["computing"]


def main() -> None:
    """Run the nights and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=1000)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder to go on from, or to be kept")
    parser.add_argument(CHILD, type=Path)
    parser.add_argument("night", nargs="?")
    given = parser.parse_args()
    if given.child:
        return child(given.child, given.patients, given.night)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        data = given.keep or Path(folder)
        data.mkdir(parents=True, exist_ok=True)
        clock = data / "clock.json"
        if not clock.exists():
            wall, _ = run(data, given.patients, None)
            print(f"the platform's first run: {wall:.0f} s")
        begun = max(date.fromisoformat(one["night"]) for one in json.loads(clock.read_text()).values())
        found = []
        for number in range(1, given.nights + 1):
            wall, computing = run(data, given.patients, str(begun + timedelta(days=number)))
            found.append((wall, 1 - computing / wall))
            print(f"night {number}: {wall:.1f} s, of which orchestration {100 * found[-1][1]:.0f} %", flush=True)
        print(
            f"median: {statistics.median(w for w, _ in found):.1f} s (target 60), "
            f"orchestration {100 * statistics.median(share for _, share in found):.0f} % (target 40)"
        )
    return None


if __name__ == "__main__":
    main()
