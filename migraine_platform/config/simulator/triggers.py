"""Settings of the triggers: which there are, by which rule a day counts as one, and what it then does.

A new rule is a name here, with what its thresholds are, and a branch in `simulator/exogenous/trigger_rules.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from migraine_platform.config.base import Frozen, Range
from migraine_platform.config.simulator.latent import Axis
from migraine_platform.config.simulator.threshold_search import FAR, RuleSide, ThresholdSearch
from migraine_platform.domain.exposures import CYCLE_DAY, WEATHER_COLUMNS
from migraine_platform.domain.triggers import TriggerFamily

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rule = Literal[
    "below", "above", "outside", "rise", "fall", "at least", "flag", "above usual", "below usual", "off usual", "window"
]
"""What the exposures of a trigger must do: lie at or below its threshold, at or above it, outside of the two; rise or
fall by that much since the day before; happen, at least so many of them, or the only one; lie by that much above or
below what is usual for the person, or off it either way; or be between two days of the cycle, counted from menses."""

RULES: Final = get_args(Rule)
SINCE_YESTERDAY: Final = ("rise", "fall")
AGAINST_USUAL: Final = ("above usual", "below usual", "off usual")
BY_CHANGE: Final = (*SINCE_YESTERDAY, *AGAINST_USUAL)
BY_ITEMS: Final = ("at least", "flag")
TWO_SIDED: Final = ("outside", "window")

USUAL_DAYS: Final = 28
"""Days over which a person's usual value is taken: the mean of the days before, each day counting 1 / 28 at most."""

LONGEST_LAG: Final = 7
"""Days before that a trigger may act after."""

FARTHEST_IN_CYCLE: Final = 13
"""Days before menses, and after their first, up to which a window counts: between the two halves no cycle is alike."""
YES_NO: Final = "yes/no"

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Words = Annotated[str, Field(min_length=1, max_length=200)]


def _first_and_last(lag: Any) -> Any:
    """Of one number, the day that it is."""
    days = [lag, lag] if isinstance(lag, int) else lag
    whole = isinstance(days, list | tuple) and len(days) == 2 and all(type(day) is int for day in days)
    if not whole or not 0 <= days[0] <= days[1] <= LONGEST_LAG:
        raise ValueError(f"expected whole days from 0 to {LONGEST_LAG}, one or two, the lower first")
    return tuple(days)


