"""Weather of the sites, and of the patients who live there.

    pressure[t]    = mean + sd x[t],                                 x an AR(1) process of the climate's lag-1
    temperature[t] = mean - amplitude cos(2 pi (day - coldest) / 365.25) + sd y[t]
    humidity[t]    = mean + slope (temperature[t] - season[t]) + sd n[t]

The season's period is a year, whatever the horizon. A site with a station file takes its days from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.settings import WEATHER_ORIGINS, Climate, Site, Weather
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.station import read_station
from migraine_platform.simulator.random.streams import Stream, normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAYS_A_YEAR = 365.25
COLDEST_DAY = {"north": 20.0, "south": 20.0 + DAYS_A_YEAR / 2}
"""Day of the year on which the mean temperature is lowest: late January, half a year later in the south (assumed)."""


@dataclass(frozen=True)
class SiteWeather:
    """Weather of S sites on T simulated days: [S, T] each."""

    temperature: NDArray[np.float64]
    humidity: NDArray[np.float64]
    pressure: NDArray[np.float64]
    pressure_change: NDArray[np.float64]
    """Pressure minus the day before; 0 on the first simulated day, which lies in the burn-in."""
    origin: NDArray[np.int64]
    """Position in WEATHER_ORIGINS."""


def simulate_sites(weather: Weather, calendar: Calendar, seed: int) -> SiteWeather:
    """Weather of every configured site, burn-in included, in the precision in which it is kept.

    Raises:
        StationError: if a station's file cannot be used.
    """
    numbers = np.array([int(site.site_id[1:]) for site in weather.sites], dtype=np.int64)
    noise = normals(seed, Stream.SITE, numbers, calendar.total, 3)
    shape = (len(weather.sites), calendar.total)
    temperature, humidity, pressure = np.empty(shape), np.empty(shape), np.empty(shape)
    origin = np.zeros(shape, dtype=np.int64)
    for row, site in enumerate(weather.sites):
        if site.station is None:
            climate = weather.climates[site.climate]
            temperature[row], humidity[row], pressure[row] = _simulated(site, climate, weather, calendar, noise[row])
        else:
            values, interpolated = read_station(site.station).on(calendar.dates())
            temperature[row], humidity[row], pressure[row] = values.T
            origin[row] = np.where(interpolated, *map(WEATHER_ORIGINS.index, ("interpolated", "station")))
    change = np.diff(pressure, axis=1, prepend=pressure[:, :1])
    single = (values.astype(np.float32).astype(np.float64) for values in (temperature, humidity, pressure, change))
    temperature, humidity, pressure, change = single
    return SiteWeather(temperature, humidity, pressure, change, origin)


def site_frame(
    sites: SiteWeather, configured: Sequence[Site], calendar: Calendar, rules: Mapping[str, TriggerRule]
) -> pl.DataFrame:
    """Rows of `cohort.site_days`: the kept days of every site, and which of them are triggers.

    Args:
        rules: of the triggers; those of the weather read the change of pressure.
    """

    kept = slice(calendar.burn_in, None)
    days = calendar.days
    return pl.DataFrame(
        {
            "site_id": np.repeat([site.site_id for site in configured], days),
            "date": np.tile(calendar.dates()[kept], len(configured)),
            "climate": np.repeat([site.climate for site in configured], days),
            "temperature": sites.temperature[:, kept].ravel(),
            "humidity": sites.humidity[:, kept].ravel(),
            "pressure": sites.pressure[:, kept].ravel(),
            "pressure_change_24h": sites.pressure_change[:, kept].ravel(),
            **{
                trigger.flag: rules[trigger.name].happened(sites.pressure_change[:, kept]).ravel()
                for trigger in TRIGGERS
                if not trigger.recorded
            },
            "origin": np.array(WEATHER_ORIGINS)[sites.origin[:, kept].ravel()],
        }
    )


def _simulated(
    site: Site, climate: Climate, weather: Weather, calendar: Calendar, noise: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Temperature, humidity and pressure of one site, [T] each, from [T, 3] normal deviates."""
    phase = 2 * np.pi * (calendar.day_of_year() - COLDEST_DAY[site.hemisphere]) / DAYS_A_YEAR
    season = site.temperature_mean - site.temperature_amplitude * np.cos(phase)
    pressure = site.pressure_mean + climate.pressure_sd * ar1(noise[:, 0], climate.pressure_lag1)
    temperature = season + climate.temperature_sd * ar1(noise[:, 1], climate.temperature_lag1)
    humidity = (
        site.humidity_mean + weather.humidity_per_degree * (temperature - season) + climate.humidity_sd * noise[:, 2]
    )
    return temperature, np.clip(humidity, *weather.humidity_range), pressure


@njit(cache=True)
def ar1(noise: NDArray[np.float64], lag1: float) -> NDArray[np.float64]:
    """A stationary AR(1) process of variance 1.

    Args:
        noise: [T] standard normal innovations.
    """
    out = np.empty(len(noise))
    fresh = np.sqrt(1.0 - lag1**2)
    for t in range(len(noise)):
        out[t] = noise[t] if t == 0 else lag1 * out[t - 1] + fresh * noise[t]
    return out
