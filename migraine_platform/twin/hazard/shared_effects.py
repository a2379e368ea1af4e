"""The effects that all patients share, moved by a Newton step on the likelihood of everybody's onsets.

Belongs here: gradient and curvature, the weights of the hypotheses held. Does not: those weights, or what is found by
counting or by trying (population.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.compiled.layout import all_in_one_layout
from migraine_platform.compiled.parallel import in_parallel
from migraine_platform.config.simulator.latent import AXES
from migraine_platform.domain.events import BY_EVENING, HAS_MIGRAINE, ONSET
from migraine_platform.twin.data.writing import at_log_odds
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.filter import attenuation
from migraine_platform.twin.hazard.hypotheses import AttackEvidence, Effects, Points

if TYPE_CHECKING:
    from numpy.typing import NDArray

LATENT = len(AXES)
OTHERS = LATENT + 2
"""Shared effects beside those of the triggers, which come first: latent state, refractory, attack history."""

REFRACTORY, HISTORY = -2, -1

RIDGE = 1.0


def newton_step(
    points: Points,
    effects: Effects,
    covariates: Covariates,
    evidence: AttackEvidence,
    attack_history: NDArray[np.float64],
    shares: NDArray[np.float64],
) -> Effects:
    """One Newton step on the shared effects, the weights of the hypotheses held.

    Args:
        attack_history: [P, K] exponentially weighted attack history.
        shares: [P, M] weight of each hypothesis.
    """
    patients, triggers = len(evidence.diary), len(effects.trigger)
    shared = triggers + OTHERS
    gradient, curvature = np.zeros((patients, shared)), np.zeros((patients, shared, shared))
    centred = covariates.trigger - covariates.baseline
    flattened = attenuation(effects, covariates)
    complete = evidence.events[..., HAS_MIGRAINE]

    def work(first: int, last: int) -> None:
        for i in range(first, last):
            own = OnsetDays(
                centred[i], covariates.latent[i], covariates.weekend[i], flattened[i], attack_history[i],
                evidence.diary[i], evidence.events[i], complete[i], evidence.begun[i],
            )  # fmt: skip
            _score_one(points, effects, all_in_one_layout(own), shares[i], gradient[i], curvature[i])

    in_parallel(patients, work)
    ridge = RIDGE * np.eye(shared)
    step = np.linalg.solve(curvature.sum(axis=0) + ridge, gradient.sum(axis=0))
    step *= min(1.0, 1.0 / np.abs(step).max())
    trigger = np.maximum(effects.trigger + step[:triggers], 0.0)
    latent = np.maximum(effects.latent + step[triggers:REFRACTORY], 0.0)
    return effects._replace(
        trigger=trigger,
        latent=latent,
        refractory=float(effects.refractory + step[REFRACTORY]),
        attack_history=float(effects.attack_history + step[HISTORY]),
    )


class OnsetDays(NamedTuple):
    """One patient's K days, as the effects shared by all are learned from them."""

    centred: NDArray[np.float64]
    """[K, triggers] they, less what is usual of them."""
    latent: NDArray[np.float64]
    """[K, KINDS]"""
    weekend: NDArray[np.float64]
    """[K]"""
    attenuation: NDArray[np.float64]
    """[K] logistic-normal attenuation of the log-odds, for what was not recorded."""
    attack_history: NDArray[np.float64]
    """[K] exponentially weighted attack history."""
    diary: NDArray[np.bool_]
    """[K]"""
    events: NDArray[np.bool_]
    """[K, EVENTS]"""
    complete: NDArray[np.bool_]
    """[K] migraine days, as the next day's diary completes them."""
    begun: int
    """First day of the history."""


@njit(cache=True, nogil=True)
def _score_one(
    points: Points,
    effects: Effects,
    own: OnsetDays,
    share: NDArray[np.float64],
    gradient: NDArray[np.float64],
    curvature: NDArray[np.float64],
) -> None:
    """Add the gradient and curvature of one patient's onsets.

    Args:
        share: [M] weight of each hypothesis.
        gradient: [K + OTHERS].
        curvature: [K + OTHERS, K + OTHERS].
    """
    diary, complete, events, begun = own.diary, own.complete, own.events, own.begun
    shared = len(gradient)
    row, scale = np.zeros(shared), np.ones(shared)
    shift = _selection(diary, begun, effects)
    for k in range(begun, len(diary) - 1):
        continued = events[k + 1, BY_EVENING] and not events[k + 1, ONSET]
        if not (diary[k] and diary[k + 1]) or continued:
            continue
        fixed = _design(effects, own, k, row)
        attenuation = own.attenuation[k]
        onset = 1.0 if complete[k + 1] and events[k + 1, ONSET] else 0.0
        for m in range(len(share)):
            if share[m] < 1e-6:
                continue
            logit = points.level[m] + fixed + effects.weekend * points.weekend[m] * own.weekend[k]
            for kind in range(shared - OTHERS):
                scale[kind] = points.susceptibility[m, kind]
                logit += effects.trigger[kind] * scale[kind] * row[kind]
            p = 1.0 / (1.0 + np.exp(-(logit * attenuation + shift)))
            slope, bend = share[m] * (onset - p) * attenuation, share[m] * p * (1.0 - p) * attenuation * attenuation
            for a in range(shared):
                left = row[a] * scale[a]
                gradient[a] += slope * left
                for b in range(a + 1):
                    curvature[a, b] += bend * left * row[b] * scale[b]
    for a in range(shared):
        for b in range(a):
            curvature[b, a] = curvature[a, b]


@njit(cache=True)
def _selection(diary: NDArray[np.bool_], begun: int, effects: Effects) -> float:
    """What it adds to the log-odds that days are known only if somebody wrote, who writes less with migraine.

    Both evenings of a pair have an entry, so that `effects.writing` of an evening after one counts.
    """
    wrote = 0.0
    for k in range(begun, len(diary)):
        wrote += diary[k] / (len(diary) - begun)
    again = at_log_odds(max(wrote, 0.02), effects.writing[0])
    odds = again / max(1.0 - again, 0.02) * effects.entry_odds
    return float(np.log(odds / (1.0 + odds) / again))


@njit(cache=True)
def _design(effects: Effects, own: OnsetDays, k: int, row: NDArray[np.float64]) -> float:
    """Fill `row` with what the shared effects of day k multiply; log-odds of those without a person's part.

    Args:
        row: [K + OTHERS] to be filled.
    """
    after = 1.0 if own.diary[k] and own.complete[k] else 0.0
    triggers = len(row) - OTHERS
    row[REFRACTORY] = after
    row[HISTORY] = effects.memory * own.attack_history[k] + (1.0 - effects.memory) * after
    fixed = effects.refractory * after + effects.attack_history * row[HISTORY]
    for kind in range(triggers):
        row[kind] = own.centred[k, kind]
    for axis in range(LATENT):
        row[triggers + axis] = own.latent[k, axis]
        fixed += effects.latent[axis] * own.latent[k, axis]
    return float(fixed)
