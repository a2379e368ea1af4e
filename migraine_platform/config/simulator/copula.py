"""Settings of daily features that follow their priors: which they are, and how their innovations are correlated."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen
from migraine_platform.config.simulator.matrices import is_positive_definite

EXOGENOUS_FEATURES = (
    "total_sleep_hours",
    "awake_time_mins",
    "deep_sleep_share",
    "rem_sleep_share",
    "stress_level",
    "water_liters",
)
"""Features of the workbook that a day is made of."""

WEARABLE_FEATURES = (
    "resting_heart_rate",
    "rmssd",
    "steps",
    "skin_temperature",
    "electrodermal_activity",
    "light_exposure",
    "noise_level",
)
"""Features of the workbook that a wearable device records."""

NIGHT_FEATURES = EXOGENOUS_FEATURES[:4]
DAY_FEATURES = EXOGENOUS_FEATURES[4:] + WEARABLE_FEATURES


COLUMN_OF = {
    "deep_sleep_share": "deep_sleep_pct",
    "rem_sleep_share": "rem_sleep_pct",
    "water_liters": "water_consumed_liters",
}
"""Feature -> the column that holds it, where they are called otherwise."""


class CopulaSettings(Frozen):
    """Daily features that follow their prior by a Gaussian copula over an AR(1) process."""

    expected: ClassVar[tuple[str, ...]] = ()
    """The features that the simulator reads; which they are is no choice."""

    features: Annotated[tuple[str, ...], Field(min_length=1)]
    correlation: tuple[tuple[float, ...], ...]
    """Correlation of the features' daily innovations, in the order of `features`."""

    @model_validator(mode="after")
    def _correlation_is_one(self) -> CopulaSettings:
        if sorted(self.features) != sorted(self.expected):
            raise ValueError(f"features must be, in any order: {', '.join(self.expected)}")
        size = len(self.features)
        rows = self.correlation
        if len(rows) != size or any(len(row) != size for row in rows):
            raise ValueError(f"correlation must be {size} x {size}, one row and column per feature")
        for i in range(size):
            if rows[i][i] != 1:
                raise ValueError(f"correlation has {rows[i][i]} on its diagonal, row {i + 1}; expected 1")
            for j in range(i):
                if rows[i][j] != rows[j][i]:
                    raise ValueError(f"correlation is not symmetric at row {i + 1}, column {j + 1}")
        if not is_positive_definite(rows):
            raise ValueError("correlation is not positive definite: no features can be correlated like that")
        return self


class Exogenous(CopulaSettings):
    """What a day is made of: sleep, stress, water."""

    expected: ClassVar[tuple[str, ...]] = EXOGENOUS_FEATURES


class Wearable(CopulaSettings):
    """What a wearable device records of the body and its surroundings."""

    expected: ClassVar[tuple[str, ...]] = WEARABLE_FEATURES
