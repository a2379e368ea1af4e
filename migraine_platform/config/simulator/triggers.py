"""Settings of the triggers: which there are, by which rule a day counts as one, and what it then does.

A new rule is a name here, with what its thresholds are, and a branch in `simulator/exogenous/trigger_rules.py`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Annotated, Final, Literal, NamedTuple, get_args

from pydantic import AfterValidator, Field, model_validator

from migraine_platform.config.base import Frozen, Positive, Range
from migraine_platform.config.simulator.copula import COLUMN_OF, EXOGENOUS_FEATURES
from migraine_platform.domain.exposures import CYCLE_DAY, DIET_COLUMNS, WEATHER_COLUMNS
from migraine_platform.domain.triggers import TriggerFamily

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rule = Literal["below", "above", "outside", "rise", "fall", "at least", "flag"]
"""What the exposures of a trigger must do: lie at or below its threshold, at or above it, outside of the two; rise or
fall by that much since the day before; or happen, at least so many of them, or the only one."""

RULES: Final = get_args(Rule)
SINCE_YESTERDAY: Final = ("rise", "fall")
BY_ITEMS: Final = ("at least", "flag")
YES_NO: Final = "yes/no"

READ_VALUES: Final = (*(COLUMN_OF.get(name, name) for name in EXOGENOUS_FEATURES), "pressure_change_24h", CYCLE_DAY)
"""Columns of a day with values that a trigger can be read from: how often each comes to a person is known of these."""

TAKEN_NAMES: Final = ("all", "level")
"""What tables call all triggers together, and the hazard's level beside them."""

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Words = Annotated[str, Field(min_length=1, max_length=200)]
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


class _Edge(NamedTuple):
    """One side of a rule, around which a threshold is looked for."""

    words: str
    side: Literal["above", "below"]
    at: float
    within: tuple[float, float]


FAR: Final = (-1e12, 1e12)
"""Values that are looked at where the rule has but one side."""


