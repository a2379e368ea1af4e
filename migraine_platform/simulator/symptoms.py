"""How persons differ in what their attacks are like: severity, aura, lengths of prodrome and postdrome.

    u' = Phi(sqrt(r) m + sqrt(1 - r) Phi^-1(u))        m the person's own, u the attack's; r: between_persons

u' is uniform over the population, so that no share or distribution of attacks changes, and two attacks of a person have
correlation r on the normal scale. When an attack comes and how long its headache lasts does not hang on it: no forecast
of migraine does.

Belongs here: the person's part, and what it comes to. Does not: an attack's course (attacks.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from migraine_platform.config.attacks import Attacks
from migraine_platform.simulator.normal import normal_quantile
from migraine_platform.simulator.streams import Stream, normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.simulator.attacks import Course

SEVERITY, AURA, PRODROME, POSTDROME = range(4)
SYMPTOMS = 4
NODES = 200


class Lean(NamedTuple):
    """How attacks lean towards what is the person's own."""

    between: NDArray[np.float64]
    """[SYMPTOMS] sqrt(r)"""
    within: NDArray[np.float64]
    """[SYMPTOMS] sqrt(1 - r)"""

    @classmethod
    def of(cls, settings: Attacks) -> Lean:
        """As configured."""
        own = settings.between_persons
        share = np.array([own.severity, own.aura, own.prodrome, own.postdrome])
        return cls(np.sqrt(share), np.sqrt(1 - share))


class Traits(NamedTuple):
    """What P persons' attacks are like."""

    severity: NDArray[np.float64]
    """[P] mean severity, points."""
    aura_share: NDArray[np.float64]
    """[P] of attacks; of patients without a diagnosis of aura none."""
    prodrome_hours: NDArray[np.float64]
    """[P] typical length exp E log h, before it is cut at the evening."""
    postdrome_hours: NDArray[np.float64]
    """[P] typical length, likewise."""


def own_symptoms(index: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """[P, SYMPTOMS] m of each person: standard normal."""
    return np.ascontiguousarray(normals(seed, Stream.SYMPTOM, index, 1, SYMPTOMS)[:, 0])


@njit(cache=True)
def leaning(lean: Lean, symptom: int, own: float, u: float) -> float:
    """u' of an attack's deviate."""
    if lean.between[symptom] == 0.0:
        return u
    z = lean.between[symptom] * own + lean.within[symptom] * normal_quantile(u)
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def traits(course: Course, own: NDArray[np.float64], has_aura: NDArray[np.bool_]) -> Traits:
    """What the persons' parts come to.

    Args:
        own: [P, SYMPTOMS]
    """
    from scipy.special import ndtr, ndtri

    lean = course.lean
    toward = lean.between * own
    mean_share = ndtr(toward / np.sqrt(1 + lean.within**2))  # E Phi(a + b z) = Phi(a / sqrt(1 + b^2))
    low, high = course.severity
    shortest, longest = course.postdrome
    aura = ndtr((ndtri(course.aura_share) - toward[:, AURA]) / lean.within[AURA])
    steps = np.linspace(0, 1, len(course.prodrome_hours))
    z = ndtri((np.arange(NODES) + 0.5) / NODES)  # so many equally likely attacks
    share = [ndtr(toward[:, symptom, None] + lean.within[symptom] * z) for symptom in (PRODROME, POSTDROME)]
    return Traits(
        severity=low + mean_share[:, SEVERITY] * (high - low),
        aura_share=np.where(has_aura, aura, 0.0),
        prodrome_hours=np.exp(np.log(np.interp(share[0], steps, course.prodrome_hours)).mean(axis=1)),
        postdrome_hours=np.exp(np.log(shortest + share[1] * (longest - shortest)).mean(axis=1)),
    )
