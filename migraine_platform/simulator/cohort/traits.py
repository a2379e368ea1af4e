"""What a person's attacks are like on average: the truth that symptom models are held against.

Belongs here: means over the attacks that a person may have. Does not: how persons differ (symptoms.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.simulator.generative.attacks import EVENING, HOURS, OWN, AttackCourse, own_signs, prodrome_beyond
from migraine_platform.simulator.generative.symptoms import AURA, HEADACHE, POSTDROME, PRODROME, SEVERITY
from migraine_platform.simulator.random.quantiles import share_below

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.simulator.generative.symptoms import Lean

SHORTEST = 1e-3
"""Hours; an attack that begins at 20:00 sharp has had no time for signs since."""

NODES = 100
"""Equally likely attacks over which lengths are averaged."""

HOUR_STEP = 8
"""Every so many of the quantiles of the hour of onset are averaged over."""


class Traits(NamedTuple):
    """What P persons' attacks are like."""

    severity: NDArray[np.float64]
    """[P] mean severity, points."""
    aura_share: NDArray[np.float64]
    """[P] of attacks; of patients without a diagnosis of aura none."""
    prodrome_hours: NDArray[np.float64]
    """[P] typical length exp E log h, early ones and others."""
    postdrome_hours: NDArray[np.float64]
    """[P] typical length, likewise."""
    headache_hours: NDArray[np.float64]
    """[P] of a headache without a drug, likewise."""
    prodrome_share: NDArray[np.float64]
    """[P] of attacks."""


def traits(course: AttackCourse, own: NDArray[np.float64], has_aura: NDArray[np.bool_]) -> Traits:
    """What the persons' parts come to.

    Args:
        own: [P, SYMPTOMS]
        has_aura: [P] diagnosis.
    """
    from scipy.special import ndtr, ndtri

    lean = course.lean
    toward = lean.between * own
    mean_share = ndtr(toward / np.sqrt(1 + lean.within**2))  # E Phi(a + b z) = Phi(a / sqrt(1 + b^2))
    low, high = course.severity
    shortest, longest = course.postdrome
    aura = ndtr((ndtri(course.aura_share) - toward[:, AURA]) / lean.within[AURA])
    z = ndtri((np.arange(NODES) + 0.5) / NODES)  # so many equally likely attacks
    share = ndtr(toward[:, POSTDROME, None] + lean.within[POSTDROME] * z)
    # Smooth functions of one number, so that a table serves everybody.
    hours = _typical_prodrome(course, ndtr(_towards(lean, PRODROME)[:, None] + lean.within[PRODROME] * z))
    lasting = ndtr(_towards(lean, HEADACHE)[:, None] + lean.within[HEADACHE] * z)
    headache = np.log(np.interp(lasting, np.linspace(0, 1, len(course.durations)), course.durations)).mean(axis=1)
    return Traits(
        severity=low + mean_share[:, SEVERITY] * (high - low),
        aura_share=np.where(has_aura, aura, 0.0),
        prodrome_hours=np.interp(own[:, PRODROME], OWN, hours),
        postdrome_hours=np.exp(np.log(shortest + share * (longest - shortest)).mean(axis=1)),
        headache_hours=np.exp(np.interp(own[:, HEADACHE], OWN, headache)),
        prodrome_share=own_signs(course, own)[0][:, 0],
    )


def _towards(lean: Lean, symptom: int) -> NDArray[np.float64]:
    """[OWN] how far attacks lean, by what is the person's own."""
    return np.asarray(lean.between[symptom] * OWN)


@njit(cache=True)
def _typical_prodrome(course: AttackCourse, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P] exp E log h over hours of onset, the evening before asked for signs.

    Args:
        share: [P, NODES] equally likely deviates of persons.
    """
    early = course.early_share
    hours = course.onset_hours[HOUR_STEP // 2 :: HOUR_STEP]
    out = np.zeros(len(share))
    for hour in hours:
        before = hour + HOURS - EVENING
        since = before % HOURS
        beyond, within = share_below(course.prodrome_hours, before), share_below(course.prodrome_hours, since)
        for i in range(len(share)):
            for u in share[i]:
                out[i] += early * np.log(prodrome_beyond(course, beyond, before, True, u))
                out[i] += (1.0 - early) * np.log(max(prodrome_beyond(course, within, since, False, u), SHORTEST))
    for i in range(len(share)):
        out[i] = np.exp(out[i] / (len(hours) * share.shape[1]))
    return out
