"""What is kept of patients is readable by its owner alone.

Belongs here: the permissions of new files. Does not: folders that other accounts share (compiled/folder.py).
"""

from __future__ import annotations

import os

OTHERS = 0o077
"""Permissions of the group and of everybody, which no file that this process makes has."""


def keep_private() -> None:
    """From now on this process, and those that it starts, make files for their owner alone."""
    os.umask(OTHERS)
