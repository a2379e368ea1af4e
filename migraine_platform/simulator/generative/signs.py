"""Signs of a coming attack: how likely a prodrome is, and what one that is there at 20:00 says of tomorrow.

    q  P(onset tomorrow), as of the evening     e  share of onsets whose prodrome is there on the evening before
    c  share of prodromes that an attack follows, or q if that is more: near certainty signs say nothing
    P(sign) = q e / c     P(onset | sign) = c     P(onset | no sign) = q (1 - e) / (1 - q e / c)

A sign changes when attacks come, not how many: the mean over both is q. It is a state that the hazard enters, with
false alarms, and it acts on tomorrow's log-odds. It may come on evenings of days without a migraine and without a sign
of an attack of their own. The share e follows from lengths and hours: P(length > hours from 20:00 to the onset).

Belongs here: the chances. Does not: the hours of a prodrome (attacks.py).
"""

from __future__ import annotations

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.generative.attacks import AttackCourse, Own

UNASKED, NONE, CAME = range(3)
"""What the evening before said of a day's attack: nothing, as a migraine or a sign filled the day; no sign; a sign."""

SUREST = 1e-9
"""Least distance of a probability from 0 and 1."""


@njit(cache=True)
def prodrome_entry(course: AttackCourse, own: Own, p: float, sign: int) -> float:
    """Probability of entering a prodrome on a day whose probability of an onset is p.

    A share of the onsets comes by way of a prodrome, of which a share becomes an attack; near certainty there is no
    room for false alarms.

    Args:
        sign: what the evening before said. If one came, every onset has its prodrome, which is no other entry.
    """
    share = own.sign_share[sign]
    return float(min(p * share / course.conversion[sign], 1.0 - p * (1.0 - share)))


@njit(cache=True)
def late_onset(course: AttackCourse, own: Own, p: float, sign: int) -> float:
    """Probability that an attack begins this evening or night, given that the day has brought no sign of one.

    Args:
        sign: what the evening before said of the day.
    """
    any_sign = p * (1.0 - own.sign_share[sign]) + prodrome_entry(course, own, p, sign)
    return float(p * course.late_share / max(1.0 - any_sign * (1.0 - course.late_share), SUREST))


@njit(cache=True)
def evening_entry(course: AttackCourse, own: Own, q: float) -> float:
    """Probability of a sign tonight, if the probability of an onset tomorrow is q."""
    return float(q * own.early_share / max(course.conversion[NONE], q))


@njit(cache=True)
def sign_shift(course: AttackCourse, own: Own, q: float, sign: int) -> float:
    """What a sign, or its absence, adds to tomorrow's log-odds, which are those of q without it."""
    if sign == UNASKED or own.early_share == 0.0:
        return 0.0
    if sign == CAME:
        return _logit(max(course.conversion[NONE], q)) - _logit(q)
    return _logit(q * (1.0 - own.early_share) / (1.0 - evening_entry(course, own, q))) - _logit(q)


@njit(cache=True)
def _logit(p: float) -> float:
    inside = min(max(p, SUREST), 1.0 - SUREST)
    return float(np.log(inside / (1.0 - inside)))
