from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from migraine_platform.simulator.checks.resemblance import share_between, within_correlation, within_difference

PERSONS, ATTACKS = 400, 30


@pytest.fixture(scope="module")
def who() -> np.ndarray:
    """1 to 59 attacks a person, in no order."""
    rng = np.random.default_rng(1)
    return rng.permutation(np.repeat(np.arange(PERSONS), rng.integers(1, 2 * ATTACKS, PERSONS)))


def test_the_share_between_persons_is_that_of_the_process(who) -> None:
    """Variance 0.36 between and 0.64 within; five standard errors of 400 persons."""
    rng = np.random.default_rng(2)
    own = rng.normal(size=PERSONS)
    values = 7 + 0.6 * own[who] + 0.8 * rng.normal(size=len(who))
    assert_allclose(share_between(values, who), 0.36, atol=5 * 0.36 * np.sqrt(2 / PERSONS))
    assert abs(share_between(rng.normal(size=len(who)), who)) < 0.02


def test_what_persons_have_in_common_does_not_count_within_them(who) -> None:
    """Persons differ in both by the same; within a person the correlation is 0.5, and marked attacks have 1.5 more."""
    rng = np.random.default_rng(3)
    own = 5 * rng.normal(size=PERSONS)[who]
    marked = rng.random(len(who)) < 1 / (1 + np.exp(-own))
    first = rng.normal(size=len(who))
    second = 0.5 * first + np.sqrt(0.75) * rng.normal(size=len(who))
    assert_allclose(within_correlation(own + first, own + second, who), 0.5, atol=0.03)
    assert_allclose(within_difference(own + first + 1.5 * marked, marked, who), 1.5, atol=0.15)


def test_one_attack_a_person_tells_nothing() -> None:
    who, values = np.arange(10), np.arange(10.0)
    assert np.isnan(share_between(values, who))
    assert np.isnan(within_correlation(values, values, who))
    assert np.isnan(within_difference(values, values > 5, who))
