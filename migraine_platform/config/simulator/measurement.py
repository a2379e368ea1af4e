"""Settings of what diary and device record, and what they miss."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from migraine_platform.config.base import Frozen, NonNegative, Share, ShareRange


class Measurement(Frozen):
    """How much of a life is recorded. Missing more on attack days makes the pattern of gaps informative."""

    diary_adherence: ShareRange
    """Share of headache-free days with a diary entry, one drawn per person."""

    attack_day_log_odds: NonNegative
    """Log-odds by which an entry is less likely on a migraine day."""

    device_gap_start: Share
    """Probability that a gap of the device begins on a day."""

    device_gap_days: Annotated[float, Field(ge=1, le=90)]
    """Mean length of a gap."""
