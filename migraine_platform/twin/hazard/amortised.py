"""A twin's start from ALINE: what the network says of a new patient's susceptibilities, as weights on the hypotheses.

    log w[m] += sum_k log N(s_mk; m_k, v_k) - log N(s_mk; m_0, v_0)      m_0, v_0: the population's moments

An inference that says what the population says changes nothing. Belongs here: from findings to a first standing. Does
not: the network (aline/).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config.simulator.hours import Hours
from migraine_platform.priors.features import Feature
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.twin.hazard.hypotheses import Effects, FilterState, Points, initial_filter_state

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.aline.network.network import Aline

PREFIX = "susceptibility_"


def findings(
    net: Aline, hours: Hours, features: Sequence[Feature], days: pl.DataFrame
) -> tuple[tuple[str, ...], NDArray[np.float64], NDArray[np.float64]]:
    """Patients, and mean and standard deviation [P, 4] of their susceptibilities, as ALINE infers them from a card.

    Args:
        days: aline.history.COLUMNS of measured days.
    """
    from migraine_platform.aline.advice.advice import Advisor
    from migraine_platform.aline.advice.history import cycle_scores, histories, planned_windows

    known = histories(days, cycle_scores(features))
    found = Advisor(net, hours).begin(planned_windows(hours, known.card), planned=True).findings()
    places = [found.names.index(PREFIX + name) for name in TRIGGER_NAMES]
    return known.patient_ids, found.mean[:, places], found.sd[:, places]


def start(
    points: Points,
    effects: Effects,
    mean: NDArray[np.float64],
    sd: NDArray[np.float64],
    short: NDArray[np.bool_],
) -> FilterState:
    """The population's prior, tilted for patients with short histories.

    Args:
        mean: [P, 4] of their susceptibilities.
        sd: [P, 4]
        short: [P] whose history is short.
    """
    filter_state = initial_filter_state(points, effects, len(mean))
    s = points.susceptibility[None]
    usual, spread = s.mean(axis=1, keepdims=True), s.std(axis=1, keepdims=True)
    own = -0.5 * ((s - mean[:, None]) / sd[:, None]) ** 2
    tilt = (own + 0.5 * ((s - usual) / spread) ** 2).sum(axis=-1)
    log_weight = filter_state.log_weight + np.where(short[:, None], tilt, 0.0)
    log_weight -= np.logaddexp.reduce(log_weight, axis=1, keepdims=True)
    return filter_state._replace(log_weight=log_weight)
