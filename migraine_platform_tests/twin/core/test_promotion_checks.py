from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from migraine_platform.config.twin import TwinPromotionSettings
from migraine_platform.twin.core.promotion_checks import NOBODY, ForecastChecks, check_forecasts

WANTED = TwinPromotionSettings(calibration_error=0.05, coverage_90=(0.85, 0.95))
FIRST = date(2024, 1, 1)
PATIENTS, DAYS = 40, 100


def expit(x):
    return 1 / (1 + np.exp(-x))


def rows(**columns: np.ndarray) -> pl.DataFrame:
    """Of PATIENTS patients' DAYS days."""
    dates = [FIRST + timedelta(days=k) for k in range(DAYS)]
    ids = [f"P{number:04d}" for number in range(PATIENTS)]
    keys = {"patient_id": np.repeat(ids, DAYS), "date": dates * PATIENTS}
    return pl.DataFrame({**keys, **{name: np.asarray(values).ravel() for name, values in columns.items()}})


def judged(p, lower, upper, outcome, full) -> ForecastChecks:
    said = rows(probability=p, lower=lower, upper=upper).rename({"date": "for_date"})
    return check_forecasts(said, rows(has_migraine=outcome), rows(migraine_probability=full))


@pytest.fixture(scope="module")
def result():
    """What the whole state gives, what came, and what somebody says who does not see all of it."""
    rng = np.random.default_rng(1)
    seen = rng.normal(-1.2, 1.0, (PATIENTS, DAYS))
    full = expit(seen + rng.normal(0, 0.5, seen.shape))
    return seen, full, rng.random(full.shape) < full


def averaged(seen: np.ndarray) -> np.ndarray:
    """E expit(seen + N(0, 0.5^2)), by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)
    return expit(seen[..., None] + 0.5 * nodes) @ weights / weights.sum()


def test_a_calibrated_forecast_passes(result) -> None:
    """Chance gives each tenth of 400 days an error of some sqrt(p (1 - p) / 400) < 0.025, and their mean less."""
    seen, full, outcome = result
    found = judged(averaged(seen), expit(seen - 0.5 * 1.645), expit(seen + 0.5 * 1.645), outcome, full)
    assert found.days == PATIENTS * DAYS
    assert found.calibration_error < 0.025
    assert found.calibration_problems(WANTED) == []
    standard_error = np.sqrt(0.9 * 0.1 / found.days)
    assert abs(found.coverage - 0.9) < 4 * standard_error
    assert found.coverage_problems(WANTED) == []


@pytest.mark.parametrize("wrong", [lambda x: x + 0.8, lambda x: 2.5 * x, lambda x: 0.2 * x - 1.0, lambda x: -x])
def test_a_miscalibrated_forecast_fails(result, wrong) -> None:
    seen, full, outcome = result
    found = judged(averaged(wrong(seen)), expit(seen - 0.5), expit(seen + 0.5), outcome, full)
    assert found.calibration_problems(WANTED) == [
        f"calibration error {found.calibration_error:.3f}; expected at most 0.05"
    ]
    right = judged(averaged(seen), expit(seen - 0.5), expit(seen + 0.5), outcome, full)
    assert found.log_loss > right.log_loss
    assert found.brier > right.brier


@pytest.mark.parametrize("width", [0.5, 1.0, 3.0])
def test_intervals_are_too_narrow_or_too_wide(result, width: float) -> None:
    seen, full, outcome = result
    found = judged(averaged(seen), expit(seen - 0.5 * width), expit(seen + 0.5 * width), outcome, full)
    assert_allclose(found.coverage, np.mean(np.abs(np.log(full / (1 - full)) - seen) <= 0.5 * width), rtol=1e-12)
    assert found.coverage_problems(WANTED) == [f"90 % intervals hold {100 * found.coverage:.1f} %; expected 85 to 95 %"]


def test_scores_are_those_of_their_definitions(result) -> None:
    seen, full, outcome = result
    p = averaged(seen)
    found = judged(p, p, p, outcome, full)
    assert_allclose(found.brier, np.mean((p - outcome) ** 2))
    assert_allclose(found.log_loss, np.mean(-full * np.log(p) - (1 - full) * np.log(1 - p)))


def test_only_days_that_came_are_judged(result) -> None:
    """Tonight's forecasts have no outcome yet; days without a forecast have nothing to judge."""
    seen, full, outcome = result
    said = rows(probability=averaged(seen), lower=0 * seen, upper=0 * seen + 1).rename({"date": "for_date"})
    days, truth = rows(has_migraine=outcome), rows(migraine_probability=full)
    last = FIRST + timedelta(days=DAYS - 1)
    assert check_forecasts(said, days.filter(pl.col("date") < last), truth).days == PATIENTS * (DAYS - 1)
    assert check_forecasts(said.sample(777, seed=0), days, truth).days == 777


def test_forecasts_of_days_to_come_alone_are_not_known_to_hold(result) -> None:
    seen, full, outcome = result
    said = rows(probability=averaged(seen), lower=0 * seen, upper=0 * seen + 1).rename({"date": "for_date"})
    none = check_forecasts(said, rows(has_migraine=outcome).clear(), rows(migraine_probability=full))
    assert none.days == 0
    assert none.calibration_problems(WANTED) == none.coverage_problems(WANTED) == [NOBODY]
