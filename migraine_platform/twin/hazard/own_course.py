"""What a person's own attacks are like: how readily they go on to the next day, how often signs come before them.

    logit P(goes on)             = logit c + b,   b ~ N(0, s^2)      c: the population's share, by age, drug, evening
    logit P(signs of an onset)   = logit a + g,   g ~ N(0, v^2)      a: the population's share
    log rate of signs with none  = log r + g                         r: the population's rate

b and g are kept as normals. An observation moves them by one step of Newton on its likelihood (Fahrmeir 1992), and a
chance is told as its mean over what is still open of them, so that of a newcomer it is the population's.

Belongs here: the two normals, and what a day does to them. Does not: what follows for tomorrow (outlook.py, signs.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.domain.events import BY_EVENING, ONSET
from migraine_platform.twin.hazard.hypotheses import (
    AGE,
    HEADACHE,
    LASTS,
    LASTS_VARIANCE,
    LATE,
    MEDICATED,
    NO_ATTACK,
    NOT_TOLD,
    SIGNS,
    SIGNS_VARIANCE,
    STARTED,
    TOLD,
    UNKNOWN_DAY,
    Effects,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

FLATTENING = np.pi / 8
"""E expit(N(m, v)) = expit(m / sqrt(1 + FLATTENING v)), nearly (MacKay 1992)."""


@njit(cache=True)
def goes_on(effects: Effects, age: int, drug: int, headache: int, own: NDArray[np.float64]) -> float:
    """Probability that a person's attack of such an age makes the next day a migraine day.

    Args:
        drug: whether one was taken.
        headache: NOT_TOLD, OVER or RUNS.
        own: [OWN] a person's course.
    """
    return _share(float(effects.lasting[age, drug, headache]), effects.lasting_sd, own[LASTS], own[LASTS_VARIANCE])


@njit(cache=True)
def signs_of_onset(effects: Effects, own: NDArray[np.float64]) -> float:
    """Probability that the day of a person's onset has signs.

    Args:
        own: [OWN] a person's course.
    """
    return _share(effects.signs, effects.signs_sd, own[SIGNS], own[SIGNS_VARIANCE])


@njit(cache=True)
def _share(usual: float, sd: float, mean: float, variance: float) -> float:
    """A person's share of what is `usual` over persons whose log-odds have such a deviation."""
    if sd == 0.0 or usual <= 0.0 or usual >= 1.0:
        return usual
    location = np.log(usual / (1.0 - usual)) * np.sqrt(1.0 + FLATTENING * sd**2) + mean
    return float(1.0 / (1.0 + np.exp(-location / np.sqrt(1.0 + FLATTENING * variance))))


@njit(cache=True)
def chance_to_last(effects: Effects, own: NDArray[np.float64]) -> float:
    """Probability that an attack which is there by the evening makes tomorrow a migraine day.

    Args:
        own: [OWN] a person's course.
    """
    age = int(own[AGE])
    age = UNKNOWN_DAY if age == NO_ATTACK else age
    return goes_on(effects, age, int(own[MEDICATED]), int(own[HEADACHE]), own)


@njit(cache=True)
def sign_factor(effects: Effects, own: NDArray[np.float64]) -> float:
    """How much oftener signs without an onset come to a person than to others.

    Args:
        own: [OWN] a person's course.
    """
    return float(np.exp(own[SIGNS] + 0.5 * (own[SIGNS_VARIANCE] - effects.signs_sd**2)))


@njit(cache=True)
def learn_lasting(
    effects: Effects, diary: bool, events: NDArray[np.bool_], late: bool, own: NDArray[np.float64]
) -> None:
    """Whether yesterday's attack went on, where the diaries of both days say.

    Args:
        events: [EVENTS] today's.
        late: whether it began after yesterday's evening.
        own: [OWN] as of yesterday's evening; moved.
    """
    ill = own[AGE] != NO_ATTACK or late
    if effects.lasting_sd == 0.0 or not diary or own[STARTED] == 0.0 or own[TOLD] == 0.0 or not ill:
        return
    p = chance_to_last(effects, own) if own[AGE] != NO_ATTACK else goes_on(effects, LATE, 0, NOT_TOLD, own)
    if 0.0 < p < 1.0:
        went_on = 1.0 if events[BY_EVENING] and not events[ONSET] else 0.0
        own[LASTS_VARIANCE] = 1.0 / (1.0 / own[LASTS_VARIANCE] + p * (1.0 - p))
        own[LASTS] += own[LASTS_VARIANCE] * (went_on - p)


@njit(cache=True)
def learn_signs(effects: Effects, noted: bool, chance: float, own: NDArray[np.float64]) -> None:
    """Whether signs came.

    Args:
        chance: how likely they were to come to this person.
        own: [OWN] a person's course, to be moved.
    """
    if effects.signs_sd > 0.0 and 0.0 < chance < 1.0:
        own[SIGNS_VARIANCE] = 1.0 / (1.0 / own[SIGNS_VARIANCE] + chance * (1.0 - chance))
        own[SIGNS] += own[SIGNS_VARIANCE] * ((1.0 if noted else 0.0) - chance)
