"""Settings of the inbox: which files are taken, and how much at a time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from migraine_platform.config.base import Frozen


class Ingest(Frozen):
    """How files with observations are taken (`ingest/`)."""

    stable_seconds: Annotated[float, Field(gt=0, le=3600)]
    """A file that was changed less long ago is still being written."""

    largest_file_bytes: Annotated[int, Field(ge=1000, le=1_000_000_000)]
    """A larger file is refused unread."""

    most_rows: Annotated[int, Field(ge=1, le=10_000_000)]
    """A file with more rows is refused."""

    files_per_look: Annotated[int, Field(ge=1, le=10_000)]
    """At most so many waiting files are read at one look into the inbox; the run that follows takes all of them."""
