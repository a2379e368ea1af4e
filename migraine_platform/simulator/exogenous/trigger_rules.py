"""When a day counts as a trigger day: the rules of `config/simulator/triggers.py`, compiled.

    day       exposures of a day, in the order of EXPOSURE_COLUMNS
    before    what earlier days left: yesterday's value of each of `CompiledRules.stepped`, the usual value of each of
              `usual`, and for each of `lagged` the days on which its rule held, a bit a day, yesterday's the lowest

Hidden susceptibility has no say in whether a trigger happened: it decides only what the trigger does. Belongs here:
the rules, for those who simulate days and those who infer them. Does not: how likely a trigger is on a day of which
little was recorded (twin/hazard/trigger_probability.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.copula import WEARABLE_FEATURES
from migraine_platform.config.simulator.latent import AXES
from migraine_platform.config.simulator.triggers import (
    AGAINST_USUAL,
    LONGEST_LAG,
    RULES,
    SINCE_YESTERDAY,
    USUAL_DAYS,
    TriggerRule,
)
from migraine_platform.domain.exposures import CYCLE_DAY, WEATHER_COLUMNS
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, TRIGGERS, demand_same_triggers
from migraine_platform.simulator.exogenous.features import FEATURE_COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY_OF_MENSES = "day_of_menses"
"""Day of the cycle from the nearer menses: 1 their first day, -1 the day before; no column, as no evening knows it."""

EXPOSURE_COLUMNS = (*WEATHER_COLUMNS, *FEATURE_COLUMNS, *ITEM_COLUMNS, CYCLE_DAY, DAY_OF_MENSES)
"""What triggers are read from."""

FIRST_FEATURE = len(WEATHER_COLUMNS)
OF_THE_CYCLE = 2
"""So many come last."""

BELOW, ABOVE, OUTSIDE, RISE, FALL, ABOVE_USUAL, BELOW_USUAL, OFF_USUAL, WINDOW = (
    RULES.index(rule)
    for rule in ("below", "above", "outside", "rise", "fall", "above usual", "below usual", "off usual", "window")
)
HISTORY = 2 ** (LONGEST_LAG + 1)


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
    place: NDArray[np.int64]
    """[K] place in `before` of what a change starts from; -1 for other rules."""
    stepped: NDArray[np.int64]
    usual: NDArray[np.int64]
    """[S], [U] places in EXPOSURE_COLUMNS of what yesterday's, or the usual value is kept of."""
    lagged: NDArray[np.int64]
    """[L] places of the triggers that act later than on their day."""
    lags: NDArray[np.int64]
    """[L] days on which each acts, a bit a day; the lowest is the day itself."""
    axis: NDArray[np.int64]
    """[K] place in AXES of the latent axis that each loads; -1 for none."""
    load: NDArray[np.float64]
    """[K] what it adds to the axis."""

    @classmethod
    def of(cls, rules: Mapping[str, TriggerRule]) -> CompiledRules:
        """Those of the settings, in the order of TRIGGERS, which must be those of this process."""
        demand_same_triggers(rules)
        rows = [rules[trigger.name] for trigger in TRIGGERS]
        reads = [
            [EXPOSURE_COLUMNS.index(DAY_OF_MENSES if row.rule == "window" else name) for name in trigger.exposures]
            for trigger, row in zip(TRIGGERS, rows, strict=True)
        ]
        stepped = [k for k, row in enumerate(rows) if row.rule in SINCE_YESTERDAY]
        usual = [k for k, row in enumerate(rows) if row.rule in AGAINST_USUAL]
        lagged = [k for k, row in enumerate(rows) if row.lag != (0, 0)]
        place = np.full(len(rows), -1)
        place[stepped + usual] = range(len(stepped) + len(usual))
        return cls(
            rule=np.array([RULES.index(row.rule) for row in rows], dtype=np.int64),
            first=np.cumsum([0, *map(len, reads)]),
            reads=np.array([place for own in reads for place in own], dtype=np.int64),
            low=np.array([row.low for row in rows], dtype=np.float64),
            high=np.array([row.high for row in rows], dtype=np.float64),
            place=place,
            stepped=np.array([reads[k][0] for k in stepped], dtype=np.int64),
            usual=np.array([reads[k][0] for k in usual], dtype=np.int64),
            lagged=np.array(lagged, dtype=np.int64),
            lags=np.array([_days(*rows[k].lag) for k in lagged], dtype=np.int64),
            axis=np.array([AXES.index(row.axis) if row.axis else -1 for row in rows], dtype=np.int64),
            load=np.array([row.load or 0.0 for row in rows], dtype=np.float64),
        )


