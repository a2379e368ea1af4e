"""Triggers that also load a latent axis: the state moves by what their rows say, and everybody who reads it follows."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.config.simulator.latent import AXES
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.generative.dynamics import LatentDynamics
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.simulator.hourly.bank import HISTORY_DAYS, TRAINING, fill_bank
from migraine_platform_tests.simulator.conftest import STEADY

ENV = AXES.index("env_load")
WEATHER, DIET = TRIGGER_NAMES.index("weather"), TRIGGER_NAMES.index("diet")
FADING = 0.5
"""Of the axis, overnight."""

LOADS = {"weather": ("env_load", 0.8), "diet": ("hormonal", 0.8)}


@pytest.fixture(scope="module")
def loading(settings) -> dict[str, TriggerRule]:
    """The triggers, two of which load an axis."""
    rows = settings.simulator.triggers
    return {name: rows[name].model_copy(update={"axis": axis, "load": load}) for name, (axis, load) in LOADS.items()}


def test_the_state_moves_by_the_load_on_the_day_after_and_fades(simulator_of, loading) -> None:
    """Falls of pressure are the same in both worlds, those days' attacks are not."""
    size = {"patients": 40, "days": 60}
    plain, loaded = (simulator_of(cohort=size, triggers=rows) for rows in ({}, loading))
    days, other = (one.trajectories(first_patients(one.settings, 40)).days for one in (plain, loaded))
    fell = days.trigger()[WEATHER]
    assert_array_equal(other.trigger()[WEATHER], fell)
    assert 0.05 < fell.mean() < 0.5
    more = other.z[ENV] - days.z[ENV]
    assert_allclose(more[:, 1:], FADING * more[:, :-1] + 0.8 * fell[:, :-1], atol=1e-12)


def test_the_particle_filter_knows_of_the_load(simulator_of, loading) -> None:
    """Days that came against forecasts, on days after each trigger where the record says so; four standard errors.

    The load moves tomorrow's log-odds by 0.6 to 1: a filter without it would be off by some 8 points.
    """
    simulator = simulator_of(cohort={"patients": 150, "days": 60}, triggers=loading)
    trajectories = simulator.trajectories(first_patients(simulator.settings, 150))
    forecast = simulator.filtered(trajectories, 64).forecast
    migraine, recorded = trajectories.days.flag("has_migraine"), trajectories.recorded
    for k, known in ((WEATHER, np.ones_like(recorded.diary)), (DIET, recorded.diary)):
        for on in (False, True):
            chosen = np.zeros_like(migraine)
            chosen[:, 1:] = (trajectories.days.trigger()[k] == on)[:, :-1] & known[:, :-1]
            p = forecast[chosen]
            error = np.sqrt((p * (1 - p)).sum())
            assert abs(migraine[chosen].sum() - p.sum()) < 4 * error + 0.01 * chosen.sum(), (k, on)


def test_the_average_state_of_a_person_includes_what_his_triggers_load(simulator_of, loading) -> None:
    """Against 1,500 days of 40 people: the difference that loads make to w . Z, within a tenth on average."""
    size = {"patients": 40, "days": 1500}
    plain, loaded = (simulator_of(cohort=size, triggers=rows, **STEADY) for rows in ({}, loading))
    told, lived = [], []
    for simulator in (plain, loaded):
        found = simulator.trajectories(first_patients(simulator.settings, 40))
        told.append(simulator.average_days(found.persons).latent)
        lived.append(np.einsum("apt,pa->p", found.days.z, found.persons.latent_weights) / 1500)
    more, wanted = told[1] - told[0], lived[1] - lived[0]
    assert wanted.mean() > 0.1
    assert more.mean() == pytest.approx(wanted.mean(), rel=0.1)
    assert np.corrcoef(more, wanted)[0, 1] > 0.9


def test_the_hours_of_a_day_are_driven_by_the_load(simulator_of, loading) -> None:
    """What a bank's days say drives them, against the states that followed: noise of mean 0, at 99.9 %."""
    simulator = simulator_of(triggers=loading)
    bank = fill_bank(simulator, TRAINING, 200)
    kept = simulator.calendar.days - 1 - HISTORY_DAYS
    z, drive = (part.reshape(200, kept, 4) for part in (bank.z, bank.drive))
    daily = LatentDynamics.daily(simulator.settings.latent)
    noise = (z[:, 1:] - z[:, :-1] @ daily.A.T - drive[:, :-1]).reshape(-1, 4)
    assert np.abs(noise.mean(axis=0)).max() < 3.3 * 0.1 / np.sqrt(len(noise))
