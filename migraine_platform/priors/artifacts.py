"""The artifacts of the priors, under the names that other programs look for.

    feature_normalizer.json   plain numbers, exact to the last digit; `normalizer_from_json` reads it back
    feature_normalizer.pkl    the same for programs that expect a pickle
    mock_distribution.csv     the samples, one column a feature
    mock_distribution.pkl     prior, posterior and samples

The pickles hold plain dictionaries, lists and numpy arrays. They are written for others: the platform loads none.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Sequence
from typing import Any

from migraine_platform.priors.features import Feature
from migraine_platform.priors.impact import score_knots
from migraine_platform.priors.mock import MockDistribution
from migraine_platform.priors.normalizer import Normalizer


def normalizer_content(features: Sequence[Feature]) -> dict[str, Any]:
    """Priors, ranges, impact patterns and scoring functions by variable, as plain values.

    A scoring function is the monotone cubic (PCHIP) through its knots, constant beyond them.
    """
    return {
        feature.variable: {
            "unit": feature.unit,
            "mean": feature.mean,
            "sd": feature.sd,
            "family": feature.family,
            "range": [feature.range_low, feature.range_high],
            "normalized_range": [feature.normalized_low, feature.normalized_high],
            "impact_pattern": list(feature.impact_pattern),
            "scoring": {"interpolation": "pchip", **dict(zip(("values", "scores"), _knots(feature), strict=True))},
        }
        for feature in features
    }


def _knots(feature: Feature) -> tuple[list[float], list[float]]:
    values, scores = score_knots(feature)
    return values.tolist(), scores.tolist()


def normalizer_json(features: Sequence[Feature]) -> bytes:
    """Content of `feature_normalizer.json`."""
    return json.dumps(normalizer_content(features), indent=2).encode()


def normalizer_from_json(content: bytes) -> Normalizer:
    """The normaliser that `feature_normalizer.json` describes.

    Raises:
        ValueError: if the content is not such a file.
    """
    try:
        entries = json.loads(content)
        return Normalizer(
            variables=tuple(entries),
            range_low=tuple(float(entry["range"][0]) for entry in entries.values()),
            range_high=tuple(float(entry["range"][1]) for entry in entries.values()),
            normalized_low=tuple(float(entry["normalized_range"][0]) for entry in entries.values()),
            normalized_high=tuple(float(entry["normalized_range"][1]) for entry in entries.values()),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"not a feature normaliser: {type(error).__name__}: {error}") from None


def normalizer_pickle(features: Sequence[Feature]) -> bytes:
    """Content of `feature_normalizer.pkl`."""
    return pickle.dumps(normalizer_content(features), protocol=4)


def mock_pickle(mock: MockDistribution) -> bytes:
    """Content of `mock_distribution.pkl`: the names that the specification gives."""
    return pickle.dumps(
        {
            "features": list(mock.variables),
            "mu_prior": mock.mu_prior,
            "Sigma_prior": mock.sigma_prior,
            "mu_post": mock.mu_post,
            "Sigma_post": mock.sigma_post,
            "samples": mock.samples,
            "migraine": mock.migraine.astype(int),
        },
        protocol=4,
    )


def mock_csv(mock: MockDistribution) -> bytes:
    """Content of `mock_distribution.csv`: one column per feature, then `p_migraine` and `migraine` (0 or 1)."""
    import polars as pl

    frame = pl.DataFrame(mock.samples, schema=list(mock.variables)).with_columns(
        p_migraine=pl.Series(mock.p_migraine), migraine=pl.Series(mock.migraine.astype(int))
    )
    buffer = io.BytesIO()
    frame.write_csv(buffer)
    return buffer.getvalue()
