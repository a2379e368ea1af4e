"""When a day counts as a trigger day: the rules of `config/simulator/triggers.py`, compiled.

    day       exposures of a day, in the order of EXPOSURE_COLUMNS
    before    those of the day before that a rise or a fall starts from, in the order of `CompiledRules.stepped`

Hidden susceptibility has no say in whether a trigger happened: it decides only what the trigger does. Belongs here:
the rules, for those who simulate days and those who infer them. Does not: how likely a trigger is on a day of which
little was recorded (twin/hazard/trigger_probability.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.triggers import RULES, SINCE_YESTERDAY, TriggerRule
from migraine_platform.domain.exposures import CYCLE_DAY, WEATHER_COLUMNS
from migraine_platform.priors.vocabulary import DRAWN_COLUMNS, ITEM_COLUMNS, TRIGGERS, demand_same_triggers

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXPOSURE_COLUMNS = (*WEATHER_COLUMNS, *DRAWN_COLUMNS, *ITEM_COLUMNS, CYCLE_DAY)
"""What triggers are read from."""

FIRST_FEATURE = len(WEATHER_COLUMNS)
FIRST_ITEM = FIRST_FEATURE + len(DRAWN_COLUMNS)
EXPOSURE_COUNT = len(EXPOSURE_COLUMNS)

BELOW, ABOVE, OUTSIDE, RISE, FALL, AT_LEAST = (
    RULES.index(rule) for rule in ("below", "above", "outside", "rise", "fall", "at least")
)


class CompiledRules(NamedTuple):
    """The rules of K triggers as arrays."""

    rule: NDArray[np.int64]
    """[K] place in RULES."""
    first: NDArray[np.int64]
    """[K + 1] where in `reads` each trigger's exposures begin."""
    reads: NDArray[np.int64]
    """[R] places in EXPOSURE_COLUMNS."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    """[K] thresholds, in the exposure's unit."""
    step: NDArray[np.int64]
    """[K] place in `before` of what a rise or a fall starts from; -1 for other rules."""
    stepped: NDArray[np.int64]
    """[S] places in EXPOSURE_COLUMNS of what `before` holds."""

    @classmethod
    def of(cls, rules: Mapping[str, TriggerRule]) -> CompiledRules:
        """Those of the settings, in the order of TRIGGERS, which must be those of this process."""
        demand_same_triggers(rules)
        reads = [[EXPOSURE_COLUMNS.index(name) for name in trigger.exposures] for trigger in TRIGGERS]
        rows = [rules[trigger.name] for trigger in TRIGGERS]
        stepped = [own[0] for own, row in zip(reads, rows, strict=True) if row.rule in SINCE_YESTERDAY]
        step = np.full(len(rows), -1)
        step[[k for k, row in enumerate(rows) if row.rule in SINCE_YESTERDAY]] = range(len(stepped))
        return cls(
            rule=np.array([RULES.index(row.rule) for row in rows], dtype=np.int64),
            first=np.cumsum([0, *map(len, reads)]),
            reads=np.array([place for own in reads for place in own], dtype=np.int64),
            low=np.array([row.low for row in rows], dtype=np.float64),
            high=np.array([row.high for row in rows], dtype=np.float64),
            step=step,
            stepped=np.array(stepped, dtype=np.int64),
        )


@njit(cache=True)
def read_triggers(
    rules: CompiledRules,
    day: NDArray[np.float64],
    before: NDArray[np.float64],
    is_first: bool,
    out: NDArray[np.bool_],
) -> None:
    """Which triggers happened into `out`; today's exposures take the place of yesterday's in `before`.

    Args:
        day: [EXPOSURE_COUNT] exposures in their units, flags as 0 and 1; NaN is no trigger by any rule.
        before: [S] the day before's.
        is_first: there was no day before; nothing rises or falls.
        out: [K] to be filled.
    """
    for k in range(len(rules.rule)):
        rule, low, value = rules.rule[k], rules.low[k], day[rules.reads[rules.first[k]]]
        if rule == BELOW:
            out[k] = value <= low
        elif rule == ABOVE:
            out[k] = value >= low
        elif rule == OUTSIDE:
            out[k] = value < low or value > rules.high[k]
        elif rule == RISE:
            out[k] = not is_first and value - before[rules.step[k]] >= low
        elif rule == FALL:
            out[k] = not is_first and before[rules.step[k]] - value >= low
        else:
            happened = 0.0
            for place in range(rules.first[k], rules.first[k + 1]):
                happened += day[rules.reads[place]]
            out[k] = happened >= low
    for place in range(len(rules.stepped)):
        before[place] = day[rules.stepped[place]]
