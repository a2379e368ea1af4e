"""The generative model as arrays: the population's parameters, each person's, the effects of days, and the outputs.

Belongs here: what the kernels of trajectories.py and oracle.py read and write. Does not: how it is made from settings
(populate.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.copula import WEARABLE_FEATURES
from migraine_platform.domain.events import EVENTS
from migraine_platform.domain.exposures import WEATHER_COLUMNS
from migraine_platform.priors.vocabulary import ITEM_COLUMNS, LIVED_VALUES, TRIGGER_FLAGS, TRIGGER_NAMES
from migraine_platform.simulator.exogenous.features import Copula
from migraine_platform.simulator.exogenous.trigger_rules import CompiledRules
from migraine_platform.simulator.generative.attacks import AttackCourse, Own
from migraine_platform.simulator.generative.drift import TrueChanges
from migraine_platform.simulator.generative.hazard import Carry
from migraine_platform.simulator.generative.latent_inputs import Inputs
from migraine_platform.simulator.generative.symptoms import HEADACHE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.simulator.exogenous.calendar import Calendar

SLEEP_COLUMNS = (
    "total_sleep_hours",
    "deep_sleep_pct",
    "rem_sleep_pct",
    "light_sleep_pct",
    "awake_time_mins",
    "sleep_quality",
)
DIARY_COLUMNS = ("stress_level", "water_consumed_liters", *LIVED_VALUES)
WEARABLE_COLUMNS = WEARABLE_FEATURES
VALUES = WEATHER_COLUMNS + SLEEP_COLUMNS + DIARY_COLUMNS + WEARABLE_COLUMNS
"""Columns of `SimulatedDays.values`."""

FLAGS = ITEM_COLUMNS + TRIGGER_FLAGS + EVENTS
"""Columns of `SimulatedDays.flags`."""

ITEMS, EVENT_COUNT = len(ITEM_COLUMNS), len(EVENTS)
ALCOHOL = 0


class FeatureCoupling(NamedTuple):
    """What attacks and stress do to the features, in z: [F] each."""

    pain: NDArray[np.float64]
    """After a night with headache on the night's features, of a day with headache on the day's."""
    stress_night: NDArray[np.float64]


class ModelParameters(NamedTuple):
    """The population's model, tabulated: all that patients share."""

    seed: int
    burn_in: int
    total: int
    copula: Copula
    inputs: Inputs
    course: AttackCourse
    carry: Carry
    rules: CompiledRules
    coupling: FeatureCoupling
    beta: NDArray[np.float64]
    weather: NDArray[np.float64]
    """[4, sites, T] in the order of WEATHER_COLUMNS."""
    humidity_range: tuple[float, float]


class Persons(NamedTuple):
    """P patients: what does not change from day to day, and their cycles."""

    index: NDArray[np.int64]  # type: ignore[assignment]
    intercept: NDArray[np.float64]
    susceptibility: NDArray[np.float64]
    """[P, K] in the order of TRIGGERS."""
    latent_weights: NDArray[np.float64]
    """[P, 4] w_i: the hormonal state acts on those who have a cycle."""
    noise_factor: NDArray[np.float64]
    """[P] of w_i . eta, as `hazard.mean_expit` takes it."""
    attack_history: NDArray[np.float64]
    """[P] where the trace of recent attacks starts."""
    has_aura: NDArray[np.bool_]
    symptoms: NDArray[np.float64]
    """[P, SYMPTOMS] what is the person's own of his attacks."""
    sign_share: NDArray[np.float64]
    """[P, 3] as attacks.Own has it."""
    early_share: NDArray[np.float64]
    weekend: NDArray[np.float64]
    """[P] log-odds of an onset at a weekend against a workday."""
    level: NDArray[np.float64]
    """[P, F] own levels of z."""
    habit: NDArray[np.float64]
    """[P, ITEMS] own shares of days, in the order of ITEM_COLUMNS."""
    site: NDArray[np.int64]
    weather_offset: NDArray[np.float64]
    """[P, 3] degC, %, hPa."""
    cycle_day: NDArray[np.int16]
    """[P, T], 0 without a cycle."""
    cycle_standard: NDArray[np.int16]
    """[P, T] the day of a 28-day cycle that it answers to."""
    change: TrueChanges


