"""How benchmarks measure: medians of interleaved runs, so that a noisy machine slows both sides alike."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare(ours: Callable[[], object], baseline: Callable[[], object], runs: int) -> tuple[float, float]:
    """Median seconds of ours and of the baseline, run by turns."""
    pairs = [(seconds(ours), seconds(baseline)) for _ in range(runs)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] for pair in pairs)


def machine() -> str:
    """The machine in a few words."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as info:
            model = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), model)
    except OSError:
        pass
    return f"{os.cpu_count()} cores, {model}, Python {platform.python_version()}"
