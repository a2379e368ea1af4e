from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import rankdata, spearmanr

from migraine_platform.evaluation.scoring.rank_statistics import midranks, rank_correlation

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores and truths with ties, and how often each case is in each of three samples."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(2, 25))
    values = rng.integers(0, 8, (2, size)) / 7
    return values[0], values[1], rng.multinomial(size, np.full(size, 1 / size), size=3).astype(float)


@given(SEEDS)
def test_a_statistic_of_counts_is_that_of_the_repeated_rows(seed: int) -> None:
    score, truth, counts = drawn(seed)
    correlation, ranks = rank_correlation(score, truth, counts), midranks(score, counts)
    for sample, often in enumerate(counts.astype(int)):
        rows = np.repeat(np.arange(len(score)), often)
        assert_allclose(ranks[sample][rows], rankdata(score[rows]))
        flat = len(set(score[rows])) < 2 or len(set(truth[rows])) < 2
        assert_allclose(correlation[sample], np.nan if flat else spearmanr(score[rows], truth[rows])[0], atol=1e-12)


@pytest.mark.parametrize("size", [0, 1])
def test_of_nothing_and_of_one_case_there_is_no_statistic(size: int) -> None:
    one, counts = np.zeros(size), np.ones((2, size))
    assert np.isnan(rank_correlation(one, one, counts)).tolist() == [True, True]
