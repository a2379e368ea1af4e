"""ALINE on the cohort's own evenings: the right person's right day, and none but those that were wanted."""

import numpy as np
import pytest
import torch

from migraine_platform.aline.model import Aline
from migraine_platform.aline.tasks.migraine_window import window_layout
from migraine_platform.evaluation.aline_forecasts import aline_forecasts, windows_of
from migraine_platform.simulator.bank import HISTORY_DAYS
from migraine_platform.warehouse import tables


@pytest.fixture(scope="module")
def wanted(cohort) -> np.ndarray:
    chosen = np.zeros_like(cohort.histories.diary)
    chosen[::7, ::3] = True
    return chosen


@pytest.fixture(scope="module")
def net(settings) -> Aline:
    torch.manual_seed(4)
    layout = window_layout(settings.hours, np.random.default_rng(0).normal(size=(50, 4)))
    return Aline(layout, settings.train.network)


def test_only_evenings_that_were_wanted_and_have_a_history_are_forecast(net, settings, features, calibration, wanted):
    said = aline_forecasts(net, settings, features, calibration, wanted)
    expected = wanted.copy()
    expected[:, :HISTORY_DAYS], expected[:, -1] = False, False
    assert expected.any()
    assert np.array_equal(np.isfinite(said), expected)
    assert np.all((said[expected] > 0) & (said[expected] < 1))
    again = aline_forecasts(net, settings, features, calibration, wanted)
    assert np.array_equal(said, again, equal_nan=True)


def test_an_evening_is_that_of_its_person_and_day(cohort, settings, features, calibration):
    """Susceptibilities, weather trigger and recent migraine days of each window, against the cohort's tables."""
    days = HISTORY_DAYS + np.array([0, 3, 5, 9])
    who, when = np.meshgrid(np.array([0, 13, 41]), days, indexing="ij")
    simulator, rows = windows_of(settings, features, calibration, cohort.histories.count, who.ravel(), when.ravel())
    bank = simulator.bank.take(rows)
    truth = cohort.read(tables.TruthPatients).sort("patient_id")
    own = truth.select("susceptibility_weather", "susceptibility_sleep", "susceptibility_stress", "susceptibility_diet")
    assert np.allclose(bank.susceptibility, own.to_numpy()[who.ravel()])
    lived = cohort.read(tables.PatientDays).sort("patient_id", "date")
    shape = (cohort.histories.count, cohort.histories.days)
    falls = lived["weather_trigger"].to_numpy().reshape(shape)
    migraine = lived["has_migraine"].to_numpy().reshape(shape)
    assert np.array_equal(bank.trigger[:, 0], falls[who.ravel(), when.ravel()])
    before = [migraine[i, k - HISTORY_DAYS + 1 : k].sum() for i, k in zip(who.ravel(), when.ravel(), strict=True)]
    assert np.array_equal(bank.before, before)


def test_nothing_wanted_is_nothing_said(net, settings, features, calibration, wanted):
    assert np.isnan(aline_forecasts(net, settings, features, calibration, np.zeros_like(wanted))).all()
