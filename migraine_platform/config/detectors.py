"""Settings of the streaming detectors of drift."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen

Count = Annotated[int, Field(ge=1)]


class Detectors(Frozen):
    """ADWIN, Page-Hinkley and KSWIN, thresholds apart (`twin/drift/classical.py`)."""

    memory_days: Annotated[int, Field(ge=2, multiple_of=2)]
    """A grown detector looks back on half of these days at least and on all of them at most."""
    warm_up: Count
    """Recorded values before ADWIN and Page-Hinkley may alarm."""
    tolerance: Annotated[float, Field(ge=0)]
    """Page-Hinkley's delta: shift of the mean, in standard deviations, that is none."""
    window: Annotated[int, Field(ge=4)]
    """Recorded values that KSWIN looks at."""
    recent: Annotated[int, Field(ge=2)]
    """The latest of them, compared with as many of the others."""
    seed: int
    """Which of the others KSWIN draws; the same places in every window."""

    @model_validator(mode="after")
    def _drawn_from_enough(self) -> Detectors:
        if 2 * self.recent > self.window:
            raise ValueError(f"recent: {self.recent} of {self.window} values; expected half of them at most")
        return self