Lag = Annotated[tuple[int, int], BeforeValidator(_first_and_last)]
Effect = Annotated[float, Field(gt=0, lt=0.5)]
"""Rise of the next day's probability of an onset, in a person of susceptibility 1."""


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

    lag: Lag = (0, 0)
    """First and last day on which it acts, counted from the one on which its rule held; one number if it is one day."""

    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of people to whom it can do anything at all; the others have no susceptibility to it."""

    axis: Axis | None = None
    """Latent axis that it also loads; that of everybody, so that its share is 1."""

    load: Annotated[float, Field(gt=0, le=1)] | None = None
    """What it adds to the axis overnight, on days on which it acts."""

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
            reason=self.reason or self.label[0].lower() + self.label[1:] + self.lag_words,
            recorded=not set(self.reads) & set(WEATHER_COLUMNS),
            changes=self.rule in BY_CHANGE,
            loads=self.axis is not None,
            lag=self.lag,
        )

    @property
    def acts_on_several_days(self) -> bool:
        """Whether one day on which the rule held acts on more than one."""
        return self.lag[0] < self.lag[1]

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
            spread: standard deviation of the exposure, or of its change, in the unit.
        """
        if self.search or self.rule in BY_ITEMS or CYCLE_DAY in self.reads or not spread:
            return self.search
        edges: dict[str, tuple[RuleSide, ...]] = {
            "below": (RuleSide("", "below", self.low),),
            "above": (RuleSide("", "above", self.high),),
            "outside": (
                RuleSide(", too low", "below", self.low, (-FAR, self.high)),
                RuleSide(", too high", "above", self.high, (self.low, FAR)),
            ),
            "rise": (RuleSide("", "above", self.low),),
            "fall": (RuleSide("", "below", -self.low),),
            "above usual": (RuleSide(", above usual", "above", self.low),),
            "below usual": (RuleSide(", below usual", "below", -self.low),),
            "off usual": (
                RuleSide(", below usual", "below", -self.low, (-FAR, self.low)),
                RuleSide(", above usual", "above", self.low, (-self.low, FAR)),
            ),
        }
        return tuple(edge.search(self.label, spread) for edge in edges[self.rule])

    def happened(self, values: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which values are a trigger by their day alone; for `below`, `above` and `outside`.

        Args:
            values: [...] of the exposure, in its unit.
        """
        if self.rule == "below":
            return values <= self.low
        return values >= self.low if self.rule == "above" else (values < self.low) | (values > self.high)

    def exceeded(self, change: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which changes, since yesterday or from what is usual, are a trigger.

        Args:
            change: [...] of the exposure, in its unit.
        """
        if self.rule == "off usual":
            return abs(change) >= self.low
        return (change if self.rule in ("rise", "above usual") else -change) >= self.low

    def words(self, unit: str) -> str:
        """The rule as a person reads it: `below 5 or above 9 h`."""
        low, high = f"{self.low:g}", f"{self.high:g}"
        rule = {
            "below": f"{low} {unit} or less",
            "above": f"{low} {unit} or more",
            "outside": f"below {low} or above {high} {unit}",
            "rise": f"a rise of {low} {unit} or more since the day before",
            "fall": f"a fall of {low} {unit} or more since the day before",
            "at least": f"at least {low} {unit}",
            "flag": "yes",
            "above usual": f"{low} {unit} or more above the person's usual",
            "below usual": f"{low} {unit} or more below the person's usual",
            "off usual": f"{low} {unit} or more off the person's usual",
            "window": f"day {low} to {high} of menses, 1 being their first day and -1 the day before",
        }[self.rule]
        return rule + self.lag_words

    @property
    def lag_words(self) -> str:
        """When it was, if not on the day itself."""
        first, last = self.lag
        if last == 0:
            return ""
        if first == 0:
            return " on that day or the day before" if last == 1 else f" on that day or one of {last} before"
        if first < last:
            return f" {first} to {last} days before"
        return " the day before" if last == 1 else f" {last} days before"

    @model_validator(mode="after")
    def _thresholds_are_those_of_the_rule(self) -> TriggerRule:
        if self.rule == "flag":
            if self.threshold is not None or self.unit is not None:
                raise ValueError("the rule `flag` with a threshold or a unit; expected neither")
        elif self.threshold is None or self.unit is None:
            raise ValueError(f"the rule `{self.rule}` without a threshold or a unit; expected both")
        elif isinstance(self.threshold, tuple) != (self.rule in TWO_SIDED):
            wanted = "two thresholds, as in [5, 9]" if self.rule in TWO_SIDED else "one threshold"
            raise ValueError(f"threshold of the rule `{self.rule}` is {_shown(self.threshold)}; expected {wanted}")
        elif self.rule in TWO_SIDED and self.low >= self.high:
            raise ValueError(f"threshold is {_shown(self.threshold)}; expected the lower value first")
        elif self.rule == "window" and not {self.low, self.high} <= _DAYS_OF_MENSES:
            wanted = f"whole days from -{FARTHEST_IN_CYCLE} to {FARTHEST_IN_CYCLE}, none of them 0"
            raise ValueError(f"threshold of the rule `window` is {_shown(self.threshold)}; expected {wanted}")
        elif self.rule in BY_CHANGE and self.low <= 0:
            raise ValueError(f"threshold of the rule `{self.rule}` is {self.low:g}; expected a step above 0")
        if self.rule in BY_ITEMS and self.search:
            raise ValueError(f"search of the rule `{self.rule}`; expected none, for items have no threshold")
        return self

    @model_validator(mode="after")
    def _axis_is_loaded_in_everybody(self) -> TriggerRule:
        if (self.axis is None) != (self.load is None):
            given, lacking = ("a latent axis", "a load") if self.load is None else ("a load", "a latent axis")
            raise ValueError(f"{given} without {lacking}; expected both or neither")
        if self.axis is not None and self.share < 1:
            raise ValueError(f"loads {self.axis} in {self.share:.0%} of people; expected everybody, as an axis is")
        return self


_DAYS_OF_MENSES: Final = {float(day) for day in range(-FARTHEST_IN_CYCLE, FARTHEST_IN_CYCLE + 1) if day}


def _shown(threshold: float | Range) -> str:
    return str(list(threshold)) if isinstance(threshold, tuple) else f"{threshold:g}"