def loads_of(rules: CompiledRules) -> NDArray[np.float64]:
    """[4, K] what each trigger adds to each latent axis."""
    return np.where(np.arange(len(AXES))[:, None] == rules.axis, rules.load, 0.0)


def reads_worn(rules: CompiledRules) -> bool:
    """Whether any is read from what a wearable records."""
    return bool(np.isin(rules.reads, [EXPOSURE_COLUMNS.index(name) for name in WEARABLE_FEATURES]).any())


def _days(first: int, last: int) -> int:
    return sum(1 << day for day in range(first, last + 1))


@njit(cache=True)
def exposure_count(features: int, items: int) -> int:
    """How many exposures a day has, of so many features and so much of yes or no."""
    return FIRST_FEATURE + features + items + OF_THE_CYCLE


@njit(cache=True)
def memory_size(rules: CompiledRules) -> int:
    """How much `before` holds."""
    return len(rules.stepped) + len(rules.usual) + len(rules.lagged)


@njit(cache=True)
def read_triggers(
    rules: CompiledRules,
    day: NDArray[np.float64],
    before: NDArray[np.float64],
    t: int,
    out: NDArray[np.bool_],
) -> None:
    """Which triggers act on the evening of a day into `out`; the day is added to `before`.

    Args:
        day: [exposure_count] exposures in their units, flags as 0 and 1; NaN is no trigger by any rule.
        before: [memory_size] what earlier days left; 0 before the first.
        t: days before this one; without any nothing changes.
        out: [K] to be filled.
    """
    for k in range(len(rules.rule)):
        rule, low, value = rules.rule[k], rules.low[k], day[rules.reads[rules.first[k]]]
        change = value - before[rules.place[k]] if rules.place[k] >= 0 else 0.0
        if rule == BELOW:
            out[k] = value <= low
        elif rule == ABOVE:
            out[k] = value >= low
        elif rule == OUTSIDE:
            out[k] = value < low or value > rules.high[k]
        elif rule in (RISE, ABOVE_USUAL):
            out[k] = t > 0 and change >= low
        elif rule in (FALL, BELOW_USUAL):
            out[k] = t > 0 and -change >= low
        elif rule == OFF_USUAL:
            out[k] = t > 0 and abs(change) >= low
        elif rule == WINDOW:
            out[k] = low <= value <= rules.high[k]
        else:
            happened = 0.0
            for place in range(rules.first[k], rules.first[k + 1]):
                happened += day[rules.reads[place]]
            out[k] = happened >= low
    _remember(rules, day, before, t, out)


@njit(cache=True)
def _remember(
    rules: CompiledRules, day: NDArray[np.float64], before: NDArray[np.float64], t: int, out: NDArray[np.bool_]
) -> None:
    """Today into `before`; triggers that act later are taken from the days that it holds."""
    place = 0
    for read in rules.stepped:
        before[place] = day[read]
        place += 1
    for read in rules.usual:
        before[place] += (day[read] - before[place]) / min(t + 1, USUAL_DAYS)
        place += 1
    for of in range(len(rules.lagged)):
        k = rules.lagged[of]
        held = (int(before[place]) * 2 + out[k]) % HISTORY
        out[k] = held & rules.lags[of] != 0
        before[place] = held
        place += 1


def acting_days(held: NDArray[np.bool_], row: TriggerRule) -> NDArray[np.bool_]:
    """[..., T] days on which a trigger acts; before the first day its rule never held.

    Args:
        held: [..., T] days on which its rule held.
    """
    (first, last), days = row.lag, held.shape[-1]
    past = np.concatenate([np.zeros((*held.shape[:-1], last), dtype=np.bool_), held], axis=-1)
    return np.asarray(np.any([past[..., last - later :][..., :days] for later in range(first, last + 1)], axis=0))
