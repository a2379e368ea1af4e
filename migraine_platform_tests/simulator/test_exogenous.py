from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import stats

from migraine_platform.priors.families import Prior
from migraine_platform.priors.features import UnknownVariableError, select
from migraine_platform.simulator.exogenous import exposure_copula, wearable_copula

PERSONS, DAYS = 3000, 30


@pytest.fixture(scope="module")
def drawn(settings, features) -> dict[str, np.ndarray]:
    copula = exposure_copula(features, settings.simulator.exogenous)
    return copula.simulate(np.arange(PERSONS), DAYS, 4, {})


def test_without_cycles_marginals_are_the_priors(settings, features, drawn) -> None:
    """Kolmogorov-Smirnov on one day of 3,000 independent persons; false-alarm rate 1e-3 a feature."""
    for feature in select(features, settings.simulator.exogenous.features):
        assert stats.kstest(drawn[feature.variable][:, 7], Prior(feature).cdf).pvalue > 1e-3, feature.variable


def test_persistence_and_between_person_spread_are_those_of_the_table(settings, features, drawn) -> None:
    """On the latent scale, where the process is defined; tolerance of about 5 standard errors."""
    for feature in select(features, settings.simulator.exogenous.features):
        z = stats.norm.ppf(np.clip(Prior(feature).cdf(drawn[feature.variable]), 1e-9, 1 - 1e-9))
        lag1, share = feature.lag1, feature.between_share
        today, yesterday = z[:, 1:].ravel(), z[:, :-1].ravel()
        expected = share + (1 - share) * lag1
        assert_allclose(np.corrcoef(today, yesterday)[0, 1], expected, atol=0.03)
        between = np.mean(z[:, 5] * z[:, 29])  # 24 days apart only the person is left
        assert_allclose(between, share, atol=0.09)


def test_innovations_are_correlated_as_configured(settings, features, drawn) -> None:
    sleep, stress = drawn["total_sleep_hours"], drawn["stress_level"]
    within = [(x - x.mean(axis=1, keepdims=True)).ravel() for x in (sleep, stress)]
    names = list(settings.simulator.exogenous.features)
    row, column = names.index("total_sleep_hours"), names.index("stress_level")
    configured = settings.simulator.exogenous.correlation[row][column]
    # Both lag-1 correlations lie near 0.3, which leaves the innovations' correlation almost as it is.
    assert abs(np.corrcoef(*within)[0, 1] - configured) < 0.03


def test_a_cycle_shifts_the_days_it_names(settings, features, drawn) -> None:
    copula = exposure_copula(features, settings.simulator.exogenous)
    cycle = np.where(np.arange(DAYS) % 7 == 0, 1.0, 0.0)
    shifted = copula.simulate(np.arange(PERSONS), DAYS, 4, {"total_sleep_hours": cycle})
    difference = shifted["total_sleep_hours"] - drawn["total_sleep_hours"]
    assert_allclose(difference[:, 0].mean(), 1.0, atol=0.1)
    assert np.all(difference[:, 1] == 0)
    assert np.all(shifted["stress_level"] == drawn["stress_level"])


def test_a_feature_that_the_table_lacks_is_named(settings, features) -> None:
    known = [feature for feature in features if feature.variable != "stress_level"]
    with pytest.raises(UnknownVariableError, match="the feature table has no variable stress_level; it has: "):
        exposure_copula(known, settings.simulator.exogenous)


def test_a_wearable_records_what_the_table_says(settings, features) -> None:
    """Between- and within-person spread of 3,000 persons x 60 days against the workbook's, on the value scale."""
    drawn = wearable_copula(features, settings.simulator.wearable).simulate(np.arange(3000), 60, 4, {})
    for feature in select(features, settings.simulator.wearable.features):
        values = drawn[feature.variable]
        assert_allclose(values.mean(), feature.mean, rtol=0.05)
        assert_allclose(values.std(), feature.sd, rtol=0.06)
        # The share between persons is exact for the latent deviates; a skewed quantile function moves it a little.
        persons = values.mean(axis=1)
        assert_allclose(persons.std() ** 2, feature.between_sd**2, rtol=0.35)


def test_the_wearable_disturbs_no_other_stream(settings, features, drawn) -> None:
    wearable = wearable_copula(features, settings.simulator.wearable).simulate(np.arange(PERSONS), DAYS, 4, {})
    for values in wearable.values():
        for other in drawn.values():
            z, x = (stats.rankdata(array[:, 5]) for array in (values, other))
            assert abs(np.corrcoef(z, x)[0, 1]) < 5 / np.sqrt(PERSONS)
