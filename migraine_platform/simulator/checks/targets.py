"""Whether a calibration hits its targets, on patients it never saw and by simulating twice.

    effect of trigger k   two worlds under the same draws, the trigger of one day held on and off; the next day's
                          probability of an onset compared, in episodic patients who are free of an attack
    quintiles             realised minus profile migraine days a month, by fifths of the profile's frequency

Measured, not computed: nothing here shares a formula with the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.priors.features import Feature
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.simulator.generative.model import SimulatedDays
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH, Profiles, first_patients
from migraine_platform.simulator.generative.trajectories import simulate_days

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20240229
"""Of the patients that the calibration never saw."""

EFFECT_PATIENTS, EFFECT_DAYS = 600, (10, 24, 38)
"""Who is simulated twice, and on which kept days the trigger is held."""

EFFECT_RANGE = 0.025
"""How far an effect may lie from its target: 15 to 20 points around 17.5."""

FREQUENCY_PATIENTS, FREQUENCY_DAYS = 1000, 180
QUINTILES = 5
QUINTILE_RANGE = 0.5
"""Migraine days a month."""


@dataclass(frozen=True)
class Targets:
    """What a calibration does to fresh patients."""

    effects: dict[str, float]
    """Rise of the next day's probability by trigger, at susceptibility 1."""
    wanted: dict[str, float]
    chronic_effects: dict[str, float]
    """The same in chronic patients: reported, not tuned."""
    quintiles: tuple[float, ...]
    """Realised minus profile migraine days a month, from the rarest fifth to the most frequent."""

    @property
    def problems(self) -> list[str]:
        """What lies off its target."""
        off = [
            f"the {name} trigger raises tomorrow's probability by {100 * effect:.1f} points; expected "
            f"{100 * self.wanted[name]:g} +- {100 * min(EFFECT_RANGE, self.wanted[name] / 2):g}"
            for name, effect in self.effects.items()
            if not abs(effect - self.wanted[name]) <= min(EFFECT_RANGE, self.wanted[name] / 2)
        ]
        return off + [
            f"fifth {fifth} of the frequencies has {error:+.2f} migraine days a month too many; expected within "
            f"{QUINTILE_RANGE}"
            for fifth, error in enumerate(self.quintiles, start=1)
            if not abs(error) <= QUINTILE_RANGE
        ]


def measure(settings: Simulator, features: Sequence[Feature], calibration: FittedParameters) -> Targets:
    """Live with patients of another seed, nobody drifting."""
    wanted = {name: settings.triggers[name].effect for name in TRIGGER_NAMES}
    episodic, chronic = _effects(settings, features, calibration)
    return Targets(episodic, wanted, chronic, _quintiles(settings, features, calibration))


def _fresh(
    settings: Simulator, features: Sequence[Feature], calibration: FittedParameters, patients: int, days: int
) -> CohortSimulator:
    update = {"seed": SEED, "patients": patients, "days": days}
    steady = settings.drift.model_copy(update={"share": 0.0})
    cohort = settings.cohort.model_copy(update=update)
    return CohortSimulator(settings.model_copy(update={"cohort": cohort, "drift": steady}), features, calibration)


def _quintiles(settings: Simulator, features: Sequence[Feature], calibration: FittedParameters) -> tuple[float, ...]:
    simulator = _fresh(settings, features, calibration, FREQUENCY_PATIENTS, FREQUENCY_DAYS)
    trajectories = simulator.trajectories(first_patients(simulator.settings, FREQUENCY_PATIENTS))
    realised = trajectories.days.flag("has_migraine").mean(axis=1)
    error = DAYS_A_MONTH * (realised - trajectories.patients.frequency)
    fifth = trajectories.patients.frequency.argsort().argsort() * QUINTILES // len(error)
    return tuple(float(error[fifth == number].mean()) for number in range(QUINTILES))


def _effects(
    settings: Simulator, features: Sequence[Feature], calibration: FittedParameters
) -> tuple[dict[str, float], dict[str, float]]:
    """By trigger, for episodic and for chronic patients."""
    simulator = _fresh(settings, features, calibration, EFFECT_PATIENTS, EFFECT_DAYS[-1] + 2)
    drawn = first_patients(simulator.settings, EFFECT_PATIENTS)
    episodic: dict[str, float] = {}
    chronic: dict[str, float] = {}
    for k, name in enumerate(TRIGGER_NAMES):
        susceptibility = drawn.susceptibility.copy()
        susceptibility[:, k] = 1.0
        patients = replace(drawn, susceptibility=susceptibility)
        rises = [_rise(simulator, patients, k, day) for day in EFFECT_DAYS]
        rise = np.concatenate([values for values, _ in rises])
        free = np.concatenate([at_risk for _, at_risk in rises])
        is_chronic = np.tile(drawn.is_chronic, len(EFFECT_DAYS))
        episodic[name] = float(rise[free & ~is_chronic].mean())
        chronic[name] = float(rise[free & is_chronic].mean()) if (free & is_chronic).any() else np.nan
    return episodic, chronic


def _rise(
    simulator: CohortSimulator, patients: Profiles, k: int, day: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[P] what holding the trigger on instead of off on one day does to the next day's probability; who is free."""
    persons = simulator.persons(patients)
    worlds = []
    for state in (1, -1):
        forced = simulator.day_effects.forced.copy()
        forced[k, simulator.calendar.burn_in + day] = state
        days = SimulatedDays.empty(len(patients.index), simulator.calendar)
        worlds.append(simulate_days(simulator.parameters, persons, simulator.day_effects._replace(forced=forced), days))
    on, off = (parameters.onset_probability[:, day + 1] for parameters in worlds)
    return on - off, worlds[0].at_risk[:, day + 1]
