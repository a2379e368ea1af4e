"""What was recorded of a trigger's exposure: the value that its rule holds against its threshold.

    a value            of the day
    a rise or a fall   less yesterday's
    off the usual      less the mean of the days before that were recorded
    several items      how many of them
    later than the day the day's on which it acts; of several, the one that lies farthest to the rule's side

Belongs here: values and whether they were recorded. Does not: how likely a trigger is where they were not
(hazard/trigger_probability.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from migraine_platform.config.simulator.threshold_search import Side
from migraine_platform.config.simulator.triggers import AGAINST_USUAL, SINCE_YESTERDAY, USUAL_DAYS, TriggerRule
from migraine_platform.domain.triggers import TriggerFamily
from migraine_platform.twin.data.features import POSITION
from migraine_platform.twin.data.histories import Histories

if TYPE_CHECKING:
    from numpy.typing import NDArray


def exposure_values(
    trigger: TriggerFamily, row: TriggerRule, histories: Histories, side: Side = "above"
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[P, K] values in the trigger's unit, and whether all that they are made of was recorded.

    Args:
        side: on which the threshold lies; of several days, the highest value counts, or the lowest.
    """
    places = [POSITION[name] for name in trigger.exposures]
    value: NDArray[np.float64] = histories.values[..., places].sum(axis=-1)
    seen: NDArray[np.bool_] = np.asarray(histories.present[..., places].all(axis=-1))
    if row.rule in SINCE_YESTERDAY:
        value, seen = value - _days_before(value, 1), seen & _days_before(seen, 1)
    elif row.rule in AGAINST_USUAL:
        usual, known = _usual(value, seen)
        value, seen = value - usual, seen & known
    first, last = row.lag
    farther = np.maximum if side == "above" else np.minimum
    values = [_days_before(value, later) for later in range(first, last + 1)]
    return farther.reduce(values), np.all([_days_before(seen, later) for later in range(first, last + 1)], axis=0)


def unit_of(trigger: TriggerFamily, row: TriggerRule) -> str:
    """Of the value, as a person reads it."""
    unit = f"of {', '.join(trigger.exposures)}" if row.rule == "at least" else trigger.unit
    if row.rule in SINCE_YESTERDAY:
        return f"{unit} more than the day before" if row.lag[1] else f"{unit} more than yesterday"
    return f"{unit} more than usual" if row.rule in AGAINST_USUAL else unit


def _days_before(days: NDArray[Any], later: int) -> NDArray[Any]:
    """[P, K] the same, so many days later; 0 and not recorded on the first days."""
    out = np.zeros_like(days)
    out[:, later:] = days[:, : days.shape[1] - later]
    return out


def _usual(value: NDArray[np.float64], seen: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[P, K] mean of the recorded days before each, as the rule takes it, and whether there was one."""
    mean, count = np.zeros(len(value)), np.zeros(len(value))
    usual, known = np.zeros_like(value), np.zeros_like(seen)
    for k in range(value.shape[1]):
        usual[:, k], known[:, k] = mean, count > 0
        count += seen[:, k]
        step = (value[:, k] - mean) / np.clip(count, 1, USUAL_DAYS)
        mean = mean + np.where(seen[:, k], step, 0.0)
    return usual, known
