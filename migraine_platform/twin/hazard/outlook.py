"""Tomorrow, from where patients stand: what each hypothesis forecasts, and what they say together.

    P(migraine tomorrow) = c + (1 - c) p1                        today is a migraine day that goes on with probability c
                         = l (c_l + (1 - c_l) p1) + (1 - l) p0   it is none; l: an attack begins late tonight

Belongs here: the forecast. Does not: how patients come to stand where they do (filter.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.layout import all_in_one_layout
from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.twin.hazard.hypotheses import (
    AFTER_ILL,
    AFTER_WELL,
    AGE,
    HEADACHE,
    HEADACHES,
    LATE,
    LOGIT_BINS,
    LOGIT_STEP,
    MAY_BEGIN,
    MEDICATED,
    NOT_TOLD,
    STARTED,
    TOLD,
    UNSIGNED,
    Effects,
    FilterState,
    Forecasts,
    Points,
)
from migraine_platform.twin.hazard.own_course import chance_to_last, goes_on, sign_factor

if TYPE_CHECKING:
    from numpy.typing import NDArray

IMPOSSIBLE = 1e-12
"""Least probability that a day is given."""


def foresee(points: Points, effects: Effects, filter_state: FilterState, with_spread: bool = True) -> Forecasts:
    """Tomorrow's forecasts [P, 1] from where patients stand; nothing is learned by it."""
    patients = len(filter_state.numbers)
    out, effects = no_forecasts(patients, 1, with_spread), all_in_one_layout(effects)

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            forecast_one(effects, np.exp(filter_state.log_weight[i]), filter_state, i, 0, out)

    in_parallel(patients, work)
    return out


def no_forecasts(patients: int, days: int, with_spread: bool, hypotheses: int = 0) -> Forecasts:
    """Forecasts [P, K] that are still to be made, with the likelihoods of so many hypotheses."""
    sums = [np.zeros((patients, days)) for _ in range(9)]
    spread = np.zeros((patients, days, 2, LOGIT_BINS if with_spread else 0))
    likelihood = np.zeros((patients, days, hypotheses))
    return Forecasts(
        sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6], sums[7], sums[8], spread, likelihood
    )


@njit(cache=True)
def late_onset(effects: Effects, p: float, own: NDArray[np.float64]) -> float:
    """Probability that an attack begins tonight, given that the day has brought none, nor a sign of its own.

    Args:
        own: [OWN] a person's course.
    """
    alarms = effects.alarms * sign_factor(effects, own) * own[TOLD]
    signs = p * effects.by_evening * (1.0 + alarms)
    return float(min(1.0, own[MAY_BEGIN] * p * (1.0 - effects.by_evening) / max(1.0 - signs, IMPOSSIBLE)))


@njit(cache=True, nogil=True)
def forecast_one(
    effects: Effects, share: NDArray[np.float64], filter_state: FilterState, i: int, k: int, out: Forecasts
) -> None:
    """What the hypotheses together say of tomorrow.

    Args:
        share: [M] weights of the hypotheses.
    """
    own = filter_state.numbers[i]
    on, late_on = chance_to_last(effects, own), goes_on(effects, LATE, 0, NOT_TOLD, own)
    out.lasts[i, k] = on
    out.course[i, k] = HEADACHES * (2 * own[AGE] + own[MEDICATED]) + own[HEADACHE]
    for m in range(len(share)):
        p0, p1 = filter_state.onset[i, m, AFTER_WELL], filter_state.onset[i, m, AFTER_ILL]
        late = late_onset(effects, filter_state.hazard[i, m], own) if own[STARTED] > 0 else 0.0
        ill = share[m] * filter_state.ill[i, m]
        well = share[m] - ill
        if_well = late * (late_on + (1.0 - late_on) * p1) + (1.0 - late) * p0
        out.probability[i, k] += ill * (on + (1.0 - on) * p1) + well * if_well
        out.goes_on[i, k] += ill * on + well * late * late_on
        out.onset[i, k] += ill * p1 + well * (late * p1 + (1.0 - late) * p0)
        out.unsigned[i, k] += ill * p1 + well * (late * p1 + (1.0 - late) * filter_state.onset[i, m, UNSIGNED])
        out.ill[i, k] += ill
        out.attack_history[i, k] += share[m] * filter_state.attack_history[i, m]
        if out.spread.shape[3] > 0:
            _count(out.spread[i, k, AFTER_ILL], p1, ill)
            q = filter_state.onset[i, m, UNSIGNED]
            announcing = max(effects.conversion, q)
            if p0 > q and announcing > q:  # signs were noted: of tomorrow's attack, or faded ones
                share_ahead = min((p0 - q) / (announcing - q), 1.0)
                tonight = min(late / max(own[MAY_BEGIN], IMPOSSIBLE), 1.0)
                announced = tonight * (late_on + (1.0 - late_on) * p1) + (1.0 - tonight) * announcing
                _count(out.spread[i, k, AFTER_WELL], announced, well * share_ahead)
                _count(out.spread[i, k, AFTER_WELL], q, well * (1.0 - share_ahead))
            else:
                _count(out.spread[i, k, AFTER_WELL], if_well, well)


@njit(cache=True)
def _count(spread: NDArray[np.float64], p: float, weight: float) -> None:
    """Share a weight out between the two bins next to a probability's logit."""
    if weight > 0.0:
        place = np.log(p / (1.0 - p)) / LOGIT_STEP + LOGIT_BINS // 2 if 0.0 < p < 1.0 else LOGIT_BINS * p
        place = min(max(place, 0.0), LOGIT_BINS - 1.001)
        left = int(place)
        spread[left] += weight * (left + 1 - place)
        spread[left + 1] += weight * (place - left)
