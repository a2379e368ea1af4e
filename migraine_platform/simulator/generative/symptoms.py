"""How persons differ in what their attacks are like: severity, aura, signs, lengths, days of the week.

    u' = Phi(sqrt(r) m + sqrt(1 - r) Phi^-1(u))        m the person's own, u the attack's; r: between_persons

u' is uniform over the population, so that no share or distribution of attacks changes, and two attacks of a person have
correlation r on the normal scale. An attack's u of severity goes with those of its length and its treatment. How long
headaches last, how often signs come and the weekend's log-odds bear on when a migraine day comes: forecasts must know
or learn them. The others do not.

Belongs here: the person's part. Does not: an attack's course (attacks.py), what a person's attacks come to (traits.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.attacks import AttackSettings, SeverityWith
from migraine_platform.simulator.random.normal import normal_quantile
from migraine_platform.simulator.random.streams import Stream, normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEVERITY, AURA, PRODROME, POSTDROME, HEADACHE, SIGNS, WEEKEND = range(7)
SYMPTOMS = 7


class Lean(NamedTuple):
    """How attacks lean towards what is the person's own."""

    between: NDArray[np.float64]
    """[SYMPTOMS] sqrt(r); 0 for the weekend, which is no attack's."""
    within: NDArray[np.float64]
    """[SYMPTOMS] sqrt(1 - r)"""

    @classmethod
    def of(cls, settings: AttackSettings) -> Lean:
        """As configured."""
        own = settings.between_persons
        share = np.array([own.severity, own.aura, own.prodrome, own.postdrome, own.headache, own.signs, 0.0])
        return cls(np.sqrt(share), np.sqrt(1 - share))


def own_symptoms(index: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """[P, SYMPTOMS] m of each person: standard normal.

    Args:
        index: [P] patients' indices.
    """
    return np.ascontiguousarray(normals(seed, Stream.SYMPTOM, index, 1, SYMPTOMS)[:, 0])


@njit(cache=True)
def leaning(lean: Lean, symptom: int, own: float, u: float) -> float:
    """u' of an attack's deviate."""
    if lean.between[symptom] == 0.0:
        return u
    return normal_share(lean.between[symptom] * own + lean.within[symptom] * normal_quantile(u))


@njit(cache=True)
def badness(parts: tuple[float, float, float], length: float, calm: float, u: float) -> float:
    """u of an attack's severity, which goes with how long it lasts and whether it is treated.

    Args:
        parts: weights on a normal scale, of `parts_of_severity`.
        length, calm, u: uniform deviates of the untreated duration, of the treatment (lower is sooner), and of chance.
    """
    by_length, by_wish, by_chance = parts
    if by_length == 0.0 and by_wish == 0.0:
        return u
    z = by_length * normal_quantile(length) - by_wish * normal_quantile(calm) + by_chance * normal_quantile(u)
    return normal_share(z)


def parts_of_severity(severity_with: SeverityWith) -> tuple[float, float, float]:
    """Weights of the duration, the wish for a drug and chance, whose squares add up to 1."""
    duration, treatment = severity_with.duration, severity_with.treatment
    return duration, treatment, float(np.sqrt(1 - duration**2 - treatment**2))


@njit(cache=True)
def straightened(lean: Lean, symptom: int, own: float, share: float) -> float:
    """Inverse of `leaning`: how often an attack's u' is below `share`, at this person."""
    if lean.between[symptom] == 0.0 or share <= 0.0 or share >= 1.0:
        return share
    return normal_share((normal_quantile(share) - lean.between[symptom] * own) / lean.within[symptom])


@njit(cache=True)
def normal_share(z: float) -> float:
    """Share of a standard normal below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
