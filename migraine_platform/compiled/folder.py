"""Where compiled code is kept."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from migraine_platform.config.hashing import compiled_version


def compiled_code(beside: Path, temporary: Path) -> Path:
    """A folder for compiled code beside the sources; if that one is read-only, one's own among the temporary files.

    What numba keeps there runs: of temporary folders, none is used that another account could have written to.
    """
    folder = f"numba-{compiled_version()}"
    if os.access(beside if beside.is_dir() else beside.parent, os.W_OK):
        return beside / folder
    own = temporary / f"migraine-{os.getuid()}"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        found = own.lstat()
        private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    except OSError:
        private = False
    home = own if private else Path(tempfile.mkdtemp(prefix="migraine-", dir=temporary))
    return home / folder
