"""What is kept of a simulated day, in the arrays of `SimulatedDays`.

Belongs here: which place holds what. Does not: what happened (trajectories.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.domain.events import AT_EVENING, BY_EVENING, HAS_MIGRAINE, MEDICATION, ONSET, PRODROME
from migraine_platform.simulator.exogenous.features import AWAKE, DEEP, REM, SLEEP, STRESS, WATER
from migraine_platform.simulator.generative.attacks import Attack
from migraine_platform.simulator.generative.model import EVENT_COUNT, SimulatedDays
from migraine_platform.simulator.generative.readings import sleep_quality

if TYPE_CHECKING:
    from numpy.typing import NDArray


@njit(cache=True)
def keep_attack(days: SimulatedDays, i: int, t: int, attack: Attack) -> None:
    """The attack that begins on person i's day t."""
    days.attack[i, t] = True
    days.start[i, t], days.duration[i, t], days.drug[i, t] = attack.start, attack.duration, attack.drug
    days.prodrome[i, t], days.aura[i, t] = attack.prodrome, attack.aura
    days.severity[i, t], days.postdrome[i, t] = attack.severity, attack.postdrome


@njit(cache=True)
def keep_values(
    out: NDArray[np.float32], i: int, k: int, values: NDArray[np.float64], weather: NDArray[np.float64]
) -> None:
    """In the order of model.VALUES.

    Args:
        out: [VALUES, P, K] to be filled.
        values: [F] features, in units.
        weather: [4] of the day.
    """
    deep, rem, awake = values[DEEP], values[REM], values[AWAKE]
    for column in range(4):
        out[column, i, k] = weather[column]
    out[4, i, k] = values[SLEEP]
    out[5, i, k] = deep
    out[6, i, k] = rem
    out[7, i, k] = 1.0 - deep - rem
    out[8, i, k] = awake
    out[9, i, k] = sleep_quality(deep, rem, awake)
    out[10, i, k] = values[STRESS]
    out[11, i, k] = values[WATER]
    for f in range(WATER + 1, len(values)):
        out[12 + f - WATER - 1, i, k] = values[f]


@njit(cache=True)
def keep_flags(out: NDArray[np.bool_], i: int, k: int, diet: NDArray[np.bool_], trigger: NDArray[np.bool_]) -> None:
    """In the order of model.FLAGS: diet [ITEMS], then triggers [K].

    Args:
        out: [FLAGS, P, K] to be filled.
    """
    for item in range(len(diet)):
        out[item, i, k] = diet[item]
    for kind in range(len(trigger)):
        out[len(diet) + kind, i, k] = trigger[kind]


@njit(cache=True)
def keep_events(
    out: NDArray[np.bool_],
    i: int,
    k: int,
    migraine: bool,
    onset: bool,
    by_evening: bool,
    prodrome: bool,
    medication: bool,
    headache: bool,
) -> None:
    """In the order of model.EVENTS.

    Args:
        out: [FLAGS, P, K] to be filled.
    """
    first = len(out) - EVENT_COUNT
    out[first + HAS_MIGRAINE, i, k] = migraine
    out[first + ONSET, i, k] = onset
    out[first + BY_EVENING, i, k] = by_evening
    out[first + PRODROME, i, k] = prodrome
    out[first + MEDICATION, i, k] = medication
    out[first + AT_EVENING, i, k] = headache
