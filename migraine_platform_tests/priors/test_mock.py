from __future__ import annotations

import io
import json
import pickle
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from migraine_platform.config.settings import MockSettings
from migraine_platform.priors import artifacts, checklist
from migraine_platform.priors.impact import MIDDLE_SCORE, ImpactScorer
from migraine_platform.priors.mock import (
    MockDistribution,
    MockError,
    build_mock,
    correlation_frame,
    correlation_of,
    moment_frame,
    sample_frame,
)
from migraine_platform.priors.normalizer import Normalizer

SETTINGS = MockSettings(samples=5000, seed=1, logit_per_point=0.5, logit_offset=-1.0)


@pytest.fixture(scope="module")
def mock(features) -> MockDistribution:
    return build_mock(features, SETTINGS)


def test_samples_have_the_stated_mean_and_covariance(mock: MockDistribution) -> None:
    """Mean within 5 standard errors in each of 33 features (false alarm 2e-5); correlations within 5 / sqrt(n)."""
    count = len(mock.samples)
    sd = np.sqrt(np.diag(mock.sigma_prior))
    assert np.all(np.abs(mock.samples.mean(axis=0) - mock.mu_prior) < 5 * sd / np.sqrt(count))
    observed = np.corrcoef(mock.samples, rowvar=False)
    assert np.abs(observed - correlation_of(mock.sigma_prior)).max() < 5 / np.sqrt(count)


def test_the_prior_covariance_is_positive_semi_definite(mock: MockDistribution) -> None:
    assert np.linalg.eigvalsh(correlation_of(mock.sigma_prior)).min() > -1e-9


def test_harmful_and_protective_features_move_apart(mock: MockDistribution) -> None:
    correlation = correlation_of(mock.sigma_prior)
    signs = np.outer(mock.directions, mock.directions)
    off = ~np.eye(len(signs), dtype=bool)
    assert np.all(np.sign(correlation[off & (signs != 0)]) == signs[off & (signs != 0)])
    assert np.all(correlation[off & (signs == 0)] == 0)


def test_the_posterior_is_the_moments_given_migraine(mock: MockDistribution) -> None:
    given = mock.samples[mock.migraine]
    assert_allclose(mock.mu_post, given.mean(axis=0))
    assert_allclose(mock.sigma_post, np.cov(given.T))


def test_labels_follow_the_probabilities(mock: MockDistribution) -> None:
    """Standardised count of migraines, false alarm 6e-5 at four standard errors."""
    expected, variance = mock.p_migraine.sum(), (mock.p_migraine * (1 - mock.p_migraine)).sum()
    assert abs(mock.migraine.sum() - expected) < 4 * np.sqrt(variance)


def test_the_same_seed_gives_the_same_samples(features, mock: MockDistribution) -> None:
    assert_array_equal(build_mock(features, SETTINGS).samples, mock.samples)
    assert not np.array_equal(build_mock(features, SETTINGS.model_copy(update={"seed": 2})).samples, mock.samples)


def test_features_without_relevance_leave_no_mock(features) -> None:
    with pytest.raises(MockError, match="every feature has weight 0"):
        build_mock([replace(feature, weight=0.0) for feature in features], SETTINGS)
    with pytest.raises(MockError, match="0 of 5000 samples drew a migraine"):
        build_mock(features, SETTINGS.model_copy(update={"logit_offset": -40.0}))


def test_the_checklist_passes_on_the_shipped_features(mock: MockDistribution) -> None:
    for point in (checklist.clinical_directions, checklist.probabilities_unimodal, checklist.posterior_shifted):
        finding = point(mock)
        assert finding.passed, finding.summary


def test_unsigned_relevance_fails_the_checklist(features, mock: MockDistribution) -> None:
    """The specification's unsigned correlations move protective features the wrong way."""
    unsigned = without_directions(features, mock)
    finding = checklist.clinical_directions(unsigned)
    assert not finding.passed
    assert finding.figures["wrong"] > 3


