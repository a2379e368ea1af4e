"""Settings of the search for a person's own threshold of a trigger.

Belongs here: where it is looked for. Does not: how (twin/triggers/thresholds.py).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, NamedTuple

from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen, Positive, Range

FAR: Final = 1e12
"""Beyond all values: what is looked at where the rule has but one side."""

Side = Literal["above", "below"]


class ThresholdSearch(Frozen):
    """Where twins look for the value from which on an exposure raises the hazard."""

    exposure: Annotated[str, Field(min_length=1)]
    """As a person reads it; of a rise, a fall or what is usual, the change."""

    side: Side
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


class RuleSide(NamedTuple):
    """One side of a rule, around which a threshold is looked for."""

    words: str
    side: Side
    at: float
    within: tuple[float, float] = (-FAR, FAR)

    def search(self, label: str, spread: float) -> ThresholdSearch:
        """Five steps to either side, each the fifth of a spread, rounded to one figure.

        Args:
            label: of the trigger.
            spread: standard deviation of the exposure, in its unit.
        """
        step = float(f"{spread / 5:.1g}")
        return ThresholdSearch(
            exposure=label + self.words,
            side=self.side,
            grid=(self.at - 5 * step, self.at + 5 * step, step),
            between=2 * step,
            within=self.within,
        )
