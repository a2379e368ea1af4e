"""Variants of the settings: one thing switched off, another made certain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator


def changed(settings: Simulator, **sections: dict[str, Any]) -> Simulator:
    """The settings with other values in some sections."""

    def section(name: str, values: dict[str, Any]) -> Any:
        now = getattr(settings, name)
        return {**now, **values} if isinstance(now, dict) else now.model_copy(update=values)

    return settings.model_copy(update={name: section(name, values) for name, values in sections.items()})


STEADY: dict[str, dict[str, Any]] = {
    "sleep": {"weekend_extra_hours": 0.0},
    "diary": {"workday_extra_stress": 0.0},
    "coupling": {"pain_night": {}, "pain_day": {}, "stress_night": {}},
    "drift": {"share": 0.0},
}
"""No cycles of the week, no coupling, nobody drifts."""


@pytest.fixture(scope="session")
def simulator_of(settings, features, calibration) -> Callable[..., CohortSimulator]:
    """A simulator with other values in some sections, under the one calibration."""

    def make(**sections: dict[str, Any]) -> CohortSimulator:
        return CohortSimulator(changed(settings.simulator, **sections), features, calibration)

    return make
