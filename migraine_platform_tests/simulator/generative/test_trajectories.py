"""Lives recomputed from what is published of them, equation by equation."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

from migraine_platform.config.simulator.copula import COLUMN_OF
from migraine_platform.config.simulator.latent import INPUTS
from migraine_platform.priors.features import select
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.simulator.generative.dynamics import LatentDynamics
from migraine_platform.simulator.generative.model import SimulatedDays
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.simulator.generative.trajectories import simulate_days
from migraine_platform_tests.simulator.conftest import STEADY, changed

PERSONS, DAYS = 800, 120


@pytest.fixture(scope="module")
def plain(simulator_of, settings):
    """No drift, no signs, and a trace that lasts a day, so that all terms of the hazard are published."""
    signs = settings.simulator.attacks.prodrome.model_copy(update={"share_of_attacks": 0.0})
    carry = settings.simulator.attacks.carry_over.model_copy(update={"trace_memory": 0.0})
    simulator = simulator_of(
        cohort={"patients": PERSONS, "days": DAYS},
        drift={"share": 0.0},
        attacks={"carry_over": carry, "prodrome": signs},
    )
    return simulator, simulator.trajectories(first_patients(simulator.settings, PERSONS))


def scores(features, trajectories, simulator) -> np.ndarray:
    """[P, K, inputs] u, from the published values by the priors' scorer."""
    days, burn_in = trajectories.days, simulator.calendar.burn_in
    columns = []
    for name in INPUTS:
        scorer = ImpactScorer(select(features, [name]))
        if name == "cycle_day":
            standard = trajectories.persons.cycle_standard[:, burn_in:]
            u = scorer.centred(standard[..., None].astype(float))[..., 0]
            columns.append(np.where(standard > 0, u, 0.0))
        else:
            columns.append(scorer.centred(days.value(COLUMN_OF.get(name, name)).astype(float)[..., None])[..., 0])
    return np.stack(columns, axis=-1)


def test_the_hazard_is_the_logit_of_the_model(plain) -> None:
    """logit p[t+1] = b + w . Z[t+1] + sum beta s trigger[t] + weekend + refractory and trace of a migraine."""
    simulator, trajectories = plain
    days, persons, carry = trajectories.days, trajectories.persons, simulator.settings.attacks.carry_over
    weights = simulator.calibration.beta * trajectories.patients.susceptibility
    yesterday = days.flag("has_migraine")[:, :-1]
    logit = (
        persons.intercept[:, None]
        + np.einsum("apk,pa->pk", days.z, persons.latent_weights)[:, 1:]
        + np.einsum("tpk,pt->pk", days.trigger()[:, :, :-1], weights)
        + np.outer(persons.weekend, simulator.day_effects.weekend[simulator.calendar.burn_in + 1 :])
        + yesterday * (carry.refractory_log_odds + carry.trace_log_odds)
    )
    assert_allclose(days.onset_probability[:, 1:], 1 / (1 + np.exp(-logit)), rtol=1e-9)


def test_the_latent_state_follows_its_dynamics(plain, features) -> None:
    """Z[t+1] - A Z[t] - B u[t] has mean 0 and covariance Q; five standard errors."""
    simulator, trajectories = plain
    daily, z = LatentDynamics.daily(simulator.settings.latent), np.moveaxis(trajectories.days.z, 0, 2)
    u = scores(features, trajectories, simulator)
    noise = (z[:, 1:] - z[:, :-1] @ daily.A.T - u[:, :-1] @ daily.B.T).reshape(-1, 4)
    sd = np.sqrt(np.diag(daily.Q))
    assert np.all(np.abs(noise.mean(axis=0)) < 5 * sd / np.sqrt(len(noise)))
    assert np.all(np.abs(np.cov(noise.T) - daily.Q) < 5 * np.outer(sd, sd) * np.sqrt(2 / len(noise)))


def test_the_full_state_forecast_is_calibrated(plain) -> None:
    """Realised days against the forecast in ten bins; false alarm 6e-4 at four standard errors, twice widened."""
    days = plain[1].days
    p, migraine = days.migraine_probability.ravel(), days.flag("has_migraine").ravel()
    edges = np.quantile(p, np.linspace(0, 1, 11))
    for low, high in pairwise(edges):
        chosen = (p >= low) & (p <= high)
        error = np.sqrt((p[chosen] * (1 - p[chosen])).sum())
        assert abs(migraine[chosen].sum() - p[chosen].sum()) < 4 * error


def test_the_full_state_forecast_is_the_share_of_replicates(simulator_of) -> None:
    """4,000 replicates of a trajectory from its first day: the mean of the first forecasts against the outcomes."""
    simulator = simulator_of(cohort={"days": 2, "burn_in_days": 2}, drift={"share": 0.0})
    one = simulator.persons(first_patients(simulator.settings, 1))
    count = 4000
    many = one._replace(
        **{
            name: np.repeat(value, count, axis=0)
            for name, value in zip(one._fields, one, strict=True)
            if isinstance(value, np.ndarray)
        },
        change=one.change._replace(
            **{
                name: np.repeat(getattr(one.change, name), count)
                for name in ("kind", "shape", "onset", "target", "strength")
            }
        ),
    )._replace(index=np.arange(count))
    days = simulate_days(
        simulator.parameters, many, simulator.day_effects, SimulatedDays.empty(count, simulator.calendar)
    )
    p, migraine = days.migraine_probability[:, 1], days.flag("has_migraine")[:, 1]
    assert abs(migraine.sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())


