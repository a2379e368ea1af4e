"""Compiled loops over patients, shared out among the cores.

A compiled function that releases the interpreter runs beside itself in threads. Calling one takes a millisecond or two
where its arguments hold many arrays, so a core is given few large shares.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

SMALLEST = 32
"""Patients below which a second thread does not pay."""


def in_parallel(count: int, work: Callable[[int, int], None], shares: int = 1, smallest: int = SMALLEST) -> None:
    """Do `work(first, last)` on consecutive parts of 0 to `count`.

    Args:
        shares: parts per core; more of them even out parts that take longer.
        smallest: least size of a part.
    """
    parts = max(1, min((os.cpu_count() or 1) * shares, count // smallest))
    edges = [count * part // parts for part in range(parts + 1)]
    if parts == 1:
        work(0, count)
        return
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in [pool.submit(work, first, last) for first, last in pairwise(edges)]:
            done.result()
