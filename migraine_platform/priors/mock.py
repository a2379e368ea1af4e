"""Mock distribution: correlated Gaussian features and a logistic migraine, with prior and posterior moments.

It is the prior of ALINE's `logistic` task, not a model of days: no time, no persons.

    Sigma = D C D,   D = diag(sd),   C = v v' off the diagonal and 1 on it,   v = direction * relevance
    logit p = logit_per_point * sum_j beta_j (score_j(x_j) - 5.5) + logit_offset,   beta = relevance / sum(relevance)
    posterior = moments of the samples that drew a migraine

C = v v' + diag(1 - v^2) is positive semi-definite for any |v| <= 1, and x = mu + sd (v f + sqrt(1 - v^2) e) with one
common factor f samples it exactly. Directions matter: unsigned, a protective feature would rise with the harmful ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migraine_platform.config.settings import MockSettings
from migraine_platform.errors import UserError
from migraine_platform.priors.distributions import direction
from migraine_platform.priors.features import Feature
from migraine_platform.priors.impact import MIDDLE_SCORE, ImpactScorer

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


class MockError(UserError):
    """Features or settings that leave no mock distribution."""


@dataclass(frozen=True)
class MockDistribution:
    """Prior, posterior and samples; arrays over F features and N samples."""

    variables: tuple[str, ...]
    directions: NDArray[np.int64]
    """[F] clinical directions: 1, -1 or 0."""
    relevance: NDArray[np.float64]
    """[F] weight over the largest weight."""
    mu_prior: NDArray[np.float64]
    sigma_prior: NDArray[np.float64]
    """[F, F] covariance."""
    mu_post: NDArray[np.float64]
    sigma_post: NDArray[np.float64]
    samples: NDArray[np.float64]
    """[N, F] in the features' units."""
    p_migraine: NDArray[np.float64]
    """[N] probability of migraine."""
    migraine: NDArray[np.bool_]
    """[N] drawn label."""


def build_mock(features: Sequence[Feature], settings: MockSettings) -> MockDistribution:
    """Sample the mock distribution; the same features and settings give the same samples.

    Raises:
        MockError: if fewer than two samples drew a migraine, so that there is no posterior.
    """
    import numpy as np
    from scipy.special import expit

    rng = np.random.Generator(np.random.PCG64(settings.seed))
    weights = np.array([feature.weight for feature in features])
    if weights.max() <= 0:
        raise MockError("every feature has weight 0; expected at least one with a relevance for migraine")
    mu = np.array([feature.mean for feature in features])
    sd = np.array([feature.sd for feature in features])
    relevance = weights / weights.max()
    directions = np.array([direction(feature) for feature in features])

    loading = directions * relevance
    correlation = np.outer(loading, loading)
    np.fill_diagonal(correlation, 1.0)
    factor = rng.standard_normal((settings.samples, 1))
    own = rng.standard_normal((settings.samples, len(features)))
    samples = mu + sd * (loading * factor + np.sqrt(1 - loading**2) * own)

    points = ImpactScorer(features).score(samples) - MIDDLE_SCORE
    beta = relevance / relevance.sum()
    p = expit(settings.logit_per_point * points @ beta + settings.logit_offset)
    migraine = rng.random(settings.samples) < p
    if migraine.sum() < 2:
        raise MockError(f"{int(migraine.sum())} of {settings.samples} samples drew a migraine; expected at least 2")
    given = samples[migraine]
    return MockDistribution(
        variables=tuple(feature.variable for feature in features),
        directions=directions,
        relevance=relevance,
        mu_prior=mu,
        sigma_prior=sd[:, None] * correlation * sd,
        mu_post=given.mean(axis=0),
        sigma_post=np.cov(given, rowvar=False),
        samples=samples,
        p_migraine=p,
        migraine=migraine,
    )


def correlation_of(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation matrix of a covariance matrix.

    Args:
        covariance: [D, D]
    """
    import numpy as np

    sd = np.sqrt(np.diag(covariance))
    correlation: NDArray[np.float64] = np.clip(covariance / np.outer(sd, sd), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def sample_frame(mock: MockDistribution) -> pl.DataFrame:
    """Rows of `mock.samples`: one per sample and feature."""
    import numpy as np
    import polars as pl

    count, features = mock.samples.shape
    return pl.DataFrame(
        {
            "sample": np.repeat(np.arange(count, dtype=np.int64), features),
            "variable": list(mock.variables) * count,
            "value": mock.samples.ravel(),
            "p_migraine": np.repeat(mock.p_migraine, features),
            "migraine": np.repeat(mock.migraine, features),
        }
    )


def moment_frame(mock: MockDistribution) -> pl.DataFrame:
    """Rows of `mock.moments`: one per feature."""
    import numpy as np
    import polars as pl

    return pl.DataFrame(
        {
            "variable": list(mock.variables),
            "direction": mock.directions.astype(np.int64),
            "relevance": mock.relevance,
            "mu_prior": mock.mu_prior,
            "mu_post": mock.mu_post,
            "sd_prior": np.sqrt(np.diag(mock.sigma_prior)),
            "sd_post": np.sqrt(np.diag(mock.sigma_post)),
        }
    )


def correlation_frame(mock: MockDistribution) -> pl.DataFrame:
    """Rows of `mock.correlations`: one per ordered pair of features."""
    import polars as pl

    names = list(mock.variables)
    return pl.DataFrame(
        {
            "variable": [name for name in names for _ in names],
            "other": names * len(names),
            "prior": correlation_of(mock.sigma_prior).ravel(),
            "posterior": correlation_of(mock.sigma_post).ravel(),
        }
    )


def from_frames(samples: pl.DataFrame, moments: pl.DataFrame, correlations: pl.DataFrame) -> MockDistribution:
    """The mock distribution that the three tables hold, features in the order of their names."""
    import numpy as np

    samples, moments = samples.sort("sample", "variable"), moments.sort("variable")
    correlations = correlations.sort("variable", "other")
    names = tuple(moments["variable"])
    shape = (samples.height // len(names), len(names))
    per_sample = samples.filter(samples["variable"] == names[0])
    covariance = {}
    for which, sd in (("prior", moments["sd_prior"].to_numpy()), ("posterior", moments["sd_post"].to_numpy())):
        covariance[which] = sd[:, None] * correlations[which].to_numpy().reshape(len(names), len(names)) * sd
    return MockDistribution(
        variables=names,
        directions=moments["direction"].to_numpy(),
        relevance=moments["relevance"].to_numpy(),
        mu_prior=moments["mu_prior"].to_numpy(),
        sigma_prior=covariance["prior"],
        mu_post=moments["mu_post"].to_numpy(),
        sigma_post=covariance["posterior"],
        samples=np.ascontiguousarray(samples["value"].to_numpy().reshape(shape)),
        p_migraine=per_sample["p_migraine"].to_numpy(),
        migraine=per_sample["migraine"].to_numpy(),
    )
