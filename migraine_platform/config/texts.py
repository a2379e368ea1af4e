"""Texts as people see them."""

from __future__ import annotations

import unicodedata

OTHER_MARKS = {";": "semicolons", "\t": "tabs", "|": "bars"}
"""What stands between cells of a file that is not comma-separated."""


def visible(text: str) -> str:
    """A text without characters that nobody sees, words apart by one space."""
    return " ".join("".join(mark for mark in text if unicodedata.category(mark) != "Cf").split())
