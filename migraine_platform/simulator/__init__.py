"""The simulator: one generative model of a patient.

Compiled code is kept in a folder named by the digest of all sources: numba asks only whether the file of a compiled
function changed, not those of the functions that it calls.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numba

from migraine_platform.config.compiled import compiled_code

if not os.environ.get("NUMBA_CACHE_DIR"):
    beside = Path(__file__).with_name("__pycache__")
    numba.config.CACHE_DIR = str(compiled_code(beside, Path(tempfile.gettempdir())))  # type: ignore[attr-defined]
