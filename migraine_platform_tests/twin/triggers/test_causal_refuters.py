"""The four refuters on days whose causes are known, and the estimate against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from benchmarks.causal_refuters import (
    SUBSET,
    Sample,
    data_subset,
    effect,
    person_error,
    placebo_treatment,
    random_common_cause,
    samples,
    unobserved_common_cause,
)
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.generative.profiles import first_patients

SURE = 3.89
"""Standard errors: a normal is farther from its mean once in 10,000."""
PLANTED = 0.7


def days(hidden: float = 0.0, persons: int = 300, each: int = 60) -> Sample:
    """Days on which migraine, held, brings both the trigger and fewer onsets; a hidden cause may bring both."""
    rng, count = np.random.default_rng(21), persons * each
    person = np.repeat(np.arange(persons), each)
    level = rng.normal(0, 0.7, persons)[person]
    migraine = (rng.random(count) < expit(-1.5 + level)).astype(float)
    cause = (rng.random(count) < 0.5).astype(float)
    trigger = (rng.random(count) < expit(-1.5 + 1.5 * migraine + hidden * cause)).astype(float)
    onset = rng.random(count) < expit(-1.5 + level - 1.0 * migraine + PLANTED * trigger + hidden * cause)
    return Sample(trigger, np.column_stack([migraine, level]), onset.astype(float), person)


def expit(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-logit)))


@pytest.fixture(scope="module")
def sample() -> Sample:
    return days()


def test_the_estimate_is_that_of_statsmodels_and_near_the_truth(sample) -> None:
    ours, error = effect(sample)
    X = np.column_stack([sample.treatment, np.ones(len(sample.outcome)), sample.adjusters])
    theirs = sm.Logit(sample.outcome, X).fit(disp=False, tol=1e-10)
    assert_allclose([ours, error], [theirs.params[0], theirs.bse[0]], rtol=1e-6)
    assert abs(ours - PLANTED) < SURE * error


def test_a_random_common_cause_changes_nothing(sample) -> None:
    """Noise among the adjusters moves a slope by about its error over the root of the days: less than a tenth of it."""
    estimate, error = effect(sample)
    refuted = random_common_cause(sample, np.random.default_rng(1), 20)
    assert abs(refuted.mean - estimate) < error / 10
    assert refuted.sd < error / 10


def test_a_placebo_has_no_effect(sample) -> None:
    """The mean of 40 shuffles within 3.89 of its standard errors of none: a false alarm once in 10,000."""
    refuted = placebo_treatment(sample, np.random.default_rng(2), 40)
    assert abs(refuted.mean) < SURE * refuted.error
    assert effect(sample)[0] > SURE * refuted.sd, "the true trigger is none of them"


def test_a_subset_of_persons_finds_the_same(sample) -> None:
    """Subsets scatter around the estimate as its error and their share say, and their mean hits it."""
    estimate, error = effect(sample)
    refuted = data_subset(sample, np.random.default_rng(3), 60)
    assert abs(refuted.mean - estimate) < SURE * refuted.error
    # An sd of 60 draws is known to 1 / sqrt(120) of itself; here days are independent given what is held.
    assert abs(person_error(refuted, SUBSET) / error - 1) < SURE / np.sqrt(120)


def test_a_hidden_cause_of_no_strength_changes_nothing(sample) -> None:
    estimate, error = effect(sample)
    assert abs(unobserved_common_cause(sample, 0, 0, np.random.default_rng(4), 10).mean - estimate) < error / 10


def test_a_hidden_cause_of_its_true_strength_restores_the_planted_effect() -> None:
    """A cause of 1.5 log-odds biases by more than its error allows; told its strengths, the refuter takes that back."""
    confounded = days(hidden=1.5)
    estimate, error = effect(confounded)
    assert estimate > PLANTED + SURE * error
    restored = unobserved_common_cause(confounded, 1.5, 1.5, np.random.default_rng(5), 10)
    assert abs(restored.mean - PLANTED) < SURE * np.hypot(error, restored.sd)
    stronger = unobserved_common_cause(confounded, 3.0, 3.0, np.random.default_rng(6), 10)
    assert stronger.mean < restored.mean < estimate


def test_the_cohorts_days_give_a_sample_per_trigger(simulator: CohortSimulator) -> None:
    """Every sample has the same days; a trigger is never among its own adjusters."""
    lives = simulator.trajectories(first_patients(simulator.settings, 60))
    drawn = samples(simulator, lives)
    assert tuple(drawn) == TRIGGER_NAMES
    everything = np.column_stack([drawn[name].treatment for name in TRIGGER_NAMES])
    for k, name in enumerate(TRIGGER_NAMES):
        assert np.array_equal(drawn[name].adjusters[:, :3], np.delete(everything, k, axis=1))
        assert np.array_equal(drawn[name].outcome, drawn["weather"].outcome)
        assert np.isfinite(drawn[name].adjusters).all()
