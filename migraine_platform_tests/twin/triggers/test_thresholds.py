from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.stats import binom, norm

from migraine_platform.twin.triggers.thresholds import (
    EFFECTS,
    MEANS,
    PosteriorThresholds,
    Side,
    StepPrior,
    TriggerThresholdError,
    credible,
    thresholds,
)

RISES = np.arange(0.5, 6.01, 0.5)
"""Candidate rises of stress, in points."""
LEVEL = 0.9
FALSE_ALARM = 1e-3
PRIOR = StepPrior(threshold_between=1.0)


class Planted(NamedTuple):
    """A cohort with known thresholds."""

    outcome: NDArray[np.bool_]
    offset: NDArray[np.float64]
    exposure: NDArray[np.float64]
    threshold: float
    personal: NDArray[np.float64]

    def read(self, prior: StepPrior = PRIOR, side: Side = "above") -> PosteriorThresholds:
        every = np.ones(self.outcome.shape, dtype=np.bool_)
        return thresholds(self.outcome, every, self.offset, self.exposure, every, RISES, prior, side)


def plant(rng: np.random.Generator, persons: int, days: int, prior: StepPrior, mu: float | None = None) -> Planted:
    """Everything drawn from the model, thresholds from the grid: then a calibrated interval covers at its level."""
    threshold = rng.choice(RISES)
    weight = np.exp(-0.5 * (MEANS / prior.effect) ** 2)
    mean = rng.choice(MEANS, p=weight / weight.sum()) if mu is None else mu
    near = norm.pdf(RISES, threshold, prior.threshold_between) if prior.threshold_between else threshold == RISES
    personal = rng.choice(RISES, persons, p=near / near.sum())
    effect = rng.normal(mean, prior.between, persons)
    exposure = rng.normal(0, 2.5, (persons, days))
    offset = rng.normal(-1.2, 0.7, (persons, 1)) + rng.normal(0, 0.3, (persons, days))
    logit = offset + effect[:, None] * (exposure >= personal[:, None])
    return Planted(rng.random((persons, days)) < 1 / (1 + np.exp(-logit)), offset, exposure, float(threshold), personal)


@pytest.mark.parametrize("prior", [PRIOR, StepPrior(threshold_between=0.0)])
def test_ninety_in_a_hundred_intervals_hold_the_populations_threshold(prior: StepPrior) -> None:
    """400 small cohorts from the prior; fewer hits than a coverage of 90 % gives once in 1,000 times is a failure."""
    rng, runs = np.random.default_rng(2), 400
    hits = 0
    for _ in range(runs):
        cohort = plant(rng, 30, 60, prior)
        low, high = cohort.read(prior).population_interval(LEVEL)
        hits += low <= cohort.threshold <= high
    assert hits >= binom.ppf(FALSE_ALARM, runs, LEVEL)


def test_ninety_in_a_hundred_personal_intervals_hold_the_persons_threshold() -> None:
    """One person of each of 400 cohorts, so that the trials are independent."""
    rng, runs = np.random.default_rng(3), 400
    hits = 0
    for _ in range(runs):
        cohort = plant(rng, 20, 90, PRIOR)
        low, high = cohort.read().interval(LEVEL)
        hits += bool(low[0] <= cohort.personal[0] <= high[0])
    assert hits >= binom.ppf(FALSE_ALARM, runs, LEVEL)


def test_a_strong_step_of_many_people_is_found_to_half_a_point() -> None:
    cohort = plant(np.random.default_rng(4), 400, 150, PRIOR, mu=1.2)
    found = cohort.read()
    low, high = found.population_interval(LEVEL)
    assert low <= cohort.threshold <= high
    assert high - low <= 0.5
    assert found.log_bayes_factor > 10
    assert found.effect == pytest.approx(1.2, abs=0.1)


def test_own_days_move_a_person_away_from_the_population() -> None:
    """Personal means lie closer to the persons' thresholds than the population's does, yet spread less than these."""
    cohort = plant(np.random.default_rng(5), 400, 150, PRIOR, mu=1.5)
    found = cohort.read()
    everybody = found.population @ found.grid
    own = np.mean((found.mean() - cohort.personal) ** 2)
    assert own < 0.7 * np.mean((everybody - cohort.personal) ** 2)
    assert 0 < found.mean().std() < cohort.personal.std()


