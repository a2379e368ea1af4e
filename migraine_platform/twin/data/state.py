"""One patient's one day, as people and services look at it.

Belongs here: the components of a state, their names, and the way to a vector of numbers and back. Does not: how models
compute with many days at once (histories.py), or where a day's numbers are read (recorded_state.py).

A number's name is its place: `component.part` or, where a part holds several, `component.part.key`, as in
`physiological.hrv.rmssd`. A vector has a number, a name and a presence per place; a state holds what is present.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field, model_validator

from migraine_platform.config.base import Frozen
from migraine_platform.domain.events import EVENTS
from migraine_platform.errors import UserError
from migraine_platform.twin.data.features import NAMES
from migraine_platform.twin.data.histories import Histories

if TYPE_CHECKING:
    from numpy.typing import NDArray

Numbers = dict[str, float]
"""Numbers by key; a key is not empty and has no dot."""

Metadata = dict[str, str | int | float | bool | None]

SINCE = "temporal.time_since_last_migraine"
EVENING = time(20)
"""When a day's state is known: the diary's entry is made in the evening."""


class StateError(UserError):
    """A state, or a vector, that makes no sense."""


class Component(Frozen):
    """Numbers that belong together; None, or no key, is a number that nobody recorded."""

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_finite_and_named(cls, given: Any) -> Any:
        for part, value in given.items() if isinstance(given, dict) else ():
            place = f"{cls.__name__.lower()}.{part}"
            if not isinstance(value, Mapping):
                _check_finite(place, value)
                continue
            for key, number in value.items():
                if not key or "." in key:
                    raise StateError(f'{place} has the key "{key}"; expected a key without dots that is not empty')
                _check_finite(f"{place}.{key}", number)
        return given


class Physiological(Component):
    """What the body does."""

    hrv: Numbers = Field(default_factory=dict)
    eeg: Numbers = Field(default_factory=dict)
    eda: Numbers = Field(default_factory=dict)
    temperature: float | None = None
    activity_level: float | None = None


class Environmental(Component):
    """What surrounds the patient."""

    weather: Numbers = Field(default_factory=dict)
    air_quality: Numbers = Field(default_factory=dict)
    light_exposure: float | None = None
    noise_level: float | None = None


class Trigger(Component):
    """What may bring an attack on."""

    stress_level: float | None = None
    sleep: Numbers = Field(default_factory=dict)
    sleep_quality: float | None = None
    dietary: Numbers = Field(default_factory=dict)
    hormonal: Numbers = Field(default_factory=dict)
    further: Numbers = Field(default_factory=dict)
    """Features of the workbook that only this project's triggers read."""


class Symptom(Component):
    """What an attack does, phase by phase; a yes is 1, a no is 0."""

    prodrome: Numbers = Field(default_factory=dict)
    aura: Numbers = Field(default_factory=dict)
    headache: Numbers = Field(default_factory=dict)
    associated: Numbers = Field(default_factory=dict)


class Temporal(Component):
    """When it is."""

    timestamp: datetime | None = None
    """No number: it travels beside a vector."""
    time_since_last_migraine: float | None = None
    """Days."""


class Treatment(Component):
    """What is done about it."""

    current_medications: Numbers = Field(default_factory=dict)
    recent_interventions: Numbers = Field(default_factory=dict)
    acute_medication: float | None = None


