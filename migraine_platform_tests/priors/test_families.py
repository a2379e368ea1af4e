from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import integrate, stats

from migraine_platform.priors.distributions import distribution_frame
from migraine_platform.priors.families import FAMILIES, Prior, family_problem, implied_sd
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.exogenous.features import at, position_of

EXAMPLE = Feature(
    "c", "x", "d", "u", 0.5, "0-10", 0.0, 10.0, 4.0, 1.5, None, None, None, "normal", 1.0, 10.0, (5,) * 10, "none", "s"
)  # fmt: skip
SMALLEST_NUMBER = 10 * float(np.finfo(np.float64).tiny)
CONTINUOUS = [family for family in FAMILIES if family not in ("poisson", "bernoulli")]


def example(family: str, mean: float = 4.0, sd: float = 1.5) -> Feature:
    if family == "bernoulli":
        mean = mean / 10
    return replace(EXAMPLE, family=family, mean=mean, sd=implied_sd(family, mean) or sd)


@pytest.mark.parametrize("family", CONTINUOUS)
def test_moments_agree_with_numerical_integration_of_the_quantiles(family: str) -> None:
    prior = Prior(example(family))
    mean, _ = integrate.quad(lambda p: float(prior.quantile(p)), 0, 1, limit=200)
    second, _ = integrate.quad(lambda p: float(prior.quantile(p)) ** 2, 0, 1, limit=200)
    assert mean == pytest.approx(4.0, rel=1e-4)
    assert np.sqrt(second - mean**2) == pytest.approx(1.5, rel=2e-3)


@given(st.sampled_from(CONTINUOUS), st.floats(1, 9), st.floats(0.1, 3), st.floats(0.001, 0.999))
@settings(max_examples=200)
def test_quantile_inverts_the_distribution_function(family: str, mean: float, sd: float, p: float) -> None:
    if family_problem(family, mean, sd, 0, 10) is not None:
        return
    prior = Prior(example(family, mean, sd))
    assert prior.mean == pytest.approx(mean, rel=1e-6)
    assert prior.sd == pytest.approx(sd, rel=1e-6)
    value = float(prior.quantile(p))
    # The smallest value that reaches p: near an end a beta of two humps jumps from one number to the next.
    assert float(prior.cdf(value)) >= p - 1e-6
    if value > SMALLEST_NUMBER:  # a beta of a very steep hump has quantiles below all numbers there are
        assert float(prior.cdf(np.nextafter(value, -np.inf))) <= p + 1e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_the_quantile_table_maps_normal_deviates_to_the_prior(family: str) -> None:
    """One-sample Kolmogorov-Smirnov at 20,000 draws, fixed seed; false-alarm rate 1e-3 (conservative when discrete)."""
    prior = Prior(example(family))
    z = np.random.default_rng(3).standard_normal(20_000)
    table = prior.quantile_table()
    values = np.array([at(table, position_of(value, len(table))) for value in z])
    if family in ("poisson", "bernoulli"):
        values = np.round(values)
        distance = max(abs((values <= k).mean() - float(prior.cdf(k))) for k in range(12))
        assert distance < stats.kstwo.ppf(1 - 1e-3, 20_000)
    else:
        assert stats.kstest(values, prior.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("family", "mean", "sd", "message"),
    [
        ("beta", 11, 1, "lies outside the range"),
        ("beta", 5, 5.1, "no distribution on 0 to 10"),
        ("gamma", -1, 1, "needs a mean above 0"),
        ("lognormal", 0, 1, "needs a mean above 0"),
        ("bernoulli", 1.5, 0.1, "lies between 0 and 1"),
        ("poisson", 4, 1, "a poisson distribution of mean 4 has sd 2, not 1; leave the sd empty"),
        ("normal", 4, 0, "the sd must be above 0"),
        ("zipf", 4, 1, "is no known distribution"),
    ],
)
def test_impossible_moments_are_explained(family: str, mean: float, sd: float, message: str) -> None:
    assert message in str(family_problem(family, mean, sd, 0, 10))


def test_the_distribution_table_says_what_the_priors_are(features: tuple[Feature, ...]) -> None:
    rows = {row["variable"]: row for row in distribution_frame(features).iter_rows(named=True)}
    sleep = rows["total_sleep_hours"]
    assert_allclose([sleep["mean"], sleep["sd"]], [7.0, 1.5], rtol=1e-9)
    assert rows["stress_level"]["direction"] == 1
    assert rows["sleep_efficiency"]["direction"] == -1
    assert rows["sleep_deviation_hours"]["direction"] == 0
