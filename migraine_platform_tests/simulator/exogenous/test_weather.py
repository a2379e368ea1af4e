from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from migraine_platform.config.simulator.settings import WEATHER_ORIGINS
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.station import read_station
from migraine_platform.simulator.exogenous.station_file import StationError
from migraine_platform.simulator.exogenous.weather import ar1, simulate_sites, site_frame
from migraine_platform_tests.conftest import trigger_rule

YEARS = Calendar(date(2024, 1, 1), 28, 8 * 365)


@pytest.fixture(scope="module")
def station_file(shared_project: Path) -> Path:
    return shared_project / "data" / "stations" / "new_york_2013.csv"


@pytest.fixture
def changed(tmp_path: Path, station_file: Path):
    def change(old: str, new: str) -> Path:
        text = station_file.read_text()
        assert old in text
        path = tmp_path / "station.csv"
        path.write_text(text.replace(old, new))
        return path

    return change


def test_falls_of_pressure_are_as_frequent_as_the_climate_says(settings) -> None:
    """Eight years a site; expected share from the AR(1) process, tolerance of five standard errors."""
    weather = settings.simulator.weather
    sites = simulate_sites(weather, YEARS, 1)
    for row, site in enumerate(weather.sites):
        if site.station is None:
            climate = weather.climates[site.climate]
            spread = climate.pressure_sd * np.sqrt(2 * (1 - climate.pressure_lag1))
            expected = stats.norm.cdf(-5, 0, spread)
            error = 5 * np.sqrt(expected * (1 - expected) / YEARS.days) + 1e-3
            assert abs((sites.pressure_change[row] <= -5).mean() - expected) < error, site.site_id


def test_neighbours_share_their_weather_and_no_site_has_other_days_for_it(settings) -> None:
    """Eight years a site; correlations within five standard errors, 0.14; all spreads within a tenth."""
    alone = settings.simulator.weather
    shared = alone.model_copy(update={"neighbours": 0.7})
    before, after = (simulate_sites(weather, YEARS, 1).pressure for weather in (alone, shared))
    made = [row for row, site in enumerate(alone.sites) if site.station is None]
    kinds = {row: (alone.sites[row].climate, alone.sites[row].hemisphere) for row in made}
    independent, correlated = np.corrcoef(before), np.corrcoef(after)
    for one in made:
        assert_allclose(after[one].std(), before[one].std(), rtol=0.1)
        assert_allclose(np.diff(after[one]).std(), np.diff(before[one]).std(), rtol=0.1)
        for other in made:
            if one < other:
                assert abs(independent[one, other]) < 0.14
                assert abs(correlated[one, other] - 0.7 * (kinds[one] == kinds[other])) < 0.14


def test_falls_of_pressure_bring_moist_warm_days_and_no_more_of_them(settings) -> None:
    """Correlations, season aside, within 0.06 of those that are configured; means and spreads within a tenth."""
    alone = settings.simulator.weather
    effects = alone.with_falls.model_copy(update={"temperature": 0.4, "humidity": 0.5})
    coupled = alone.model_copy(update={"with_falls": effects, "humidity_per_degree": 0.0})
    before, after = simulate_sites(alone, YEARS, 1), simulate_sites(coupled, YEARS, 1)
    row = next(i for i, site in enumerate(alone.sites) if site.site_id == "S15")  # with little season
    fall = -after.pressure_change[row]
    phase = YEARS.day_of_year() * 2 * np.pi / 365.25
    by_season = np.column_stack([np.ones(YEARS.total), np.cos(phase), np.sin(phase)])
    warm = after.temperature[row] - by_season @ np.linalg.lstsq(by_season, after.temperature[row], rcond=None)[0]
    assert_allclose(np.corrcoef(fall, warm)[0, 1], 0.4, atol=0.06)
    assert_allclose(np.corrcoef(fall, after.humidity[row])[0, 1], 0.5, atol=0.06)
    assert_allclose(after.humidity[row].std(), before.humidity[row].std(), rtol=0.1)
    assert_allclose(after.temperature[row].mean(), before.temperature[row].mean(), atol=0.5)
    assert_array_equal(after.pressure, before.pressure)


@pytest.mark.parametrize("burn_in", [0, 28])
def test_a_sites_flags_of_a_later_trigger_know_nothing_of_the_days_to_come(settings, burn_in: int) -> None:
    """Two days after each fall; on the first days of all none, whatever the last days were like."""
    weather, calendar = settings.simulator.weather, Calendar(date(2024, 1, 1), burn_in, 60)
    rules = {**settings.simulator.triggers, "weather": trigger_rule("weather", "below", -3.0, lag=2)}
    sites = simulate_sites(weather, calendar, 1)
    frame = site_frame(sites, weather.sites, calendar, rules)
    flags = frame["weather_trigger"].to_numpy().reshape(len(weather.sites), 60)
    fell = sites.pressure_change <= -3.0
    assert fell[:, -2:].any()
    assert_array_equal(flags[:, 2:], fell[:, burn_in:-2])
    assert_array_equal(flags[:, :2], fell[:, burn_in - 2 : burn_in] if burn_in else np.zeros_like(flags[:, :2]))


