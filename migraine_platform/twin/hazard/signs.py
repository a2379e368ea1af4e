"""Signs of an attack noted by the evening of a day without migraine: of that day and faded, or of tomorrow's attack.

    a   P(sign of today and no attack by the evening)      e   share of onsets with a sign on the evening before
    q   P(onset tomorrow) before signs are heard of        c   share of those signs that an attack follows, at least q

    noted:      P = a + (1 - a) q e / c       P(onset tomorrow) = r c + (1 - r) q,    r = (1 - a) (q e / c) / P
    not noted:  P = (1 - a) (1 - q e / c)     P(onset tomorrow) = q (1 - e) / (1 - q e / c)

Each hypothesis has its own a and q. Belongs here: what the evening's signs say. Does not: how a, e and c are learned
(counting.py, population.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.domain.events import BY_EVENING, ONSET, PRODROME
from migraine_platform.twin.hazard.hypotheses import AFTER_WELL, UNSIGNED, Effects, FilterState
from migraine_platform.twin.hazard.outlook import IMPOSSIBLE
from migraine_platform.twin.hazard.own_course import learn_signs, sign_factor, signs_of_onset

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_EARLY = 0.9
"""Largest share of onsets that are announced, however often signs come to a person."""


@njit(cache=True)
def hear_signs(effects: Effects, diary: bool, events: NDArray[np.bool_], filter_state: FilterState, i: int) -> float:
    """Weigh the hypotheses by the signs of a day without migraine, and change what they expect of tomorrow.

    Args:
        events: [EVENTS] of the day.

    Returns:
        Probability that signs that were noted are of tomorrow's attack; 0 where none were.
    """
    log_weight, onset = filter_state.log_weight[i], filter_state.onset[i]
    migraine, noted = events[BY_EVENING], events[PRODROME]
    own = filter_state.numbers[i]
    oftener = sign_factor(effects, own)
    if not diary or migraine:
        onset[:, AFTER_WELL] = onset[:, UNSIGNED]
        if diary and events[ONSET]:
            learn_signs(effects, noted, signs_of_onset(effects, own), own)
        return 0.0
    top, total, ahead, expected = log_weight.max(), 0.0, 0.0, 0.0
    early = min(oftener * effects.early, MOST_EARLY)
    for m in range(len(log_weight)):
        begun = filter_state.hazard[i, m] * effects.by_evening
        alarm = min(begun * oftener * effects.alarms / max(1.0 - begun, IMPOSSIBLE), 1.0)
        q = onset[m, UNSIGNED]
        announced = q * early
        conversion = max(effects.conversion, q)
        sign = announced / conversion
        if noted:
            chance = alarm + (1.0 - alarm) * sign
            of_tomorrow = (1.0 - alarm) * sign / max(chance, IMPOSSIBLE)
            onset[m, AFTER_WELL] = of_tomorrow * conversion + (1.0 - of_tomorrow) * q
        else:
            chance, of_tomorrow = (1.0 - alarm) * (1.0 - sign), 0.0
            onset[m, AFTER_WELL] = (q - announced) / max(1.0 - sign, IMPOSSIBLE)
        log_weight[m] += np.log(max(chance, IMPOSSIBLE))
        weight = np.exp(log_weight[m] - top)
        total += weight
        ahead += weight * of_tomorrow
        expected += weight * (alarm + (1.0 - alarm) * sign)
    learn_signs(effects, noted, expected / max(total, IMPOSSIBLE), own)
    return float(ahead / max(total, IMPOSSIBLE))
