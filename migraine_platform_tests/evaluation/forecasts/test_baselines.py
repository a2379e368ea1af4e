"""Models that twins are held against: they learn from their lesson alone, and the simple ones can be done by hand."""

import numpy as np
import pytest

from migraine_platform.evaluation.forecasts.baselines import (
    BASE_RATE,
    BOOSTING,
    CLIMATOLOGY,
    LOGISTIC,
    SMALLEST,
    YESTERDAY,
    BaselineTraining,
    forecasts,
    share_learned,
)
from migraine_platform.evaluation.forecasts.origins import ForecastOrigins

PATIENTS, DAYS, SEED = 80, 60, 5
LESSON = BaselineTraining(np.arange(50), slice(5, 39))


def made_up(seed: int = SEED) -> tuple[ForecastOrigins, np.ndarray, np.ndarray]:
    """Evenings of which one number tells of tomorrow by a logistic law, a second one nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(PATIENTS, DAYS, 2))
    outcome = rng.random((PATIENTS, DAYS)) < 1 / (1 + np.exp(1.0 - 1.5 * x[..., 0]))
    reported = rng.random((PATIENTS, DAYS)) < 0.8
    x[rng.random(x.shape) < 0.1] = np.nan
    ill = np.where(rng.random((PATIENTS, DAYS)) < 0.1, np.nan, outcome.astype(float))
    return ForecastOrigins(("tells", "does not"), x, ill, np.full((PATIENTS, DAYS), 0.3)), outcome, reported


def test_only_the_lesson_is_learned_from():
    known, outcome, reported = made_up()
    first = forecasts(known, outcome, reported, LESSON, SEED)
    other, silent = ~outcome, ~reported
    other[LESSON.rows, LESSON.days] = outcome[LESSON.rows, LESSON.days]
    silent[LESSON.rows, LESSON.days] = reported[LESSON.rows, LESSON.days]
    other[~reported] = True  # what no diary tells is not known either
    again = forecasts(known, other, silent, LESSON, SEED)
    assert set(first) == {BASE_RATE, YESTERDAY, CLIMATOLOGY, LOGISTIC, BOOSTING}
    for name, p in first.items():
        assert np.array_equal(p, again[name]), name


def test_countable_effects_are_counted():
    known, outcome, reported = made_up()
    seen = reported[LESSON.rows, LESSON.days]
    y, ill = outcome[LESSON.rows, LESSON.days][seen], known.ill[LESSON.rows, LESSON.days][seen]
    base = (y.sum() + 1) / (len(y) + 2)
    said = forecasts(known, outcome, reported, LESSON, SEED)
    assert share_learned(outcome, reported, LESSON) == pytest.approx(base)
    assert np.all(said[BASE_RATE] == pytest.approx(base))
    for status, where in ((1.0, known.ill == 1), (0.0, known.ill == 0), (np.nan, np.isnan(known.ill))):
        same = np.isnan(ill) if np.isnan(status) else ill == status
        wanted = np.clip((y[same].sum() + base) / (same.sum() + 1), SMALLEST, 1 - SMALLEST)
        assert np.all(said[YESTERDAY][where] == pytest.approx(wanted))


def test_learned_models_find_what_tells_of_tomorrow():
    """Log loss on patients outside of the lesson: most of the way from the base rate to the law that made the days."""
    known, outcome, reported = made_up()
    said = forecasts(known, outcome, reported, LESSON, SEED)
    x = known.values[50:, :, 0]
    truth = 1 / (1 + np.exp(1.0 - 1.5 * x))
    there = np.isfinite(x)

    def loss(p: np.ndarray) -> float:
        p, y = p[there], outcome[50:][there]
        return float(-np.log(np.where(y, p, 1 - p)).mean())

    for name in (LOGISTIC, BOOSTING):
        gained = (loss(said[BASE_RATE][50:]) - loss(said[name][50:])) / (loss(said[BASE_RATE][50:]) - loss(truth))
        assert 0.8 < gained < 1.02, name


def test_one_class_alone_leaves_out_what_cannot_be_fitted():
    known, outcome, reported = made_up()
    assert set(forecasts(known, np.zeros_like(outcome), reported, LESSON, SEED)) == {BASE_RATE, YESTERDAY, CLIMATOLOGY}
