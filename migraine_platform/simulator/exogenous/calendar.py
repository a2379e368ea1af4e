"""The cohort's days: a burn-in that is simulated but not kept, then the days that are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.settings import Cohort

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORKDAYS = 5
WEEK = 7


@dataclass(frozen=True)
class Calendar:
    """Simulated days 0..total-1, of which the first `burn_in` are not kept."""

    start: date
    """The first day that is kept."""
    burn_in: int
    days: int

    @classmethod
    def of(cls, cohort: Cohort) -> Calendar:
        """The calendar of a configured cohort."""
        return cls(cohort.start_date, cohort.burn_in_days, cohort.days)

    @property
    def total(self) -> int:
        """Simulated days, burn-in included."""
        return self.burn_in + self.days

    def dates(self) -> NDArray[np.datetime64]:
        """[total] the date of each simulated day."""
        first = np.datetime64(self.start, "D") - self.burn_in
        return first + np.arange(self.total)

    def is_weekend(self) -> NDArray[np.bool_]:
        """[total] Saturdays and Sundays."""
        monday_based = (self.dates().astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
        return np.asarray(monday_based >= WORKDAYS)

    def day_of_year(self) -> NDArray[np.int64]:
        """[total] 0 on January 1."""
        dates = self.dates()
        return np.asarray((dates - dates.astype("datetime64[Y]")).astype(np.int64))
