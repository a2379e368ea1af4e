"""Settings of the triggers: by which rule a day counts as one, and what it then does.

A new rule is a name here, with what its thresholds are, and a branch in `simulator/exogenous/trigger_rules.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from migraine_platform.config.base import Frozen, Positive, Range
from migraine_platform.config.simulator.copula import COLUMN_OF, EXOGENOUS_FEATURES
from migraine_platform.domain.exposures import DIET_COLUMNS, WEATHER_COLUMNS
from migraine_platform.domain.triggers import TRIGGER_NAMES, TRIGGERS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rule = Literal["below", "above", "outside", "rise", "fall", "at least"]
"""What the exposures of a trigger must do: lie at or below its threshold, at or above it, outside of the two; rise or
fall by that much since the day before; or happen, at least so many of them."""

RULES: Final = get_args(Rule)
SINCE_YESTERDAY: Final = ("rise", "fall")

READ: Final = (
    *(COLUMN_OF.get(name, name) for name in EXOGENOUS_FEATURES),
    "pressure_change_24h",
    *DIET_COLUMNS,
)
"""Columns of a day that a trigger can be read from: how often each value comes to a person is known of these."""

Effect = Annotated[float, Field(gt=0, lt=0.5)]
"""Rise of the next day's probability of an onset, in a person of susceptibility 1."""


class ThresholdSearch(Frozen):
    """Where twins look for the value from which on an exposure raises the hazard."""

    exposure: Annotated[str, Field(min_length=1)]
    """As a person reads it; of a rise or a fall, the change since the day before."""

    side: Literal["above", "below"]
    grid: tuple[float, float, Positive]
    """First and last candidate, and the step between them, in the exposure's unit."""

    between: Positive
    """Standard deviation of persons' thresholds."""

    within: Range
    """Values that are looked at; beyond them another step may lie."""

    @model_validator(mode="after")
    def _grid_has_candidates(self) -> ThresholdSearch:
        first, last, step = self.grid
        if last - first < step:
            raise ValueError(f"grid is {list(self.grid)}; expected first, last and step, with room for two candidates")
        return self


class TriggerRule(Frozen):
    """When a day counts as a trigger day, read off the realised values; a row of `simulator.triggers`."""

    rule: Rule
    threshold: float | Range
    """In the exposure's unit; of `outside` the lower and the upper one, of `at least` a number of exposures."""

    effect: Effect

    search: tuple[ThresholdSearch, ...] = ()
    """Thresholds that are looked for in each person's days; none for items of a diet."""

    @property
    def low(self) -> float:
        """The threshold, or the lower one."""
        return float(self.threshold[0] if isinstance(self.threshold, tuple) else self.threshold)

    @property
    def high(self) -> float:
        """The threshold, or the upper one."""
        return float(self.threshold[1] if isinstance(self.threshold, tuple) else self.threshold)

    def happened(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values are a trigger by their day alone; for `below`, `above` and `outside`.

        Args:
            values: [...] of the exposure, in its unit.
        """
        if self.rule == "below":
            return values <= self.low
        return values >= self.low if self.rule == "above" else (values < self.low) | (values > self.high)

    def words(self, unit: str) -> str:
        """The rule as a person reads it: `below 5 or above 9 h`."""
        low, high = f"{self.low:g}", f"{self.high:g}"
        return {
            "below": f"{low} {unit} or less",
            "above": f"{low} {unit} or more",
            "outside": f"below {low} or above {high} {unit}",
            "rise": f"a rise of {low} {unit} or more since the day before",
            "fall": f"a fall of {low} {unit} or more since the day before",
            "at least": f"at least {low} {unit}",
        }[self.rule]

    @model_validator(mode="after")
    def _thresholds_are_those_of_the_rule(self) -> TriggerRule:
        if isinstance(self.threshold, tuple) != (self.rule == "outside"):
            wanted = "two thresholds, as in [5, 9]" if self.rule == "outside" else "one threshold"
            raise ValueError(f"threshold of the rule `{self.rule}` is {_shown(self.threshold)}; expected {wanted}")
        if self.rule == "outside" and self.low >= self.high:
            raise ValueError(f"threshold is {_shown(self.threshold)}; expected the lower value first")
        if self.rule in SINCE_YESTERDAY and self.low <= 0:
            raise ValueError(f"threshold of the rule `{self.rule}` is {self.low:g}; expected a step above 0")
        if self.rule == "at least" and self.search:
            raise ValueError("search of the rule `at least`; expected none, for items have no threshold")
        return self


def _shown(threshold: float | Range) -> str:
    return str(list(threshold)) if isinstance(threshold, tuple) else f"{threshold:g}"


def _every_trigger_has_its_rule(rules: dict[str, TriggerRule]) -> dict[str, TriggerRule]:
    """The rows in the order of the triggers, each of a rule that its exposures can follow."""
    if missing := [name for name in TRIGGER_NAMES if name not in rules]:
        raise ValueError(f"no row for {', '.join(missing)}; expected one for each of {', '.join(TRIGGER_NAMES)}")
    if unknown := sorted(rules.keys() - set(TRIGGER_NAMES)):
        raise ValueError(f"{', '.join(unknown)}: no such trigger; expected {', '.join(TRIGGER_NAMES)}")
    for trigger in TRIGGERS:
        if unread := [column for column in trigger.exposures if column not in READ]:
            raise ValueError(f"{trigger.name}: cannot be read from {', '.join(unread)}; expected {', '.join(READ)}")
        row, happens = rules[trigger.name], set(trigger.exposures) <= set(DIET_COLUMNS)
        if (row.rule == "at least") != happens:
            expected = "`at least`" if happens else ", ".join(f"`{rule}`" for rule in RULES if rule != "at least")
            raise ValueError(
                f"{trigger.name}: rule is `{row.rule}`, but it is read from {', '.join(trigger.exposures)}; "
                f"expected {expected}"
            )
        if not happens and len(trigger.exposures) > 1:
            raise ValueError(
                f"{trigger.name}: rule `{row.rule}` reads one column; {', '.join(trigger.exposures)} given"
            )
        if happens and row.low not in range(1, len(trigger.exposures) + 1):
            raise ValueError(
                f"{trigger.name}: threshold is {row.low:g}; expected a whole number from 1 to {len(trigger.exposures)}"
            )
        if row.rule in SINCE_YESTERDAY and set(trigger.exposures) & set(WEATHER_COLUMNS):
            raise ValueError(f"{trigger.name}: rule is `{row.rule}`, but {trigger.exposures[0]} is a change already")
    return {name: rules[name] for name in TRIGGER_NAMES}


TriggerRules = Annotated[dict[str, TriggerRule], AfterValidator(_every_trigger_has_its_rule)]
"""A row for each trigger, by its name."""
