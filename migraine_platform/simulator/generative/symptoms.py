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
from migraine_platform.config.simulator.attacks import AttackSettings
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
    severity_weights: tuple[float, float, float]
    """What makes an attack severe, on a normal scale: its untreated duration, its treatment, chance."""

    @classmethod
    def of(cls, settings: AttackSettings) -> Lean:
        """As configured."""
        own = settings.between_persons
        share = np.array([own.severity, own.aura, own.prodrome, own.postdrome, own.headache, own.signs, 0.0])
        with_length, with_treatment = settings.severity_with.duration, settings.severity_with.treatment
        chance = float(np.sqrt(1 - with_length**2 - with_treatment**2))
        return cls(np.sqrt(share), np.sqrt(1 - share), (with_length, with_treatment, chance))


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
    return _normal_share(lean.between[symptom] * own + lean.within[symptom] * normal_quantile(u))


@njit(cache=True)
def severity_deviate(lean: Lean, length: float, treatment: float, u: float) -> float:
    """u of an attack's severity, which goes with how long it lasts and whether it is treated.

    Args:
        length, treatment, u: uniform deviates of the untreated duration, of the treatment (lower is sooner), of chance.
    """
    by_length, by_treatment, by_chance = lean.severity_weights
    if by_length == 0.0 and by_treatment == 0.0:
        return u
    z = by_length * normal_quantile(length) - by_treatment * normal_quantile(treatment)
    return _normal_share(z + by_chance * normal_quantile(u))


@njit(cache=True)
def straightened(lean: Lean, symptom: int, own: float, share: float) -> float:
    """Inverse of `leaning`: how often an attack's u' is below `share`, at this person."""
    if lean.between[symptom] == 0.0 or share <= 0.0 or share >= 1.0:
        return share
    return _normal_share((normal_quantile(share) - lean.between[symptom] * own) / lean.within[symptom])


@njit(cache=True)
def _normal_share(z: float) -> float:
    """Share of a standard normal below z."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))
