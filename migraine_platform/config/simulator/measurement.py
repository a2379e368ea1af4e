"""Settings of what diary and device record, and what they miss."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from migraine_platform.config.base import Frozen, NonNegative, Positive, Share, ShareRange


class Measurement(Frozen):
    """How much of a life is recorded. Missing more on attack days makes the pattern of gaps informative."""

    diary_adherence: ShareRange
    """Share of headache-free days with a diary entry, one drawn per person."""

    attack_day_log_odds: NonNegative
    """Log-odds by which an entry is less likely on a migraine day."""

    diary_streaks: Annotated[float, Field(ge=0, lt=1)]
    """Lag-1 correlation of evenings with an entry: what yesterday's says of today's, adherence staying what it is."""

    diary_fatigue: NonNegative
    """Log-odds of an entry that are lost in 30 days by who tires fastest; others lose less, one drawn per person."""

    diary_stop: Annotated[float, Field(ge=0, lt=1)]
    """Probability that a person writes no more from a day on."""

    device_gap_start: Share
    """Probability that a gap of the device begins on a day."""

    device_gap_odds: Positive
    """Odds that one begins after an evening without a diary entry, against one with."""

    device_gap_days: Annotated[float, Field(ge=1, le=90)]
    """Mean length of a gap."""
