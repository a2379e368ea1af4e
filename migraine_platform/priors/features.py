"""A feature of migraine: what clinicians know of it before any patient is seen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from migraine_platform.config.simulator.latent import AXES
from migraine_platform.errors import UserError

if TYPE_CHECKING:
    import polars as pl

NO_AXIS = "none"
LATENT_AXES = (*AXES, NO_AXIS)
SD_TOLERANCE = 0.02
"""How far sqrt(between^2 + within^2) may lie from the total sd, as a share of it (tables print few digits)."""


class UnknownVariableError(UserError):
    """A variable that the feature table lacks."""


@dataclass(frozen=True)
class Feature:
    """One row of the feature table, complete and consistent.

    `mean`, `sd`, `between_sd`, `within_sd`, `range_low` and `range_high` are in the feature's unit; `weight` is the
    relevance for migraine, 0-1; `lag1` the correlation of one person's days, -1 to 1; `impact_pattern` holds ten risk
    scores 1-10, one per tenth of the typical range, low to high. None means that the table does not say.
    """

    category: str
    variable: str
    description: str
    unit: str
    weight: float
    typical_range: str
    range_low: float
    range_high: float
    mean: float
    sd: float
    between_sd: float | None
    within_sd: float | None
    lag1: float | None
    family: str
    normalized_low: float
    normalized_high: float
    impact_pattern: tuple[int, ...]
    latent_axis: str
    source: str

    @property
    def between_share(self) -> float:
        """Share of the variance that lies between persons; 0 where the table does not say."""
        if self.between_sd is None and self.within_sd is None:
            return 0.0
        if self.between_sd is None:
            return max(0.0, 1 - ((self.within_sd or 0.0) / self.sd) ** 2)
        if self.within_sd is None:
            return min(1.0, (self.between_sd / self.sd) ** 2)
        return self.between_sd**2 / (self.between_sd**2 + self.within_sd**2)


def mid_range_mean(low: float, high: float) -> float:
    """The specification's mean of a feature nobody has measured: the middle of its range."""
    return low + (high - low) / 2


def quarter_range_sd(low: float, high: float) -> float:
    """The specification's standard deviation of a feature nobody has measured: a quarter of its range."""
    return (high - low) / 4


def spread_problem(sd: float, between: float | None, within: float | None) -> str | None:
    """Why the three spreads contradict each other, or None."""
    for name, part in (("between-person", between), ("within-person", within)):
        if part is not None and part > sd * (1 + SD_TOLERANCE):
            return f"{name} sd {part:g} exceeds the total sd {sd:g}"
    if between is not None and within is not None:
        total = math.hypot(between, within)
        if abs(total - sd) > SD_TOLERANCE * sd:
            return f"between {between:g} and within {within:g} make a total sd of {total:.4g}, not {sd:g}"
    return None


def to_frame(features: Iterable[Feature]) -> pl.DataFrame:
    """Features as rows of `priors.features`."""
    import polars as pl

    rows = [{**asdict(feature), "impact_pattern": " ".join(map(str, feature.impact_pattern))} for feature in features]
    schema: dict[str, Any] = {field.name: _column_type(str(field.type)) for field in fields(Feature)}
    return pl.DataFrame(rows, schema=schema)


def from_frame(frame: pl.DataFrame) -> tuple[Feature, ...]:
    """Inverse of `to_frame`; rows come back in the frame's order."""
    names = [field.name for field in fields(Feature)]
    return tuple(
        Feature(**{**row, "impact_pattern": tuple(int(score) for score in row["impact_pattern"].split())})
        for row in frame.select(names).iter_rows(named=True)
    )


def select(features: Sequence[Feature], variables: Sequence[str]) -> tuple[Feature, ...]:
    """The named features, in the order named.

    Raises:
        UnknownVariableError: naming the variables that the table lacks.
    """
    known = {feature.variable: feature for feature in features}
    lacking = [name for name in variables if name not in known]
    if lacking:
        raise UnknownVariableError(
            f"the feature table has no variable {', '.join(lacking)}; it has: {', '.join(sorted(known))}"
        )
    return tuple(known[name] for name in variables)


def _column_type(annotation: str) -> Any:
    import polars as pl

    return pl.Float64 if annotation.startswith("float") else pl.String
