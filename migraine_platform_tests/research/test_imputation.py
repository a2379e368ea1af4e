from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from migraine_platform.errors import UserError
from migraine_platform.research.imputation import ImputationError, Imputer, fit
from migraine_platform.research.pooling import pooled
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.twin.data.channels import CHANNELS, Scales
from migraine_platform.twin.data.histories import histories

PERSISTENCE = np.array([0.8, 0.5, 0.3, 0.0])
BETWEEN = np.array([0.3, 0.2, 0.6, 0.1])
NOISE = np.array([[1, 0.5, -0.3, 0], [0.5, 1, 0, 0.2], [-0.3, 0, 1, 0], [0, 0.2, 0, 1]])
WIDTH = norm.ppf(0.95)
GAP_DAYS, SHARE = 3, 0.2


def people(persons: int, days: int, seed: int = 1) -> np.ndarray:
    """[P, K, 4] AR(1) about levels of their own, unit variance, same-day shocks correlated."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=(persons, 4)) * np.sqrt(BETWEEN)
    shocks = rng.multivariate_normal(np.zeros(4), NOISE, size=(days + 50, persons)) * np.sqrt(1 - PERSISTENCE**2)
    x = np.zeros((persons, days + 50, 4))
    for day in range(1, days + 50):
        x[:, day] = PERSISTENCE * x[:, day - 1] + shocks[day]
    return level[:, None] + np.sqrt(1 - BETWEEN) * x[:, 50:]


def blocks(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """[P, K, ...] gaps of three days that cover a fifth of them."""
    starts = rng.random(shape) < 1 - (1 - SHARE) ** (1 / GAP_DAYS)
    out = starts.copy()
    for later in range(1, GAP_DAYS):
        out[:, later:] |= starts[:, :-later]
    return out


def deleted(kind: str, seen: np.ndarray) -> np.ndarray:
    """A fifth of what was recorded: value by value, in blocks per channel, or in blocks of whole days."""
    rng = np.random.default_rng(7)
    if kind == "random":
        return seen & (rng.random(seen.shape) < SHARE)
    return seen & (blocks(rng, seen.shape) if kind == "blocks" else blocks(rng, seen.shape[:2])[..., None])


def coverage(z: np.ndarray, seen: np.ndarray, kind: str, causal: bool) -> tuple[float, int]:
    """Share of deleted values within the stated 90 % intervals, and how many were deleted."""
    gone = deleted(kind, seen)
    kept = seen & ~gone
    filled = fit(z, kept).impute(z, kept, causal)
    held = np.abs(z - filled.mean) <= WIDTH * np.sqrt(filled.variance)
    return float(held[gone].mean()), int(gone.sum())


def dense(days: int, c: int) -> np.ndarray:
    """[K, K] covariance of a channel's days."""
    apart = np.abs(np.subtract.outer(np.arange(days), np.arange(days)))
    return BETWEEN[c] + (1 - BETWEEN[c]) * PERSISTENCE[c] ** apart


