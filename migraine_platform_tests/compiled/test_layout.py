"""Arrays in one layout: the same values, nothing copied in vain, and one compilation for all."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from migraine_platform.compiled import njit
from migraine_platform.compiled.layout import all_in_one_layout, in_one_layout


class Days(NamedTuple):
    """Some arrays and a number."""

    seen: NDArray[np.bool_]
    level: NDArray[np.float64]
    begun: int


def frozen(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


LAYOUTS = {
    "plain": lambda array: array,
    "frozen": frozen,
    "by columns": np.asfortranarray,
    "every other": lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    "backwards": lambda array: array[::-1].copy()[::-1],
}


@pytest.mark.parametrize("name", LAYOUTS)
@given(st.integers(1, 5), st.integers(1, 5))
def test_values_stay(name: str, rows: int, columns: int) -> None:
    array = np.arange(rows * columns, dtype=float).reshape(rows, columns)
    given_array = LAYOUTS[name](array)
    found = in_one_layout(given_array)
    assert_array_equal(found, array)
    assert found.flags.c_contiguous
    assert found.flags.writeable


def test_nothing_is_copied_that_is_so_already() -> None:
    days = Days(np.ones(3, dtype=bool), np.ones((2, 3)), 4)
    found = all_in_one_layout(days)
    assert isinstance(found, Days)
    assert found.seen is days.seen
    assert found.level is days.level
    assert found.begun == 4


def test_a_function_is_compiled_once_for_every_layout() -> None:
    def added(days: Days) -> float:
        return float(days.level.sum()) + days.begun

    total: Any = njit(added)
    array = np.arange(12.0).reshape(3, 4)
    for make in LAYOUTS.values():
        assert total(all_in_one_layout(Days(make(array) > 3, make(array), 1))) == 67.0
    assert len(total.signatures) == 1
    total(Days(array > 3, frozen(array), 1))  # seen to be two without it
    assert len(total.signatures) == 2
