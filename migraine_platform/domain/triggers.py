"""Triggers: what may bring an attack on the day after."""

from __future__ import annotations

from typing import Final, NamedTuple


class TriggerFamily(NamedTuple):
    """One of them."""

    name: str
    label: str
    """As a person reads it."""
    exposures: tuple[str, ...]
    """Features of the day that it is read from. The day before, which a rise starts from, is past."""
    unit: str
    """Of its thresholds."""
    reason: str
    """As a reason of a forecast, in a sentence."""
    recorded: bool = True
    """Whether a diary or a device must record it; the weather is known without them."""

    @property
    def flag(self) -> str:
        """Column that says whether a day was a trigger day."""
        return f"{self.name}_trigger"

    @property
    def factor(self) -> str:
        """Name among the factors of a forecast."""
        return f"trigger: {self.name}"

    @property
    def susceptibility(self) -> str:
        """Column that says how susceptible a patient is to it."""
        return f"susceptibility_{self.name}"

    @property
    def node(self) -> str:
        """Name in the causal graph."""
        return f"trigger_{self.name}"


TRIGGERS: Final = (
    TriggerFamily("weather", "Falls of air pressure", ("pressure_change_24h",), "hPa", "the weather", False),
    TriggerFamily("sleep", "Short or long nights", ("total_sleep_hours",), "h", "last night's sleep"),
    TriggerFamily("stress", "Rises of stress", ("stress_level",), "points", "the change of stress since yesterday"),
    TriggerFamily(
        "diet",
        "Diet",
        ("alcohol_consumed", "caffeine_consumed", "chocolate_consumed"),
        "items",
        "what was eaten and drunk",
    ),
)

TRIGGER_NAMES: Final = tuple(trigger.name for trigger in TRIGGERS)
TRIGGER_FLAGS: Final = tuple(trigger.flag for trigger in TRIGGERS)
TRIGGER_COUNT: Final = len(TRIGGERS)
