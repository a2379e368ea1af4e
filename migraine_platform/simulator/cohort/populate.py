"""From settings to what a trajectory is simulated in: the tabulated model, the persons, the usual days.

Belongs here: how the arrays of model.py are made. Does not: who the patients are (profiles.py), the calibrated
strengths (parameter_fitting.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.domain.exposures import WEATHER_COLUMNS
from migraine_platform.priors.features import Feature, select
from migraine_platform.priors.lived import own_shares
from migraine_platform.priors.vocabulary import LIVED_FLAGS, TRIGGER_NAMES
from migraine_platform.simulator.exogenous.calendar import WEEK, WORKDAYS, Calendar
from migraine_platform.simulator.exogenous.cycle import cycle_days, menstruates
from migraine_platform.simulator.exogenous.features import COUNT, FEATURES, SLEEP, STRESS, Copula
from migraine_platform.simulator.exogenous.trigger_rules import CompiledRules
from migraine_platform.simulator.generative.attacks import AttackCourse, own_signs
from migraine_platform.simulator.generative.drift import draw_changes
from migraine_platform.simulator.generative.hazard import Carry, noise_factor
from migraine_platform.simulator.generative.latent_inputs import Inputs
from migraine_platform.simulator.generative.model import (
    ALCOHOL,
    ITEMS,
    DayEffects,
    FeatureCoupling,
    ModelParameters,
    Persons,
)
from migraine_platform.simulator.generative.profiles import Profiles
from migraine_platform.simulator.generative.symptoms import WEEKEND, own_symptoms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.simulator.exogenous.weather import SiteWeather


def build_parameters(
    settings: Simulator,
    features: Sequence[Feature],
    calendar: Calendar,
    sites: SiteWeather,
    beta: NDArray[np.float64],
) -> ModelParameters:
    """Tabulate the model.

    Args:
        beta: [K] strengths of the triggers.

    Raises:
        UnknownVariableError, DynamicsError, CourseError: if the settings describe no possible model.
    """
    copula = Copula.of(features, settings.exogenous, settings.wearable)
    pain, stress = np.zeros(COUNT), np.zeros(COUNT)
    for name, shift in (*settings.coupling.pain_night.items(), *settings.coupling.pain_day.items()):
        pain[FEATURES.index(name)] = shift
    for name, shift in settings.coupling.stress_night.items():
        stress[FEATURES.index(name)] = shift
    return ModelParameters(
        seed=settings.cohort.seed,
        burn_in=calendar.burn_in,
        total=calendar.total,
        copula=copula,
        inputs=Inputs.of(features, settings.latent, copula),
        course=AttackCourse.of(settings.attacks, settings.treatments),
        carry=Carry.of(settings.attacks.carry_over),
        rules=CompiledRules.of(settings.triggers),
        coupling=FeatureCoupling(pain, stress),
        beta=np.array(beta, dtype=np.float64),
        weather=np.stack([sites.values(column) for column in WEATHER_COLUMNS]),
        humidity_range=settings.weather.humidity_range,
    )


def build_persons(
    settings: Simulator,
    features: Sequence[Feature],
    patients: Profiles,
    copula: Copula,
    course: AttackCourse,
    calendar: Calendar,
) -> Persons:
    """The patients as the kernels read them; their intercepts are 0 until a calibration says otherwise."""
    seed, latent, weather, diary = settings.cohort.seed, settings.latent, settings.weather, settings.diary
    cycling = menstruates(settings.hormones, patients.age, patients.is_female)
    cycle, standard = cycle_days(settings.hormones, patients.index, cycling, calendar.total, seed)
    weights = np.tile(np.array(latent.w), (len(patients.index), 1))
    weights[~cycling, 2] = 0.0
    # Products summed row by row: a matrix product's order depends on how many patients there are.
    products = weights[:, :, None] * np.array(latent.Q) * weights[:, None, :]
    variance = products.reshape(len(weights), -1).sum(axis=1)
    symptoms = own_symptoms(patients.index, seed)
    sign_share, early_share = own_signs(course, symptoms)
    lived = (own_shares(feature) for feature in select(features, LIVED_FLAGS))
    habits = np.array([diary.alcohol, diary.caffeine, diary.chocolate, diary.processed_food, *lived])
    offsets = (weather.temperature_offset, weather.humidity_offset, weather.pressure_offset)
    return Persons(
        index=patients.index,
        intercept=np.zeros(len(patients.index)),
        susceptibility=np.ascontiguousarray(patients.susceptibility),
        latent_weights=weights,
        noise_factor=noise_factor(np.sqrt(np.maximum(variance, 0.0))),
        attack_history=np.ascontiguousarray(patients.frequency),
        has_aura=patients.has_aura,
        symptoms=symptoms,
        sign_share=sign_share,
        early_share=early_share,
        weekend=settings.attacks.weekend_log_odds_sd * symptoms[:, WEEKEND],
        level=copula.levels(patients.index, seed),
        habit=habits[:, 0] + patients.habit * (habits[:, 1] - habits[:, 0]),
        site=patients.site,
        weather_offset=patients.weather_offset * np.array(offsets),
        cycle_day=cycle,
        cycle_standard=standard,
        change=draw_changes(settings.drift, patients.index, patients.susceptibility, calendar.burn_in, seed),
    )


def baseline_day_effects(settings: Simulator, copula: Copula, course: AttackCourse, calendar: Calendar) -> DayEffects:
    """Days as they come: weekly cycles of mean zero, the usual acute treatment, no intervention."""
    total, weekend = calendar.total, calendar.is_weekend()
    shift = np.zeros((COUNT, total))
    balanced = np.asarray(weekend - (WEEK - WORKDAYS) / WEEK, dtype=np.float64)
    shift[SLEEP] = settings.sleep.weekend_extra_hours * balanced / copula.sd[SLEEP]
    shift[STRESS] = -settings.diary.workday_extra_stress * balanced / copula.sd[STRESS]
    extra = np.zeros((ITEMS, total))
    extra[ALCOHOL] = np.where(weekend, settings.diary.alcohol_weekend_extra, 0.0)
    return DayEffects(
        shift=shift,
        scale=np.ones((COUNT, total)),
        diet_extra=extra,
        diet_factor=np.ones((ITEMS, total)),
        hazard=np.zeros(total),
        weekend=balanced,
        onset_later=np.where(weekend, settings.attacks.weekend_later, 0.0),
        treated_share=np.full(total, course.usual_treated_share),
        drug=np.full(total, course.usual_drug, dtype=np.int64),
        forced=np.zeros((len(TRIGGER_NAMES), total), dtype=np.int64),
    )
