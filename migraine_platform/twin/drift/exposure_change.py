"""Have the person's days changed: sleep, stress, heart, steps? Normalised innovations that stray to one side.

    R[c, s] <- memory (R[c, s] exp(s e - s^2 / 2) + exp(j s e - (j s)^2 / 2))        e ~ N(0, 1) if nothing changed

for each channel c and each mean s that its innovations may have taken on; on the first day of a change they jump by
j s, because the filter still expects the day before to go on. R is the statistic of Shiryaev and Roberts, as in
hazard_change.py: as long as nothing changes, and with memory 1, it grows by one a day on average.

Belongs here: that bank of tests. Does not: where innovations come from (kalman.py), when it is enough (watch.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.twin.data.channels import CHANNELS

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEANS = np.array([-0.9, -0.5, 0.5, 0.9])
"""Means that innovations may take on, in standard deviations."""

JUMP = 1.6
"""The first day's, relative to the later ones': 1 / (1 - phi) of a channel whose days are correlated by phi = 0.37."""

FARTHEST = 3.5
"""Innovations beyond this tell no more: a single slip of the pen is no change."""


def no_exposure_changes(patients: int, channels: int) -> NDArray[np.float64]:
    """[P, C, MEANS] of persons of whom nothing is known."""
    return np.zeros((patients, channels, len(MEANS)))


def expectations(expected: Mapping[str, float], share: float) -> NDArray[np.float64]:
    """[C, MEANS] prior weights: a share to the channels and directions that are expected to change, the rest to all.

    Args:
        expected: channel -> sign of its change.
    """
    out = np.full((len(CHANNELS), len(MEANS)), 1.0)
    out *= (1 - share if expected else 1.0) / out.sum()
    for name, sign in expected.items():
        same = np.sign(MEANS) == np.sign(sign)
        out[CHANNELS.index(name)] += share / len(expected) * same / same.sum()
    return out


def follow_exposures(
    strayed: NDArray[np.float64], innovation: NDArray[np.float64], prior: NDArray[np.float64], memory: float,
    begun: NDArray[np.int64],
) -> NDArray[np.float64]:  # fmt: skip
    """Odds [P, K, C] of a change of each channel on K evenings.

    Args:
        strayed: [P, C, MEANS] R before the first day; left as after the last one.
        innovation: [P, K, C] normalised; 0 where nothing was recorded.
        prior: [C, MEANS] weights.
        memory: share of a change's weight that is left after a day.
        begun: [P] the patient's first day; nobody changes before it.
    """
    out = np.zeros(innovation.shape)
    for k in range(innovation.shape[1]):
        seen = (innovation[:, k] != 0)[..., None]
        e = np.clip(innovation[:, k], -FARTHEST, FARTHEST)[..., None]
        on, first = (np.where(seen, np.exp(mean * e - mean**2 / 2), 1.0) for mean in (MEANS, JUMP * MEANS))
        strayed[:] = np.where((k >= begun)[:, None, None], memory * (strayed * on + first), strayed)
        out[:, k] = (strayed * prior).sum(axis=-1)
    return out