class TriggerRule(Frozen):
    """When a day counts as a trigger day, read off the realised values; a row of `simulator.triggers`."""

    label: Words
    """As a person reads it."""

    reads: Annotated[tuple[Name, ...], Field(min_length=1)]
    """Columns of a day; a feature of the workbook that has no column gets one."""

    rule: Rule
    threshold: float | Range | None = None
    """In the unit; of `outside` the lower and the upper one, of `at least` a number of exposures, of `flag` none."""

    unit: Words | None = None
    """Of the thresholds: that of the column, or what is counted; of `flag` none."""

    effect: Effect

    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of people to whom it can do anything at all; the others have no susceptibility to it."""

    reason: Words | None = None
    """As a reason of a forecast, in a sentence; by default the label."""

    source: Words = "not given"
    place: Words | None = None
    """Where the row stands, if not in `simulator.triggers`."""

    search: tuple[ThresholdSearch, ...] = ()
    """Where thresholds are looked for in each person's days, by default around the row's; not of yes and no."""

    def family(self, name: str) -> TriggerFamily:
        """What the trigger of this row is called where."""
        return TriggerFamily(
            name=name,
            label=self.label,
            exposures=self.reads,
            unit=self.unit or YES_NO,
            reason=self.reason or self.label[0].lower() + self.label[1:],
            recorded=not set(self.reads) & set(WEATHER_COLUMNS),
            since_yesterday=self.rule in SINCE_YESTERDAY,
        )

    @property
    def low(self) -> float:
        """The threshold, or the lower one; 1 of what has none."""
        return self._ends[0]

    @property
    def high(self) -> float:
        """The threshold, or the upper one; 1 of what has none."""
        return self._ends[1]

    @property
    def _ends(self) -> Range:
        if self.threshold is None:
            return 1.0, 1.0
        return self.threshold if isinstance(self.threshold, tuple) else (self.threshold, self.threshold)

    def searches(self, spread: float) -> tuple[ThresholdSearch, ...]:
        """The row's own, or else a spread to either side of its thresholds, in tenths of that.

        Args:
            spread: standard deviation of the exposure, or of its change since the day before, in the unit.
        """
        if self.search or self.rule in BY_ITEMS or CYCLE_DAY in self.reads or not spread:
            return self.search
        step = float(f"{spread / 5:.1g}")
        ends: dict[str, tuple[_Edge, ...]] = {
            "below": (_Edge("", "below", self.low, FAR),),
            "above": (_Edge("", "above", self.high, FAR),),
            "outside": (
                _Edge(", too low", "below", self.low, (-FAR[1], self.high)),
                _Edge(", too high", "above", self.high, (self.low, FAR[1])),
            ),
            "rise": (_Edge("", "above", self.low, FAR),),
            "fall": (_Edge("", "below", -self.low, FAR),),
        }
        return tuple(
            ThresholdSearch(
                exposure=self.label + edge.words,
                side=edge.side,
                grid=(edge.at - 5 * step, edge.at + 5 * step, step),
                between=2 * step,
                within=edge.within,
            )
            for edge in ends[self.rule]
        )

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
            "flag": "yes",
        }[self.rule]

    @model_validator(mode="after")
    def _thresholds_are_those_of_the_rule(self) -> TriggerRule:
        if self.rule == "flag":
            if self.threshold is not None or self.unit is not None:
                raise ValueError("the rule `flag` with a threshold or a unit; expected neither")
        elif self.threshold is None or self.unit is None:
            raise ValueError(f"the rule `{self.rule}` without a threshold or a unit; expected both")
        elif isinstance(self.threshold, tuple) != (self.rule == "outside"):
            wanted = "two thresholds, as in [5, 9]" if self.rule == "outside" else "one threshold"
            raise ValueError(f"threshold of the rule `{self.rule}` is {_shown(self.threshold)}; expected {wanted}")
        elif self.rule == "outside" and self.low >= self.high:
            raise ValueError(f"threshold is {_shown(self.threshold)}; expected the lower value first")
        elif self.rule in SINCE_YESTERDAY and self.low <= 0:
            raise ValueError(f"threshold of the rule `{self.rule}` is {self.low:g}; expected a step above 0")
        if self.rule in BY_ITEMS and self.search:
            raise ValueError(f"search of the rule `{self.rule}`; expected none, for items have no threshold")
        return self


def _shown(threshold: float | Range) -> str:
    return str(list(threshold)) if isinstance(threshold, tuple) else f"{threshold:g}"


def misread(name: str, row: TriggerRule, values: Collection[str], items: Collection[str]) -> str | None:
    """Why a trigger cannot be read off its columns by its rule, in a sentence, or None.

    Args:
        values: columns of numbers that triggers can be read from.
        items: columns of yes or no.
    """
    shown = ", ".join(row.reads)
    if unread := [column for column in row.reads if column not in values and column not in items]:
        return f"{name}: cannot be read from {', '.join(unread)}; expected {', '.join((*values, *items))}"
    happens = all(column in items for column in row.reads)
    if (row.rule in BY_ITEMS) != happens:
        fitting = [rule for rule in RULES if (rule in BY_ITEMS) == happens]
        expected = ", ".join(f"`{rule}`" for rule in fitting)
        return f"{name}: rule is `{row.rule}`, but it is read from {shown}; expected {expected}"
    if row.rule != "at least" and len(row.reads) > 1:
        return f"{name}: rule `{row.rule}` reads one column; {shown} given"
    if row.rule == "at least" and row.low not in range(1, len(row.reads) + 1):
        return f"{name}: threshold is {row.low:g}; expected a whole number from 1 to {len(row.reads)}"
    if len(set(row.reads)) < len(row.reads):
        return f"{name}: reads {shown}; expected each column once"
    if row.rule in SINCE_YESTERDAY and set(row.reads) & set(WEATHER_COLUMNS):
        return f"{name}: rule is `{row.rule}`, but {row.reads[0]} is a change already"
    if row.rule in SINCE_YESTERDAY and CYCLE_DAY in row.reads:
        return f"{name}: rule is `{row.rule}`, but {CYCLE_DAY} rises every day; expected `below`, `above` or `outside`"
    return None


def _can_be_read(rules: dict[Name, TriggerRule]) -> dict[Name, TriggerRule]:
    """The rows; of those that read features of the workbook, `priors/lived.py` asks the same when it has these."""
    if not rules:
        raise ValueError("there are none; expected a row of at least one trigger")
    known, labels = {*READ_VALUES, *DIET_COLUMNS}, [row.label for row in rules.values()]
    if twice := [f'"{label}"' for label in dict.fromkeys(labels) if labels.count(label) > 1]:
        raise ValueError(f"several triggers have the label {', '.join(twice)}; expected a label of its own for each")
    if taken := [name for name in rules if name in TAKEN_NAMES]:
        raise ValueError(f"{taken[0]} is no name of a trigger: tables call something else so; expected another")
    for name, row in rules.items():
        if known.issuperset(row.reads) and (problem := misread(name, row, READ_VALUES, DIET_COLUMNS)):
            raise ValueError(f"{row.place}: {problem}" if row.place else problem)
    return rules


TriggerRules = Annotated[dict[Name, TriggerRule], AfterValidator(_can_be_read)]
"""A row for each trigger, by its name, in the order of all arrays."""
