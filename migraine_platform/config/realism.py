"""Settings of the realism table: which figures are held against which references."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from migraine_platform.config.base import Frozen, Range


class Reference(Frozen):
    """What a figure should be."""

    literature: Range
    """What the literature or real data say."""

    specification: Range | None = None
    """What the specification says instead; the default keeps to it."""

    source: Annotated[str, Field(min_length=1)]


class RealismSettings(Frozen):
    """The references, by figure (simulator/checks/realism.py says how each is measured)."""

    patients: Annotated[int, Field(ge=20)]
    """At most so many patients, from the first, are looked at."""

    figures: dict[str, Reference]
