"""What triggers can be read from, and which tables of them make sense together: rows of `simulator.triggers`.

Belongs here: whether a rule fits the columns that it reads, and rows each other. Does not: what a row may say by itself
(triggers.py), or which features of the workbook have a column (priors/lived.py).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

from pydantic import AfterValidator

from migraine_platform.config.simulator.copula import COLUMN_OF, EXOGENOUS_FEATURES, WEARABLE_FEATURES
from migraine_platform.config.simulator.triggers import BY_CHANGE, BY_ITEMS, RULES, Name, TriggerRule
from migraine_platform.domain.exposures import CYCLE_DAY, DIET_COLUMNS, WEATHER_COLUMNS

READ_VALUES: Final = (
    *(COLUMN_OF.get(name, name) for name in EXOGENOUS_FEATURES),
    *WEARABLE_FEATURES,
    *WEATHER_COLUMNS,
    CYCLE_DAY,
)
"""Columns of a day with values that a trigger can be read from: how often each comes to a person is known of these."""

TAKEN_NAMES: Final = ("all", "level")
"""What tables call all triggers together, and the hazard's level beside them."""


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
    if row.rule in BY_CHANGE and set(row.reads) & set(WEATHER_COLUMNS):
        return f"{name}: rule is `{row.rule}`; of the weather, {shown}, expected `below`, `above` or `outside`"
    if row.rule in BY_CHANGE and CYCLE_DAY in row.reads:
        expected = "`below`, `above`, `outside` or `window`"
        return f"{name}: rule is `{row.rule}`, but {CYCLE_DAY} rises every day; expected {expected}"
    if row.rule == "window" and CYCLE_DAY not in row.reads:
        return f"{name}: rule is `window`, but it is read from {shown}; expected {CYCLE_DAY}"
    return None


def _can_be_read(rules: dict[Name, TriggerRule]) -> dict[Name, TriggerRule]:
    """The rows; of those that read features of the workbook, `priors/lived.py` asks the same when it has these."""
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
