"""How persons differ in what their attacks are like."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from migraine_platform.simulator.generative.attacks import AttackCourse
from migraine_platform.simulator.generative.symptoms import (
    SEVERITY,
    SYMPTOMS,
    Lean,
    leaning,
    own_symptoms,
)

FALSE_ALARM = 1e-4


@pytest.fixture(scope="module")
def course(settings) -> AttackCourse:
    return AttackCourse.of(settings.simulator.attacks, settings.simulator.treatments)


def lean_of(share: float) -> Lean:
    return Lean(np.full(SYMPTOMS, np.sqrt(share)), np.full(SYMPTOMS, np.sqrt(1 - share)), (0.0, 0.0, 1.0))


def test_over_the_population_nothing_changes_and_two_attacks_of_one_are_alike() -> None:
    """100,000 persons with two attacks each: uniform, and correlated on the normal scale as is configured."""
    rng = np.random.default_rng(3)
    own, u = rng.standard_normal(100_000), rng.random((2, 100_000))
    lean = lean_of(0.4)
    reported = np.array([[leaning(lean, 0, m, one) for m, one in zip(own, row, strict=True)] for row in u])
    assert kstest(reported[0], "uniform").pvalue > FALSE_ALARM
    z = norm.ppf(reported)
    assert abs(np.corrcoef(z)[0, 1] - 0.4) < 4 * (1 - 0.4**2) / np.sqrt(100_000)


def test_without_a_share_between_persons_an_attack_is_what_chance_makes_it() -> None:
    assert leaning(lean_of(0.0), SEVERITY, 2.5, 0.3) == 0.3


def test_a_person_does_not_depend_on_the_batch() -> None:
    assert np.array_equal(own_symptoms(np.arange(50), 1)[20:30], own_symptoms(np.arange(20, 30), 1))
