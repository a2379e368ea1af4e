"""Claim: arrays in one layout spare a first run a part of its compiling.

python benchmarks/compilation.py [--runs 3]

The smallest platform from nothing, with nothing compiled before, by turns: as it is, and with arrays handed to compiled
filters as they come (frozen, by columns, parts of others), where each layout is compiled anew. Prints the seconds spent
compiling, and how many times a function was compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import machine
from small_project import PRESET, made

CHILD = """
import json, sys, time
from numba.core import event

spent, begun, count = [0.0], [], [0]

class Listener(event.Listener):
    def on_start(self, told):
        begun.append(time.perf_counter())

    def on_end(self, told):
        took = time.perf_counter() - begun.pop()
        count[0] += 1
        spent[0] += 0.0 if begun else took  # what is compiled within another is part of it

event.register("numba:compile", Listener())
if sys.argv.pop(1) == "as they come":
    from migraine_platform.compiled import layout
    layout.in_one_layout = lambda array: array
    layout.all_in_one_layout = lambda arrays: arrays
from migraine_platform.cli import main
try:
    main()
finally:
    print("compiled:" + json.dumps([spent[0], count[0]]), file=sys.stderr)
"""


def compiled(layout: str) -> tuple[float, int]:
    """Seconds spent compiling in a first run, and how many compilations there were."""
    with tempfile.TemporaryDirectory() as folder:
        project = made(Path(folder) / "project")
        environment = {
            **os.environ,
            "MIGRAINE_ROOT": str(project.folder),
            "MIGRAINE_PRESET": PRESET,
            "NUMBA_CACHE_DIR": str(Path(folder) / "compiled"),
        }
        command = [sys.executable, "-c", CHILD, layout, "run"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said = next(line for line in done.stderr.splitlines() if line.startswith("compiled:"))
    seconds, count = json.loads(said.removeprefix("compiled:"))
    return seconds, count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    found = [(compiled("one"), compiled("as they come")) for _ in range(runs)]
    ours, baseline = (statistics.median(pair[side][0] for pair in found) for side in (0, 1))
    print(machine())
    print(f"compiling {ours:.1f} s in {found[0][0][1]} compilations; arrays as they come {baseline:.1f} s in", end=" ")
    print(f"{found[0][1][1]} (medians of {runs}); ratio {ours / baseline:.2f}")
