"""Compiled code: numba's `njit` with a cache that is never stale, and loops that share patients out among the cores.

Begin with `njit`, which every compiled function of the platform takes from here, and `parallel.in_parallel`. Does not
belong here: what is compiled.

Numba asks only whether the file of a compiled function changed, not those of the functions that it calls. Hence its
cache lies in a folder named by the digest of all compiled sources (`folder.py`), set before anything is compiled.

A function that takes a whole model or person and stands in one or two places is compiled `inline="always"`: handing
over a hundred arrays has to be compiled too, at each call.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numba
from numba import njit as njit

from migraine_platform.compiled.folder import compiled_code

if not os.environ.get("NUMBA_CACHE_DIR"):
    beside = Path(__file__).with_name("__pycache__")
    numba.config.CACHE_DIR = str(compiled_code(beside, Path(tempfile.gettempdir())))  # type: ignore[attr-defined]
