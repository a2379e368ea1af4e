"""What every settings model shares: frozen, strict about unknown keys, and a few checked types."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo


class Frozen(BaseModel):
    """A settings model: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _rooted(value: object, info: ValidationInfo) -> object:
    root = (info.context or {}).get("root")
    if isinstance(value, str) and root is not None:
        return str(Path(root, os.path.expanduser(os.path.expandvars(value))))  # `~` as no shell has expanded it
    return value


def _nameable(path: Path) -> Path:
    text = str(path)
    for mark, why in (("?", "DuckDB reads what follows as settings"), ("::", "fsspec reads it as a chain of URLs")):
        if mark in text:
            raise ValueError(f'"{mark}" stands in the path, and {why}; expected a folder without it')
    return path


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    return path


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"the range is reversed: {list(bounds)}; expected [low, high]")
    return bounds


def _share_range(bounds: tuple[float, float]) -> tuple[float, float]:
    if not 0 <= bounds[0] <= bounds[1] <= 1:
        raise ValueError(f"expected 0 <= low <= high <= 1, found {list(bounds)}")
    return bounds


_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CRON_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")


def _cron(text: str) -> str:
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        raise ValueError('expected five fields, as in "30 3 * * *"')
    for field, (name, low, high) in zip(fields, _CRON_FIELDS, strict=True):
        for part in field.split(","):
            match = _CRON_PART.fullmatch(part)
            numbers = [int(number) for number in match.groups()[:2] if number] if match else [low - 1]
            step = int(match[3]) if match and match[3] else 1
            if step < 1 or not all(low <= number <= high for number in numbers) or numbers != sorted(numbers):
                raise ValueError(f'"{field}" is no {name} of a cron schedule; expected {low} to {high}, *, or */n')
    day, month = fields[2], fields[3]
    if day.isdecimal() and month.isdecimal() and int(day) > _LONGEST_MONTH[int(month) - 1]:
        raise ValueError(f"month {month} has no day {day}")
    return text


Cron = Annotated[str, AfterValidator(_cron)]
"""Five numeric cron fields: minute, hour, day, month, weekday."""

RootedPath = Annotated[Path, BeforeValidator(_rooted)]
"""A path; a relative one is taken from the project's root, and `~` is one's home."""

DataFolder = Annotated[RootedPath, AfterValidator(_nameable)]
"""A folder whose path means a path to every library that is given it."""


def _rooted_url(value: object, info: ValidationInfo) -> object:
    return value if not isinstance(value, str) or not value or "://" in value else _rooted(value, info)


RootedUrl = Annotated[str, BeforeValidator(_rooted_url)]
"""A URL, or a folder; a relative folder is taken from the project's root."""

InputFile = Annotated[RootedPath, AfterValidator(_existing)]
"""A file that must be there."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""[low, high], low <= high."""

ShareRange = Annotated[tuple[float, float], AfterValidator(_share_range)]
"""[low, high] within 0-1."""
