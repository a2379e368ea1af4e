"""Exposures of a day that are no features drawn from a prior: the weather, and what was eaten and drunk."""

from __future__ import annotations

from typing import Final

WEATHER_COLUMNS: Final = ("temperature", "humidity", "pressure", "pressure_change_24h")
"""Known without a diary or a device."""

DIET_COLUMNS: Final = ("alcohol_consumed", "caffeine_consumed", "chocolate_consumed", "processed_food_consumed")
"""Flags: consumed on that day, or not."""