class PatientState(Frozen):
    """A patient's state at a point in time."""

    physiological: Physiological = Field(default_factory=Physiological)
    environmental: Environmental = Field(default_factory=Environmental)
    trigger: Trigger = Field(default_factory=Trigger)
    symptom: Symptom = Field(default_factory=Symptom)
    temporal: Temporal = Field(default_factory=Temporal)
    treatment: Treatment = Field(default_factory=Treatment)
    metadata: Metadata = Field(default_factory=dict)

    def numbers(self) -> dict[str, float]:
        """Every number that is present, by name; components in the order above, keys by the alphabet."""
        found: dict[str, float] = {}
        for place, several in _places().items():
            component, part = place.split(".")
            value = getattr(getattr(self, component), part)
            if several:
                found |= {f"{place}.{key}": value[key] for key in sorted(value)}
            elif value is not None:
                found[place] = value
        return found

    def to_feature_vector(
        self, names: Sequence[str] | None = None
    ) -> tuple[NDArray[np.float64], tuple[str, ...], NDArray[np.bool_]]:
        """The state as numbers: values [N] (0 where absent), their names, presence [N].

        Args:
            names: what is wanted, in this order; by default what is present, as `numbers` orders it.

        Raises:
            StateError: if a name is no place of a state, or is there twice.
        """
        found = self.numbers()
        wanted = tuple(found) if names is None else _checked(names)
        values = np.array([found.get(name, 0.0) for name in wanted], dtype=np.float64)
        return values, wanted, np.array([name in found for name in wanted], dtype=np.bool_)

    @classmethod
    def from_feature_vector(
        cls,
        values: NDArray[np.float64],
        names: Sequence[str],
        present: NDArray[np.bool_],
        timestamp: datetime | None = None,
        metadata: Metadata | None = None,
    ) -> PatientState:
        """The state that a vector describes; what is absent is not read.

        Args:
            values: [N]
            names: [N]
            present: [N]

        Raises:
            StateError: if a name is no place of a state or is there twice, if a value is present and not finite, or if
                the lengths differ.
        """
        if not len(values) == len(names) == len(present):
            raise StateError(
                f"a vector has {len(values)} values, {len(names)} names and {len(present)} marks of presence; expected "
                "as many of each"
            )
        content: dict[str, Any] = {"temporal": {"timestamp": timestamp}, "metadata": metadata or {}}
        for name, value, there in zip(_checked(names), values, present, strict=True):
            if there:
                component, part, *key = name.split(".")
                parts = content.setdefault(component, {})
                parts.setdefault(part, {}).update({key[0]: float(value)}) if key else parts.update({part: float(value)})
        return cls.model_validate(content)


def state_of(histories: Histories, patient_id: str, day: date) -> PatientState:
    """One day of a patient, as it was known on its evening.

    Raises:
        StateError: if the patient is not among the histories, or the day is not among theirs.
    """
    if patient_id not in histories.patient_ids:
        raise StateError(
            f'there is no patient "{patient_id}"; expected one of the {histories.count} that have a history'
        )
    if not histories.first <= day <= histories.last:
        raise StateError(f"{day} is not among the days of {patient_id}; expected {histories.first} to {histories.last}")
    row, place = histories.patient_ids.index(patient_id), (day - histories.first).days
    since = _since_migraine(histories, row, place)
    return PatientState.from_feature_vector(
        np.append(histories.values[row, place], since or 0),
        (*NAMES, SINCE),
        np.append(histories.present[row, place], since is not None),
        timestamp=datetime.combine(day, EVENING),
        metadata={
            "patient_id": patient_id,
            "diary": bool(histories.diary[row, place]),
            "device": bool(histories.device[row, place]),
        },
    )


def _since_migraine(histories: Histories, row: int, day: int) -> int | None:
    """Days since the last recorded migraine day, 0 on one; None if none was recorded up to that evening."""
    events = histories.events[row, : day + 1]
    sick = events[:, EVENTS.index("migraine_by_evening")].copy()
    sick[:-1] |= events[:-1, EVENTS.index("has_migraine")]  # a day's own is known the next evening
    found = np.flatnonzero(sick)
    return day - int(found[-1]) if found.size else None


@cache
def _places() -> dict[str, bool]:
    """Every `component.part` that holds numbers, and whether it holds several, by key."""
    return {
        f"{component}.{part}": field.default_factory is dict
        for component, whole in PatientState.model_fields.items()
        if isinstance(whole.annotation, type) and issubclass(whole.annotation, Component)
        for part, field in whole.annotation.model_fields.items()
        if part != "timestamp"
    }


def _checked(names: Sequence[str]) -> tuple[str, ...]:
    """The names, if each is a place of a state and none is there twice."""
    seen: set[str] = set()
    for name in names:
        component, _, rest = name.partition(".")
        part, dot, key = rest.partition(".")
        several = _places().get(f"{component}.{part}")
        if several is None:
            raise StateError(f'"{name}" is no place of a state; expected one of: {", ".join(_places())}')
        if several and (not key or "." in key):
            raise StateError(f'"{name}" names no number; expected "{component}.{part}." and one key without dots')
        if not several and dot:
            raise StateError(f'"{name}" is too long: one number is there; expected "{component}.{part}"')
        if name in seen:
            raise StateError(f'"{name}" is there twice; expected every name once')
        seen.add(name)
    return tuple(names)


def _check_finite(name: str, value: object) -> None:
    if isinstance(value, float | np.floating) and not math.isfinite(value):
        raise StateError(f'"{name}" is {value}; expected a finite number where one is present')
