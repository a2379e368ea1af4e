"""How often a trigger of the weather comes to those who live at a place.

A person's weather is the site's and an offset of his own; the change of pressure is the same for all. Shares of single
days with a change follow from the climate's process; all others are counted over the years of one drawn path, the same
at every call, so that seasons and days that follow each other count as they do.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.settings import Weather
from migraine_platform.config.simulator.triggers import LONGEST_LAG, TriggerRule
from migraine_platform.domain.exposures import WEATHER_COLUMNS
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.station import read_station
from migraine_platform.simulator.exogenous.trigger_rules import acting_days
from migraine_platform.simulator.exogenous.weather import simulate_sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

YEARS = Calendar(date(2001, 1, 1), 1, 8 * 365)
OFFSETS = np.linspace(-1.0, 1.0, 9)
"""A person's offset, in the largest there is."""

CHANGE = "pressure_change_24h"


def weather_shares(weather: Weather, column: str, row: TriggerRule) -> NDArray[np.float64]:
    """[sites, offsets] share of days with a trigger of one of WEATHER_COLUMNS."""
    if column == CHANGE and not row.acts_on_several_days:
        return np.repeat(_changes(weather, row)[:, None], len(OFFSETS), axis=1)
    sites = simulate_sites(weather, YEARS, 0)
    values = sites.values(column)
    lowest, highest = weather.humidity_range if column == "humidity" else (-np.inf, np.inf)
    moved = [np.clip(values + offset, lowest, highest) for offset in OFFSETS * _largest(weather, column)]
    return np.stack([acting_days(row.happened(one), row)[:, LONGEST_LAG:].mean(axis=1) for one in moved], axis=1)


def share_at(
    weather: Weather,
    column: str,
    shares: NDArray[np.float64],
    site: NDArray[np.int64],
    offset: NDArray[np.float64],
) -> NDArray[np.float64]:
    """[P] shares of persons' days.

    Args:
        shares: [sites, offsets] of `weather_shares`.
        site: [P] where each lives.
        offset: [P, 3] of temperature, humidity and pressure, in their units.
    """
    largest = _largest(weather, column)
    if largest == 0.0:
        return np.asarray(shares[site, len(OFFSETS) // 2])
    steps = len(OFFSETS) - 1
    place = (offset[:, WEATHER_COLUMNS.index(column)] / largest + 1) / 2 * steps
    before = np.clip(np.floor(place).astype(np.int64), 0, steps - 1)
    beyond = place - before
    return np.asarray((1 - beyond) * shares[site, before] + beyond * shares[site, before + 1])


def _largest(weather: Weather, column: str) -> float:
    """Of the offsets of persons' weather."""
    offsets = (weather.temperature_offset, weather.humidity_offset, weather.pressure_offset, 0.0)
    return offsets[WEATHER_COLUMNS.index(column)]


def _changes(weather: Weather, row: TriggerRule) -> NDArray[np.float64]:
    """[sites] share of days with a change of pressure that counts: of the climate's process, or of the station's."""
    from scipy.special import ndtr

    shares = []
    for site in weather.sites:
        if site.station is not None:
            change = np.diff(read_station(site.station).values[:, 2])
            shares.append(float(row.happened(change).mean()))
        else:
            climate = weather.climates[site.climate]
            sd = climate.pressure_sd * np.sqrt(2 * (1 - climate.pressure_lag1))
            below, above = float(ndtr(row.low / sd)), float(ndtr(-row.high / sd))
            shares.append({"below": below, "above": above}.get(row.rule, below + above))
    return np.array(shares)
