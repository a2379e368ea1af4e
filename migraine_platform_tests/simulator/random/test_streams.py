from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import stats

from migraine_platform.simulator.random.streams import Stream, fill_normals, fill_uniforms, normals, philox, uniforms

WORD = st.integers(0, 2**64 - 1)


SMALL = st.integers(0, 2**20)


@given(WORD, WORD, st.integers(0, 2**40), SMALL, st.integers(1, 2**20), SMALL)
def test_words_are_those_of_numpys_philox(
    seed: int, stream: int, person: int, day: int, block: int, replicate: int
) -> None:
    ours = philox(*(np.uint64(word) for word in (seed, stream, person, day, block, replicate)))
    counter = np.array([block - 1, day, person, replicate], dtype=np.uint64)  # numpy counts up before each block
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


def test_halves_of_words_are_uniform_and_normal() -> None:
    """Kolmogorov-Smirnov over 160,000 draws each, fixed seed; false-alarm rate 1e-3 a test."""
    u, z = np.empty((20_000, 8)), np.empty((20_000, 8))
    for day in range(len(u)):
        fill_uniforms(u[day], 11, Stream.DIARY, 3, day, 0, 0)
        fill_normals(z[day], 11, Stream.DIARY, 4, day, 0, 0, 8)
    assert stats.kstest(u.ravel(), "uniform").pvalue > 1e-3
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    for values in (u, z):
        correlations = np.corrcoef(values.T)[np.triu_indices(8, 1)]
        assert np.abs(correlations).max() < 5 / np.sqrt(len(values))


def test_replicates_differ() -> None:
    one, two = np.empty(8), np.empty(8)
    fill_uniforms(one, 1, 2, 3, 4, 0, 0)
    fill_uniforms(two, 1, 2, 3, 4, 0, 1)
    assert not np.any(one == two)
