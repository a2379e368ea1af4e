"""What a life is lived in: the population's model, the persons, the regime of the days, and what is kept of it.

Belongs here: the arrays that the kernels of life.py and oracle.py read and write, and how they are made from settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.config.copula import WEARABLE_FEATURES
from migraine_platform.config.simulator import Simulator
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.attacks import Course
from migraine_platform.simulator.calendar import WEEK, WORKDAYS, Calendar
from migraine_platform.simulator.cycle import cycle_days, menstruates
from migraine_platform.simulator.drift import Change, draw_changes
from migraine_platform.simulator.exogenous import COUNT, FEATURES, SLEEP, STRESS, Copula
from migraine_platform.simulator.hazard import Carry, noise_factor
from migraine_platform.simulator.inputs import Inputs
from migraine_platform.simulator.patients import TRIGGERS, Patients
from migraine_platform.simulator.symptoms import own_symptoms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.simulator.weather import SiteWeather

WEATHER_COLUMNS = ("temperature", "humidity", "pressure", "pressure_change_24h")
SLEEP_COLUMNS = (
    "total_sleep_hours",
    "deep_sleep_pct",
    "rem_sleep_pct",
    "light_sleep_pct",
    "awake_time_mins",
    "sleep_quality",
)
DIARY_COLUMNS = ("stress_level", "water_consumed_liters")
WEARABLE_COLUMNS = WEARABLE_FEATURES
VALUES = WEATHER_COLUMNS + SLEEP_COLUMNS + DIARY_COLUMNS + WEARABLE_COLUMNS
"""Columns of `Days.values`."""

DIET_COLUMNS = ("alcohol_consumed", "caffeine_consumed", "chocolate_consumed", "processed_food_consumed")
EVENTS = ("has_migraine", "onset", "migraine_by_evening", "prodrome", "acute_medication")
FLAGS = DIET_COLUMNS + tuple(f"{name}_trigger" for name in TRIGGERS) + EVENTS
"""Columns of `Days.flags`."""

DIET, KINDS = len(DIET_COLUMNS), len(TRIGGERS)
ALCOHOL = 0


class Rules(NamedTuple):
    """When a day counts as a trigger day."""

    pressure_fall: float
    short_sleep: float
    long_sleep: float
    stress_rise: float
    diet_items: int


class Coupling(NamedTuple):
    """What attacks and stress do to the features, in z: [F] each."""

    pain: NDArray[np.float64]
    """After a night with headache on the night's features, of a day with headache on the day's."""
    stress_night: NDArray[np.float64]


class World(NamedTuple):
    """The population's model, tabulated: all that patients share."""

    seed: int
    burn_in: int
    total: int
    copula: Copula
    inputs: Inputs
    course: Course
    carry: Carry
    rules: Rules
    coupling: Coupling
    beta: NDArray[np.float64]
    weather: NDArray[np.float64]
    """[4, sites, T] in the order of WEATHER_COLUMNS."""
    humidity_range: tuple[float, float]


class Persons(NamedTuple):
    """P patients: what does not change from day to day, and their cycles."""

    index: NDArray[np.int64]  # type: ignore[assignment]
    intercept: NDArray[np.float64]
    susceptibility: NDArray[np.float64]
    """[P, 4]"""
    latent_weights: NDArray[np.float64]
    """[P, 4] w_i: the hormonal state acts on those who have a cycle."""
    noise_factor: NDArray[np.float64]
    """[P] of w_i . eta, as `hazard.mean_expit` takes it."""
    trace: NDArray[np.float64]
    """[P] where the trace of recent attacks starts."""
    has_aura: NDArray[np.bool_]
    symptoms: NDArray[np.float64]
    """[P, SYMPTOMS] what is the person's own of his attacks."""
    level: NDArray[np.float64]
    """[P, F] own levels of z."""
    habit: NDArray[np.float64]
    """[P, 4] own shares of days: alcohol, caffeine, chocolate, processed food."""
    site: NDArray[np.int64]
    weather_offset: NDArray[np.float64]
    """[P, 3] degC, %, hPa."""
    cycle_day: NDArray[np.int16]
    """[P, T], 0 without a cycle."""
    cycle_standard: NDArray[np.int16]
    """[P, T] the day of a 28-day cycle that it answers to."""
    change: Change


class Regime(NamedTuple):
    """What each of T days is for everybody: weekly cycles, and what an intervention changes."""

    shift: NDArray[np.float64]
    """[F, T] in z"""
    scale: NDArray[np.float64]
    """[F, T] factor on a person's day-to-day variation."""
    diet_extra: NDArray[np.float64]
    """[4, T] added to a person's share of days, before the factor."""
    diet_factor: NDArray[np.float64]
    """[4, T]"""
    hazard: NDArray[np.float64]
    """[T] log-odds"""
    treated_share: NDArray[np.float64]
    drug: NDArray[np.int64]
    """[T] the acute drug of those who take one."""
    forced: NDArray[np.int64]
    """[4, T] triggers held on (1) or off (-1), whatever the day was like; 0 leaves them."""


