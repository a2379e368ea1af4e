"""ALINE on the cohort's own evenings: the right person's right day, and none but those that were wanted."""

import numpy as np
import pytest
import torch

from migraine_platform.aline.network.network import Aline
from migraine_platform.aline.tasks.migraine_window import window_layout
from migraine_platform.evaluation.forecasts.aline_forecasts import aline_forecasts, numbers_of, windows_of
from migraine_platform.simulator.hourly.bank import HISTORY_DAYS
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
    said = aline_forecasts(net, settings, features, calibration, wanted, np.arange(len(wanted)))
    expected = wanted.copy()
    expected[:, :HISTORY_DAYS], expected[:, -1] = False, False
    assert expected.any()
    assert np.array_equal(np.isfinite(said), expected)
    assert np.all((said[expected] > 0) & (said[expected] < 1))
    again = aline_forecasts(net, settings, features, calibration, wanted, np.arange(len(wanted)))
    assert np.array_equal(said, again, equal_nan=True)


def test_some_of_the_patients_are_forecast_as_among_all(net, settings, features, calibration, cohort, wanted):
    said = aline_forecasts(net, settings, features, calibration, wanted, np.arange(len(wanted)))
    rows = np.array([7, 14, 28, 42])
    alone = np.zeros_like(wanted)
    alone[rows] = wanted[rows]
    numbers = numbers_of([cohort.histories.patient_ids[row] for row in rows])
    among = aline_forecasts(net, settings, features, calibration, alone, np.arange(len(wanted)))
    few = aline_forecasts(net, settings, features, calibration, wanted[rows], numbers)
    assert np.isfinite(few).sum() > 4
    assert np.array_equal(np.isfinite(few), np.isfinite(said[rows]))
    assert np.allclose(few, among[rows], equal_nan=True, atol=1e-6)  # single precision


def test_the_ten_thousandth_patient_is_not_the_thousandth_and_first():
    """In the order of their names P10000 stands before P1001; in the simulator it does not."""
    named = sorted(["P0001", "P1000", "P1001", "P9999", "P10000"])
    assert named.index("P10000") < named.index("P1001")
    assert dict(zip(named, numbers_of(named).tolist(), strict=True)) == {
        "P0001": 0, "P1000": 999, "P1001": 1000, "P9999": 9998, "P10000": 9999,
    }  # fmt: skip


def test_an_evening_is_that_of_its_person_and_day(cohort, settings, features, calibration):
    """Susceptibilities, weather trigger and recent migraine days of each window, against the cohort's tables."""
    days = HISTORY_DAYS + np.array([0, 3, 5, 9])
    who, when = np.meshgrid(np.array([0, 13, 41]), days, indexing="ij")
    simulator, rows = windows_of(settings, features, calibration, cohort.histories.count, who.ravel(), when.ravel())
    bank = simulator.bank.take(rows)
    truth = cohort.read(tables.TruthPatients).sort("patient_id")
    own = truth.select("susceptibility_weather", "susceptibility_sleep", "susceptibility_stress", "susceptibility_diet")
    assert np.allclose(bank.susceptibility, own.to_numpy()[who.ravel()])
    result = cohort.read(tables.PatientDays).sort("patient_id", "date")
    shape = (cohort.histories.count, cohort.histories.days)
    falls = result["weather_trigger"].to_numpy().reshape(shape)
    migraine = result["has_migraine"].to_numpy().reshape(shape)
    assert np.array_equal(bank.trigger[:, 0], falls[who.ravel(), when.ravel()])
    before = [migraine[i, k - HISTORY_DAYS + 1 : k].sum() for i, k in zip(who.ravel(), when.ravel(), strict=True)]
    assert np.array_equal(bank.before, before)


def test_an_empty_request_gives_an_empty_answer(net, settings, features, calibration, wanted):
    said = aline_forecasts(net, settings, features, calibration, np.zeros_like(wanted), np.arange(len(wanted)))
    assert np.isnan(said).all()
