from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import roc_auc_score

from migraine_platform.config.realism import Reference
from migraine_platform.ingest.sources.kostecki_dillon import KosteckiDillon
from migraine_platform.ingest.sources.study import StudyError
from migraine_platform.simulator.checks.realism import (
    FIGURES,
    RealismError,
    View,
    auc,
    realism_frame,
    spreads,
    verdict,
    view,
    within_person_lag1,
)
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.exogenous.station import read_station
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.tables import Realism


@pytest.fixture(scope="module")
def simulator(simulator_of) -> CohortSimulator:
    return simulator_of(cohort={"patients": 400, "batch_size": 400, "days": 120}, ceilings={"oracle_patients": 0})


@pytest.fixture(scope="module")
def cohort(simulator: CohortSimulator) -> View:
    frames = simulator.batch(0)
    names = ("cohort.patient_days", "truth.patient_days", "cohort.attacks", "measured.patient_days")
    return view(*(frames[name] for name in names))


def test_the_default_cohort_is_realistic(settings, simulator, cohort) -> None:
    frame = realism_frame(settings.realism, cohort, simulator.site_days())
    assert frame["figure"].to_list() == list(settings.realism.figures)
    # The specification's triggers of 15-20 points tell patients apart better than real ones do.
    assert set(frame.filter(verdict="outside")["figure"]) <= {"perfect_auc_pooled"}, frame.filter(verdict="outside")
    assert "sleep_lag1" in frame.filter(verdict="specification")["figure"]
    result = audit(Realism, frame.sort("figure"))
    assert result.passed, result.summary()


def test_an_unreal_cohort_is_found_out(settings, simulator, cohort) -> None:
    """Migraine independent of yesterday and certain to a perfect model; sleep spread twice as far; signs by chance; all
    treat the mild attacks, which come by night at weekends and in the afternoon on workdays, write for a month and then
    not for a month, and wear the device so, a day later."""
    rng = np.random.default_rng(1)
    fake = {name: values.copy() for name, values in cohort.days.items()}
    fake["has_migraine"] = (rng.random(cohort.forecast.shape) < 0.3).astype(float)
    mean = fake["total_sleep_hours"].mean()
    fake["total_sleep_hours"] = mean + 2 * (fake["total_sleep_hours"] - mean)
    fake["prodrome"] = (rng.random(cohort.forecast.shape) < 0.1).astype(float)
    unreal = View(
        fake,
        fake["has_migraine"] + 0.01 * rng.random(cohort.forecast.shape),
        cohort.announced,
        cohort.is_weekend,
        cohort.attack_patient,
        np.where(cohort.attack_weekend, 3.0, 15.0),
        cohort.attack_weekend,
        np.full_like(cohort.attack_duration, 8.0),
        cohort.attack_treated,
        np.where(cohort.attack_treated, 3.0, 9.0),
        (np.arange(cohort.wrote.shape[1]) % 60 < 30).astype(float) * np.ones_like(cohort.wrote),
        ((np.arange(cohort.wrote.shape[1]) - 1) % 60 < 30).astype(float) * np.ones_like(cohort.wrote),
    )
    frame = realism_frame(settings.realism, unreal, simulator.site_days())
    outside = set(frame.filter(verdict="outside")["figure"])
    assert outside >= {
        "migraine_lag1",
        "perfect_auc_within",
        "perfect_auc_pooled",
        "sleep_within_sd_hours",
        "onsets_06_to_12_share",
        "weekend_minus_workday_early_onsets",
        "untreated_duration_median_h",
        "one_duration_share",
        "prodrome_conversion",
        "severity_between_share",
        "treated_more_severe_points",
        "entry_lag1",
        "late_minus_early_entries",
        "device_gap_odds_ratio",
    }
    assert "stress_lag1" not in outside


def test_the_references_of_a_fall_are_those_of_the_real_station(settings, simulator, cohort) -> None:
    """New York's year, given for two sites: humidity and warming go with its falls as configs/realism.yaml says."""
    station = read_station(next(site.station for site in settings.simulator.weather.sites if site.station is not None))
    days = simulator.site_days().filter(pl.col("origin") == "simulated").head(0)
    year = pl.DataFrame(station.values, schema=["temperature", "humidity", "pressure"], orient="row").with_columns(
        date=pl.date_range(date(2024, 1, 1), date(2024, 12, 31), eager=True),
        pressure_change_24h=pl.col("pressure").diff(),
        climate=pl.lit("temperate"),
        hemisphere=pl.lit("north"),
        origin=pl.lit("simulated"),
        weather_trigger=pl.lit(False),
    )
    real = pl.concat([year.slice(1).with_columns(site_id=pl.lit(name)).select(days.columns) for name in ("S02", "S03")])
    everywhere = pl.concat([simulator.site_days().select(days.columns).filter(pl.col("origin") != "simulated"), real])
    names = ["fall_humidity_correlation", "fall_warming_correlation"]
    asked = settings.realism.model_copy(update={"figures": {name: settings.realism.figures[name] for name in names}})
    frame = realism_frame(asked, cohort, everywhere)
    assert_allclose(frame["simulated"].to_list(), [0.51, 0.53], atol=0.01)
    assert frame["verdict"].to_list() == ["within", "within"]


