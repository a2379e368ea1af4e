"""What a workbook need not say, and what is taken instead, as the specification has it.

    mean     the middle of the typical range
    sd       what the distribution has at that mean, if it has but one parameter; else a quarter of the range
    family   by unit and range: yes/no is bernoulli; a share, a percentage or a score is beta; a quantity that begins at
             0 is gamma; anything else normal

Belongs here: these rules. Does not: what a cell may hold (workbook.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from migraine_platform.priors.families import implied_sd
from migraine_platform.priors.features import NO_AXIS, mid_range_mean, quarter_range_sd

YES_NO, NO_UNIT = "yes/no", "points"
BOUNDED = ("%", "share", NO_UNIT)
"""Units of values that cannot leave their range."""

NO_SOURCE = "the workbook names none"


class Fill(NamedTuple):
    """One value that the workbook does not give."""

    variable: str
    field: str
    value: str


class Complete(NamedTuple):
    """What a feature needs of it."""

    unit: str
    family: str
    mean: float
    sd: float
    latent_axis: str
    source: str


def filled(
    variable: str, said: Mapping[str, str | float | None], low: float, high: float
) -> tuple[Complete, list[Fill]]:
    """A feature's values, and those that were filled in.

    Args:
        said: the fields of `Complete`, empty or None where the workbook does not say.
        low, high: the typical range.
    """
    unit = str(said["unit"] or (YES_NO if (low, high) == (0, 1) else NO_UNIT))
    family = str(said["family"] or _family(unit, low))
    mean = said["mean"] if isinstance(said["mean"], float) else mid_range_mean(low, high)
    sd = said["sd"] if isinstance(said["sd"], float) else implied_sd(family, mean)
    spread = quarter_range_sd(low, high) if sd is None else sd
    axis, source = str(said["latent_axis"] or NO_AXIS), str(said["source"] or NO_SOURCE)
    complete = Complete(unit, family, mean, spread, axis, source)
    lacking = [field for field in Complete._fields if said[field] is None or said[field] == ""]
    values = complete._asdict()
    told = {field: f"{value:g}" if isinstance(value := values[field], float) else str(value) for field in lacking}
    return complete, [Fill(variable, field, value) for field, value in told.items()]


def _family(unit: str, low: float) -> str:
    if unit == YES_NO:
        return "bernoulli"
    if unit in BOUNDED:
        return "beta"
    return "gamma" if low == 0 else "normal"
