"""Baselines of a study: against statsmodels and a slow loop, and nothing later than yesterday in them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from migraine_platform.evaluation.forecasts.baselines import BASE_RATE, CLIMATOLOGY, LOGISTIC, YESTERDAY
from migraine_platform.evaluation.forecasts.models import MIXED
from migraine_platform.evaluation.study.baselines import (
    Mixed,
    covariates,
    fit_mixed,
    mixed_forecast,
    study_forecasts,
    with_last_week,
)
from migraine_platform.evaluation.study.panel import Panel, panel_of
from migraine_platform_tests.evaluation.study.diaries import made_up

NEWNESS = 12.0


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of(*made_up(patients=90, days=40, seed=8))


def test_no_forecast_knows_the_day_or_what_follows(panel):
    lesson = panel.recorded & (panel.history < 15)
    said = study_forecasts(panel, lesson, NEWNESS)
    assert set(said) == {BASE_RATE, YESTERDAY, CLIMATOLOGY, LOGISTIC, MIXED}
    day = 20
    headache = panel.headache.copy()
    changed = panel.recorded & ~lesson
    changed[:, :day] = False
    headache[changed] = ~headache[changed]
    again = study_forecasts(replace(panel, headache=headache), lesson, NEWNESS)
    for name in said:
        assert np.array_equal(said[name][:, : day + 1], again[name][:, : day + 1]), name


def test_mixed_model_agrees_with_statsmodels(panel):
    """Weights within a standard error of the variational fit, the levels' spread within a fifth."""
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    rng = np.random.default_rng(3)
    x = rng.normal(size=(200, 30, 2))
    level = 1.1 * rng.standard_normal(200)
    y = rng.random((200, 30)) < 1 / (1 + np.exp(-(x @ [0.7, -0.4] + 0.2 + level[:, None])))
    lesson = rng.random(y.shape) < 0.9
    ours = fit_mixed(x, y, lesson)
    rows, days = np.nonzero(lesson)
    exog = np.column_stack([x[rows, days], np.ones(len(rows))])
    groups = (rows[:, None] == np.arange(200)).astype(float)
    theirs = BinomialBayesMixedGLM(
        y[rows, days].astype(float), exog, groups, np.zeros(200, dtype=int), vcp_p=2, fe_p=5
    ).fit_vb()
    assert np.all(np.abs(ours.weights - theirs.fe_mean) < 2 * theirs.fe_sd)
    assert ours.sd == pytest.approx(float(np.exp(theirs.vcp_mean[0])), rel=0.2)
    assert ours.sd == pytest.approx(1.1, abs=0.25)


def test_a_persons_level_is_inferred_as_a_fine_grid_infers_it(panel):
    x = covariates(panel, NEWNESS, 0.5, panel.recorded)
    model = Mixed(np.linspace(-0.3, 0.4, x.shape[-1] + 1), 1.4)
    said = mixed_forecast(model, x, panel.headache, panel.recorded)
    grid = np.linspace(-8, 8, 4001)
    for row in (0, 17):
        log_weight = norm.logpdf(grid, scale=model.sd)
        for day in range(20):
            logit = x[row, day] @ model.weights[:-1] + model.weights[-1] + grid
            weight = np.exp(log_weight - log_weight.max())
            assert said[row, day] == pytest.approx((weight / weight.sum() / (1 + np.exp(-logit))).sum(), abs=2e-4)
            if panel.recorded[row, day]:
                log_weight += -np.logaddexp(0, -logit if panel.headache[row, day] else logit)


def test_who_is_learned_from_is_all_that_counts(panel):
    lesson = panel.recorded.copy()
    lesson[45:] = False
    said = study_forecasts(panel, lesson, NEWNESS)
    headache = panel.headache.copy()
    headache[80:] = ~headache[80:] & panel.recorded[80:]
    again = study_forecasts(replace(panel, headache=headache), lesson, NEWNESS)
    for name in said:
        assert np.array_equal(said[name][:80], again[name][:80]), name


def test_who_is_held_out_does_not_say_what_air_is_usual(panel):
    """Air is counted from its mean over the days that are learned from."""
    lesson = panel.recorded.copy()
    lesson[45:] = False
    air = panel.air.copy()
    air[80:] += 50.0
    said = study_forecasts(panel, lesson, NEWNESS)
    again = study_forecasts(replace(panel, air=air), lesson, NEWNESS)
    for name in said:
        assert np.array_equal(said[name][:80], again[name][:80]), name
    measured = panel.air[lesson & np.isfinite(panel.air)]
    own = covariates(panel, NEWNESS, 0.5, lesson)[:, 1:, 2]
    assert np.allclose(own, np.nan_to_num((panel.air[:, :-1] - measured.mean()) / measured.std()))


def test_the_mixed_model_knows_the_week_before_as_twins_and_regression_do(panel):
    lesson = panel.recorded & (panel.history < 20)
    base = ((panel.headache & lesson).sum() + 1) / (lesson.sum() + 2)
    x = covariates(panel, NEWNESS, base, lesson)
    x = with_last_week(x, panel, np.full(panel.headache.shape, base))
    for row, day in ((0, 0), (3, 1), (5, 7), (17, 12), (40, 30)):
        week = slice(max(0, day - 7), day)
        wanted = (panel.headache[row, week].sum() + base) / (panel.recorded[row, week].sum() + 1)
        assert x[row, day, -1] == pytest.approx(wanted)
    said = mixed_forecast(fit_mixed(x, panel.headache, lesson), x, panel.headache, panel.recorded)
    assert np.allclose(study_forecasts(panel, lesson, NEWNESS)[MIXED], said)
