"""Claim: arrays in one layout, and functions compiled into their callers, spare a first run a part of its compiling.

python benchmarks/compilation.py [--runs 3]

The smallest platform from nothing, with nothing compiled before, by turns: as it is; with arrays handed to compiled
filters as they come (frozen, by columns, parts of others), where each layout is compiled anew; and with every compiled
function called, none compiled into its caller. Prints the seconds spent compiling, and how many times a function was.
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
way = sys.argv.pop(1)
if way == "called":
    import migraine_platform.compiled as compiled
    given = compiled.njit

    def called(*args, **options):
        options.pop("inline", None)
        return given(*args, **options)

    compiled.njit = called
if way == "as they come":
    from migraine_platform.compiled import layout
    layout.in_one_layout = lambda array: array
    layout.all_in_one_layout = lambda arrays: arrays
from migraine_platform.cli import main
try:
    main()
finally:
    print("compiled:" + json.dumps([spent[0], count[0]]), file=sys.stderr)
"""


WAYS = {"as it is": "", "as they come": "arrays as they come", "called": "every function called"}


def compiled(way: str) -> tuple[float, int]:
    """Seconds spent compiling in a first run, and how many compilations there were.

    Args:
        way: of WAYS.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = made(Path(folder) / "project")
        environment = {
            **os.environ,
            "MIGRAINE_ROOT": str(project.folder),
            "MIGRAINE_PRESET": PRESET,
            "NUMBA_CACHE_DIR": str(Path(folder) / "compiled"),
        }
        command = [sys.executable, "-c", CHILD, way, "run"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said = next(line for line in done.stderr.splitlines() if line.startswith("compiled:"))
    seconds, count = json.loads(said.removeprefix("compiled:"))
    return seconds, count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    found = [{way: compiled(way) for way in WAYS} for _ in range(runs)]
    seconds = {way: statistics.median(run[way][0] for run in found) for way in WAYS}
    print(machine())
    print(f"compiling {seconds['as it is']:.1f} s in {found[0]['as it is'][1]} compilations (medians of {runs})")
    for way, words in WAYS.items():
        if words:
            ratio = seconds["as it is"] / seconds[way]
            print(f"{words}: {seconds[way]:.1f} s in {found[0][way][1]}; ratio {ratio:.2f}")
