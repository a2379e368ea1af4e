"""A real weather station's year, laid onto the cohort's calendar.

A day takes the station's values of the same month and day. February 29 has none in a common year, and some days were
not measured: they are interpolated between their neighbours and say so. From December 31 to January 1 two days meet
that did not follow each other: the one step a year whose 24-hour change no barometer saw.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.simulator.exogenous.station_file import VALUES, StationError, read_days, summary

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTEST_DAYS = 365
LARGEST_GAP_DAYS = 7


@dataclass(frozen=True)
class StationYear:
    """Values by day of a leap year (366 rows: temperature, humidity, pressure), gaps filled."""

    values: NDArray[np.float64]
    interpolated: NDArray[np.bool_]
    """[366] whether any of the day's values was not measured."""
    reported: str = ""
    """What the file says in a line."""

    def on(self, dates: NDArray[np.datetime64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values [days, 3] and marks [days] for some dates.

        Args:
            dates: [days]
        """
        row = _leap_day_of_year(dates)
        return self.values[row], self.interpolated[row]


def read_station(path: Path) -> StationYear:
    """Read one year of daily weather.

    Raises:
        StationError: if columns are missing, dates have holes, values are impossible in the expected units, or a gap
            is longer than a week.
    """
    place = f"{path.parent.name}/{path.name}"
    frame = read_days(path)
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    _demand_contiguous(dates, place)
    last = np.flatnonzero(dates >= dates[-1] - SHORTEST_DAYS)[-366:]
    year = _fill(dates[last], frame.select(list(VALUES)).to_numpy()[last], place)
    return replace(year, reported=f"{place}: {summary(frame)}")


def _demand_contiguous(dates: NDArray[np.datetime64], place: str) -> None:
    steps = np.diff(dates).astype(int)
    if (steps != 1).any():
        before = dates[int(np.flatnonzero(steps != 1)[0])]
        raise StationError(f"{place}: after {before} the next line is not the next day; expected one line per day")
    if len(dates) < SHORTEST_DAYS:
        raise StationError(f"{place}: {len(dates)} days; expected at least {SHORTEST_DAYS}")


def _fill(dates: NDArray[np.datetime64], measured: NDArray[np.float64], place: str) -> StationYear:
    """Lay measured days [D, 3] onto a leap year and interpolate across the year's end what is missing."""
    year = np.full((366, len(VALUES)), np.nan)
    year[_leap_day_of_year(dates)] = measured
    filled = np.empty_like(year)
    for column, name in enumerate(VALUES):
        known = np.flatnonzero(~np.isnan(year[:, column]))
        if not len(known):
            raise StationError(f'{place}, column "{name}": no value at all')
        gap = int(np.diff(np.concatenate([known, known[:1] + 366])).max()) - 1
        if gap > LARGEST_GAP_DAYS:
            raise StationError(
                f'{place}, column "{name}": {gap} days in a row without a value; expected at most {LARGEST_GAP_DAYS}'
            )
        filled[:, column] = np.interp(np.arange(366), known, year[known, column], period=366)
    return StationYear(filled, np.isnan(year).any(axis=1))


def _leap_day_of_year(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """[days] position of each date's month and day in a leap year: February 29 is 59."""
    months = dates.astype("datetime64[M]")
    day = (dates - months).astype(np.int64)
    month = months.astype(np.int64) % 12
    starts = np.array([0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335])
    return np.asarray(starts[month] + day)