def test_the_reference_of_streaks_is_that_of_real_diaries(settings, cohort) -> None:
    """133 patients' evenings between the first entry and the last: configs/realism.yaml gives 0.68."""
    try:
        days = KosteckiDillon().read().days
    except StudyError as missing:
        pytest.skip(str(missing))
    squares = products = 0.0
    for _, own in days.group_by("patient_id"):
        there = own["study_day"].to_numpy()
        wrote = np.zeros(there.max() - there.min() + 1)
        wrote[there - there.min()] = 1.0
        centred = wrote - wrote.mean()
        squares, products = squares + (centred**2).sum(), products + (centred[1:] * centred[:-1]).sum()
    assert_allclose(products / squares, 0.68, atol=0.01)


def test_weather_that_is_the_same_everywhere_or_that_pressure_decides_is_found_out(settings, simulator, cohort) -> None:
    """One pressure for all sites of a climate; air as moist as pressure fell; as warm as it has fallen so far."""
    days = simulator.site_days().sort("site_id", "date")
    same = days.with_columns(pl.col("pressure").first().over("climate", "hemisphere", "date"))
    fall = -pl.col("pressure_change_24h")
    decided = days.with_columns(humidity=fall, temperature=fall.cum_sum().over("site_id"))
    for made, wanted in (
        (same, {"neighbour_pressure_correlation"}),
        (decided, {"fall_humidity_correlation", "fall_warming_correlation"}),
    ):
        frame = realism_frame(settings.realism, cohort, made)
        assert set(frame.filter(verdict="outside")["figure"]) >= wanted


def test_a_figure_that_nobody_knows_is_named(settings, simulator, cohort) -> None:
    reference = Reference(literature=(0, 1), source="somebody")
    asked = settings.realism.model_copy(update={"figures": {"shoe_size": reference}})
    with pytest.raises(RealismError, match="no figure is called shoe_size; known: sleep_mean_hours"):
        realism_frame(asked, cohort, simulator.site_days())


def test_every_figure_has_a_reference(settings) -> None:
    assert set(FIGURES) <= set(settings.realism.figures)


@pytest.mark.parametrize(
    ("value", "margin", "expected"),
    [(0.5, 0.0, "within"), (1.05, 0.1, "within"), (3.5, 0.1, "specification"), (2.0, 0.1, "outside")],
)
def test_verdicts(value: float, margin: float, expected: str) -> None:
    reference = Reference(literature=(0, 1), specification=(3, 4), source="x")
    assert verdict(reference, value, margin) == expected


def test_auc_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    labels, scores = (rng.random(500) < 0.3).astype(float), rng.integers(0, 20, 500) / 20
    assert_allclose(auc(labels, scores), roc_auc_score(labels, scores))
    assert np.isnan(auc(np.ones(4), np.arange(4.0)))


def test_spreads_and_lag1_are_those_of_the_process() -> None:
    """2,000 persons x 100 days of an AR(1) process around own means; five standard errors."""
    rng = np.random.default_rng(3)
    x = np.zeros((2000, 100))
    x[:, 0] = rng.normal(size=2000)
    for day in range(1, 100):
        x[:, day] = 0.4 * x[:, day - 1] + np.sqrt(1 - 0.16) * rng.normal(size=2000)
    values = 3 * rng.normal(size=(2000, 1)) + 2 * x
    between, within = spreads(values)
    assert abs(between - 3) < 0.25
    assert abs(within - 2) < 0.05
    assert abs(within_person_lag1(values) - 0.4) < 0.02


def test_the_view_lays_days_out_by_patient(cohort, simulator) -> None:
    frames = simulator.batch(0)
    days = frames["cohort.patient_days"]
    person = days.filter(patient_id="P0003")
    assert np.array_equal(cohort.days["has_migraine"][2], person["has_migraine"].cast(float).to_numpy())
    began = frames["cohort.attacks"].filter(pl.col("attack_id") >= 0)
    assert len(cohort.attack_hour) == began.height == int(cohort.days["onset"].sum())
