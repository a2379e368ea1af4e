from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from migraine_platform.config import load_settings
from migraine_platform.config.simulator.treatment import Preventive
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.checks import targets
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.fitted_parameters import from_frame, to_frame
from migraine_platform.simulator.cohort.parameter_fitting import ParameterFittingError, fit_parameters
from migraine_platform.simulator.cohort.trigger_effects import trigger_effects
from migraine_platform.simulator.cohort.trigger_rates import trigger_rates
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform_tests.simulator.conftest import STEADY


@pytest.fixture(scope="module")
def fitted(features):
    """The default calibration, and what it does to patients that it never saw."""
    settings = load_settings("default").simulator
    calibration = fit_parameters(settings, features)
    return settings, calibration, targets.measure(settings, features, calibration)


@pytest.mark.slow
def test_each_trigger_raises_the_next_days_probability_by_15_to_20_points(fitted) -> None:
    """Two worlds with common random numbers, the trigger on and off; measured, not computed."""
    for name, effect in fitted[2].effects.items():
        assert 0.15 < effect < 0.20, name


@pytest.mark.slow
def test_realised_days_match_the_profile_in_every_quintile(fitted) -> None:
    assert np.abs(fitted[2].quintiles).max() < 0.5
    assert fitted[2].problems == []


@pytest.mark.slow
def test_the_chronic_share_of_the_realised_days_is_the_configured_one(fitted, features) -> None:
    """1,000 patients x 180 days of the default cohort, drift and all: within a point of 15 %."""
    settings, calibration, _ = fitted
    simulator = CohortSimulator(settings, features, calibration)
    realised = simulator.trajectories(first_patients(settings, 1000)).days.flag("has_migraine").mean(axis=1)
    assert 140 <= (30 * realised >= 15).sum() <= 160
    assert settings.population.chronic_share == 0.15


@pytest.mark.slow
def test_migraine_days_persist_as_in_real_diaries(fitted, features) -> None:
    """Within-person lag-1 correlation of migraine days, 0.17 to 0.27 in two real data sets."""
    settings, calibration, _ = fitted
    simulator = CohortSimulator(settings, features, calibration)
    days = simulator.trajectories(first_patients(settings, 1000)).days.flag("has_migraine").astype(float)
    centred = days - days.mean(axis=1, keepdims=True)
    lag1 = (centred[:, 1:] * centred[:, :-1]).sum() / (centred**2).sum()
    assert 0.17 < lag1 < 0.27


def test_a_missed_target_is_a_problem_in_words(settings, features, calibration) -> None:
    strong = replace(calibration, beta=calibration.beta * np.array([1, 1, 1, 2.0]))
    problems = targets.measure(settings.simulator, features, strong).problems
    assert any(problem.startswith("the diet trigger raises tomorrow's probability by 4") for problem in problems)
    assert any("fifth" in problem for problem in problems)
    assert not any("weather" in problem for problem in problems)


def test_computed_effects_agree_with_a_brute_force_mean(settings, simulator, calibration) -> None:
    """Day by day over episodic patients, from published hazards alone."""
    patients = first_patients(settings.simulator, 50)
    trajectories = simulator.trajectories(patients)
    days, episodic = trajectories.days, ~patients.is_chronic
    average = simulator.average_days(trajectories.persons)
    effects = trigger_effects(calibration, patients, average, days, episodic)
    for k in range(len(TRIGGER_NAMES)):
        raised = patients.susceptibility.copy()
        raised[:, k] = 1
        shift = (
            calibration.intercept(replace(patients, susceptibility=raised), average) - trajectories.persons.intercept
        )
        rises = []
        for person in np.flatnonzero(episodic):
            for day in range(1, days.at_risk.shape[1]):
                if days.at_risk[person, day]:
                    p = days.onset_probability[person, day]
                    was_on = days.trigger()[k, person, day - 1]
                    own = was_on * patients.susceptibility[person, k] * calibration.beta[k]
                    logit = np.log(p / (1 - p)) + shift[person] - own
                    off, on = 1 / (1 + np.exp(-np.array([logit, logit + calibration.beta[k]])))
                    rises.append(on - off)
        assert_allclose(effects[k], np.mean(rises), rtol=1e-9)


