"""What a diary tells of attacks."""

from __future__ import annotations

from typing import Final

EVENTS: Final = (
    "has_migraine",
    "onset",
    "migraine_by_evening",
    "prodrome",
    "acute_medication",
    "headache_at_evening",
)
"""Flags of a day; `has_migraine` and `onset` are complete by the next evening."""

HAS_MIGRAINE, ONSET, BY_EVENING, PRODROME, MEDICATION, AT_EVENING = range(len(EVENTS))
"""Their places."""
