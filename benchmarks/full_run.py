"""Claim: after installation `make run` takes at most 60 s at the demo preset, into an empty data folder.

python benchmarks/full_run.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import compare, machine

ROOT = Path(__file__).resolve().parents[1]


def make_run() -> None:
    """The command a newcomer types, with nothing made before."""
    with tempfile.TemporaryDirectory() as data:
        environment = {**os.environ, "MIGRAINE_DATA": data}
        subprocess.run(["make", "run"], cwd=ROOT, env=environment, check=True, capture_output=True)


def nothing() -> None:
    """What any Dagster command costs before it does anything."""
    subprocess.run([sys.executable, "-c", "import dagster"], check=True)


if __name__ == "__main__":
    ours, floor = compare(make_run, nothing, runs=3)
    print(machine())
    print(f"make run at the demo preset {ours:.1f} s, import dagster {floor:.2f} s (medians of 3)")
    print(f"share of the 60 s allowed {ours / 60:.2f}, times the bare import {ours / floor:.0f}")
