"""The continuous features of a day on a standard normal scale, and what else a transition model may see.

A channel's values are made normal by the population's own quantiles, so that linear-Gaussian models fit them; the way
back is the same table read the other way round. Belongs here: scales and the context of a day. Does not: models of how
days follow each other (kalman.py, experts/).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import LIVED_VALUES
from migraine_platform.twin.data.features import POSITION
from migraine_platform.twin.data.histories import Histories, HistoryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHANNELS = (
    "total_sleep_hours",
    "awake_time_mins",
    "deep_sleep_pct",
    "rem_sleep_pct",
    "stress_level",
    "water_consumed_liters",
    *LIVED_VALUES,
    "resting_heart_rate",
    "rmssd",
    "steps",
    "skin_temperature",
    "electrodermal_activity",
    "light_exposure",
    "noise_level",
)
"""Columns of the continuous features that diary or device must record; what follows from others is left out."""

PLACES = [POSITION[name] for name in CHANNELS]

CONTEXT = ("migraine_by_evening", "onset", "acute_medication", "weekend_tomorrow", "weekend_today")
"""What a transition model may know of a day besides the channels; the first three are the diary's."""

WEEKEND_SHARE = 2 / 7
"""Of days."""

Z_LIMIT = 4.0
GRID = 161
"""Points of the standard normal scale at which a channel's value is tabulated."""


@dataclass(frozen=True)
class StandardDays:
    """P patients' K days on standard scales."""

    z: NDArray[np.float64]
    """[P, K, C] channels; 0 where nothing was recorded."""
    seen: NDArray[np.bool_]
    """[P, K, C]"""
    context: NDArray[np.float64]
    """[P, K, X] in the order of CONTEXT; 0 where unknown."""
    context_seen: NDArray[np.bool_]
    """[P, K, X]"""
    begun: NDArray[np.int64]
    """[P] the patient's first day."""

    def since(self, first: int) -> StandardDays:
        """The days from one on."""
        days, begun = slice(first, None), np.maximum(self.begun - first, 0)
        return StandardDays(
            self.z[:, days], self.seen[:, days], self.context[:, days], self.context_seen[:, days], begun
        )


@dataclass(frozen=True)
class Scales:
    """Tables between units and standard scale."""

    table: NDArray[np.float64]
    """[C, GRID] values at the points of `grid`, not decreasing."""

    @classmethod
    def of(cls, histories: Histories) -> Scales:
        """The population's quantiles of every channel.

        Raises:
            HistoryError: naming the channels that nobody recorded.
        """
        from scipy.special import ndtr

        values, seen = histories.values[..., PLACES], histories.present[..., PLACES]
        if empty := [name for c, name in enumerate(CHANNELS) if not seen[..., c].any()]:
            raise HistoryError(f"nobody recorded {', '.join(empty)}; expected some values of every channel")
        shares = ndtr(grid())
        table = np.stack([np.quantile(values[..., c][seen[..., c]], shares) for c in range(len(CHANNELS))])
        return cls(table)

    def standard(self, histories: Histories) -> StandardDays:
        """Histories on the standard scale."""
        values, seen = histories.values[..., PLACES], histories.present[..., PLACES]
        z = np.stack(
            [_inverse(values[..., c], self.table[c]) for c in range(len(CHANNELS))],
            axis=-1,
        )
        context, known = _context(histories)
        return StandardDays(np.where(seen, z, 0.0), seen, context, known, histories.begun)

    def units(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """[..., C] standard scale -> the features' units.

        Args:
            z: [..., S] standard values.
        """
        return np.stack([np.interp(z[..., c], grid(), self.table[c]) for c in range(len(CHANNELS))], axis=-1)


def grid() -> NDArray[np.float64]:
    """[GRID] points of the standard scale."""
    return np.linspace(-Z_LIMIT, Z_LIMIT, GRID)


def _inverse(values: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard scale of values; where many days share one value, the middle of its stretch."""
    low = np.searchsorted(table, values, side="left")
    high = np.searchsorted(table, values, side="right")
    tied = high > low + 1
    middle = grid()[np.clip((low + high - 1) // 2, 0, GRID - 1)]
    return np.where(tied, middle, np.interp(values, table, grid()))


def _context(histories: Histories) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[P, K, X] what else is known of each day, and whether it is."""
    shape = (*histories.diary.shape, len(CONTEXT))
    context, known = np.zeros(shape), np.ones(shape, dtype=np.bool_)
    by_evening = histories.events[..., EVENTS.index("migraine_by_evening")]
    context[..., 0] = by_evening
    context[..., 1] = by_evening & histories.events[..., EVENTS.index("onset")]
    context[..., 2] = histories.events[..., EVENTS.index("acute_medication")]
    known[..., :3] = histories.diary[..., None]
    first = histories.first.weekday()
    today = (first + np.arange(histories.days)) % 7
    context[..., 3] = (today + 1) % 7 >= 5
    context[..., 4] = today >= 5
    return context, known
