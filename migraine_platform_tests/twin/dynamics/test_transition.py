from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from numpy.typing import NDArray
from scipy.stats import binom, norm

from migraine_platform.twin.data.channels import CONTEXT, StandardDays
from migraine_platform.twin.dynamics.kalman import DayDynamics
from migraine_platform.twin.dynamics.state_space import ahead, filter_histories
from migraine_platform.twin.dynamics.transition import StateSpace, choose, horizon
from migraine_platform_tests.twin.drawn import draw, dynamics_of

FALSE_ALARM = 1e-3
CHANNELS = 3


@dataclass(frozen=True)
class Says:
    """A model that says the same of every day."""

    mean: NDArray[np.float64] | float
    variance: float = 1.0

    def predict(self, days: StandardDays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.broadcast_to(self.mean, days.z.shape), np.full(days.z.shape, self.variance)


def days_of(z: NDArray[np.float64], seen: NDArray[np.bool_] | None = None) -> StandardDays:
    """Weekdays without an attack."""
    context = np.zeros((*z.shape[:2], len(CONTEXT)))
    every = np.ones(context.shape, dtype=bool)
    return StandardDays(z, np.ones(z.shape, bool) if seen is None else seen, context, every, np.zeros(len(z), np.int64))


def persistent(phi: float, error: float = 0.05) -> DayDynamics:
    """Levels that are known, deviations of variance one."""
    return DayDynamics(
        phi=np.full(CHANNELS, phi),
        noise=(1 - phi**2) * np.eye(CHANNELS),
        error=np.full(CHANNELS, error),
        between=1e-6 * np.eye(CHANNELS),
        effect=np.zeros((CHANNELS, 3)),
        pain=0.2,
    )


def test_the_state_space_model_predicts_what_its_filter_expects() -> None:
    """Against the forecast from the beliefs of each evening, with the usual share of pain tomorrow."""
    rng = np.random.default_rng(1)
    dynamics = dynamics_of(rng, CHANNELS)
    drawn = draw(rng, dynamics, 6, 25).days
    context, known = drawn.context.copy(), drawn.context_seen.copy()
    context[..., CONTEXT.index("weekend_tomorrow")] = rng.random(context.shape[:2]) < 0.3
    known[..., :3] = rng.random(context.shape[:2])[..., None] < 0.7
    context[..., :3] *= known[..., :3]
    days = replace(drawn, context=context, context_seen=known)
    mean, variance = StateSpace(dynamics, filter_histories(dynamics, days)).predict(days)
    assert mean.shape == variance.shape == days.z.shape
    for last in (1, 2, 13, 25):
        whole = StandardDays(*(part[:, :last] for part in (days.z, days.seen, context, known)), begun=days.begun)
        pain = np.where(known[:, last - 1, 0], context[:, last - 1, 0], dynamics.pain)
        weekend = context[:, last - 1, CONTEXT.index("weekend_tomorrow")]
        inputs = np.column_stack([np.full(6, dynamics.pain), pain, weekend])[:, None]
        expected, spread = ahead(dynamics, filter_histories(dynamics, whole).beliefs, inputs)
        assert_allclose(mean[:, last - 1], expected[:, 0], rtol=1e-9, atol=1e-12)
        unknown_pain = dynamics.pain * (1 - dynamics.pain) * dynamics.effect[:, 0] ** 2
        assert_allclose(variance[:, last - 1], spread[:, 0] + unknown_pain, rtol=1e-9)


def test_predicted_days_come_as_predicted() -> None:
    """Standardised errors of days that the model itself made: mean 0, variance 1, within five standard errors."""
    rng = np.random.default_rng(2)
    dynamics = dynamics_of(rng, CHANNELS)._replace(pain=0.0)
    days = draw(rng, dynamics, 150, 40, missing=0.2).days
    calm = replace(days, context=days.context.copy())
    calm.context[..., CONTEXT.index("weekend_tomorrow")] = (np.arange(40) + 1) % 7 >= 5
    mean, variance = StateSpace(dynamics, filter_histories(dynamics, calm)).predict(calm)
    usable = calm.seen[:, 1:] & (calm.context[:, 1:, :1] == 0)
    off = ((calm.z[:, 1:] - mean[:, :-1]) / np.sqrt(variance[:, :-1]))[usable]
    assert abs(off.mean()) < 5 / np.sqrt(150)  # at worst, a patient's errors are one
    assert abs((off**2).mean() - 1) < 5 * np.sqrt(2 / (150 * CHANNELS))


def test_the_model_that_made_the_days_is_chosen() -> None:
    """Of strongly persistent days each tells 1/2 log(1 / (1 - 0.9^2)) = 0.8 nats for it; 90 of them leave no doubt."""
    rng = np.random.default_rng(3)
    true, other = persistent(0.9), persistent(0.0)
    days = draw(rng, true, 20, 60, missing=0.1).days
    models = {
        name: StateSpace(dynamics, filter_histories(dynamics, days))
        for name, dynamics in (("white", other), ("carried", true))
    }
    found = choose(models, days, 30)
    assert found.model == ("carried",) * 20
    assert np.all(found.log_likelihood["carried"] > found.log_likelihood["white"])


def test_everybody_has_the_model_that_is_better_for_him() -> None:
    rng = np.random.default_rng(4)
    mine = np.where(np.arange(10) % 2 == 0, 1.0, -1.0)
    z = rng.normal(mine[:, None, None], 1.0, (10, 40, CHANNELS))
    seen = rng.random(z.shape) < 0.8
    found = choose({"above": Says(1.0), "below": Says(-1.0)}, days_of(z, seen), 20)
    assert found.model == ("above", "below") * 5
    for name, mean in (("above", 1.0), ("below", -1.0)):
        density = np.where(seen, norm.logpdf(z, mean, 1.0), np.nan)[:, -20:]
        assert_allclose(found.log_likelihood[name], np.nanmean(density, axis=(1, 2)))


def test_a_prediction_is_held_against_the_day_after() -> None:
    z = np.random.default_rng(5).normal(size=(4, 30, CHANNELS))
    tomorrow = np.concatenate([z[:, 1:], z[:, :1]], axis=1)
    found = choose({"today": Says(z, 0.1), "tomorrow": Says(tomorrow, 0.1)}, days_of(z), 10)
    assert found.model == ("tomorrow",) * 4
    assert_allclose(found.log_likelihood["tomorrow"], norm.logpdf(0, 0, np.sqrt(0.1)))


def test_only_the_last_days_decide() -> None:
    rng = np.random.default_rng(6)
    z = rng.normal(1.0, 1.0, (5, 40, CHANNELS))
    models = {"above": Says(1.0), "below": Says(-1.0)}
    before = choose(models, days_of(z), 12)
    z[:, :-12] = -100.0
    after = choose(models, days_of(z), 12)
    assert after.model == before.model == ("above",) * 5
    for name in models:
        assert_array_equal(after.log_likelihood[name], before.log_likelihood[name])
    z[:, -12] = -100.0
    assert choose(models, days_of(z), 12).model == ("below",) * 5


def test_persons_who_differ_by_chance_alone_rarely_have_the_worse_model() -> None:
    """Both models are nearly right, and the days of one person do not tell them apart."""
    shrunk = alone = 0
    for seed in range(8):
        z = np.random.default_rng(seed).normal(0.0, 1.0, (100, 40, CHANNELS))
        found = choose({"off": Says(0.06), "right": Says(0.0)}, days_of(z), 20)
        shrunk += found.model.count("right")
        alone += int((found.log_likelihood["right"] > found.log_likelihood["off"]).sum())
    assert alone < 550  # each person's own winner
    assert shrunk > 650


def test_of_who_recorded_nothing_the_cohort_decides_and_of_a_tie_the_first_model_is_taken() -> None:
    z = np.random.default_rng(7).normal(size=(3, 30, CHANNELS))
    seen = np.ones(z.shape, dtype=bool)
    seen[0, -10:] = False
    found = choose({"first": Says(5.0), "second": Says(0.0)}, days_of(z, seen), 10)
    assert found.model == ("second", "second", "second")
    assert [np.isnan(found.log_likelihood[name]).tolist() for name in ("first", "second")] == [[True, False, False]] * 2
    assert choose({"first": Says(0.0), "second": Says(0.0)}, days_of(z, seen), 10).model == ("first",) * 3


@pytest.mark.parametrize("count", [1, 2])
def test_a_history_of_a_day_or_two_is_enough_to_be_asked(count: int) -> None:
    days = days_of(np.ones((2, count, CHANNELS)))
    dynamics = persistent(0.9)
    filtered = filter_histories(dynamics, days)
    assert choose({"first": Says(0.0), "second": Says(1.0)}, days, 30).model == (["first", "second"][count - 1],) * 2
    assert np.all(horizon(dynamics, filtered, days, 30, 5) <= count - 1)


def useful(dynamics: DayDynamics, days: StandardDays, validation: int, farthest: int) -> NDArray[np.int64]:
    return horizon(dynamics, filter_histories(dynamics, days), days, validation, farthest)


def test_persistent_states_have_long_horizons() -> None:
    """A deviation of 0.98 a day has 0.98^10 = 0.82 of itself left after ten days, and explains two thirds of them."""
    rng = np.random.default_rng(8)
    dynamics = persistent(0.98)
    found = useful(dynamics, draw(rng, dynamics, 200, 120, missing=0.1).days, 90, 10)
    assert np.all(found >= 1)
    assert np.median(found) == 10
    fleeting = persistent(0.5)
    brief = useful(fleeting, draw(rng, fleeting, 200, 120, missing=0.1).days, 90, 10)
    assert 1 <= np.median(brief) < 5  # 0.5^5 explains a thousandth of the variance, whose test would need 3000 values


def test_white_noise_is_foreseen_as_rarely_as_the_test_allows() -> None:
    """1,000 patients, of whom the test may take one in twenty for foreseeable."""
    rng = np.random.default_rng(9)
    z = rng.normal(size=(1000, 80, CHANNELS))
    found = useful(persistent(0.02), days_of(z), 60, 4)
    alarms = int((found > 0).sum())
    assert binom.ppf(FALSE_ALARM, 1000, 0.05) <= alarms <= binom.ppf(1 - FALSE_ALARM, 1000, 0.05)


def test_a_person_without_records_has_no_horizon() -> None:
    z = np.zeros((2, 40, CHANNELS))
    assert_array_equal(useful(persistent(0.9), days_of(z, np.zeros(z.shape, dtype=bool)), 20, 5), 0)


def test_one_person_with_one_day_does_not_decide_for_everybody() -> None:
    z = np.random.default_rng(9).normal(0.0, 1.0, (60, 40, CHANNELS))
    seen = np.ones(z.shape, dtype=bool)
    models = {"off": Says(0.15), "right": Says(0.0)}
    alone = choose(models, days_of(z, seen), 20)
    seen[0, -19:] = False
    found = choose(models, days_of(z, seen), 20)
    assert sum(one != other for one, other in zip(found.model[1:], alone.model[1:], strict=True)) <= 1