class Days(NamedTuple):
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
    def empty(cls, patients: int, calendar: Calendar) -> Days:
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
        return self.flags[DIET : DIET + len(TRIGGERS)]


def build_world(
    settings: Simulator,
    features: Sequence[Feature],
    calendar: Calendar,
    sites: SiteWeather,
    beta: NDArray[np.float64],
) -> World:
    """Tabulate the model.

    Raises:
        UnknownVariableError, DynamicsError, CourseError: if the settings describe no possible model.
    """
    copula = Copula.of(features, settings.exogenous, settings.wearable)
    pain, stress = np.zeros(COUNT), np.zeros(COUNT)
    for name, shift in (*settings.coupling.pain_night.items(), *settings.coupling.pain_day.items()):
        pain[FEATURES.index(name)] = shift
    for name, shift in settings.coupling.stress_night.items():
        stress[FEATURES.index(name)] = shift
    triggers = settings.triggers
    return World(
        seed=settings.cohort.seed,
        burn_in=calendar.burn_in,
        total=calendar.total,
        copula=copula,
        inputs=Inputs.of(features, settings.latent, copula),
        course=Course.of(settings.attacks, settings.treatments),
        carry=Carry.of(settings.attacks.carry_over),
        rules=Rules(
            triggers.pressure_fall,
            triggers.short_sleep,
            triggers.long_sleep,
            triggers.stress_rise,
            triggers.diet_items,
        ),
        coupling=Coupling(pain, stress),
        beta=np.array(beta, dtype=np.float64),
        weather=np.stack([sites.temperature, sites.humidity, sites.pressure, sites.pressure_change]),
        humidity_range=settings.weather.humidity_range,
    )


def build_persons(settings: Simulator, patients: Patients, copula: Copula, calendar: Calendar) -> Persons:
    """The patients as the kernels read them; their intercepts are 0 until a calibration says otherwise."""
    seed, latent, weather, diary = settings.cohort.seed, settings.latent, settings.weather, settings.diary
    cycling = menstruates(settings.hormones, patients.age, patients.is_female)
    cycle, standard = cycle_days(settings.hormones, patients.index, cycling, calendar.total, seed)
    weights = np.tile(np.array(latent.w), (len(patients.index), 1))
    weights[~cycling, 2] = 0.0
    # Products summed row by row: a matrix product's order depends on how many patients there are.
    products = weights[:, :, None] * np.array(latent.Q) * weights[:, None, :]
    variance = products.reshape(len(weights), -1).sum(axis=1)
    habits = np.array([diary.alcohol, diary.caffeine, diary.chocolate, diary.processed_food])
    offsets = (weather.temperature_offset, weather.humidity_offset, weather.pressure_offset)
    return Persons(
        index=patients.index,
        intercept=np.zeros(len(patients.index)),
        susceptibility=np.ascontiguousarray(patients.susceptibility),
        latent_weights=weights,
        noise_factor=noise_factor(np.sqrt(np.maximum(variance, 0.0))),
        trace=np.ascontiguousarray(patients.frequency),
        has_aura=patients.has_aura,
        symptoms=own_symptoms(patients.index, seed),
        level=copula.levels(patients.index, seed),
        habit=habits[:, 0] + patients.habit * (habits[:, 1] - habits[:, 0]),
        site=patients.site,
        weather_offset=patients.weather_offset * np.array(offsets),
        cycle_day=cycle,
        cycle_standard=standard,
        change=draw_changes(settings.drift, patients.index, patients.susceptibility, calendar.burn_in, seed),
    )


def usual_regime(settings: Simulator, copula: Copula, course: Course, calendar: Calendar) -> Regime:
    """Days as they come: weekly cycles of mean zero, the usual acute treatment, no intervention."""
    total, weekend = calendar.total, calendar.is_weekend()
    shift = np.zeros((COUNT, total))
    balanced = weekend - (WEEK - WORKDAYS) / WEEK
    shift[SLEEP] = settings.sleep.weekend_extra_hours * balanced / copula.sd[SLEEP]
    shift[STRESS] = -settings.diary.workday_extra_stress * balanced / copula.sd[STRESS]
    extra = np.zeros((DIET, total))
    extra[ALCOHOL] = np.where(weekend, settings.diary.alcohol_weekend_extra, 0.0)
    return Regime(
        shift=shift,
        scale=np.ones((COUNT, total)),
        diet_extra=extra,
        diet_factor=np.ones((DIET, total)),
        hazard=np.zeros(total),
        treated_share=np.full(total, course.usual_treated_share),
        drug=np.full(total, course.usual_drug, dtype=np.int64),
        forced=np.zeros((len(TRIGGERS), total), dtype=np.int64),
    )
