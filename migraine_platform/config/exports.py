"""Settings of the files that other programs take away."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from migraine_platform.config.base import Frozen


class Exports(Frozen):
    """How the cohort is cut for others."""

    validation_share: Annotated[float, Field(gt=0, lt=1)]
    """Of patients, held out of the training file."""

    fusemoe_window_days: Annotated[int, Field(ge=1, le=999)]
