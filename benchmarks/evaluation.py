"""Claim: the whole evaluation of the default cohort takes a minute and a half at most, bootstrap included.

python benchmarks/evaluation.py [--preset default] [--keep FOLDER]

The platform runs once (with FOLDER, only if it has not there); then the evaluation's job runs in a process of its own,
as the weekly schedule starts it. Printed: seconds of every step, of the job, and of the process that loads the
definitions and does nothing else, which is no part of it.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import machine

STEP = re.compile(r"^\S+ (\S+)\s+done in ([\d.]+) s$")
CHILD = """
from migraine_platform.config import load_settings
from migraine_platform.defs.automation import {name}
from migraine_platform.defs.runs.launch import run_job
run_job(load_settings("{preset}"), {name}, {tags})
"""


def run(data: Path, preset: str, name: str) -> tuple[float, str]:
    """Seconds of a job in a process of its own, and its lines."""
    os.environ["MIGRAINE_DATA"] = str(data)
    tags = (
        "__import__('migraine_platform.defs.context', fromlist=['x']).all_batches_tags(load_settings(\""
        + preset
        + '"))'
    )
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(name=name, preset=preset, tags=tags)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return time.perf_counter() - begun, done.stderr + done.stdout


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = given.keep or Path(folder)
        if not (data / "warehouse.duckdb").is_file():
            seconds, _ = run(data, given.preset, "PLATFORM_JOB")
            print(f"the platform ran once: {seconds:.0f} s")
        seconds, lines = run(data, given.preset, "EVALUATION_JOB")
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import migraine_platform.definitions"], check=True)
    print(machine())
    for line in lines.splitlines():
        if found := STEP.match(line):
            print(f"{found[1]:22}{float(found[2]):8.1f} s")
    print(f"{'job':22}{seconds:8.1f} s (target 90)")
    print(f"{'loading alone':22}{time.perf_counter() - begun:8.1f} s")


if __name__ == "__main__":
    main()
