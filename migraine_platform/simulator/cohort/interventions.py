"""Interventions: the same patients, simulated twice, with a treatment and without.

Paired worlds share every random number: draws are keyed by patient, day and place, and a day takes a fixed number of
them, so that the worlds differ by the treatment alone. One pair is still a draw; an individual's true effect is the
mean over replicates.

    strength(t) = 1 - exp(-(t - start) / onset_days)               while it is taken
    strength(t) = strength(stop) exp(-(t - stop) / washout_days)   after

Belongs here: what a treatment does to the effects of days, and what comes of it. Does not: its pharmacology
(treatment.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.treatment import DIET, INTERVENTION_KINDS, Behaviour, Treatments
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.features import FEATURES
from migraine_platform.simulator.generative.model import DayEffects, SimulatedDays
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH
from migraine_platform.simulator.generative.treatment import TreatmentError, drug_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Intervention:
    """A treatment, and on which kept days it is taken: from `start` until before `stop` (None: for good)."""

    name: str
    start: int = 0
    stop: int | None = None


@dataclass(frozen=True)
class PairedReplicates:
    """The same patients under R replicates."""

    migraine: NDArray[np.bool_]
    """[R, P, K] migraine days."""
    hours: NDArray[np.float64]
    """[R, P, K] hours of headache of the attacks that began on each day."""


@dataclass(frozen=True)
class PairedWorlds:
    """The same patients under the same replicates, without an intervention and with it."""

    without: PairedReplicates
    treated: PairedReplicates

    def days_a_month(self, after: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P] change of migraine days a month from day `after` on, and its standard error over replicates."""
        change = self.treated.migraine[:, :, after:].mean(axis=2) - self.without.migraine[:, :, after:].mean(axis=2)
        return _mean_and_error(DAYS_A_MONTH * change)

    def hours_a_month(self, after: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P] change of headache hours a month from day `after` on, and its standard error over replicates."""
        change = self.treated.hours[:, :, after:].mean(axis=2) - self.without.hours[:, :, after:].mean(axis=2)
        return _mean_and_error(DAYS_A_MONTH * change)


def kind_of(treatments: Treatments, name: str) -> str:
    """Which kind of treatment carries a name.

    Raises:
        TreatmentError: if none does.
    """
    for kind in INTERVENTION_KINDS:
        if name in getattr(treatments, kind):
            return kind
    known = ", ".join(name for kind in INTERVENTION_KINDS for name in getattr(treatments, kind))
    raise TreatmentError(f'treatment "{name}" is not configured; expected one of: {known}')


def under(
    day_effects: DayEffects,
    treatments: Treatments,
    calibration: FittedParameters,
    calendar: Calendar,
    intervention: Intervention,
) -> DayEffects:
    """The effects of days under an intervention.

    An acute drug is taken in every attack, instead of the usual one in the usual share of attacks.

    Raises:
        TreatmentError: if the treatment is not configured, or its days lie outside of the calendar.
    """
    kind = kind_of(treatments, intervention.name)
    start, stop = intervention.start, intervention.stop
    if not 0 <= start < calendar.days or (stop is not None and not start < stop <= calendar.days):
        raise TreatmentError(
            f"{intervention.name}: taken from day {start} to {stop}; expected days of the cohort, 0 to {calendar.days}"
        )
    if kind == "acute":
        taken = _taken(calendar, intervention)
        drug = drug_number(treatments, intervention.name)
        return day_effects._replace(
            treated_share=np.where(taken, 1.0, day_effects.treated_share),
            drug=np.where(taken, drug, day_effects.drug),
        )
    chosen = getattr(treatments, kind)[intervention.name]
    strength = _strength(calendar, intervention, chosen.onset_days, chosen.washout_days)
    if kind == "preventive":
        return day_effects._replace(hazard=day_effects.hazard + calibration.preventive[intervention.name] * strength)
    return _behaving(day_effects, chosen, strength)


def replicated(run: Callable[[int], SimulatedDays], replicates: int) -> PairedReplicates:
    """Live under the replicates 1 to `replicates`; 0 is the cohort's own.

    Args:
        run: the days under a replicate.
    """
    worlds = [(days.flag("has_migraine"), headache_hours(days)) for days in map(run, range(1, replicates + 1))]
    return PairedReplicates(np.stack([migraine for migraine, _ in worlds]), np.stack([hours for _, hours in worlds]))


def headache_hours(days: SimulatedDays) -> NDArray[np.float64]:
    """[P, K] hours of headache of the attack that begins on each kept day."""
    kept = slice(days.attack.shape[1] - days.at_risk.shape[1], None)
    return np.asarray(np.where(days.attack[:, kept], days.duration[:, kept], 0.0))


def _behaving(day_effects: DayEffects, behaviour: Behaviour, strength: NDArray[np.float64]) -> DayEffects:
    shift, scale, diet = day_effects.shift.copy(), day_effects.scale.copy(), day_effects.diet_factor.copy()
    for name, amount in behaviour.shift.items():
        shift[FEATURES.index(name)] += amount * strength
    for name, factor in behaviour.spread.items():
        scale[FEATURES.index(name)] *= 1 + (factor - 1) * strength
    for name, factor in behaviour.diet.items():
        diet[DIET.index(name)] *= 1 + (factor - 1) * strength
    return day_effects._replace(shift=shift, scale=scale, diet_factor=diet)


def _taken(calendar: Calendar, intervention: Intervention) -> NDArray[np.bool_]:
    """[T] the days on which it is taken."""
    day = np.arange(calendar.total) - calendar.burn_in
    return np.asarray((day >= intervention.start) & (day < (intervention.stop or calendar.days)))


def _strength(
    calendar: Calendar, intervention: Intervention, onset_days: float, washout_days: float
) -> NDArray[np.float64]:
    """[T] how much of the full effect is there, 0-1."""
    day = np.arange(calendar.total) - calendar.burn_in
    stop = calendar.days if intervention.stop is None else intervention.stop
    built = 1 - np.exp(-np.clip(np.minimum(day, stop) - intervention.start, 0, None) / onset_days)
    return np.asarray(built * np.exp(-np.clip(day - stop, 0, None) / washout_days))


def _mean_and_error(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean over the first axis, and its standard error."""
    return values.mean(axis=0), values.std(axis=0, ddof=1) / np.sqrt(len(values))
