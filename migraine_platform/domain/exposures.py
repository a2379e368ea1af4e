"""Exposures of a day that are no features drawn from a prior: the weather, and what was eaten and drunk."""

from __future__ import annotations

from typing import Final

WEATHER_COLUMNS: Final = ("temperature", "humidity", "pressure", "pressure_change_24h")
"""Known without a diary or a device."""

PRESSURE_FALL: Final = 5.0
"""hPa in 24 h from which cities' falls of pressure are counted in the literature."""

DIET_COLUMNS: Final = ("alcohol_consumed", "caffeine_consumed", "chocolate_consumed", "processed_food_consumed")
"""Flags: consumed on that day, or not."""

CYCLE_DAY: Final = "cycle_day"
"""Day of the menstrual cycle, 1 the first of menses; no value in people without one."""

FOLLOWS_FROM: Final = {
    "alcohol_servings": "alcohol_consumed",
    "caffeine_servings": "caffeine_consumed",
    "chocolate": "chocolate_consumed",
    "deep_sleep_share": "deep_sleep_pct",
    "oversleeping": "total_sleep_hours",
    "processed_food": "processed_food_consumed",
    "rem_sleep_share": "rem_sleep_pct",
    "sleep_deviation_hours": "total_sleep_hours",
    "sleep_efficiency": "awake_time_mins",
    "stress_let_down": "stress_level",
    "trigger_surprisal": "the day's exposures",
    "water_liters": "water_consumed_liters",
}
"""Features of the workbook that a day holds already, or that follow from what it holds -> which column."""
