"""How people keep a diary: in streaks, with pauses, and some not any more.

    odds of an entry = the person's usual odds x exp(w[kind]),   kind: how many evenings have had no entry

A missing entry says something only against how likely one was: in the middle of a pause it hardly speaks of migraine.
w is learned from the population's diaries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.compiled import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENTRIES_YES, ENTRIES_NO = 4.0, 1.0
"""Days with and without an entry that every diary starts with."""

SILENCES = 7
"""Kinds of evenings, by how many before them have no entry: none, 1, 2, up to 4, up to 8, up to 16, more."""

SHIFT_SD = 2.0
"""Of w before anything is known of a kind."""

CHANCE = 3.0
"""Standard errors of a w that is taken for 0: people who write in no streaks are to be forecast as such."""

RAREST = 1e-6
"""Share of evenings without an entry that is taken for none."""

STEPS = 30
"""Newton steps; w is found to the last digit long before."""


@njit(cache=True)
def kind_of_silence(evenings: float) -> int:
    """Which of SILENCES an evening is of, before which so many have no entry."""
    kind, last = 0, 0.0
    while evenings > last and kind < SILENCES - 1:
        last = max(2.0 * last, 1.0)
        kind += 1
    return kind


@njit(cache=True)
def at_log_odds(share: float, shift: float) -> float:
    """A share whose log-odds are moved; the same number where they are not."""
    if shift == 0.0:
        return share
    odds = share / max(1.0 - share, RAREST) * np.exp(shift)
    return float(odds / (1.0 + odds))


def silent_before(diary: NDArray[np.bool_], begun: NDArray[np.int64]) -> NDArray[np.int64]:
    """[P, K] evenings in a row without an entry, up to the day before; the first evening of a diary follows none.

    Args:
        diary: [P, K] which evenings have an entry.
        begun: [P] first evening of each diary.
    """
    out = np.zeros(diary.shape, dtype=np.int64)
    for k in range(1, diary.shape[1]):
        out[:, k] = np.where(diary[:, k - 1] | (begun >= k), 0, out[:, k - 1] + 1)
    return out


def kinds_of_silence(diary: NDArray[np.bool_], begun: NDArray[np.int64]) -> NDArray[np.int64]:
    """[P, K] which of SILENCES each evening is of.

    Args:
        diary: [P, K] which evenings have an entry.
        begun: [P] first evening of each diary.
    """
    kinds = np.array([kind_of_silence(evenings) for evenings in range(diary.shape[1] + 1)])
    return np.asarray(kinds[silent_before(diary, begun)])


def learned_writing(diary: NDArray[np.bool_], begun: NDArray[np.int64]) -> NDArray[np.float64]:
    """[SILENCES] w: the likeliest for the population's diaries, under a normal prior; 0 where chance may have made it.

    Args:
        diary: [P, K] which evenings have an entry.
        begun: [P] first evening of each diary.
    """
    since = np.arange(diary.shape[1]) - begun[:, None]
    lived = since >= 0
    entries = diary & lived
    # A person's usual share is that of his other evenings: with this one it would explain itself.
    others, evenings = (part.sum(axis=1)[:, None] - part for part in (entries, lived))
    usual = (others + ENTRIES_YES) / (evenings + ENTRIES_YES + ENTRIES_NO)
    logit, kinds = np.log(usual / (1 - usual)), kinds_of_silence(diary, begun)
    out = np.zeros(SILENCES)
    for kind in range(SILENCES):
        these = (kinds == kind) & (since >= 1)
        own, wrote, shift = logit[these], int(diary[these].sum()), 0.0
        for _ in range(STEPS):
            p = 1 / (1 + np.exp(-(own + shift)))
            information = float((p * (1 - p)).sum()) + 1 / SHIFT_SD**2
            shift += (wrote - float(p.sum()) - shift / SHIFT_SD**2) / information
        if abs(shift) * np.sqrt(information) > CHANCE:
            out[kind] = shift
    return out
