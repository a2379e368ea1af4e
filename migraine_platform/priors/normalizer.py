"""Normaliser: a feature's value on the clinician's 1-10 scale, and back.

Linear and therefore invertible; it says where a value lies, not how bad that is (that is impact.py's score).

    normalised = normalized_low + (value - range_low) * (normalized_high - normalized_low) / (range_high - range_low)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from migraine_platform.priors.features import Feature


@dataclass(frozen=True)
class Normalizer:
    """Values <-> normalised values, for arrays whose last axis runs over `variables`."""

    variables: tuple[str, ...]
    range_low: tuple[float, ...]
    range_high: tuple[float, ...]
    normalized_low: tuple[float, ...]
    normalized_high: tuple[float, ...]

    @classmethod
    def of(cls, features: Sequence[Feature]) -> Normalizer:
        """The normaliser of some features, in their order."""
        return cls(
            tuple(feature.variable for feature in features),
            tuple(feature.range_low for feature in features),
            tuple(feature.range_high for feature in features),
            tuple(feature.normalized_low for feature in features),
            tuple(feature.normalized_high for feature in features),
        )

    def normalise(self, values: ArrayLike) -> NDArray[np.float64]:
        """[..., features] in the features' units -> the same shape on the 1-10 scale; nothing is clipped."""
        import numpy as np

        centre, slope, normalized_centre = self._line()
        return (np.asarray(values, dtype=np.float64) - centre) * slope + normalized_centre

    def denormalise(self, normalised: ArrayLike) -> NDArray[np.float64]:
        """Inverse of `normalise`."""
        import numpy as np

        centre, slope, normalized_centre = self._line()
        return (np.asarray(normalised, dtype=np.float64) - normalized_centre) / slope + centre

    def _line(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Centre of the range, slope, centre of the normalised range: [features] each."""
        import numpy as np

        low, high = np.array(self.range_low), np.array(self.range_high)
        normalized_low, normalized_high = np.array(self.normalized_low), np.array(self.normalized_high)
        return (
            (low + high) / 2,
            (normalized_high - normalized_low) / (high - low),
            (normalized_low + normalized_high) / 2,
        )