def given_known(covariance: np.ndarray, z: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> tuple:
    """Mean and covariance of the wanted numbers of a Gaussian vector given the known ones."""
    gain = np.linalg.solve(covariance[np.ix_(known, known)], covariance[np.ix_(known, wanted)]).T
    return gain @ z[known], covariance[np.ix_(wanted, wanted)] - gain @ covariance[np.ix_(known, wanted)]


def imputer(correlation: np.ndarray) -> Imputer:
    return Imputer(PERSISTENCE, 1 - BETWEEN, BETWEEN, correlation, correlation)


@pytest.fixture(scope="module")
def simulated() -> np.ndarray:
    return people(150, 60)


@pytest.fixture(scope="module")
def cohort(settings, features, calibration) -> tuple[np.ndarray, np.ndarray]:
    """What 150 simulated patients recorded in 80 days, on the standard scale."""
    size = settings.simulator.cohort.model_copy(update={"patients": 150, "batch_size": 150, "days": 80})
    changed = settings.simulator.model_copy(
        update={
            "cohort": size,
            "ceilings": settings.simulator.ceilings.model_copy(update={"oracle_patients": 0}),
        }
    )
    days: pl.DataFrame = CohortSimulator(changed, features, calibration).batch(0)["measured.patient_days"]
    known, _ = histories(days, days["patient_id"].unique().to_list())
    standard = Scales.of(known).standard(known)
    return standard.z, standard.seen


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", ["random", "blocks", "whole days"])
def test_stated_intervals_hold_deleted_values_of_persistent_people(simulated, kind: str, causal: bool) -> None:
    """Of 7,000 values the share has a standard error of 0.4 points, twice that if whole gaps miss together."""
    share, count = coverage(simulated, np.ones(simulated.shape, dtype=bool), kind, causal)
    assert count >= 3000
    assert 0.87 <= share <= 0.93


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("kind", ["random", "blocks", "whole days"])
def test_stated_intervals_hold_deleted_values_of_simulated_patients(cohort, kind: str, causal: bool) -> None:
    share, count = coverage(*cohort, kind=kind, causal=causal)
    assert count >= 3000
    assert 0.87 <= share <= 0.93


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("c", range(4))
def test_time_alone_agrees_with_a_dense_gaussian(c: int, causal: bool) -> None:
    """Channels without correlation: every gap against conditioning on all its recorded days at once."""
    z = people(3, 12, seed=c)
    seen = np.random.default_rng(c).random(z.shape) < 0.5
    filled = imputer(np.eye(4)).impute(z, seen, causal)
    for person, day in np.argwhere(~seen[..., c]).tolist():
        known = np.flatnonzero(seen[person, :, c] & ((np.arange(12) < day) | (not causal)))
        mean, covariance = given_known(dense(12, c), z[person, :, c], known, np.array([day]))
        assert_allclose(filled.mean[person, day, c], mean[0], rtol=1e-9, atol=1e-12)
        assert_allclose(filled.variance[person, day, c], covariance[0, 0], rtol=1e-9)


def test_other_channels_agree_with_a_dense_gaussian() -> None:
    """Single days have no neighbours: only the channels of the day tell of each other."""
    z = people(20, 1)
    seen = np.random.default_rng(2).random(z.shape) < 0.5
    filled = imputer(NOISE).impute(z, seen)
    for person in range(20):
        known, missing = np.flatnonzero(seen[person, 0]), np.flatnonzero(~seen[person, 0])
        mean, covariance = given_known(NOISE, z[person, 0], known, missing)
        assert_allclose(filled.mean[person, 0, missing], mean, rtol=1e-9, atol=1e-12)
        assert_allclose(filled.variance[person, 0, missing], np.diag(covariance), rtol=1e-9)


def test_the_populations_numbers_are_found() -> None:
    """Five standard errors: a lag-1 correlation over 40,000 days has 0.005, at most twice that with a fifth missing
    and the levels unknown; a variance of 400 levels has sqrt(2 / 400) = 7 % of itself; a step of the tried values
    is 0.005."""
    z = people(400, 100)
    found = fit(z, ~deleted("random", np.ones(z.shape, dtype=bool)))
    assert_allclose(found.persistence, PERSISTENCE, atol=5 * 0.01 + 0.005)
    assert np.all(np.abs(found.between - BETWEEN) < 5 * np.sqrt(2 / 400) * (BETWEEN + 0.1))


def test_errors_of_the_next_day_are_correlated_as_the_shocks_are() -> None:
    """Five standard errors of 40,000 days; a level that 100 days leave in doubt takes a hundredth or so away."""
    z = people(400, 100)
    found = fit(z, np.ones(z.shape, dtype=bool))
    assert_allclose(found.causal_correlation, NOISE, atol=5 / np.sqrt(400 * 100) + 0.01)


def test_correlated_channels_make_what_is_stated_less_uncertain(simulated) -> None:
    seen = ~deleted("random", np.ones(simulated.shape, dtype=bool))
    found = fit(simulated, seen)
    alone = Imputer(found.persistence, found.within, found.between, np.eye(4), np.eye(4))
    with_others, without = found.impute(simulated, seen), alone.impute(simulated, seen)
    assert np.all(with_others.variance <= without.variance + 1e-12)
    gone = ~seen
    wrong = [((simulated - filled.mean)[gone] ** 2).mean() for filled in (with_others, without)]
    assert wrong[0] < wrong[1]


def test_days_before_and_after_tell_more_than_days_before(simulated) -> None:
    seen = ~deleted("blocks", np.ones(simulated.shape, dtype=bool))
    alone = imputer(np.eye(4))
    both, past = alone.impute(simulated, seen), alone.impute(simulated, seen, causal=True)
    assert np.all(both.variance <= past.variance + 1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_a_person_without_records_gets_the_populations_moments(simulated, causal: bool) -> None:
    seen = np.ones(simulated.shape, dtype=bool)
    seen[0] = False
    z = np.where(seen, simulated, np.nan)
    found = fit(z, seen)
    filled = found.impute(z, seen, causal)
    assert_array_equal(filled.mean[0], 0.0)
    assert_allclose(filled.variance[0], np.broadcast_to(found.within + found.between, z.shape[1:]), rtol=1e-12)
    assert_allclose(found.completeness(seen, causal)[0], 0.0, atol=1e-12)
    assert np.isfinite(filled.mean).all()
    assert np.isfinite(filled.draws(2, np.random.default_rng(1))).all()


def test_recorded_values_stay_as_they_are(cohort) -> None:
    z, seen = cohort
    filled = fit(z, seen).impute(z, seen)
    assert_array_equal(filled.mean[seen], z[seen])
    assert_array_equal(filled.variance[seen], 0.0)
    assert np.all(filled.variance[~seen] > 0)
    assert_array_equal(filled.present, seen)
    few = fit(z, seen).impute(z[:10], seen[:10]).draws(3, np.random.default_rng(1))
    assert_array_equal(few[:, seen[:10]], np.broadcast_to(z[:10][seen[:10]], (3, seen[:10].sum())))


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_no_later_day_changes_a_causal_day(seed: int, cut: int) -> None:
    """Exactly: what follows is replaced, values and gaps alike."""
    rng = np.random.default_rng(seed)
    z, other = rng.normal(size=(2, 3, 10, 4))
    seen, changed = rng.random((2, 3, 10, 4)) < rng.random()
    other[:, :cut], changed[:, :cut] = z[:, :cut], seen[:, :cut]
    model = imputer(NOISE)
    one, two = model.impute(z, seen, causal=True), model.impute(other, changed, causal=True)
    assert_array_equal(one.mean[:, :cut], two.mean[:, :cut])
    assert_array_equal(one.variance[:, :cut], two.variance[:, :cut])
    weights = model.completeness(seen, causal=True), model.completeness(changed, causal=True)
    assert_array_equal(weights[0][:, :cut], weights[1][:, :cut])


def test_patients_are_imputed_alike_whoever_else_is_there(simulated) -> None:
    seen = ~deleted("random", np.ones(simulated.shape, dtype=bool))
    found = fit(simulated, seen)
    assert_array_equal(found.impute(simulated[5:8], seen[5:8]).mean, found.impute(simulated, seen).mean[5:8])


def test_draws_have_the_stated_mean_and_variance(simulated) -> None:
    """Five standard errors of 4,000 draws, for each of some hundred gaps."""
    z, count = simulated[:6, :20], 4000
    seen = ~deleted("random", np.ones(z.shape, dtype=bool))
    filled = imputer(NOISE).impute(z, seen)
    draws = filled.draws(count, np.random.default_rng(3))[:, ~seen]
    mean, variance = filled.mean[~seen], filled.variance[~seen]
    assert np.all(np.abs(draws.mean(axis=0) - mean) < 5 * np.sqrt(variance / count))
    assert_allclose(draws.var(axis=0), variance, rtol=5 * np.sqrt(2 / count))


def test_draws_of_a_day_are_joint_across_its_channels() -> None:
    """Two missing channels given the others: their correlation within five standard errors of a dense Gaussian's."""
    z, count = people(1, 1), 4000
    seen = np.array([[[False, False, True, True]]])
    draws = imputer(NOISE).impute(z, seen).draws(count, np.random.default_rng(4))[:, 0, 0, :2]
    _, covariance = given_known(NOISE, z[0, 0], np.array([2, 3]), np.array([0, 1]))
    stated = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    assert abs(np.corrcoef(draws.T)[0, 1] - stated) < 5 * (1 - stated**2) / np.sqrt(count)


def test_completeness_is_one_on_full_days_and_grows_with_what_is_recorded(simulated) -> None:
    full = np.ones(simulated.shape, dtype=bool)
    found = fit(simulated, full)
    assert_array_equal(found.completeness(full), 1.0)
    few, more = deleted("random", full), full.copy()
    more[:, ::2] = few[:, ::2]
    assert np.all(found.completeness(more) >= found.completeness(few) - 1e-12)


def test_pooled_means_of_draws_say_how_unsure_the_missing_values_make_them(simulated) -> None:
    """Two independent gaps add the variance of their mean to that of the data: here the data's own is taken as 0."""
    z = simulated[:1, :40]
    seen = np.ones(z.shape, dtype=bool)
    seen[0, [5, 30], 1] = False
    filled = imputer(np.eye(4)).impute(z, seen)
    means = filled.draws(4000, np.random.default_rng(5))[:, 0, :, 1].mean(axis=1)
    expected = filled.variance[0, [5, 30], 1].sum() / 40**2
    assert_allclose(pooled(means, np.zeros(4000)).variance, expected, rtol=5 * np.sqrt(2 / 4000) + 1 / 4000)


def test_a_population_from_which_nothing_can_be_learned_is_refused(simulated) -> None:
    seen = np.ones(simulated.shape, dtype=bool)
    seen[..., 2] = False
    with pytest.raises(ImputationError, match=r"nobody recorded channels \[2\]; expected some values of every channel"):
        fit(simulated, seen)


def test_impossible_input_is_refused(simulated) -> None:
    seen = np.ones(simulated.shape, dtype=bool)
    found = fit(simulated, seen)
    assert issubclass(ImputationError, UserError)
    with pytest.raises(ImputationError, match=r"expected both \[patients, days, 4\]"):
        found.impute(simulated[..., :3], seen[..., :3])
    with pytest.raises(ImputationError, match="1 recorded values are not finite"):
        found.impute(np.where(np.arange(simulated.size).reshape(simulated.shape) == 0, np.nan, simulated), seen)


def test_channels_that_never_change_or_have_one_day_are_no_trouble() -> None:
    z, seen = np.zeros((4, 5, 2)), np.ones((4, 5, 2), dtype=bool)
    seen[:, 2] = False
    filled = fit(z, seen).impute(z, seen)
    assert_array_equal(filled.mean, 0.0)
    assert np.isfinite(filled.variance).all()
    single = fit(people(50, 1), np.ones((50, 1, 4), dtype=bool))
    assert_array_equal(single.between, 0.0)


def test_the_cohorts_channels_are_those_of_the_standard_scale(cohort) -> None:
    assert cohort[0].shape[2] == len(CHANNELS) == len(fit(*cohort).persistence)
