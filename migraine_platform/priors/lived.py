"""Features of the workbook that persons live and write down, beyond those of which every day is made.

Those that a trigger reads, and those that `simulator.diary.further` names. A yes or no comes on a person's own share of
days; a number follows its prior, as stress does. Belongs here: which they are, and why a name cannot be one. Does not:
how days are simulated (simulator/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from migraine_platform.config.settings import Settings
from migraine_platform.config.simulator.copula import COLUMN_OF, EXOGENOUS_FEATURES, WEARABLE_FEATURES
from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.config.simulator.trigger_columns import READ_VALUES, misread
from migraine_platform.config.simulator.triggers import BY_CHANGE
from migraine_platform.domain.events import EVENTS
from migraine_platform.domain.exposures import DIET_COLUMNS, FOLLOWS_FROM, WEATHER_COLUMNS
from migraine_platform.domain.triggers import TriggerFamily
from migraine_platform.errors import UserError
from migraine_platform.priors.features import Feature

PRODROME = "prodrome"
"""Category of what announces an attack: no cause of one."""

MADE_ALREADY = {*WEATHER_COLUMNS, *EXOGENOUS_FEATURES, *WEARABLE_FEATURES}
BOUNDED, POSITIVE = ("beta", "uniform"), ("gamma", "lognormal", "poisson")

TAKEN = {
    *("patient_id", "patient_batch", "date", "light_sleep_pct", "sleep_quality"),
    *EVENTS,
    *("headache_severity", "aura", "nausea", "photophobia", "preventive_medication", "relaxation_minutes"),
    "eeg_alpha_power",
}
"""Columns of a day, simulated or reported, that no feature of the workbook may be called."""

WIDEST = 0.5
"""Share of the mean by which persons' shares of days differ where the workbook does not say; assumed."""


class LivedError(UserError):
    """A trigger or a feature that no day can hold."""


@dataclass(frozen=True)
class LivedFeature:
    """A feature of the workbook with a column of its own in the diary."""

    name: str
    description: str
    unit: str
    is_flag: bool
    low: float | None
    high: float | None
    """Bounds of its values, in the unit."""


class Vocabulary(NamedTuple):
    """Triggers, and features of the workbook with a column of their own in the diary."""

    triggers: tuple[TriggerFamily, ...]
    lived: tuple[LivedFeature, ...]


def vocabulary_of(settings: Settings) -> Vocabulary:
    """What a project's settings name.

    Raises:
        LivedError, WorkbookError: if a trigger or a feature cannot be as they say.
    """
    simulator = settings.simulator
    triggers = tuple(row.family(name) for name, row in simulator.triggers.items())
    own = any(row.place is not None for row in simulator.triggers.values())
    if not simulator.further_features and not own:
        return Vocabulary(triggers, ())
    from migraine_platform.priors.workbook.configured import configured_features

    return Vocabulary(triggers, lived_features(simulator, configured_features(settings.priors)))


def lived_features(settings: Simulator, features: Sequence[Feature]) -> tuple[LivedFeature, ...]:
    """The features that days hold beyond those of every day, in the order in which they are named.

    Args:
        features: of the workbook.

    Raises:
        LivedError: naming the trigger or the setting, and why its column cannot be.
    """
    known = {feature.variable: feature for feature in features}
    for name in settings.further_features:
        if problem := _unlivable(name, known):
            readers = [trigger for trigger, row in settings.triggers.items() if name in row.reads]
            place = _place(settings, readers[0], "reads") if readers else "simulator.diary.further"
            raise LivedError(f"{place}: {problem}")
    lived = tuple(_lived(known[name]) for name in settings.further_features)
    _demand_readable(settings, lived, known)
    return lived


def own_shares(feature: Feature) -> tuple[float, float]:
    """Between which shares of days a person's own lies, for a feature of yes or no."""
    half = WIDEST * feature.mean if feature.between_sd is None else 3**0.5 * feature.between_sd
    return max(0.0, feature.mean - half), min(1.0, feature.mean + half)


def _place(settings: Simulator, name: str, field: str) -> str:
    """Where a field of a trigger's row stands."""
    place = settings.triggers[name].place
    return f'{place}, column "{field.capitalize()}"' if place else f"simulator.triggers.{name}, {field}"


def _unlivable(name: str, known: Mapping[str, Feature]) -> str | None:
    """Why persons cannot live a feature, or None."""
    if name in MADE_ALREADY or name in (*READ_VALUES, *DIET_COLUMNS):
        expected = ", ".join((*READ_VALUES, *DIET_COLUMNS))
        return f"{name} is of the weather, the night or a device already; expected another one, or of: {expected}"
    if name in TAKEN or name.endswith("_trigger"):
        return f"{name} is the name of another column of a day; expected a variable called otherwise"
    if name in FOLLOWS_FROM:
        return f"{name} follows from {FOLLOWS_FROM[name]}; expected that, or another feature of the workbook"
    if name not in known:
        return f"{name} is no feature of the workbook; expected a row of its sheet `features` of that name"
    if known[name].category == PRODROME:
        return f"{name} announces an attack and is no cause of one; expected a feature of another category"
    return None


def _lived(feature: Feature) -> LivedFeature:
    bounded, positive = feature.family in BOUNDED, feature.family in POSITIVE
    return LivedFeature(
        name=feature.variable,
        description=feature.description,
        unit=feature.unit,
        is_flag=feature.family == "bernoulli",
        low=feature.range_low if bounded else 0.0 if positive else None,
        high=feature.range_high if bounded else None,
    )


def _demand_readable(settings: Simulator, lived: Sequence[LivedFeature], known: Mapping[str, Feature]) -> None:
    """Every trigger has a rule that its columns can follow, a threshold in their range, and their unit."""
    values = (*READ_VALUES, *(feature.name for feature in lived if not feature.is_flag))
    items = (*DIET_COLUMNS, *(feature.name for feature in lived if feature.is_flag))
    column_of = {COLUMN_OF.get(variable, variable): feature for variable, feature in known.items()}
    for name, row in settings.triggers.items():
        if problem := misread(name, row, values, items):
            raise LivedError(f"{_place(settings, name, 'rule')}: {problem}")
        (column, *_) = row.reads
        feature = column_of.get(column)
        if column in items or feature is None:
            continue
        if row.unit != feature.unit:
            place = _place(settings, name, "unit")
            raise LivedError(f"{place}: {row.unit}; expected {feature.unit}, the unit of {column}")
        if row.rule == "window":
            continue  # its days are counted otherwise than the feature's
        width = feature.range_high - feature.range_low
        low, high = (0.0, width) if row.rule in BY_CHANGE else (feature.range_low, feature.range_high)
        if not low <= row.low <= row.high <= high:
            told = " and ".join(f"{value:g}" for value in dict.fromkeys((row.low, row.high)))
            place, wanted = _place(settings, name, "threshold"), f"{low:g} to {high:g} {feature.unit}"
            raise LivedError(f"{place}: {told}; expected a value in the range of {column}, {wanted}")
