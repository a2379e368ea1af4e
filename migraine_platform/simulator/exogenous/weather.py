"""Weather of the sites, and of the patients who live there.

    pressure[t]    = mean + amplitude c[t] + sd x[t],                x an AR(1) process of the climate's lag-1
    temperature[t] = mean - amplitude c[t] + sd (r f[t] + sqrt(1 - r^2) y[t])
    humidity[t]    = mean + slope (temperature[t] - season[t]) + sd (q f[t] + sqrt(1 - q^2) n[t])

    c[t] = cos(2 pi (day - coldest) / 365.25)     f[t] = (x[t-1] - x[t]) / sqrt(2 (1 - lag-1)), the fall of pressure
    x, y, n of a site share a part of their innovations with those of its neighbours: of one climate, in one hemisphere

The season's period is a year, whatever the horizon. Neither neighbours nor falls change the distribution of a site's
days. A site with a station file takes its days from there.
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
from migraine_platform.domain.exposures import WEATHER_COLUMNS
from migraine_platform.domain.triggers import TriggerFamily
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.station import read_station
from migraine_platform.simulator.exogenous.trigger_rules import acting_days
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

    def values(self, column: str) -> NDArray[np.float64]:
        """[S, T] values of one of WEATHER_COLUMNS."""
        return (self.temperature, self.humidity, self.pressure, self.pressure_change)[WEATHER_COLUMNS.index(column)]


def simulate_sites(weather: Weather, calendar: Calendar, seed: int) -> SiteWeather:
    """Weather of every configured site, burn-in included, in the precision in which it is kept.

    Raises:
        StationError: if a station's file cannot be used.
    """
    numbers = np.array([int(site.site_id[1:]) for site in weather.sites], dtype=np.int64)
    noise = _with_neighbours(weather, normals(seed, Stream.SITE, numbers, calendar.total, 3), calendar, seed)
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
        rules: of the triggers.
    """

    kept = slice(calendar.burn_in, None)
    days = calendar.days
    return pl.DataFrame(
        {
            "site_id": np.repeat([site.site_id for site in configured], days),
            "date": np.tile(calendar.dates()[kept], len(configured)),
            "climate": np.repeat([site.climate for site in configured], days),
            "hemisphere": np.repeat([site.hemisphere for site in configured], days),
            "temperature": sites.temperature[:, kept].ravel(),
            "humidity": sites.humidity[:, kept].ravel(),
            "pressure": sites.pressure[:, kept].ravel(),
            "pressure_change_24h": sites.pressure_change[:, kept].ravel(),
            **{
                trigger.flag: _acts(sites, trigger, rules[trigger.name])[:, kept].ravel()
                for trigger in TRIGGERS
                if not trigger.recorded
            },
            "origin": np.array(WEATHER_ORIGINS)[sites.origin[:, kept].ravel()],
        }
    )


def _acts(sites: SiteWeather, trigger: TriggerFamily, row: TriggerRule) -> NDArray[np.bool_]:
    """[S, T] days on which a trigger of the weather acts, at the site itself."""
    (column,) = trigger.exposures
    return acting_days(row.happened(sites.values(column)), row)


def _simulated(
    site: Site, climate: Climate, weather: Weather, calendar: Calendar, noise: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Temperature, humidity and pressure of one site, [T] each, from [T, 3] normal deviates."""
    cold = np.cos(2 * np.pi * (calendar.day_of_year() - COLDEST_DAY[site.hemisphere]) / DAYS_A_YEAR)
    x = ar1(noise[:, 0], climate.pressure_lag1)
    fall = -np.diff(x, prepend=x[:1]) / np.sqrt(2 * (1 - climate.pressure_lag1))
    y = _mixed(weather.with_falls.temperature, fall, ar1(noise[:, 1], climate.temperature_lag1))
    n = _mixed(weather.with_falls.humidity, fall, noise[:, 2])

    season = site.temperature_mean - site.temperature_amplitude * cold
    pressure = site.pressure_mean + weather.pressure_amplitude * cold + climate.pressure_sd * x
    temperature = season + climate.temperature_sd * y
    humidity = site.humidity_mean + weather.humidity_per_degree * (temperature - season) + climate.humidity_sd * n
    return temperature, np.clip(humidity, *weather.humidity_range), pressure


def _with_neighbours(
    weather: Weather, noise: NDArray[np.float64], calendar: Calendar, seed: int
) -> NDArray[np.float64]:
    """[S, T, 3] innovations of the sites, of which neighbours share a part.

    Args:
        noise: [S, T, 3] those of the sites alone.
    """
    kinds = [(site.climate, site.hemisphere) for site in weather.sites]
    known = [(climate, hemisphere) for climate in weather.climates for hemisphere in COLDEST_DAY]
    numbers = np.array([known.index(kind) for kind in kinds], dtype=np.int64)
    shared = normals(seed, Stream.NEIGHBOURS, np.arange(len(known)), calendar.total, 3)[numbers]
    return np.asarray(np.sqrt(weather.neighbours) * shared + np.sqrt(1 - weather.neighbours) * noise)


def _mixed(correlation: float, one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """What has a correlation with one of two independent series of unit variance, and is the other besides."""
    return np.asarray(correlation * one + np.sqrt(1 - correlation**2) * other)


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
