"""How diaries and devices miss days: whether people tire of a diary, whether its gaps and a device's come together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def tiring(wrote: Array) -> float:
    """Share of evenings with an entry in the last third of the days, less that in the first.

    Args:
        wrote: [P, K] 1 where there is an entry.
    """
    third = wrote.shape[1] // 3
    return float(wrote[:, -third:].mean() - wrote[:, :third].mean()) if third else np.nan


def gap_odds(wrote: Array, worn: Array) -> float:
    """Odds that the device is off on days without an entry, against days with one; NaN where one of them is always so.

    Args:
        wrote, worn: [P, K] 1 where there is an entry, where the device was worn.
    """
    off = 1.0 - worn
    both, device_only = (off * (1.0 - wrote)).sum(), (off * wrote).sum()
    diary_only, neither = (worn * (1.0 - wrote)).sum(), (worn * wrote).sum()
    return float(both * neither / (device_only * diary_only)) if device_only and diary_only else np.nan
