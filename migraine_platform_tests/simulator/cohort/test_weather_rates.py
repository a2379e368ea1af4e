"""How often triggers of the weather come: against other years of the same climates, person by person."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.domain.exposures import WEATHER_COLUMNS
from migraine_platform.simulator.cohort.weather_rates import share_at, weather_shares
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.weather import simulate_sites

OTHER_YEARS = Calendar(date(2009, 1, 1), 1, 12 * 365)


def row(column: str, rule: str, threshold: Any, lag: Any = 0) -> TriggerRule:
    given = {"label": "Weather", "reads": [column], "rule": rule, "threshold": threshold, "unit": "x", "effect": 0.1}
    return TriggerRule.model_validate({**given, "lag": lag})


@pytest.mark.parametrize(
    ("column", "rule", "threshold", "lag"),
    [
        ("temperature", "above", 20.0, 0),
        ("temperature", "outside", (0.0, 25.0), 2),
        ("temperature", "above", 24.0, (0, 3)),
        ("humidity", "below", 45.0, (0, 1)),
        ("pressure", "below", 1005.0, 0),
        ("pressure_change_24h", "below", -5.0, 1),
        ("pressure_change_24h", "outside", (-8.0, 8.0), (0, 2)),
    ],
)
def test_rates_are_those_of_other_years_at_each_persons_place(settings, column, rule, threshold, lag) -> None:
    """Persons at either end of the offsets and between, at every site; years differ, so within 0.03 in most."""
    weather, own = settings.simulator.weather, row(column, rule, threshold, lag)
    values = simulate_sites(weather, OTHER_YEARS, 5).values(column)
    rng, count = np.random.default_rng(1), 3 * len(weather.sites)
    site = np.tile(np.arange(len(weather.sites)), 3)
    largest = (weather.temperature_offset, weather.humidity_offset, weather.pressure_offset)
    offset = rng.uniform(-1, 1, (count, 3)) * largest
    moved = (
        values[site] if column == "pressure_change_24h" else values[site] + offset[:, [WEATHER_COLUMNS.index(column)]]
    )
    if column == "humidity":
        moved = np.clip(moved, *weather.humidity_range)
    held, (first, last) = own.happened(moved), own.lag
    acting = [held[:, last - later : held.shape[1] - later] for later in range(first, last + 1)]
    wanted = np.any(acting, axis=0).mean(axis=1)
    found = share_at(weather, column, weather_shares(weather, column, own), site, offset)
    assert 0.01 < found.mean() < 0.9
    assert np.abs(found - wanted).max() < 0.06
    assert np.median(np.abs(found - wanted)) < 0.015
