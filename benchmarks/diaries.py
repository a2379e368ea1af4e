"""How diaries are kept in the world of a benchmark: as configured, or evening by evening, a coin for each."""

from __future__ import annotations

from typing import Any

from migraine_platform.config.simulator.settings import Simulator

COINS: dict[str, Any] = {"diary_streaks": 0.0, "diary_fatigue": 0.0, "diary_stop": 0.0, "device_gap_odds": 1.0}


def kept_as(simulator: Simulator, measurement: dict[str, Any]) -> Simulator:
    """The same world with diaries kept otherwise."""
    return simulator.model_copy(update={"measurement": simulator.measurement.model_copy(update=measurement)})
