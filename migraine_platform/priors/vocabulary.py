"""What this process calls a day's triggers and columns, read from its settings once.

Names of columns, sizes of arrays, labels and words are derived from here. They are those of $MIGRAINE_ROOT and
$MIGRAINE_PRESET as of the first import: a process works on one project. The workbook is opened only if the settings
name features that not every day has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from migraine_platform.config import ConfigError
from migraine_platform.config.loading import process_settings
from migraine_platform.config.simulator.copula import COLUMN_OF, EXOGENOUS_FEATURES
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.domain.exposures import DIET_COLUMNS
from migraine_platform.priors.lived import vocabulary_of

_HERE: Final = vocabulary_of(process_settings())

TRIGGERS: Final = _HERE.triggers
"""In the order of all arrays."""

TRIGGER_NAMES: Final = tuple(trigger.name for trigger in TRIGGERS)
TRIGGER_FLAGS: Final = tuple(trigger.flag for trigger in TRIGGERS)
TRIGGER_COUNT: Final = len(TRIGGERS)

LIVED: Final = _HERE.lived
LIVED_VALUES: Final = tuple(feature.name for feature in LIVED if not feature.is_flag)
"""Features with numbers, in the order of all arrays."""

LIVED_FLAGS: Final = tuple(feature.name for feature in LIVED if feature.is_flag)

DRAWN_FEATURES: Final = (*EXOGENOUS_FEATURES, *LIVED_VALUES)
"""Features of the workbook that a day is made of, but for the weather and what a device records."""

DRAWN_COLUMNS: Final = tuple(COLUMN_OF.get(name, name) for name in DRAWN_FEATURES)
ITEM_COLUMNS: Final = (*DIET_COLUMNS, *LIVED_FLAGS)
"""Yes or no, each on a person's own share of days."""


def demand_same_triggers(rules: Mapping[str, TriggerRule]) -> None:
    """Refuse settings of another project: arrays and tables of this process have other names and sizes.

    Raises:
        ConfigError: naming the triggers of both.
    """
    other = {name: row.reads for name, row in rules.items()}
    own = {trigger.name: trigger.exposures for trigger in TRIGGERS}
    if [*other.items()] != [*own.items()]:
        there, here = (
            ", ".join(f"{name} of {' and '.join(columns)}" for name, columns in read.items()) or "none"
            for read in (other, own)
        )
        raise ConfigError(f"the settings have the triggers {there}; this process began with {here}: begin another")
