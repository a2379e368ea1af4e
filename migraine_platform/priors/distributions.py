"""What each feature's prior amounts to: quantiles, and the direction of its impact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migraine_platform.priors.families import Prior
from migraine_platform.priors.features import Feature
from migraine_platform.priors.impact import ImpactScorer

if TYPE_CHECKING:
    import polars as pl

FLAT_CORRELATION = 0.1
"""Below this correlation of value and risk over the prior, a pattern has no direction (a U shape)."""


def direction(feature: Feature) -> int:
    """The clinical direction of a feature: 1 if more of it means more migraine, -1 if less, 0 if neither.

    The sign of the correlation of value and risk score over the feature's prior; a pattern that goes down and up again
    has none worth a sign.
    """
    import numpy as np

    values = Prior(feature).quantile((np.arange(2000) + 0.5) / 2000)
    scores = ImpactScorer([feature]).score(values[:, None])[:, 0]
    if values.std() == 0 or scores.std() == 0:
        return 0
    correlation = float(np.corrcoef(values, scores)[0, 1])
    return int(np.sign(correlation)) if abs(correlation) >= FLAT_CORRELATION else 0


def distribution_frame(features: Sequence[Feature]) -> pl.DataFrame:
    """Rows of `priors.distributions`: what each feature's prior is."""
    import polars as pl

    rows = []
    for feature in features:
        prior = Prior(feature)
        q05, q25, q50, q75, q95 = prior.quantile([0.05, 0.25, 0.5, 0.75, 0.95]).tolist()
        rows.append(
            {
                "variable": feature.variable,
                "family": feature.family,
                "direction": direction(feature),
                "mean": prior.mean,
                "sd": prior.sd,
                "q05": q05,
                "q25": q25,
                "q50": q50,
                "q75": q75,
                "q95": q95,
            }
        )
    return pl.DataFrame(rows)
