from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from migraine_platform.config.simulator.copula import COLUMN_OF, EXOGENOUS_FEATURES, WEARABLE_FEATURES
from migraine_platform.priors.families import Prior
from migraine_platform.priors.features import UnknownVariableError, select
from migraine_platform.simulator.exogenous.features import FEATURES, Copula
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform_tests.simulator.conftest import STEADY

PERSONS, DAYS = 3000, 40


def result(simulator) -> dict[str, np.ndarray]:
    days = simulator.trajectories(first_patients(simulator.settings, PERSONS)).days
    return {name: days.value(COLUMN_OF.get(name, name)).astype(float) for name in FEATURES}


@pytest.fixture(scope="module")
def drawn(simulator_of) -> dict[str, np.ndarray]:
    return result(simulator_of(cohort={"patients": PERSONS, "days": DAYS}, **STEADY))


@pytest.mark.parametrize("name", FEATURES)
def test_with_cycles_and_coupling_off_the_marginals_are_the_priors(features, drawn, name: str) -> None:
    """Kolmogorov-Smirnov on one day of 3,000 independent persons; false-alarm rate 1e-3 a feature."""
    (feature,) = select(features, [name])
    assert stats.kstest(drawn[name][:, 7], Prior(feature).cdf).pvalue > 1e-3


@pytest.mark.parametrize("name", FEATURES)
def test_persistence_and_between_person_spread_are_those_of_the_table(features, drawn, name: str) -> None:
    """On the latent scale, where the process is defined; tolerance of about 5 standard errors."""
    (feature,) = select(features, [name])
    z = stats.norm.ppf(np.clip(Prior(feature).cdf(drawn[name]), 1e-9, 1 - 1e-9))
    lag1, share = feature.lag1, feature.between_share
    expected = share + (1 - share) * lag1
    assert_allclose(np.corrcoef(z[:, 1:].ravel(), z[:, :-1].ravel())[0, 1], expected, atol=0.03)
    far = np.mean(z[:, 5] * z[:, 37])
    assert_allclose(far, share + (1 - share) * lag1**32, atol=0.09)


def test_innovations_are_correlated_as_configured(settings, drawn) -> None:
    sleep, stress = drawn["total_sleep_hours"], drawn["stress_level"]
    within = [(x - x.mean(axis=1, keepdims=True)).ravel() for x in (sleep, stress)]
    names = list(settings.simulator.exogenous.features)
    configured = settings.simulator.exogenous.correlation[names.index("total_sleep_hours")][names.index("stress_level")]
    # Both lag-1 correlations lie near 0.3, which leaves the innovations' correlation almost as it is.
    assert abs(np.corrcoef(*within)[0, 1] - configured) < 0.03


def test_the_order_in_the_configuration_changes_nothing(settings, features) -> None:
    exogenous = settings.simulator.exogenous
    order = list(range(len(exogenous.features)))[::-1]
    reversed_ = exogenous.model_copy(
        update={
            "features": tuple(exogenous.features[i] for i in order),
            "correlation": tuple(tuple(exogenous.correlation[i][j] for j in order) for i in order),
        }
    )
    one, two = (Copula.of(features, each, settings.simulator.wearable) for each in (exogenous, reversed_))
    for left, right in zip(one, two, strict=True):
        assert np.array_equal(left, right)


def test_weekly_cycles_move_the_features_they_name_and_no_other(simulator_of, drawn) -> None:
    cycling = {**STEADY, "sleep": {"weekend_extra_hours": 1.0}}
    simulator = simulator_of(cohort={"patients": PERSONS, "days": DAYS}, **cycling)
    other = result(simulator)
    weekend = simulator.calendar.is_weekend()[simulator.calendar.burn_in :]
    difference = other["total_sleep_hours"] - drawn["total_sleep_hours"]
    assert_allclose(difference[:, weekend].mean() - difference[:, ~weekend].mean(), 1.0, atol=0.1)
    for name in set(EXOGENOUS_FEATURES) - {"total_sleep_hours"}:
        assert np.array_equal(other[name], drawn[name])


def test_the_wearable_disturbs_no_exposure(drawn) -> None:
    for name in WEARABLE_FEATURES:
        for other in EXOGENOUS_FEATURES:
            assert abs(stats.spearmanr(drawn[name][:, 5], drawn[other][:, 5]).statistic) < 5 / np.sqrt(PERSONS)


def test_a_feature_that_the_table_lacks_is_named(settings, features) -> None:
    known = [feature for feature in features if feature.variable != "stress_level"]
    with pytest.raises(UnknownVariableError, match="the feature table has no variable stress_level; it has: "):
        Copula.of(known, settings.simulator.exogenous, settings.simulator.wearable)
