"""What of a text may leave the platform: no patient's identifier, and of foreign errors nothing that may be a value.

masked("P0042 lacks days")                  -> "P… lacks days"
without_values("could not parse '37.5'")    -> "could not parse …"
"""

from __future__ import annotations

import re

LONGEST = 240
"""Characters of a reason."""

_PATIENT = re.compile(r"P\d{4,}", re.IGNORECASE)
_WITH_DIGIT = re.compile(r"\S*\d\S*")


def masked(text: str) -> str:
    """The text with every patient's identifier replaced."""
    return _PATIENT.sub("P…", text)


def without_values(text: str) -> str:
    """The text without any word that holds a digit: what may be a patient's value."""
    return _WITH_DIGIT.sub("…", text)


def sentence(text: str | None) -> str:
    """The first line, masked and not too long; nothing for nothing."""
    line = next((line.strip() for line in (text or "").splitlines() if line.strip()), "")
    told = masked(line)
    return told if len(told) <= LONGEST else told[: LONGEST - 1].rstrip() + "…"
