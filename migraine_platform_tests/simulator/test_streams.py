from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from migraine_platform.simulator.streams import Stream, lookup, normals, philox, uniforms

WORD = st.integers(0, 2**64 - 1)


@given(WORD, WORD, st.integers(0, 2**40), st.integers(0, 2**20), st.integers(1, 2**20))
def test_words_are_those_of_numpys_philox(seed: int, stream: int, person: int, day: int, block: int) -> None:
    ours = philox(*(np.uint64(word) for word in (seed, stream, person, day, block)))
    counter = np.array([block - 1, day, person, 0], dtype=np.uint64)  # numpy counts up before each block
    reference = np.random.Philox(key=np.array([seed, stream], dtype=np.uint64), counter=counter)
    assert_array_equal(np.array(ours, dtype=np.uint64), reference.random_raw(4))


def test_uniforms_and_normals_have_their_distributions() -> None:
    """Kolmogorov-Smirnov over 120,000 draws each, fixed seed; false-alarm rate 1e-3 a test."""
    persons = np.arange(200)
    u, z = uniforms(11, Stream.DIARY, persons, 100, 6), normals(11, Stream.EXOGENOUS, persons, 100, 6)
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert u.min() > 0
    assert u.max() < 1


def test_neighbouring_draws_are_uncorrelated() -> None:
    """Correlations along persons, days, slots and streams below 5 / sqrt(n); false-alarm rate 6e-7 each."""
    persons = np.arange(300)
    z = normals(5, Stream.EXOGENOUS, persons, 100, 8)
    other = normals(5, Stream.PERSON, persons, 100, 8)
    pairs = [(z[1:], z[:-1]), (z[:, 1:], z[:, :-1]), (z[..., 1:], z[..., :-1]), (z, other)]
    for one, two in pairs:
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 5 / np.sqrt(one.size)


@pytest.mark.parametrize("draw", [uniforms, normals])
def test_a_persons_draws_depend_on_nothing_else(draw) -> None:
    persons = np.arange(40)
    whole = draw(1, 2, persons, 30, 5)
    assert_array_equal(draw(1, 2, persons[::-1].copy(), 30, 5)[::-1], whole)
    assert_array_equal(draw(1, 2, persons[17:18], 30, 5)[0], whole[17])
    assert_array_equal(draw(1, 2, persons, 300, 5)[:, :30], whole)
    assert not np.array_equal(draw(2, 2, persons, 30, 5), whole)
    assert not np.array_equal(draw(1, 3, persons, 30, 5), whole)


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=20), st.integers(2, 50))
def test_lookup_is_linear_interpolation(z: list[float], size: int) -> None:
    table = np.sort(np.random.default_rng(size).normal(size=size))
    expected = np.interp(z, np.linspace(-6, 6, size), table)
    assert_allclose(lookup(np.array(z), 6.0, table), expected, atol=1e-5)
