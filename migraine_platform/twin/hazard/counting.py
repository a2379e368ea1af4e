"""What counting diaries tells: how attacks go on, when in the day they begin, how often signs come without one.

People write less on migraine days, by `effects.entry_odds`; counts are mended for that. Belongs here: shares that
counting gives. Does not: effects that are fitted (population.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.data.writing import SILENCES, at_log_odds, kinds_of_silence
from migraine_platform.twin.hazard.hypotheses import (
    AGES,
    FIRST_DAY,
    HEADACHES,
    LATE,
    LATER_DAY,
    NO_ATTACK,
    NOT_TOLD,
    OVER,
    RUNS,
    SECOND_DAY,
    UNKNOWN_DAY,
    AttackEvidence,
    Effects,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


MOST_WRITTEN = 0.999
"""Share of evenings with an entry, beyond which migraine days are as often written down as others."""


def counted(evidence: AttackEvidence, effects: Effects) -> Effects:
    """The effects with what counting tells; `effects.early`, `entry_odds` and `writing` are taken as they are."""
    onset, migraine, prodrome, drug = (
        evidence.events[..., EVENTS.index(name)] & evidence.diary
        for name in ("onset", "migraine_by_evening", "prodrome", "acute_medication")
    )
    ill_ratio = _rarer(evidence, effects)
    begun, late = (onset & migraine).sum(), evidence.late.sum()
    early = begun / ill_ratio
    free = evidence.diary & ~migraine
    announced = effects.early / effects.conversion * (onset[:, 1:] & free[:, :-1]).sum() / ill_ratio
    return effects._replace(
        lasting=_lasting(evidence, onset, migraine, drug, ill_ratio),
        by_evening=float((early + 1) / (early + late + 1.2)),
        signs=float(((onset & migraine & prodrome).sum() + 0.3) / (begun + 1)),
        alarms=float((max((prodrome & ~migraine).sum() - announced, 0.0) + 0.1) / (early + 1)),
    )


def _rarer(evidence: AttackEvidence, effects: Effects) -> float:
    """How much rarer an entry is on a migraine day: mean over the evenings that have one."""
    kinds = np.bincount(kinds_of_silence(evidence.diary, evidence.begun)[evidence.diary], minlength=SILENCES)
    if not kinds.any():
        return 1.0
    usual = min(float(evidence.diary.mean()), MOST_WRITTEN)
    wrote = np.array([at_log_odds(usual, shift) for shift in effects.writing])
    odds = wrote / (1 - wrote) * effects.entry_odds
    return float(np.average(odds / (1 + odds) / wrote, weights=kinds))


def _lasting(
    evidence: AttackEvidence,
    onset: NDArray[np.bool_],
    migraine: NDArray[np.bool_],
    drug: NDArray[np.bool_],
    ill_ratio: float,
) -> NDArray[np.float64]:
    """`Effects.lasting`: share of attacks that go on; three are added, of which one does. What is over has one share.

    A day after that is a migraine day was written down less often, and counts for more: 1 / ill_ratio.
    """
    age = np.full(migraine.shape, NO_ATTACK)
    taken = np.zeros(migraine.shape, dtype=np.bool_)
    for k in range(migraine.shape[1]):
        before = age[:, k - 1] if k else np.full(len(age), UNKNOWN_DAY)
        on = np.where(np.isin(before, (SECOND_DAY, LATER_DAY)), LATER_DAY, SECOND_DAY)
        age[:, k] = np.where(migraine[:, k], np.where(onset[:, k], FIRST_DAY, on), NO_ATTACK)
        age[~evidence.diary[:, k], k] = UNKNOWN_DAY
        earlier = taken[:, k - 1] & ~onset[:, k] if k else False
        taken[:, k] = migraine[:, k] & (drug[:, k] | earlier)
    reported = evidence.diary[:, 1:] & evidence.diary[:, :-1]
    goes_on = (migraine & ~onset)[:, 1:]
    runs, over = (evidence.headache[:, :-1] == told for told in (RUNS, OVER))
    out = np.zeros((AGES, 2, HEADACHES))

    def share(days: NDArray[np.bool_]) -> float:
        days = days & reported
        again = (onset & migraine)[:, 1:] & days
        yes = (goes_on & days).sum() / ill_ratio + 1
        no = (~goes_on & ~again & days).sum() + again.sum() / ill_ratio + 2
        return float(yes / (yes + no))

    for one in (FIRST_DAY, SECOND_DAY, LATER_DAY):
        for with_drug in (False, True):
            days = (age == one)[:, :-1] & (taken == with_drug)[:, :-1]
            out[one, int(with_drug), NOT_TOLD], out[one, int(with_drug), RUNS] = share(days), share(days & runs)
    ill = migraine[:, :-1]
    out[UNKNOWN_DAY, :, NOT_TOLD], out[UNKNOWN_DAY, :, RUNS] = share(ill), share(ill & runs)
    out[:, :, OVER] = share(ill & over)
    out[LATE] = share(evidence.late[:, 1:])
    return out
