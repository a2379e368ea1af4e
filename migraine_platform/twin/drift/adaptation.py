"""A twin that has been told of a change: its past is lived again, and on the day of the change it forgets.

    label      the level is renewed: it may be any nearby one; susceptibilities stay as they are known
    concept    the susceptibility to that trigger is renewed; the level stays, about
    covariate  the person's own level of that channel is uncertain again (process noise is raised for a day)

What is forgotten is forgotten with the probability that there was a change at all. The days since then weigh both, the
person he was and the person he may have become, by what each forecast: whoever has not changed loses little.

Belongs here: the change of a state, and a history lived again with it. Does not: who has changed (watch.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.domain.changes import CHANGE_KINDS
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.core.twins import Replay, TwinArrays, create, update
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.drift.examination import DetectedChange
from migraine_platform.twin.drift.watch import COVARIATE
from migraine_platform.twin.hazard.hypotheses import Points

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT_LEVEL, KEPT_SUSCEPTIBILITY, KEPT_WEEKEND = 0.2, 0.2, 1.0
"""Bandwidths, on the logit scale, as a share of the range and in standard deviations, within which what did not change
is kept."""

LEAST_WEIGHT = 1e-300

SPREAD = (-14, -7, 0, 7)
"""A change is dated to within a week or two: the person may have changed on any of these days around it."""


def renewals(points: Points, susceptibility: SusceptibilityPrior, level_change: float) -> NDArray[np.float64]:
    """[WAYS, M, M] from each hypothesis to those that a person may be after a change of a way; rows sum to one."""
    width = KEPT_SUSCEPTIBILITY * (susceptibility.high - susceptibility.low)

    def near(values: NDArray[np.float64], within: float) -> NDArray[np.float64]:
        return np.asarray(np.exp(-0.5 * ((values[:, None] - values) / within) ** 2))

    kept = [near(points.level, KEPT_LEVEL), *(near(axis, width) for axis in points.susceptibility.T)]
    prior = np.exp(points.log_prior) * near(points.weekend, KEPT_WEEKEND)
    moved = [near(points.level, level_change), *(np.ones_like(kept[0]) for _ in kept[1:])]
    out = np.empty((len(kept), *kept[0].shape))
    for way in range(len(kept)):
        out[way] = prior
        for axis in range(len(kept)):
            out[way] *= moved[axis] if axis == way else kept[axis]
        out[way] /= out[way].sum(axis=1, keepdims=True)
    return out


def replay_with_changes(
    model: TwinModel,
    clinical: Clinical,
    points: Points,
    after: NDArray[np.float64],
    own: Histories,
    changes: Sequence[DetectedChange],
    probability: float,
) -> tuple[TwinArrays, Replay]:
    """One patient's twin that knows of changes, and what it would have said evening by evening.

    Args:
        after: [WAYS, M, M] `renewals` of the points.
        own: the patient's whole history.
        changes: in any order.
        probability: that each of them happened.
    """
    days = [((change.since - own.first).days + apart, change) for change in changes for apart in SPREAD]
    cuts = sorted(((day, change) for day, change in days if 0 < day < own.days), key=lambda cut: cut[0])
    edges = [day for day, _ in cuts] + [own.days]
    twins, replay = create(model, clinical, points, own.until(edges[0]))
    for (first, change), last in zip(cuts, edges[1:], strict=True):
        twins = applied(model, after, twins, change, probability / len(SPREAD))
        if last > first:
            twins, later = update(model, clinical, points, twins, own.until(last).since(first - 1))
            replay = replay.then(later)
    return twins, replay


def applied(
    model: TwinModel, after: NDArray[np.float64], twins: TwinArrays, change: DetectedChange, probability: float
) -> TwinArrays:
    """Twins that know that their patients may change tomorrow.

    Args:
        after: [WAYS, M, M] `renewals` of the points.
        probability: that they do.
    """
    if CHANGE_KINDS.index(change.kind) == COVARIATE:
        place = CHANNELS.index(change.target)
        covariance = twins.beliefs.covariance.copy()
        covariance[:, place, place] += model.dynamics.between[place, place] / len(SPREAD)
        return replace(twins, beliefs=twins.beliefs._replace(covariance=covariance))
    weight = np.exp(twins.filter_state.log_weight)
    moved = sum(share * (weight @ after[way]) for way, share in enumerate(change.ways))
    weight = (1 - probability) * weight + probability * np.asarray(moved)
    return replace(twins, filter_state=twins.filter_state._replace(log_weight=np.log(np.maximum(weight, LEAST_WEIGHT))))
