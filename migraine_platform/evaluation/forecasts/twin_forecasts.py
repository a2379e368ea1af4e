"""What twins said, or would have said: the forecasts of those in use, and twins of others, kept from their first weeks.

Belongs here: twins' forecasts for scoring. Does not: how they are made (twin/).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.updating.evening_results import Past
from migraine_platform.twin.updating.evening_update import TwinUpdater, advance, begin

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHUNK = 100
"""Patients whose twins are kept at a time: evenings with all of their hypotheses take room."""


def updated_forecasts(
    updater: TwinUpdater, histories: Histories, first: int, progress: Callable[[str], None] = lambda line: None
) -> NDArray[np.float64]:
    """[P, K] what twins say on every evening of the next day; they are kept night by night after some first days.

    Whoever's change is noticed is adapted that night, as in the platform's own nights.

    Args:
        first: days from which a twin is made; NaN stands before the last of them.
    """
    said = np.full(histories.diary.shape, np.nan)
    for start in range(0, histories.count, CHUNK):
        rows = np.arange(start, min(start + CHUNK, histories.count))
        own = histories.of(rows)
        made = begin(updater, own.until(first))
        result = advance(updater, made.state, own, Past(made.evenings.record, {}))
        said[rows, first - 1 : first] = made.evenings.said.probability[:, -1:]
        said[rows, first:] = result.evenings.said.probability
        progress(f"twins of {rows[-1] + 1} of {histories.count} patients, kept night by night")
    return said