def test_a_person_without_a_day_is_told_what_the_population_is_like() -> None:
    cohort = plant(np.random.default_rng(6), 50, 100, PRIOR, mu=1.5)
    seen = np.ones(cohort.outcome.shape, dtype=np.bool_)
    seen[0] = False
    exposure = np.where(seen, cohort.exposure, np.nan)
    found = thresholds(cohort.outcome, np.ones_like(seen), cohort.offset, exposure, seen, RISES, PRIOR)
    near = norm.pdf(RISES[:, None], RISES, PRIOR.threshold_between)
    near /= near.sum(axis=1, keepdims=True)
    assert_allclose(found.personal[0], found.population @ near, rtol=1e-9)


def test_without_a_step_the_evidence_is_against_one() -> None:
    """Of cohorts without an effect, at most one in e^2 may seem e^2 times likelier with one (Markov)."""
    rng = np.random.default_rng(7)
    flat = [plant(rng, 30, 60, PRIOR)._replace(outcome=rng.random((30, 60)) < 0.25) for _ in range(50)]
    factors = [
        cohort._replace(offset=np.full((30, 60), np.log(0.25 / 0.75))).read().log_bayes_factor for cohort in flat
    ]
    assert sum(factor > 2 for factor in factors) <= binom.ppf(1 - FALSE_ALARM, 50, np.exp(-2))
    assert np.median(factors) < 0


def test_a_fall_is_a_rise_seen_from_below() -> None:
    cohort = plant(np.random.default_rng(8), 20, 60, PRIOR, mu=1.0)
    rise = cohort.read()
    every = np.ones(cohort.outcome.shape, dtype=np.bool_)
    fall = thresholds(cohort.outcome, every, cohort.offset, -cohort.exposure, every, -RISES[::-1], PRIOR, "below")
    assert_allclose(fall.personal[:, ::-1], rise.personal, rtol=1e-9)
    assert_allclose(fall.mean(), -rise.mean(), rtol=1e-9)


def test_the_profile_is_the_likelihood_of_the_days() -> None:
    """Against a plain sum over persons, days and nodes."""
    cohort = plant(np.random.default_rng(9), 3, 40, StepPrior(0.0), mu=1.0)
    found = cohort.read(StepPrior(0.0))
    expected = np.empty((len(RISES), len(MEANS)))
    for g, tau in enumerate(RISES):
        logit = cohort.offset[..., None] + EFFECTS * (cohort.exposure >= tau)[..., None]
        said = np.where(cohort.outcome[..., None], -np.logaddexp(0, -logit), -np.logaddexp(0, logit)).sum(axis=1)
        none = np.where(cohort.outcome, -np.logaddexp(0, -cohort.offset), -np.logaddexp(0, cohort.offset)).sum(axis=1)
        for m, mu in enumerate(MEANS):
            weight = norm.pdf(EFFECTS, mu, 0.3)
            expected[g, m] = np.log(np.exp(said - none[:, None]) @ weight / weight.sum()).sum()
    assert_allclose(found.profile, expected.max(axis=1), atol=1e-9)


def test_an_interval_leaves_at_most_its_tails_outside() -> None:
    posterior = np.array([[0.04, 0.06, 0.5, 0.36, 0.04], [0.2, 0.2, 0.2, 0.2, 0.2]])
    low, high = credible(np.arange(5.0), posterior, 0.9)
    assert_allclose(low, [1, 0])
    assert_allclose(high, [3, 4])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offset": np.zeros((2, 4))}, "expected all patients x days"),
        ({"grid": np.array([2.0, 1.0])}, "not ascending"),
        ({"prior": StepPrior(1.0, between=0.01)}, "too narrow"),
        ({"exposure": np.full((2, 3), np.nan)}, "expected `seen` to be false"),
    ],
)
def test_unreadable_files_are_refused(changes: dict[str, object], message: str) -> None:
    every, nothing = np.ones((2, 3), dtype=np.bool_), np.zeros((2, 3))
    arguments = {"outcome": every, "usable": every, "offset": nothing, "exposure": nothing, "seen": every}
    with pytest.raises(TriggerThresholdError, match=message):
        thresholds(**{**arguments, "grid": RISES, "prior": PRIOR, **changes})


def test_a_thousand_patients_take_less_than_two_seconds() -> None:
    cohort = plant(np.random.default_rng(10), 1000, 150, PRIOR, mu=1.0)
    cohort.read()  # compiles
    begun = time.process_time()
    cohort.read()
    assert time.process_time() - begun < 2
