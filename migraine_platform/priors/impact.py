"""Impact scorer: how much a feature's value speaks for migraine.

    value -> risk score 1-10 -> centred input u = (score - 5.5) / 4.5 in [-1, 1]

The clinician gives ten scores, one per tenth of the typical range, so that U shapes, thresholds and windows are all
just vectors. The scores stand at the bins' centres; between them a monotone cubic (Fritsch-Carlson, as in scipy's
PCHIP) keeps every segment between its two scores; outside the first and last centre the score stays constant. The
scorer is therefore continuous with a continuous derivative. It is not invertible: that is the normaliser's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from migraine_platform.priors.features import Feature

MIDDLE_SCORE = 5.5
HALF_SCORE_RANGE = 4.5


class ImpactScorer:
    """Risk scores of several features, for arrays whose last axis runs over `variables`."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.variables = tuple(feature.variable for feature in features)
        self._curves = [_curve(feature) for feature in features]

    def score(self, values: ArrayLike) -> NDArray[np.float64]:
        """[..., features] in the features' units -> risk scores 1-10 of the same shape."""
        return self._evaluate(values, derivative=0)

    def slope(self, values: ArrayLike) -> NDArray[np.float64]:
        """Derivative of `score`, in points per unit of the feature."""
        return self._evaluate(values, derivative=1)

    def centred(self, values: ArrayLike) -> NDArray[np.float64]:
        """[..., features] -> centred inputs u in [-1, 1]: -1 protects most, 1 speaks most for migraine."""
        return (self.score(values) - MIDDLE_SCORE) / HALF_SCORE_RANGE

    def _evaluate(self, values: ArrayLike, derivative: int) -> NDArray[np.float64]:
        import numpy as np

        values = np.asarray(values, dtype=np.float64)
        scores = np.empty_like(values)
        for index, (low, high, curve) in enumerate(self._curves):
            inside = np.clip(values[..., index], low, high)
            scores[..., index] = curve(inside, nu=derivative)
        return scores


def score_knots(feature: Feature) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and scores [12] that the scoring function runs through: (end, first), (centres, scores), (end, last)."""
    import numpy as np

    low, high = feature.range_low, feature.range_high
    centres = low + (high - low) / 10 * (np.arange(10) + 0.5)
    pattern = np.array(feature.impact_pattern, dtype=np.float64)
    return np.concatenate([[low], centres, [high]]), np.concatenate([pattern[:1], pattern, pattern[-1:]])


def _curve(feature: Feature) -> tuple[float, float, Any]:
    """The range's ends and a monotone cubic through the knots.

    The end segments are flat, so their slopes are zero and the constant continuation is smooth.
    """
    from scipy.interpolate import PchipInterpolator

    return feature.range_low, feature.range_high, PchipInterpolator(*score_knots(feature))
