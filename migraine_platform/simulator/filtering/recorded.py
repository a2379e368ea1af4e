"""What diary and device recorded of a day, and the factors of the features' innovations given what is recorded.

Belongs here: patterns of what is there. Does not: what a record does to particles (observed_events.py,
observed_features.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.simulator.exogenous.features import COUNT, EXPOSURES, NIGHT, Copula

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOTHING, DEVICE_ONLY, DIARY_ONLY, BOTH = range(4)
GAPS = 60
"""Days after which a wearable's last record says nothing any more."""


class DayRecord(NamedTuple):
    """What diary and device recorded of one patient's day; what was not recorded is not read."""

    has_diary: bool
    has_device: bool
    values: NDArray[np.float64]
    """[F] features, in their units."""
    latent: NDArray[np.float64]
    """[F] the same on the copula's scale."""
    diet: NDArray[np.bool_]
    """[DIET]"""
    events: NDArray[np.bool_]
    """[EVENTS]"""
    entries: NDArray[np.float64]
    """[2] how likely the person is to write on an evening without migraine, and with."""
    reported: bool
    """Whether it says something that there is no entry."""
    gap: int
    """Days since the device was last worn."""


class Factors(NamedTuple):
    """Cholesky factors of the features' innovations."""

    order: NDArray[np.int64]
    """[4, drawn] by pattern of what is recorded: the recorded features first; of the wearable's only where they act."""
    mixing: NDArray[np.float64]
    """[4, drawn, drawn] in that order."""
    recorded: NDArray[np.int64]
    """[4] how many of them are recorded."""
    worn_decay: NDArray[np.float64]
    """[gaps, wearable] what is left of the last recorded day's x, by days since."""
    worn_mixing: NDArray[np.float64]
    """[gaps, wearable, wearable] factor of what has come since then; a gap needs no draws of its own."""


def factors(copula: Copula, worn_act: bool = False) -> Factors:
    """Factors by pattern and by gap.

    Args:
        worn_act: whether something follows from what a wearable records, so that it is drawn where it was not worn.
    """
    covariance = copula.mixing @ copula.mixing.T
    night, day = np.arange(NIGHT), np.arange(NIGHT, EXPOSURES)
    of_device = np.concatenate([night, np.arange(EXPOSURES, COUNT)]) if worn_act else night
    device_first, diary_first = np.concatenate([of_device, day]), np.concatenate([day, of_device])
    orders = (device_first, device_first, diary_first, device_first)
    worn = slice(EXPOSURES, None)
    phi, fresh = copula.lag1[worn], copula.fresh[worn]
    gaps = np.arange(GAPS)
    both = phi[:, None] * phi
    since = (1 - both ** gaps[:, None, None]) / (1 - both) * (fresh[:, None] * fresh * covariance[worn, worn])
    since[0] = np.eye(len(phi))  # a gap of no days does not occur
    return Factors(
        order=np.array(orders),
        mixing=np.stack([np.linalg.cholesky(covariance[np.ix_(order, order)]) for order in orders]),
        recorded=np.array([0, len(of_device), len(day), len(device_first)]),
        worn_decay=phi ** gaps[:, None],
        worn_mixing=np.asarray(np.linalg.cholesky(since), dtype=np.float64),
    )
