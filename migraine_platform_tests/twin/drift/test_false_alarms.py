from __future__ import annotations

import numpy as np
import pytest

from migraine_platform.config.detectors import Detectors
from migraine_platform.twin.drift import classical
from migraine_platform.twin.drift.classical import DETECTORS, DetectorThreshold, Streams, alarms
from migraine_platform.twin.drift.false_alarms import YEAR, FalseAlarmRateError, calibrate, false_alarms

SETTINGS = Detectors(memory_days=180, warm_up=30, tolerance=0.25, window=60, recent=20, seed=3)
PATIENTS, DAYS = 150, 450


def undrifted(seed: int, correlation: float, patients: int = PATIENTS, days: int = DAYS) -> Streams:
    """Normal days, each with that correlation with the day before; each patient has a level of its own."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(patients, days))
    for day in range(1, days):
        values[:, day] = correlation * values[:, day - 1] + np.sqrt(1 - correlation**2) * values[:, day]
    values += 3 * generator.normal(size=(patients, 1))
    return Streams(values, generator.random((patients, days)) < 0.8)


@pytest.mark.parametrize("correlation", [0.0, 0.4])
@pytest.mark.parametrize("name", DETECTORS)
def test_other_undrifted_streams_alarm_as_often_as_calibrated(name: str, correlation: float) -> None:
    """Within four standard errors of the difference: all six fail together with a probability of 4e-4 by chance."""
    made = calibrate(name, undrifted(1, correlation), 0.5, SETTINGS)
    held_out = false_alarms(made.threshold, undrifted(2, correlation), SETTINGS)
    assert made.realised.value <= made.wanted
    assert abs(held_out.value - made.realised.value) < 4 * np.hypot(held_out.error, made.realised.error)


@pytest.mark.parametrize("name", ["adwin", "page_hinkley"])
def test_the_rate_that_is_wanted_is_nearly_used_up(name: str) -> None:
    """A hundred or two of thresholds lie between rates that differ by a tenth."""
    assert calibrate(name, undrifted(1, 0.0), 0.5, SETTINGS).realised.value > 0.45


def test_kswin_could_not_be_looser() -> None:
    streams = undrifted(1, 0.0)
    made = calibrate("kswin", streams, 0.5, SETTINGS)
    p = classical.p_values(SETTINGS.recent)
    looser = made.threshold._replace(value=float(p[p > made.threshold.value].min()))
    assert false_alarms(looser, streams, SETTINGS).value > 0.5


def test_a_rate_is_of_grown_detectors_and_years_of_calendar_days() -> None:
    streams, threshold = undrifted(3, 0.0), DetectorThreshold("page_hinkley", 6.0, 1.0)
    rate = false_alarms(threshold, streams, SETTINGS)
    assert rate.patient_years == PATIENTS * (DAYS - 90) / YEAR
    assert rate.value == pytest.approx(alarms(threshold, streams, SETTINGS).on[:, 90:].sum() / rate.patient_years)


def test_the_standard_error_is_the_spread_of_the_rates_of_many_samples() -> None:
    """Of 40 samples: a chi-squared of 39 lies within the bounds but for a probability of 1e-4."""
    threshold = DetectorThreshold("page_hinkley", 6.0, 1.0)
    rates = [false_alarms(threshold, undrifted(100 + n, 0.0, patients=40, days=300), SETTINGS) for n in range(40)]
    ratio = 39 * np.var([rate.value for rate in rates], ddof=1) / np.mean([rate.error**2 for rate in rates])
    assert 12.5 < ratio < 83.5


def test_none_seen_is_not_none_ever() -> None:
    rate = false_alarms(DetectorThreshold("page_hinkley", 1e6, 1.0), undrifted(1, 0.0), SETTINGS)
    assert (rate.value, rate.error) == (0.0, 1 / rate.patient_years)


def test_unreachable_rates_and_empty_streams_are_errors() -> None:
    streams = undrifted(1, 0.0, patients=20)
    with pytest.raises(
        FalseAlarmRateError, match="adwin: even its loosest threshold gives another rate than 30 alarms"
    ):
        calibrate("adwin", streams, 30.0, SETTINGS)
    with pytest.raises(FalseAlarmRateError, match="expected more than 90 days"):
        calibrate("adwin", Streams(streams.values[:, :90], streams.seen[:, :90]), 0.5, SETTINGS)
    with pytest.raises(FalseAlarmRateError, match="do not vary"):
        calibrate("adwin", streams._replace(seen=np.zeros_like(streams.seen)), 0.5, SETTINGS)
