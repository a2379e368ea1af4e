from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from migraine_platform.twin.data.writing import (
    SILENCES,
    at_log_odds,
    kind_of_silence,
    kinds_of_silence,
    learned_writing,
)

PATIENTS, DAYS = 600, 150
STREAKS = np.array([0.8, -0.6, -1.2, -1.8, -2.4, -3.0, -4.0])
NONE_BEGINS_LATER = np.zeros(PATIENTS, dtype=np.int64)


def diaries(writing: np.ndarray, seed: int = 1) -> np.ndarray:
    """[P, K] entries of persons who usually write as often as every diary is expected to: four days in five."""
    rng = np.random.default_rng(seed)
    usual = np.clip(rng.beta(4, 1, PATIENTS), 0.02, 0.98)
    diary, silent = np.zeros((PATIENTS, DAYS), dtype=np.bool_), np.zeros(PATIENTS)
    for k in range(DAYS):
        shift = writing[[kind_of_silence(count) for count in silent]]
        odds = usual / (1 - usual) * np.exp(shift)
        diary[:, k] = rng.random(PATIENTS) < odds / (1 + odds)
        silent = np.where(diary[:, k], 0, silent + 1)
    return diary


def test_kinds_double_in_length() -> None:
    kinds = [kind_of_silence(evenings) for evenings in range(40)]
    assert [kinds.index(kind) for kind in range(SILENCES)] == [0, 1, 2, 3, 5, 9, 17]
    assert kinds == sorted(kinds)
    assert kind_of_silence(1e6) == SILENCES - 1


@given(st.floats(0.01, 0.99), st.floats(-5, 5))
def test_log_odds_are_moved_by_the_shift(share: float, shift: float) -> None:
    moved = at_log_odds(share, shift)
    assert 0 < moved < 1
    assert_allclose(np.log(moved / (1 - moved)) - np.log(share / (1 - share)), shift, atol=1e-9)
    assert at_log_odds(share, 0.0) == share


def test_evenings_are_counted_from_the_last_entry_or_the_first_evening() -> None:
    diary = np.array([[0, 1, 0, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1, 1]], dtype=np.bool_)
    kinds = kinds_of_silence(diary, np.array([0, 2]))
    assert_array_equal(kinds, [[0, 1, 0, 1, 2, 3, 0], [0, 0, 0, 1, 2, 3, 0]])


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whoever_writes_by_chance_has_no_streaks(seed: int) -> None:
    """None at all: forecasts are then the same bits as if nobody had looked. False alarm below 2 % a seed."""
    assert_array_equal(learned_writing(diaries(np.zeros(SILENCES), seed), NONE_BEGINS_LATER), 0.0)


def test_streaks_are_learned() -> None:
    """Odds of going on writing, and of taking a diary up again, as they were made; the latter rarer with every day."""
    found = learned_writing(diaries(STREAKS), NONE_BEGINS_LATER)
    assert_allclose(found[:5], STREAKS[:5], atol=0.5)
    # Whoever pauses long has a low share over all, against which an entry is likelier than against the usual one.
    assert np.all((STREAKS[5:] < found[5:]) & (found[5:] < -1.5)), found


def test_days_before_a_diary_begins_tell_nothing() -> None:
    diary = diaries(STREAKS)
    later = np.concatenate([np.zeros((PATIENTS, 30), dtype=np.bool_), diary], axis=1)
    expected = learned_writing(diary, NONE_BEGINS_LATER)
    assert np.abs(expected).min() > 0.3
    assert_allclose(learned_writing(later, NONE_BEGINS_LATER + 30), expected)
    assert np.abs(learned_writing(later, NONE_BEGINS_LATER) - expected).max() > 0.1


@pytest.mark.parametrize("diary", [np.zeros((3, 20), dtype=np.bool_), np.ones((3, 20), dtype=np.bool_)])
def test_diaries_without_an_entry_or_without_a_gap_have_finite_odds(diary: np.ndarray) -> None:
    assert np.isfinite(learned_writing(diary, np.zeros(3, dtype=np.int64))).all()
