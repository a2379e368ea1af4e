"""The settings of the whole platform, one model a stage.

Belongs here: the platform's own settings and the assembly. Each stage's numbers live in
`configs/<stage>.yaml`, with their sources beside them.
"""

from __future__ import annotations

from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field

from migraine_platform.config.base import Cron, DataFolder, Frozen, InputFile, NonNegative, Positive, RootedUrl
from migraine_platform.config.evaluation import Evaluation
from migraine_platform.config.exports import Exports
from migraine_platform.config.ingest import Ingest
from migraine_platform.config.operations import Operations
from migraine_platform.config.realism import RealismSettings
from migraine_platform.config.simulator.hours import Hours
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.config.train import Train
from migraine_platform.config.twin import Twin


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError('expected a time zone of the IANA database, as in "Europe/Berlin"')
    return ZoneInfo(name).key


class Platform(Frozen):
    """Where things lie, and when the platform runs."""

    data_dir: DataFolder
    """The folder of everything that is made: lake, warehouse, exports."""

    lake_url: Annotated[RootedUrl, Field(min_length=1)] | None = None
    """Root of the lake, any URL fsspec opens; by default the folder `lake` in `data_dir`."""

    executor: Literal["in_process", "multiprocess"]
    nightly_cron: Cron
    time_zone: Annotated[str, AfterValidator(_known_zone)]
    owner: Annotated[str, Field(pattern=r"^(team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$")]


class MockSettings(Frozen):
    """The Gaussian-plus-logistic mock of the feature table (`priors/mock.py`)."""

    samples: Annotated[int, Field(ge=100, le=1_000_000)]
    seed: Annotated[int, Field(ge=0)]
    logit_per_point: Positive
    logit_offset: float


class Override(Frozen):
    """Other numbers for one feature than the workbook's."""

    mean: float | None = None
    sd: Positive | None = None
    between_sd: NonNegative | None = None
    within_sd: NonNegative | None = None
    lag1: Annotated[float, Field(ge=-1, le=1)] | None = None
    source: Annotated[str, Field(min_length=1)]


class Priors(Frozen):
    """From the clinician's workbook to priors."""

    workbook: InputFile
    mock: MockSettings
    overrides: dict[str, Override] = Field(default_factory=dict)
    """By variable; a preset's way to say otherwise."""


class Settings(Frozen):
    """Everything that may be configured, validated; one object a process."""

    preset: str
    platform: Platform
    priors: Priors
    simulator: Simulator
    hours: Hours
    train: Train
    twin: Twin
    evaluation: Evaluation
    realism: RealismSettings
    exports: Exports
    ingest: Ingest
    operations: Operations

    @classmethod
    def sections(cls) -> list[str]:
        """The stages, each with a file of its name in `configs/`."""
        return [name for name in cls.model_fields if name != "preset"]
