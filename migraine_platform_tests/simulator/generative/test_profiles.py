from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import stats

from migraine_platform.simulator.generative.profiles import STRATUM, chronic_of, draw_patients


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.05, 0.15, 0.35, 0.5, 1.0]), st.integers(0, 10_000))
def test_every_stratum_holds_the_exact_share(seed: int, share: float, stratum: int) -> None:
    members = np.arange(stratum * STRATUM, (stratum + 1) * STRATUM)
    assert chronic_of(members, seed, share).sum() == round(share * STRATUM)


@given(st.integers(0, 2**32), st.floats(0, 1))
def test_any_share_is_exact_over_many_strata(seed: int, share: float) -> None:
    chronic = chronic_of(np.arange(50 * STRATUM), seed, share)
    assert abs(chronic.sum() - share * len(chronic)) <= 1


def test_a_patients_class_does_not_depend_on_the_batch() -> None:
    whole = chronic_of(np.arange(100), 3, 0.15)
    for size in (1, 7, 33):
        parts = [chronic_of(np.arange(first, min(first + size, 100)), 3, 0.15) for first in range(0, 100, size)]
        assert_array_equal(np.concatenate(parts), whole)


def test_profiles_follow_the_configured_shares_and_ranges(settings) -> None:
    """5,000 patients: shares within 4 standard errors (false alarm 6e-5), ranges by Kolmogorov-Smirnov at 1e-3."""
    population = settings.simulator.population
    patients = draw_patients(np.arange(5000), 8, population, 20)
    for share, expected in ((patients.is_female, 0.7), (patients.has_aura, 0.3)):
        assert abs(share.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / 5000)
    assert patients.age.min() == 18
    assert patients.age.max() == 65
    episodic, chronic = 30 * patients.frequency[~patients.is_chronic], 30 * patients.frequency[patients.is_chronic]
    assert stats.kstest(episodic, stats.uniform(1, 13).cdf).pvalue > 1e-3
    assert stats.kstest(chronic, stats.uniform(15, 10).cdf).pvalue > 1e-3
    for column in patients.susceptibility.T:
        assert stats.kstest(column, stats.uniform(0.1, 0.9).cdf).pvalue > 1e-3
    assert np.bincount(patients.site, minlength=20).min() > 150


@pytest.mark.parametrize(("index", "name"), [(0, "P0001"), (9998, "P9999"), (9999, "P10000")])
def test_ids_have_at_least_four_digits(settings, index: int, name: str) -> None:
    assert draw_patients(np.array([index]), 8, settings.simulator.population, 20).ids == [name]
