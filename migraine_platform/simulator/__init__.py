"""The simulator: one generative model of a patient.

Compiled code is kept in a folder named by the digest of all sources: numba asks only whether the file of a compiled
function changed, not those of the functions that it calls.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import numba

from migraine_platform.config.hashing import compiled_version


def compiled_code(beside: Path, temporary: Path) -> Path:
    """A folder for compiled code beside the sources; if that one is read-only, one's own among the temporary files.

    What numba keeps there runs: a folder that another account could have written to is not used.
    """
    if os.access(beside if beside.is_dir() else beside.parent, os.W_OK):
        return beside / f"numba-{compiled_version()}"
    own = temporary / f"migraine-{os.getuid()}"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
        private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    except OSError:
        private = False
    home = own if private else Path(tempfile.mkdtemp(prefix="migraine-", dir=temporary))
    return home / f"numba-{compiled_version()}"


if not os.environ.get("NUMBA_CACHE_DIR"):
    numba.config.CACHE_DIR = str(  # type: ignore[attr-defined]
        compiled_code(Path(__file__).with_name("__pycache__"), Path(tempfile.gettempdir()))
    )
