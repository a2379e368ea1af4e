"""Settings of the operation: what counts as stale, what the health page shows, how long a message may take."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from migraine_platform.config.base import Cron, Frozen, Positive


class Freshness(Frozen):
    """How old what is made may be."""

    night_hours: Annotated[int, Field(ge=1, le=22)]
    """So many hours after the nightly schedule's time, everything that the night makes must be there."""

    weekly_days: Annotated[int, Field(ge=7, le=60)]
    """What is made every week may be so old."""

    seldom_days: Annotated[int, Field(ge=1, le=3650)]
    """What neither a night nor a week makes may be so old."""


class Operations(Frozen):
    """How the platform tells people that it is well or not."""

    freshness: Freshness
    report_cron: Cron
    """When the health page is made even if no run ended; in the platform's time zone."""

    runs_kept_days: Annotated[int, Field(ge=1, le=3650)]
    """Records of runs that ended longer ago are forgotten, but for each job's and asset's newest."""

    runs_shown: Annotated[int, Field(ge=1, le=50)]
    """Last runs of each job on the health page."""

    evaluations_read: Annotated[int, Field(ge=2, le=500)]
    """Last evaluations of each check that are looked at to tell since when it fails."""

    files_counted: Annotated[int, Field(ge=1)]
    """A folder's size is told up to so many files."""

    disk_low_gb: Positive
    """Less free space than this needs a look."""

    disk_full_gb: Positive
    """With less free space than this the platform counts as failed."""

    timeout_seconds: Annotated[float, Field(gt=0, le=10)]
    """For each answer of a webhook or a mail server; a sensor has 60 s in all."""

    @model_validator(mode="after")
    def _low_before_full(self) -> Operations:
        if self.disk_full_gb > self.disk_low_gb:
            raise ValueError(f"disk_full_gb is {self.disk_full_gb:g}; expected at most disk_low_gb")
        return self
