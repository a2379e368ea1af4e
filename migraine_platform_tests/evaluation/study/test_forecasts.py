"""How a study is divided: every scored day is forecast once by what was learned from other days or other people."""

import numpy as np
import polars as pl
import pytest

from migraine_platform.evaluation.study.forecasts import EPOCH, chronological, compare_study, unseen
from migraine_platform.evaluation.study.panel import Panel, panel_of
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform_tests.evaluation.study.diaries import made_up


@pytest.fixture(scope="module")
def panel() -> Panel:
    return panel_of(*made_up(patients=30, days=40, seed=9))


def test_the_past_is_learned_from_and_the_future_is_scored(panel, settings):
    lesson, scored = chronological(panel, settings.evaluation.study)
    assert not (lesson & scored).any()
    assert np.array_equal(lesson | scored, panel.recorded)
    day = np.arange(panel.recorded.shape[1])
    assert np.all(np.where(lesson, day, -1).max(axis=1) < np.where(scored, day, 10**6).min(axis=1))
    assert lesson.sum() / panel.recorded.sum() == pytest.approx(settings.evaluation.study.train_share, abs=0.03)


def test_folds_share_nobody_and_leave_nobody_out(panel, settings):
    own = settings.evaluation.study
    folds = unseen(panel, own, seed=1)
    assert len(folds) == own.folds
    for lesson, scored in folds:
        assert not (lesson.any(axis=1) & scored.any(axis=1)).any()
    total = sum(fold.scored.astype(int) for fold in folds)
    assert np.array_equal(total, panel.recorded & (panel.history >= own.history_days))


def test_rows_keep_their_contracts_and_every_model_says_all_days(panel, settings):
    found = compare_study(panel, settings)
    for table, frame in zip(
        (tables.EvaluatedModels, tables.EvaluatedDays, tables.EvaluatedForecasts), found, strict=True
    ):
        assert audit(table, frame).passed, audit(table, frame).summary()
    models = found.models.group_by("split").agg("model")
    assert models.height == 2
    per_model = found.forecasts.group_by("split", "model").len()
    days = found.days.group_by("split").len()
    both = per_model.join(days, on="split")
    assert both.height == found.models.height
    assert (both["len"] == both["len_right"]).all()
    row = panel.patient_ids.index("K004")
    own = found.days.filter((pl.col("patient_id") == "K004") & (pl.col("split") == tables.REAL_CHRONOLOGICAL))
    place = (own["for_date"] - EPOCH).dt.total_days().to_numpy()
    assert np.array_equal(panel.headache[row, place], own["migraine"].to_numpy())
    assert np.array_equal(panel.history[row, place], own["history_days"].to_numpy())
