"""What every settings model shares: frozen, strict about unknown keys, and a few checked types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo


class Frozen(BaseModel):
    """A settings model: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _rooted(value: object, info: ValidationInfo) -> object:
    root = (info.context or {}).get("root")
    if isinstance(value, str) and root is not None:
        return Path(root, value)
    return value


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


RootedPath = Annotated[Path, BeforeValidator(_rooted)]
"""A path; a relative one is taken from the project's root."""

InputFile = Annotated[RootedPath, AfterValidator(_existing)]
"""A file that must be there."""

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""[low, high], low <= high."""

ShareRange = Annotated[tuple[float, float], AfterValidator(_share_range)]
"""[low, high] within 0-1."""
