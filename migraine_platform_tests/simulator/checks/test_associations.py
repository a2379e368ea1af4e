"""Triggers that bring nothing are found out; those that do as configured are not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.checks.associations import TOGETHER, rises, sums, weak
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform_tests.simulator.cohort.test_cohort_simulator import with_cohort


@pytest.fixture(scope="module")
def days(simulator: CohortSimulator, features) -> pl.DataFrame:
    long = with_cohort(simulator, features, patients=200, days=90, batch_size=200)
    return long.batch(0)["cohort.patient_days"]


@pytest.fixture(scope="module")
def configured(settings) -> dict[str, TriggerRule]:
    return settings.simulator.triggers


def idle(days: pl.DataFrame, *triggers: str) -> pl.DataFrame:
    """The same days, with these triggers on other days of the same patient: as many of them, and before nothing."""
    moved = [pl.col(f"{trigger}_trigger").shuffle(seed=7).over("patient_id") for trigger in triggers]
    return days.with_columns(moved)


def test_a_sound_cohort_has_nothing_wrong(days, configured) -> None:
    assert weak(sums(days), configured) == []


def test_triggers_without_an_effect_are_found_out_together(days, configured) -> None:
    (problem,) = [one for one in weak(sums(idle(days, *TRIGGER_NAMES)), configured) if one.startswith(TOGETHER)]
    assert "expected at least 4.4" in problem


@pytest.mark.parametrize("trigger", TRIGGER_NAMES)
def test_one_trigger_without_an_effect_is_found_out_in_a_large_cohort(days, configured, trigger: str) -> None:
    """Sixteen cohorts of the same people are as sharp as one of sixteen times as many."""
    found = pl.concat([sums(idle(days, trigger)).with_columns(pl.col("patient_id") + f"/{n}") for n in range(16)])
    assert [problem.partition(":")[0] for problem in weak(found, configured)] == [trigger]


def test_few_days_give_no_verdict(days, configured) -> None:
    assert weak(sums(idle(days.head(400), *TRIGGER_NAMES)), configured) == []


def test_rise_and_error_are_those_of_a_regression_with_own_means(days) -> None:
    """statsmodels: least squares on the same differences, errors clustered by patient, uncorrected for few of them."""
    few = days.filter(pl.col("patient_id").is_in(days["patient_id"].unique().sort()[:40].to_list()))
    found = rises(sums(few))
    y = few.with_columns(y=pl.col("has_migraine").cast(float).shift(-1).over("patient_id")).drop_nulls("y")
    own = (pl.col("y") - pl.col("y").mean().over("patient_id")).alias("y")
    for trigger in TRIGGER_NAMES:
        flag = pl.col(f"{trigger}_trigger").cast(float)
        frame = y.with_columns(own, x=flag - flag.mean().over("patient_id"))
        groups = frame["patient_id"].rank("dense").to_numpy()
        fit = sm.OLS(frame["y"].to_numpy(), frame["x"].to_numpy()).fit(
            cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False}
        )
        np.testing.assert_allclose(found[trigger], (fit.params[0], fit.bse[0]), rtol=1e-6)


def test_a_trigger_that_never_comes_is_found_out_and_hides_no_other(days, configured) -> None:
    never = days.with_columns(weather_trigger=pl.lit(False))
    assert rises(sums(never))["weather"] == (0.0, np.inf)
    assert weak(sums(never), configured) == ["weather: came on no day, or on every day, of every patient"]
    others = [trigger for trigger in TRIGGER_NAMES if trigger != "weather"]
    reported = [problem.partition(":")[0] for problem in weak(sums(idle(never, *others)), configured)]
    assert {"weather", TOGETHER} <= set(reported)
