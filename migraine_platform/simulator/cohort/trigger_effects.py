"""Trigger effects: by how much a trigger raises the next day's probability of an onset, all else of the day held.

Belongs here: the effect of given strengths on given days. Does not: which strengths give the configured effects
(parameter_fitting.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.cohort.exposure import AverageDays
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters, basis, weighted_sum
from migraine_platform.simulator.generative.hazard import expit
from migraine_platform.simulator.generative.model import SimulatedDays
from migraine_platform.simulator.generative.profiles import Profiles

if TYPE_CHECKING:
    from numpy.typing import NDArray


def trigger_effects(
    calibration: FittedParameters,
    patients: Profiles,
    average: AverageDays,
    days: SimulatedDays,
    members: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """[K] by trigger k: P(onset | k on) - P(onset | k off), averaged over days at risk of `members`, had they s_k = 1.

    Both worlds share everything else: the other triggers of the day, the latent state, the carry-over of earlier
    attacks, the person, and b_i as it is at s_k = 1.

    Args:
        members: [P] who counts.
    """
    yesterday = np.ascontiguousarray(days.trigger()[:, members, :-1])
    p, free = days.onset_probability[members, 1:], days.at_risk[members, 1:]
    frequency, susceptibility = patients.frequency[members], patients.susceptibility[members]
    average = average.of(members)
    theta = calibration.theta[patients.is_chronic[members].astype(np.int64)]
    own = weighted_sum(basis(frequency, susceptibility, average), theta)
    effects = np.empty(len(TRIGGER_NAMES))
    for k in range(len(TRIGGER_NAMES)):
        raised = susceptibility.copy()
        raised[:, k] = 1.0
        change = weighted_sum(basis(frequency, raised, average), theta) - own
        effects[k] = _mean_rise(
            p, free, yesterday[k], change, susceptibility[:, k] * calibration.beta[k], calibration.beta[k]
        )
    return effects


@njit(cache=True)
def _mean_rise(
    p: NDArray[np.float64],
    free: NDArray[np.bool_],
    on: NDArray[np.bool_],
    change: NDArray[np.float64],
    weight: NDArray[np.float64],
    beta: float,
) -> float:
    """Mean over free days of expit(l + beta) - expit(l), l the log-odds of p without the trigger's own `weight`."""
    total, count = 0.0, 0
    for i in range(p.shape[0]):
        for t in range(p.shape[1]):
            if free[i, t]:
                logit = np.log(p[i, t] / (1.0 - p[i, t])) + change[i] - (weight[i] if on[i, t] else 0.0)
                total += expit(logit + beta) - expit(logit)
                count += 1
    return total / count if count else np.nan