def test_a_posterior_that_is_the_prior_fails_the_checklist(mock: MockDistribution) -> None:
    shuffled = np.random.default_rng(0).permutation(mock.migraine)
    given = mock.samples[shuffled]
    same = replace(mock, migraine=shuffled, mu_post=given.mean(axis=0))
    assert not checklist.posterior_shifted(same).passed


def test_two_humps_or_impossible_probabilities_fail_the_checklist(mock: MockDistribution) -> None:
    humps = np.concatenate([np.full(2500, 0.2), np.full(2500, 0.8)])
    humps = humps + np.random.default_rng(0).normal(0, 0.03, 5000)
    assert not checklist.probabilities_unimodal(replace(mock, p_migraine=humps)).passed
    assert not checklist.probabilities_unimodal(replace(mock, p_migraine=mock.p_migraine + 1)).passed


def test_modes_are_counted() -> None:
    rng = np.random.default_rng(0)
    assert checklist.modes(rng.normal(0, 1, 4000)) == 1
    assert checklist.modes(stats.expon.rvs(size=4000, random_state=1)) == 1
    assert checklist.modes(np.concatenate([rng.normal(-4, 1, 2000), rng.normal(4, 1, 2000)])) == 2


def without_directions(features, mock: MockDistribution) -> MockDistribution:
    """The same model with every direction taken as positive when sampling."""
    rng = np.random.default_rng(5)
    factor, own = rng.standard_normal((5000, 1)), rng.standard_normal((5000, len(features)))
    sd = np.sqrt(np.diag(mock.sigma_prior))
    samples = mock.mu_prior + sd * (mock.relevance * factor + np.sqrt(1 - mock.relevance**2) * own)
    beta = mock.relevance / mock.relevance.sum()
    logit = 0.5 * (ImpactScorer(features).score(samples) - MIDDLE_SCORE) @ beta - 1
    return replace(mock, samples=samples, p_migraine=1 / (1 + np.exp(-logit)))


def test_the_pickle_has_the_specified_names_and_plain_values(mock: MockDistribution) -> None:
    content = pickle.loads(artifacts.mock_pickle(mock))  # noqa: S301  what other programs will do with the file
    assert list(content) == ["features", "mu_prior", "Sigma_prior", "mu_post", "Sigma_post", "samples", "migraine"]
    assert_array_equal(content["samples"], mock.samples)
    assert set(np.unique(content["migraine"])) == {0, 1}


def test_the_csv_reads_back_exactly(mock: MockDistribution) -> None:
    frame = pl.read_csv(io.BytesIO(artifacts.mock_csv(mock)))
    assert frame.columns == [*mock.variables, "p_migraine", "migraine"]
    assert_array_equal(frame.select(mock.variables).to_numpy(), mock.samples)
    assert frame["migraine"].sum() == mock.migraine.sum()


def test_the_normaliser_reads_back_from_json_exactly(features) -> None:
    content = artifacts.normalizer_json(features)
    assert artifacts.normalizer_from_json(content) == Normalizer.of(features)
    assert set(json.loads(content)) == {feature.variable for feature in features}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"a": 1}', b'{"a": {"range": [1]}}', b"\x80\x04."])
def test_a_file_that_holds_no_normaliser_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="not a feature normaliser"):
        artifacts.normalizer_from_json(content)


def test_the_tables_hold_what_was_built(mock: MockDistribution) -> None:
    samples = sample_frame(mock)
    assert samples.height == mock.samples.size
    one = samples.filter(pl.col("sample") == 17)
    assert_array_equal(one["value"].to_numpy(), mock.samples[17])
    assert moment_frame(mock)["mu_post"].to_list() == mock.mu_post.tolist()
    pair = correlation_frame(mock).filter((pl.col("variable") == "stress_level") & (pl.col("other") == "rmssd"))
    assert pair["prior"].item() < 0
