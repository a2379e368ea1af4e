from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from migraine_platform.config.simulator.settings import Simulator
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.generative.profiles import STRATUM, SusceptibilityPrior, chronic_of, draw_patients


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


def seeded(settings: Simulator, seed: int) -> Simulator:
    return settings.model_copy(update={"cohort": settings.cohort.model_copy(update={"seed": seed})})


def test_a_share_of_people_has_no_susceptibility_and_the_others_are_spread_as_ever(settings) -> None:
    """5,000 patients: the share within 4 standard errors, the others by Kolmogorov-Smirnov at 1e-3."""
    rows = settings.simulator.triggers
    some = {**rows, "stress": rows["stress"].model_copy(update={"share": 0.3})}
    everybody = seeded(settings.simulator, 8)
    before, after = (
        draw_patients(np.arange(5000), one).susceptibility
        for one in (everybody, everybody.model_copy(update={"triggers": some}))
    )
    stress = TRIGGER_NAMES.index("stress")
    has = after[:, stress] > 0
    assert abs(has.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 5000)
    assert stats.kstest(after[has, stress], stats.uniform(0.1, 0.9).cdf).pvalue > 1e-3
    assert_array_equal(np.delete(after, stress, axis=1), np.delete(before, stress, axis=1))


def test_moments_of_susceptibilities_are_those_of_draws() -> None:
    prior = SusceptibilityPrior(0.1, 1.0, np.array([1.0, 0.3]))
    drawn = prior.at(np.random.default_rng(0).random((400_000, 2)))
    assert_allclose(drawn.mean(axis=0), prior.mean(), atol=0.003)
    assert_allclose(drawn.std(axis=0), prior.sd(), atol=0.003)


def test_profiles_follow_the_configured_shares_and_ranges(settings) -> None:
    """5,000 patients: shares within 4 standard errors (false alarm 6e-5), ranges by Kolmogorov-Smirnov at 1e-3."""
    patients = draw_patients(np.arange(5000), seeded(settings.simulator, 8))
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
    assert draw_patients(np.array([index]), settings.simulator).ids == [name]
