"""Has the person's hazard changed, in its level or in one susceptibility? A filter that also follows changed persons.

    W[m]    posterior that the person is hypothesis m, if he never changed
    V[c, m] the same, had he changed in way c on some evening so far, in units of W's sum
    V[c] <- memory (V[c] + W K[c]) l / (W . l),   W <- W l / (W . l)         l[m]: probability of what the day recorded

K[c] says who somebody may be after a change of way c: another level nearby, or any susceptibility to one trigger. The
sum of V[c] is the statistic of Shiryaev and Roberts (Shiryaev 1963), averaged over who he was and who he may have
become: without a change, and with memory 1, it grows by one a day on average, so that the mean time to a false alarm
at A is at least A days. A change counts less the longer ago it began: `memory` keeps the statistic as it is year after
year.

Belongs here: the hypotheses, which lie on a grid so that K acts along one of its axes, and the recursion. Does not:
when it is enough to speak of a change (watch.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.simulator.generative.profiles import SusceptibilityPrior
from migraine_platform.twin.hazard.hypotheses import Points
from migraine_platform.twin.hazard.population import Personal

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS, NODES = 24, 2
WATCHED = min(TRIGGER_COUNT, 6)
"""Triggers of whose susceptibility a change is looked for: with more, the strongest, as the grid doubles with each."""

CORNERS = NODES**WATCHED
"""Each susceptibility takes two values; of one that everybody has, those of Gauss' quadrature of its range."""

WAYS = 1 + WATCHED
"""Ways in which a hazard may change: its level; the susceptibility to each trigger that is watched."""

BEYOND = 0.6
"""How far the grid reaches beyond the population's levels."""

LEAST_MASS = 1e-4


class Grid(NamedTuple):
    """Hypotheses of who a person is: all pairs of a level and a corner of susceptibilities, level by level."""

    points: Points
    kernel: NDArray[np.float64]
    """[LEVELS, LEVELS] from a level to those after a change of level."""
    watched: NDArray[np.int64]
    """[WATCHED] places of the triggers whose susceptibilities the corners are of; the others' are as usual."""

    @classmethod
    def of(cls, personal: Personal, level_change: float, strength: NDArray[np.float64]) -> Grid:
        """The population's, where changes of level have such a standard deviation.

        Args:
            strength: [K] log-odds of each trigger, by which those that are watched are chosen.
        """
        shares = np.linspace(0, 1, len(personal.levels))
        level = np.linspace(personal.levels[1] - BEYOND, personal.levels[-2] + BEYOND, LEVELS)
        edges = np.concatenate([[-np.inf], (level[1:] + level[:-1]) / 2, [np.inf]])
        mass = np.diff(np.interp(edges, personal.levels, shares, left=0.0, right=1.0)) + LEAST_MASS
        matters = strength * personal.susceptibility.sd()
        watched = np.sort(np.argsort(-matters, kind="stable")[:WATCHED])
        nodes = _nodes(personal.susceptibility)[watched]
        corners = np.tile(personal.susceptibility.mean(), (CORNERS, 1))
        chosen = np.indices((NODES,) * WATCHED).reshape(WATCHED, CORNERS).T
        corners[:, watched] = nodes[np.arange(WATCHED), chosen]
        kernel = np.exp(-0.5 * ((level[:, None] - level) / level_change) ** 2)
        points = Points(
            level=np.repeat(level, CORNERS),
            susceptibility=np.tile(corners, (LEVELS, 1)),
            weekend=np.zeros(LEVELS * CORNERS),
            log_prior=np.repeat(np.log(mass / mass.sum() / CORNERS), CORNERS),
        )
        return cls(points, kernel / kernel.sum(axis=1, keepdims=True), watched)


def _nodes(prior: SusceptibilityPrior) -> NDArray[np.float64]:
    """[K, NODES] two values, equally likely, of each susceptibility's mean and variance; none is below 0."""
    half = 0.5 / np.sqrt(3)
    even = prior.low + (prior.high - prior.low) * np.array([0.5 - half, 0.5 + half])
    mean, sd = prior.mean(), np.minimum(prior.sd(), prior.mean())
    return np.where((prior.share == 1)[:, None], even, np.stack([mean - sd, mean + sd], axis=1))


def follow_changes(
    grid: Grid, log_weight: NDArray[np.float64], changed: NDArray[np.float64], likelihood: NDArray[np.float64],
    memory: float, begun: NDArray[np.int64],
) -> NDArray[np.float64]:  # fmt: skip
    """Odds [P, K, WAYS] of a change, but for its prior, on K evenings.

    Args:
        log_weight: [P, M] of the hypotheses before the first day.
        changed: [P, WAYS, M] V before it; left as after the last one.
        likelihood: [P, K, M] log probability of what each day recorded.
        memory: share of a change's weight that is left after a day.
        begun: [P] the patient's first day; nobody changes before it.
    """
    patients, days = likelihood.shape[:2]
    out = np.zeros((patients, days, WAYS))

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            _follow_one(grid.kernel, np.exp(log_weight[i]), changed[i], likelihood[i], memory, begun[i], out[i])

    in_parallel(patients, work)
    return out


@njit(cache=True, nogil=True)
def _follow_one(
    kernel: NDArray[np.float64],
    weight: NDArray[np.float64],
    changed: NDArray[np.float64],
    likelihood: NDArray[np.float64],
    memory: float,
    begun: int,
    out: NDArray[np.float64],
) -> None:
    count = len(weight)
    chance = np.empty(count)
    for k in range(max(begun, 0), len(likelihood)):
        _begin(kernel, weight, changed, memory)
        top = likelihood[k].max()
        total = 0.0
        for m in range(count):
            chance[m] = np.exp(likelihood[k, m] - top)
            total += weight[m] * chance[m]
        for m in range(count):
            weight[m] *= chance[m] / total
        for way in range(len(changed)):
            odds = 0.0
            for m in range(count):
                changed[way, m] *= chance[m] / total
                odds += changed[way, m]
            out[k, way] = odds


@njit(cache=True, nogil=True)
def _begin(
    kernel: NDArray[np.float64], weight: NDArray[np.float64], changed: NDArray[np.float64], memory: float
) -> None:
    """Overnight the person may change, in each of the ways."""
    levels, watched = len(kernel), len(changed) - 1
    corners = len(weight) // levels
    for to in range(levels):
        for corner in range(corners):
            arrived = 0.0
            for level in range(levels):
                arrived += weight[level * corners + corner] * kernel[level, to]
            m = to * corners + corner
            changed[0, m] = memory * (changed[0, m] + arrived)
    for kind in range(watched):
        step = NODES ** (watched - 1 - kind)
        for m in range(len(weight)):
            first = m - (m // step % NODES) * step
            either = 0.0
            for node in range(NODES):
                either += weight[first + node * step]
            changed[1 + kind, m] = memory * (changed[1 + kind, m] + either / NODES)
