"""What a trigger is: something of a day that may bring an attack on the day after.

Which triggers there are, a project's settings say; `priors/vocabulary.py` reads them.
"""

from __future__ import annotations

from typing import NamedTuple


class TriggerFamily(NamedTuple):
    """One of them, and what it is called where."""

    name: str
    label: str
    """As a person reads it."""
    exposures: tuple[str, ...]
    """Columns of the day that it is read from. Earlier days, which a change starts from, are past."""
    unit: str
    """Of its thresholds."""
    reason: str
    """As a reason of a forecast, in a sentence."""
    recorded: bool = True
    """Whether a diary or a device must record it; the weather is known without them."""
    changes: bool = False
    """Whether it is a change, since the day before or from what is usual."""
    loads: bool = False
    """Whether it also adds to the latent state."""
    lag: tuple[int, int] = (0, 0)
    """First and last day on which it acts, counted from the one on which it happened."""

    @property
    def is_of_the_past(self) -> bool:
        """Whether earlier days have a say in it."""
        return self.changes or self.lag[1] > 0

    @property
    def acts(self) -> str:
        """When it acts, counted from the day on which it happened, as a person reads it."""
        first, last = (later + 1 for later in self.lag)
        if first < last:
            return f"{first} to {last} days after"
        return "the day after" if first == 1 else f"{first} days after"

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
    def way(self) -> str:
        """Column that says how likely it is that a change of the hazard was one of the susceptibility to it."""
        return f"way_{self.name}"

    @property
    def node(self) -> str:
        """Name in the causal graph."""
        return f"trigger_{self.name}"
