"""The simulator: one generative model of a patient.

Compiled code is kept in a folder named by the digest of all sources: numba asks only whether the file of a compiled
function changed, not those of the functions that it calls.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numba

from migraine_platform.config.hashing import compiled_version


def _compiled_code() -> str:
    """A folder for compiled code beside the sources, or where temporary files go if that one is read-only."""
    beside = Path(__file__).with_name("__pycache__")
    home = beside if os.access(beside if beside.is_dir() else beside.parent, os.W_OK) else Path(tempfile.gettempdir())
    return os.path.join(home, f"numba-{compiled_version()}")


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = _compiled_code()  # type: ignore[attr-defined]