def test_average_trigger_rates_match_long_trajectories(simulator_of) -> None:
    """Computed from a person's levels against 1,500 days lived without cycles or coupling; five standard errors."""
    simulator = simulator_of(cohort={"patients": 60, "days": 1500}, **STEADY)
    trajectories = simulator.trajectories(first_patients(simulator.settings, 60))
    rates = trigger_rates(simulator.settings, simulator.exposure.triggers, trajectories.persons)
    for k, name in enumerate(TRIGGER_NAMES):
        result = trajectories.days.trigger()[k].mean(axis=1)
        # The weather of one place is one draw for all who live there, and the real station's year repeats.
        slack = 0.03 if name == "weather" else 0.0
        error = np.sqrt(np.maximum(rates[:, k] * (1 - rates[:, k]), 1e-3) / 1500) * 1.6
        assert np.all(np.abs(result - rates[:, k]) < 5 * error + slack), name


def test_an_unreachable_preventive_is_named(settings, features) -> None:
    wonder = Preventive(days_a_month=-9.5, onset_days=7, washout_days=7)
    treatments = settings.simulator.treatments.model_copy(update={"preventive": {"wonder_drug": wonder}})
    with pytest.raises(ParameterFittingError, match=r"preventive\.wonder_drug\.days_a_month: -9\.5 cannot be reached"):
        fit_parameters(settings.simulator.model_copy(update={"treatments": treatments}), features)


def test_the_fit_does_not_depend_on_the_cohort_or_its_length(settings, features, calibration) -> None:
    longer = settings.simulator.cohort.model_copy(
        update={"days": 400, "patients": 7, "seed": 1, "start_date": date(2025, 6, 1), "burn_in_days": 99}
    )
    again = fit_parameters(settings.simulator.model_copy(update={"cohort": longer}), features)
    assert np.array_equal(again.beta, calibration.beta)
    assert np.array_equal(again.theta, calibration.theta)
    assert again.preventive == calibration.preventive


def test_a_calibration_survives_a_round_trip_through_its_table(calibration) -> None:
    again = from_frame(to_frame(calibration).sample(fraction=1.0, shuffle=True, seed=1))
    assert np.array_equal(again.beta, calibration.beta)
    assert np.array_equal(again.theta, calibration.theta)
    assert again.preventive == calibration.preventive


@pytest.mark.parametrize(
    ("changes", "effect", "message"),
    [
        ({"iterations": 2}, 0.3, r"population\.episodic_frequency: not reached in 2 iterations; the best intercept"),
        (
            {"iterations": 1},
            0.195,
            r"triggers\.\w+\.effect: 0\.195 not reached in 1 iterations; the best",
        ),
    ],
)
def test_targets_that_are_not_reached_are_named(
    settings, features, changes: dict[str, int], effect: float, message: str
) -> None:
    rows = {name: row.model_copy(update={"effect": effect}) for name, row in settings.simulator.triggers.items()}
    chosen = settings.simulator.calibration.model_copy(update=changes)
    with pytest.raises(ParameterFittingError, match=message):
        fit_parameters(settings.simulator.model_copy(update={"calibration": chosen, "triggers": rows}), features)


@pytest.mark.parametrize(
    ("trigger", "threshold", "message"),
    [
        ("sleep", (-1.0, 99.0), r"triggers\.sleep: by its rule \(below -1 or above 99 h\), 0 % of the reference"),
        ("sleep", (7.0, 7.0001), r"triggers\.sleep: by its rule \(below 7 or above 7.0001 h\), 100 % of the reference"),
        ("stress", 9.5, r"triggers\.stress: by its rule \(a rise of 9\.5 points or more since the day before\), 0 %"),
        ("weather", -500.0, r"triggers\.weather: by its rule \(-500 hPa or less\), .* expected 0\.1 to 99\.9 %"),
    ],
)
def test_a_trigger_that_never_or_always_happens_is_named_before_anything_is_fitted(
    settings, features, trigger: str, threshold: Any, message: str
) -> None:
    rules = settings.simulator.triggers
    rows = {**rules, trigger: rules[trigger].model_copy(update={"threshold": threshold})}
    with pytest.raises(ParameterFittingError, match=message):
        fit_parameters(settings.simulator.model_copy(update={"triggers": rows}), features)


def test_the_calendar_counts_weekends_from_the_date(settings) -> None:
    calendar = Calendar.of(settings.simulator.cohort)
    dates = calendar.dates()
    assert [d.astype(object).weekday() >= 5 for d in dates] == calendar.is_weekend().tolist()
    assert dates[calendar.burn_in].astype(object) == settings.simulator.cohort.start_date
    assert dates[-1].astype(object) == settings.simulator.cohort.last_date
    assert [d.astype(object).timetuple().tm_yday - 1 for d in dates] == calendar.day_of_year().tolist()
