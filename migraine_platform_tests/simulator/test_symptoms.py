"""How persons differ in what their attacks are like."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from migraine_platform.simulator.attacks import Course
from migraine_platform.simulator.symptoms import (
    AURA,
    POSTDROME,
    SEVERITY,
    SYMPTOMS,
    Lean,
    leaning,
    own_symptoms,
    traits,
)

FALSE_ALARM = 1e-4


@pytest.fixture(scope="module")
def course(settings) -> Course:
    return Course.of(settings.simulator.attacks, settings.simulator.treatments)


def lean_of(share: float) -> Lean:
    return Lean(np.full(SYMPTOMS, np.sqrt(share)), np.full(SYMPTOMS, np.sqrt(1 - share)))


def test_over_the_population_nothing_changes_and_two_attacks_of_one_are_alike() -> None:
    """100,000 persons with two attacks each: uniform, and correlated on the normal scale as is configured."""
    rng = np.random.default_rng(3)
    own, u = rng.standard_normal(100_000), rng.random((2, 100_000))
    lean = lean_of(0.4)
    told = np.array([[leaning(lean, 0, m, one) for m, one in zip(own, row, strict=True)] for row in u])
    assert kstest(told[0], "uniform").pvalue > FALSE_ALARM
    z = norm.ppf(told)
    assert abs(np.corrcoef(z)[0, 1] - 0.4) < 4 * (1 - 0.4**2) / np.sqrt(100_000)


def test_without_a_share_between_persons_an_attack_is_what_chance_makes_it() -> None:
    assert leaning(lean_of(0.0), SEVERITY, 2.5, 0.3) == 0.3


def test_a_person_s_figures_are_those_of_many_of_his_attacks(course) -> None:
    """20,000 attacks of each of five persons; five standard errors."""
    own = np.random.default_rng(4).standard_normal((5, SYMPTOMS))
    said = traits(course, own, np.array([True, True, True, True, False]))
    u = np.random.default_rng(5).random(20_000)
    for person in range(5):
        severity = [leaning(course.lean, SEVERITY, own[person, SEVERITY], one) for one in u]
        low, high = course.severity
        found = low + (high - low) * np.array(severity)
        assert abs(found.mean() - said.severity[person]) < 5 * found.std() / np.sqrt(len(u))
        aura = np.mean([leaning(course.lean, AURA, own[person, AURA], one) < course.aura_share for one in u])
        expected = said.aura_share[person] if person < 4 else aura
        assert abs(aura - expected) < 5 * np.sqrt(0.25 / len(u))
        hours = course.postdrome[0] + (course.postdrome[1] - course.postdrome[0]) * np.array(
            [leaning(course.lean, POSTDROME, own[person, POSTDROME], one) for one in u]
        )
        assert np.exp(np.log(hours).mean()) == pytest.approx(said.postdrome_hours[person], rel=0.03)
    assert said.aura_share[4] == 0


def test_the_mean_over_persons_is_the_configured_one(course) -> None:
    own = own_symptoms(np.arange(40_000), 7)
    said = traits(course, own, np.ones(40_000, dtype=np.bool_))
    for found, expected in (
        (said.severity, np.mean(course.severity)),
        (said.aura_share, course.aura_share),
    ):
        assert abs(found.mean() - expected) < 5 * found.std() / np.sqrt(len(found))
        assert found.std() > 0.05 * expected
    assert np.abs(np.corrcoef(own.T) - np.eye(SYMPTOMS)).max() < 5 / np.sqrt(40_000)


def test_who_a_person_is_does_not_hang_on_the_batch() -> None:
    assert np.array_equal(own_symptoms(np.arange(50), 1)[20:30], own_symptoms(np.arange(20, 30), 1))