def test_pressure_is_highest_in_the_coldest_days_of_either_hemisphere(settings) -> None:
    weather = settings.simulator.weather.model_copy(update={"pressure_amplitude": 10.0})
    sites = simulate_sites(weather, YEARS, 1)
    for row, site in enumerate(weather.sites):
        if site.station is None:
            january = sites.pressure[row][YEARS.day_of_year() < 40].mean()
            july = sites.pressure[row][np.abs(YEARS.day_of_year() - 202) < 20].mean()
            wanted = 20 if site.hemisphere == "north" else -20
            assert abs(january - july - wanted) < 4, site.site_id


def test_the_season_has_the_period_of_a_year_whatever_the_horizon(settings) -> None:
    weather = settings.simulator.weather
    short = simulate_sites(weather, Calendar(date(2024, 1, 1), 28, 30), 1)
    long = simulate_sites(weather, YEARS, 1)
    assert_array_equal(short.temperature, long.temperature[:, : short.temperature.shape[1]])
    row = next(i for i, site in enumerate(weather.sites) if site.site_id == "S02")
    by_month = [long.temperature[row][(YEARS.day_of_year() // 30.5).astype(int) == month].mean() for month in range(12)]
    assert int(np.argmin(by_month)) == 0
    assert int(np.argmax(by_month)) in (6, 7)
    south = next(i for i, site in enumerate(weather.sites) if site.site_id == "S05")
    assert long.temperature[south][YEARS.day_of_year() < 31].mean() > weather.sites[south].temperature_mean


def test_ar1_is_stationary_with_the_stated_lag() -> None:
    noise = np.random.default_rng(2).standard_normal(200_000)
    x = ar1(noise, 0.7)
    assert_allclose([x.std(), np.corrcoef(x[1:], x[:-1])[0, 1]], [1, 0.7], atol=0.02)


def test_the_real_station_is_shown_as_it_was_measured(settings, station_file: Path) -> None:
    calendar = Calendar(date(2024, 1, 1), 28, 366)
    weather = settings.simulator.weather
    frame = site_frame(simulate_sites(weather, calendar, 1), weather.sites, calendar, settings.simulator.triggers)
    assert (frame["weather_trigger"] == (frame["pressure_change_24h"] <= -5)).all()
    days = frame.filter(pl.col("site_id") == "S01")
    raw = pl.read_csv(station_file, try_parse_dates=True)
    measured = {(row["date"].month, row["date"].day): row["pressure"] for row in raw.iter_rows(named=True)}
    for row in days.iter_rows(named=True):
        value = measured.get((row["date"].month, row["date"].day))
        assert (row["origin"] == "station") == (value is not None)
        if value is not None:
            assert row["pressure"] == np.float32(value)
    assert days.filter(pl.col("origin") == "interpolated").height == raw["pressure"].null_count() + 1  # February 29
    assert set(frame["origin"].unique()) == set(WEATHER_ORIGINS)


def test_a_gap_is_filled_between_its_neighbours(station_file: Path) -> None:
    year = read_station(station_file)
    values, interpolated = year.on(np.array(["2024-02-10", "2024-02-11", "2024-02-12"], dtype="datetime64[D]"))
    assert interpolated.tolist() == [False, True, False]
    assert_allclose(values[1, 2], (values[0, 2] + values[2, 2]) / 2)


def test_a_day_that_lacks_any_value_counts_as_interpolated(changed) -> None:
    year = read_station(changed("2013-01-03,-1.07,52.5,", "2013-01-03,-1.07,,"))
    _, interpolated = year.on(np.array(["2024-01-02", "2024-01-03"], dtype="datetime64[D]"))
    assert interpolated.tolist() == [False, True]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "2013-01-03,-1.07,52.5,1020.85",
            "2013-01-03,-1.07,52.5,30.15",
            'line 4, column "pressure": 30.15 is impossible',
        ),
        ("2013-01-03,-1.07,", "2013-01-03,-107,", 'line 4, column "temperature": -107'),
        ("2013-01-03,-1.07,52.5,1020.85,24\n", "", "after 2013-01-02 the next line is not the next day"),
        ("2013-01-03,", "3 January,", '"3 January"; expected a day as in 2013-01-31'),
        ("date,temperature", "day,temperature", "columns missing: date"),
        ("2013-01-03,-1.07,52.5,1020.85", "2013-01-03,-1.07,52.5,wet", 'column "pressure": "wet" is no number'),
    ],
)
def test_a_bad_station_file_is_refused_with_its_place(changed, old: str, new: str, message: str) -> None:
    with pytest.raises(StationError) as error:
        read_station(changed(old, new))
    assert message in str(error.value)


def test_less_than_a_year_or_a_long_gap_is_refused(tmp_path: Path, station_file: Path) -> None:
    lines = station_file.read_text().splitlines()
    path = tmp_path / "short.csv"
    path.write_text("\n".join(lines[:200]))
    with pytest.raises(StationError, match="199 days; expected at least 365"):
        read_station(path)
    emptied = [f"{line.split(',')[0]},,,,0" if 40 <= number < 49 else line for number, line in enumerate(lines)]
    path.write_text("\n".join(emptied))
    with pytest.raises(StationError, match="9 days in a row without a value"):
        read_station(path)