class DayEffects(NamedTuple):
    """What each of T days is for everybody: weekly cycles, and what an intervention changes."""

    shift: NDArray[np.float64]
    """[F, T] in z"""
    scale: NDArray[np.float64]
    """[F, T] factor on a person's day-to-day variation."""
    diet_extra: NDArray[np.float64]
    """[ITEMS, T] added to a person's share of days, before the factor."""
    diet_factor: NDArray[np.float64]
    """[ITEMS, T]"""
    hazard: NDArray[np.float64]
    """[T] log-odds"""
    weekend: NDArray[np.float64]
    """[T] 1 at weekends, less the week's mean."""
    onset_later: NDArray[np.float64]
    """[T] hours by which attacks of the morning begin later (quantiles.later_hour)."""
    treated_share: NDArray[np.float64]
    drug: NDArray[np.int64]
    """[T] the acute drug of those who take one."""
    forced: NDArray[np.int64]
    """[K, T] triggers held on (1) or off (-1), whatever the day was like; 0 leaves them."""


class SimulatedDays(NamedTuple):
    """What happened to P patients: K kept days, and T days of attacks with those of the burn-in."""

    values: NDArray[np.float32]
    """[len(VALUES), P, K]"""
    flags: NDArray[np.bool_]
    """[len(FLAGS), P, K]"""
    at_risk: NDArray[np.bool_]
    """[P, K] no attack from an earlier day makes this a migraine day."""
    z: NDArray[np.float64]
    """[4, P, K] latent state."""
    onset_probability: NDArray[np.float64]
    """[P, K] the hazard: the probability that an attack begins on this day if none is running."""
    migraine_probability: NDArray[np.float64]
    """[P, K] the forecast of the evening before that knows the whole state."""
    announced: NDArray[np.bool_]
    """[P, K] at 20:00 there was a sign of an attack of the next day; a false alarm if none follows."""
    attack: NDArray[np.bool_]
    """[P, T] a headache began; the arrays below hold values only where one did."""
    start: NDArray[np.float64]
    """[P, T] hours since the first simulated midnight."""
    duration: NDArray[np.float64]
    drug: NDArray[np.int8]
    prodrome: NDArray[np.float64]
    aura: NDArray[np.float64]
    severity: NDArray[np.float64]
    postdrome: NDArray[np.float64]

    @classmethod
    def empty(cls, patients: int, calendar: Calendar) -> SimulatedDays:
        """Room for so many patients."""
        kept, all_days = (patients, calendar.days), (patients, calendar.total)
        return cls(
            values=np.empty((len(VALUES), *kept), dtype=np.float32),
            flags=np.empty((len(FLAGS), *kept), dtype=np.bool_),
            at_risk=np.empty(kept, dtype=np.bool_),
            z=np.empty((4, *kept)),
            onset_probability=np.empty(kept),
            migraine_probability=np.empty(kept),
            announced=np.empty(kept, dtype=np.bool_),
            attack=np.zeros(all_days, dtype=np.bool_),
            start=np.empty(all_days),
            duration=np.empty(all_days),
            drug=np.empty(all_days, dtype=np.int8),
            prodrome=np.empty(all_days),
            aura=np.empty(all_days),
            severity=np.empty(all_days),
            postdrome=np.empty(all_days),
        )

    def value(self, name: str) -> NDArray[np.float32]:
        """[P, K] one of VALUES."""
        return np.asarray(self.values[VALUES.index(name)])

    def flag(self, name: str) -> NDArray[np.bool_]:
        """[P, K] one of FLAGS."""
        return np.asarray(self.flags[FLAGS.index(name)])

    def trigger(self) -> NDArray[np.bool_]:
        """[4, P, K] trigger days, in the order of TRIGGERS."""
        return self.flags[ITEMS : ITEMS + len(TRIGGER_NAMES)]


@njit(cache=True, inline="always")
def own_of(persons: Persons, i: int) -> Own:
    """What is one person's own of the course of attacks."""
    return Own(persons.symptoms[i, HEADACHE], persons.sign_share[i], persons.early_share[i])


@njit(cache=True, inline="always")
def baseline_logit(persons: Persons, day_effects: DayEffects, i: int, t: int) -> float:
    """Log-odds of an onset on day t, but for what the day before was like; after the last day as on any."""
    if t >= len(day_effects.hazard):
        return float(persons.intercept[i])
    return float(persons.intercept[i] + day_effects.hazard[t] + persons.weekend[i] * day_effects.weekend[t])
