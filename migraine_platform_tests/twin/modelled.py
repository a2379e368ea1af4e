"""Diaries drawn from the model itself, by its docstrings and none of its code (twin/hazard/filter.py)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_COUNT
from migraine_platform.twin.data.writing import SILENCES, kind_of_silence
from migraine_platform.twin.hazard.covariates import Covariates
from migraine_platform.twin.hazard.hypotheses import AGES, HEADACHES, NOT_TOLD, AttackEvidence, Effects, Points

ALWAYS = 1 - 1e-12


def expit(x):
    return 1 / (1 + np.exp(-x))


def share_ill(level, on):
    """Share of migraine days in the long run: q = p + (1 - p) on q."""
    p = expit(level)
    return p / (1 - on * (1 - p))


def effects_of(**values: object) -> Effects:
    """Effects of which some matter."""
    baseline: dict[str, object] = {
        "trigger": np.array([1.5, 1.2, 1.8, 0.8]),
        "latent": np.array([0.5, 0.3, 0.4, 0.2]),
        "refractory": -0.4,
        "attack_history": 0.0,
        "weekend": 0.0,
        "memory": 0.8,
        "lasting": np.full((AGES, 2, HEADACHES), 0.3),
        "lasting_sd": 0.0,
        "by_evening": 0.85,
        "alarms": 0.1,
        "signs": 0.0,
        "signs_sd": 0.0,
        "early": 0.0,
        "conversion": 0.7,
        "entry_odds": 1.0,
        "writing": np.zeros(SILENCES),
        "renewal": 0.0,
    }
    return Effects(**(baseline | values))


def triggers_alone(rng: np.random.Generator, patients: int, days: int, share: float = 0.25) -> Covariates:
    """Recorded triggers, each day anew; no load."""
    trigger = (rng.random((patients, days, TRIGGER_COUNT)) < share).astype(float)
    zeros = np.zeros((patients, days, TRIGGER_COUNT))
    spread = np.zeros((patients, days, TRIGGER_COUNT, TRIGGER_COUNT))
    return Covariates(trigger, np.full_like(trigger, share), zeros, spread, np.zeros((patients, days)))


def points_of(rng: np.random.Generator, count: int) -> Points:
    weight = rng.dirichlet(np.ones(count))
    return Points(
        rng.normal(-1.5, 1.0, count),
        rng.uniform(0.1, 1.0, (count, TRIGGER_COUNT)),
        rng.standard_normal(count),
        np.log(weight),
    )


def live(
    rng: np.random.Generator,
    level: NDArray[np.float64],
    susceptibility: NDArray[np.float64],
    effects: Effects,
    covariates: Covariates,
    wrote: NDArray[np.float64] | float = ALWAYS,
    own: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> AttackEvidence:
    """Diaries of persons whose attacks go on equally likely at every age, and that do not say when they are over.

    Args:
        wrote: probability of an entry on a day without migraine.
        own: [P] each, on a normal scale: how attacks go on, how often signs come, what weekends do.
    """
    patients, days, _ = covariates.trigger.shape
    lasts, signs, weekend = (np.zeros(patients),) * 3 if own is None else own
    on = effects.lasting[0, 0, NOT_TOLD]
    if own is not None:
        steep = np.sqrt(1 + np.pi * effects.lasting_sd**2 / 8)
        on = expit(np.log(on / (1 - on)) * steep + effects.lasting_sd * lasts)
    oftener = np.exp(effects.signs_sd * signs - effects.signs_sd**2 / 2)
    steep = np.sqrt(1 + np.pi * effects.signs_sd**2 / 8)
    noted = (
        expit(np.log(effects.signs / (1 - effects.signs)) * steep + effects.signs_sd * signs) if effects.signs else 0
    )
    centred = effects.trigger * (covariates.trigger - covariates.baseline)
    wrote = np.broadcast_to(wrote, patients)
    usual, silent = wrote / (1 - wrote), np.zeros(patients, dtype=np.int64)
    diary, late_told = np.zeros((2, patients, days), dtype=bool)
    events = np.zeros((patients, days, len(EVENTS)), dtype=bool)
    ill, attack_history, logit, late = (
        np.zeros(patients, dtype=bool),
        share_ill(level, on),
        level,
        np.zeros(patients, dtype=bool),
    )
    outlook = expit(logit)
    for k in range(days):
        p = np.where(ill, expit(logit), outlook)
        goes_on = ill & (rng.random(patients) < on)
        u = rng.random(patients)
        onset = ~goes_on & (u < p * effects.by_evening)
        alarm = ~goes_on & ~onset & (u < p * effects.by_evening * (1 + effects.alarms * oftener))
        by_evening = goes_on | onset
        late_told[:, k] = late & diary[:, k - 1] if k else False
        odds = usual * np.exp(effects.writing[[kind_of_silence(count) for count in silent]])
        odds = np.where(by_evening, odds * effects.entry_odds, odds)
        diary[:, k] = rng.random(patients) < odds / (1 + odds)
        silent = np.where(diary[:, k], 0, silent + 1)
        rest = p * (1 - effects.by_evening) / (1 - p * effects.by_evening * (1 + effects.alarms * oftener))
        late = ~by_evening & ~alarm & (rng.random(patients) < rest)
        ill = by_evening | late
        carried = effects.attack_history * effects.memory * attack_history
        carried = carried + ill * (effects.refractory + effects.attack_history * (1 - effects.memory))
        attack_history = effects.memory * attack_history + (1 - effects.memory) * ill
        logit = (
            level + (susceptibility * centred[:, k]).sum(axis=1) + covariates.latent[:, k] @ effects.latent + carried
        )
        logit = logit + effects.weekend * weekend * covariates.weekend[:, k]
        outlook = expit(logit)
        announcing = np.maximum(effects.conversion, outlook)
        entry = outlook * effects.early / announcing
        sign = ~by_evening & ~alarm & (rng.random(patients) < entry) if effects.early else np.zeros_like(ill)
        unsigned = np.where(by_evening | alarm, outlook, outlook * (1 - effects.early) / (1 - entry))
        outlook = np.where(sign, announcing, unsigned)
        before = onset & (rng.random(patients) < noted) if effects.signs else np.zeros_like(ill)
        nothing = np.zeros_like(ill)
        flags = np.stack([ill, onset | late, by_evening, alarm | sign | before, nothing, nothing], axis=-1)
        events[:, k] = flags & diary[:, k, None]
    headache = np.full((patients, days), NOT_TOLD, dtype=np.int64)
    begun = np.zeros(patients, dtype=np.int64)
    return AttackEvidence(diary, events, headache, late_told, np.zeros((patients, days)), begun)