def test_pain_worsens_the_night_and_the_day_as_configured(simulator_of) -> None:
    """The same life with and without coupling, on days that both spend alike until a first attack."""
    cohort = {"patients": 400, "days": 60, "burn_in_days": 2}
    attacks = [simulator_of(cohort=cohort, **{**STEADY, "coupling": c}) for c in ({}, STEADY["coupling"])]
    with_pain, without = (simulator.trajectories(first_patients(simulator.settings, 400)).days for simulator in attacks)
    assert not np.array_equal(with_pain.value("total_sleep_hours"), without.value("total_sleep_hours"))
    migraine = with_pain.flag("has_migraine")
    for name, sign in (("total_sleep_hours", -1), ("stress_level", 1), ("steps", -1), ("rmssd", -1)):
        values = with_pain.value(name).astype(float)
        own = values - values.mean(axis=1, keepdims=True)
        after = own[:, 1:][migraine[:, :-1] & migraine[:, 1:]].mean()
        assert sign * (after - own[:, 1:][~migraine[:, :-1] & ~migraine[:, 1:]].mean()) > 0, name


def test_without_coupling_an_attack_changes_no_feature(simulator_of) -> None:
    cohort = {"patients": 100, "days": 60}
    simulator = simulator_of(cohort=cohort, **STEADY)
    persons = simulator.persons(first_patients(simulator.settings, 100))
    worlds = [
        simulate_days(
            simulator.parameters,
            persons,
            simulator.day_effects._replace(hazard=np.full(simulator.calendar.total, shift)),
            SimulatedDays.empty(100, simulator.calendar),
        )
        for shift in (0.0, 2.0)
    ]
    assert worlds[1].flag("has_migraine").sum() > worlds[0].flag("has_migraine").sum()
    assert np.array_equal(worlds[0].values, worlds[1].values)


def test_stress_shortens_the_next_night(simulator_of) -> None:
    plain_coupling = {"pain_night": {}, "pain_day": {}}
    simulator = simulator_of(
        cohort={"patients": 600, "days": 60},
        **{**STEADY, "coupling": {**plain_coupling, "stress_night": {"total_sleep_hours": -0.5}}},
    )
    days = simulator.trajectories(first_patients(simulator.settings, 600)).days
    stress, sleep = (
        values - values.mean(axis=1, keepdims=True)
        for values in (days.value("stress_level").astype(float), days.value("total_sleep_hours").astype(float))
    )
    assert np.corrcoef(stress[:, :-1].ravel(), sleep[:, 1:].ravel())[0, 1] < -0.3


def test_a_certain_hazard_leaves_no_free_day(simulator_of) -> None:
    simulator = simulator_of(cohort={"patients": 40, "days": 40})
    persons = simulator.persons(first_patients(simulator.settings, 40))
    for shift, expected in ((60.0, True), (-60.0, False)):
        day_effects = simulator.day_effects._replace(hazard=np.full(simulator.calendar.total, shift))
        days = simulate_days(simulator.parameters, persons, day_effects, SimulatedDays.empty(40, simulator.calendar))
        assert np.all(days.flag("has_migraine") == expected)


def test_medication_is_told_by_the_first_diary_after_it(plain) -> None:
    simulator, trajectories = plain
    days, burn_in = trajectories.days, simulator.calendar.burn_in
    who, when = np.nonzero(days.attack & (np.where(days.attack, days.drug, -1) >= 0))
    taken = days.start[who, when] + simulator.settings.attacks.intake_delay
    reported = np.floor((taken + 4) / 24).astype(int)
    expected = np.zeros((PERSONS, simulator.calendar.total), dtype=bool)
    inside = reported < simulator.calendar.total
    expected[who[inside], reported[inside]] = True
    assert np.array_equal(days.flag("acute_medication"), expected[:, burn_in:])


def test_the_evening_s_headache_is_an_attack_that_has_begun_and_not_ended(plain) -> None:
    simulator, trajectories = plain
    days, burn_in = trajectories.days, simulator.calendar.burn_in
    who, when = np.nonzero(days.attack)
    start, end = days.start[who, when], days.start[who, when] + days.duration[who, when]
    expected = np.zeros((PERSONS, simulator.calendar.total), dtype=bool)
    for later in range(5):
        evening = 24 * (when + later) + 20
        there = (start < evening) & (evening < end) & (when + later < simulator.calendar.total)
        expected[who[there], when[there] + later] = True
    told = days.flag("headache_at_evening")
    assert np.array_equal(told, expected[:, burn_in:])
    assert 0.3 < told[days.flag("migraine_by_evening")].mean() < 0.9


def test_settings_of_one_part_leave_the_others_draws_alone(simulator_of, settings) -> None:
    """Another adherence, other attacks' courses: the exposures stay bit-identical without coupling."""
    one = simulator_of(cohort={"patients": 50, "days": 30}, **STEADY)
    other = simulator_of(cohort={"patients": 50, "days": 30}, **STEADY, attacks={"treated_share": 0.1})
    a, b = (simulator.trajectories(first_patients(simulator.settings, 50)).days for simulator in (one, other))
    assert np.array_equal(a.values, b.values)
    assert not np.array_equal(a.flag("has_migraine"), b.flag("has_migraine"))
    assert changed(settings.simulator, drift={"share": 0.0}).drift.share == 0.0
