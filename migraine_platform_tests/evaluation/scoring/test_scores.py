"""From rows to rows: what is scored on which days, and what is held against what."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose
from polars.testing import assert_frame_equal
from sklearn.metrics import log_loss, roc_auc_score

from migraine_platform.evaluation.scoring.bootstrap import holm
from migraine_platform.evaluation.scoring.metrics import NAMES
from migraine_platform.evaluation.scoring.scores import (
    COMPARED_METRICS,
    COMPARED_MODELS,
    COMPARED_SUBSETS,
    ForecastError,
    Scored,
    score,
)
from migraine_platform.evaluation.scoring.subsets import SUBSETS
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform_tests.evaluation.random_forecasts import MODELS, SETTINGS, Frames, both, draw, together

FRAMES = together(draw(1), draw(2, tables.UNSEEN))
DAY = ["split", "patient_id", "for_date"]
TABLES = (tables.Metrics, tables.Differences, tables.CalibrationCurve, tables.WarningThresholds)


@pytest.fixture(scope="module")
def scored() -> Scored:
    return score(*FRAMES, SETTINGS)


def value(metrics: pl.DataFrame, **key: str) -> float | None:
    found = metrics.filter(**key)
    assert found.height == 1
    return found["value"][0]


def test_rows_keep_the_contracts(scored: Scored) -> None:
    for table, frame in zip(TABLES, scored, strict=True):
        assert audit(table, frame).broken == {}
        assert frame.height


def test_every_model_has_every_figure_of_every_subset(scored: Scored) -> None:
    assert scored.metrics.height == 2 * len(MODELS) * len(SUBSETS) * len(NAMES)
    compared = 2 * len(COMPARED_MODELS) * (len(MODELS) - 1) * len(COMPARED_SUBSETS) * len(COMPARED_METRICS)
    assert scored.differences.height == compared


@pytest.mark.parametrize("model", MODELS)
def test_a_subset_is_scored_as_its_days_alone(scored: Scored, model: str) -> None:
    """Of women after a day without migraine, in the first split, by scikit-learn."""
    for subset, days in (
        ("sex: F", pl.col("sex") == "F"),
        ("onset", ~pl.col("after_migraine")),
        ("episodic", pl.col("course") == "episodic"),
    ):
        own = both(draw(1), model).filter(days)
        key = {"split": tables.CHRONOLOGICAL, "model": model, "subset": subset}
        said, came = own["probability"].to_numpy(), own["migraine"].to_numpy()
        assert value(scored.metrics, **key, metric="auc_roc") == pytest.approx(roc_auc_score(came, said))
        expected = log_loss(came, np.clip(said, 1e-6, 1 - 1e-6))
        assert value(scored.metrics, **key, metric="log_loss") == pytest.approx(expected)
        row = scored.metrics.filter(**key, metric="log_loss").row(0, named=True)
        assert (row["days"], row["patients"]) == (own.height, own["patient_id"].n_unique())


def test_models_are_compared_on_the_days_that_both_forecast(scored: Scored) -> None:
    ours, theirs = (both(FRAMES, model) for model in ("twins", "aline"))
    common = ours.join(theirs, on=DAY, suffix="_theirs").filter(split=tables.UNSEEN)
    assert len(common) < min(ours.filter(split=tables.UNSEEN).height, theirs.filter(split=tables.UNSEEN).height)
    came = common["migraine"].to_numpy()
    briers = [((common[name].to_numpy() - came) ** 2).mean() for name in ("probability", "probability_theirs")]
    found = scored.differences.filter(
        model="twins", baseline="aline", split=tables.UNSEEN, subset="all", metric="brier"
    )
    assert found["difference"][0] == pytest.approx(briers[0] - briers[1])


def test_each_way_round_is_the_same_comparison(scored: Scored) -> None:
    key = ["split", "subset", "metric"]
    there = scored.differences.filter(model="twins", baseline="aline").sort(key)
    back = scored.differences.filter(model="aline", baseline="twins").sort(key)
    assert_allclose(there["difference"], -back["difference"])
    assert_allclose(there["lower"], -back["upper"], atol=1e-12)
    assert_allclose(there["p_value"], back["p_value"])


def test_comparisons_are_corrected_within_model_split_subset_and_metric(scored: Scored) -> None:
    for _, group in scored.differences.group_by("model", "split", "subset", "metric"):
        assert group.height == len(MODELS) - 1
        assert_allclose(group["p_adjusted"], holm(group["p_value"].to_numpy()), rtol=1e-12)


def test_a_model_against_its_copy_shows_no_difference() -> None:
    frames = draw(1)
    copy = {"model": pl.lit("copy")}
    copied = Frames(
        frames.days,
        pl.concat([frames.forecasts, frames.forecasts.filter(model="twins").with_columns(**copy)]),
        pl.concat([frames.models, frames.models.filter(model="twins").with_columns(**copy)]),
    )
    found = score(*copied, SETTINGS)
    apart = found.differences.filter(model="twins", baseline="copy")
    assert apart.select("difference", "lower", "upper").sum().row(0) == (0, 0, 0)
    assert set(apart["p_value"]) == set(apart["p_adjusted"]) == {1.0}
    ours, theirs = (found.metrics.filter(model=model).drop("model") for model in ("twins", "copy"))
    assert_frame_equal(ours, theirs)  # the same draws for all models


def test_neither_the_order_of_rows_nor_another_split_nor_a_repetition_changes_anything(scored: Scored) -> None:
    shuffled = Frames(*(frame.sample(fraction=1, shuffle=True, seed=3) for frame in FRAMES))
    shuffled = shuffled._replace(models=FRAMES.models)
    for again in (score(*FRAMES, SETTINGS), score(*shuffled, SETTINGS)):
        for ours, theirs in zip(scored, again, strict=True):
            assert_frame_equal(ours, theirs, check_exact=True)
    alone = score(*draw(2, tables.UNSEEN), SETTINGS)
    for ours, theirs in zip(scored, alone, strict=True):
        assert_frame_equal(ours.filter(split=tables.UNSEEN), theirs, check_exact=True)


def test_another_seed_draws_others_and_changes_no_figure(scored: Scored) -> None:
    other = score(*FRAMES, SETTINGS.model_copy(update={"seed": SETTINGS.seed + 1}))
    assert_frame_equal(other.metrics.drop("lower", "upper"), scored.metrics.drop("lower", "upper"), check_exact=True)
    assert (other.metrics["lower"] != scored.metrics["lower"]).any()


def test_intervals_are_where_the_figures_are(scored: Scored) -> None:
    for metric in ("log_loss", "brier", "warning_rate"):
        rows = scored.metrics.filter(subset="all", metric=metric)
        assert (rows["lower"] <= rows["value"]).all()
        assert (rows["value"] <= rows["upper"]).all()


def test_one_patient_alone_shows_no_chance_between_patients() -> None:
    frames = draw(1)
    alone = frames.days.filter(patient_id="P0004")
    kept = frames.forecasts.join(alone.select(DAY), on=DAY, how="semi")
    found = score(alone, kept, frames.models, SETTINGS)
    assert value(found.metrics, model="twins", subset="all", metric="brier") is not None
    assert found.metrics["lower"].null_count() == found.metrics.height
    assert found.differences["p_adjusted"].null_count() == found.differences.height
    assert audit(tables.CalibrationCurve, found.calibration_curve).passed


def test_a_model_that_forecast_nothing_has_no_figure() -> None:
    frames = draw(1)
    silent = frames._replace(forecasts=frames.forecasts.filter(pl.col("model") != "aline"))
    found = score(*silent, SETTINGS)
    rows = found.metrics.filter(model="aline")
    assert rows.height == len(SUBSETS) * len(NAMES)
    assert rows["value"].null_count() == rows.height
    assert rows["days"].sum() == 0
    assert "aline" not in set(found.calibration_curve["model"]) | set(found.warning_thresholds["model"])
    against = found.differences.filter(baseline="aline")
    assert against["p_adjusted"].null_count() == against.height


def test_tables_without_rows_are_scored_as_nothing() -> None:
    frames = draw(1)
    for given in (
        Frames(*(frame.clear() for frame in frames)),
        Frames(frames.days.clear(), frames.forecasts.clear(), frames.models),
        Frames(frames.days, frames.forecasts.clear(), frames.models.clear()),
    ):
        for table, frame in zip(TABLES, score(*given, SETTINGS), strict=True):
            assert frame.is_empty()
            assert audit(table, frame).passed


def test_forecasts_of_what_is_not_there_are_refused() -> None:
    frames = draw(1)
    with pytest.raises(ForecastError, match=r"chronological: by aline; expected a model of evaluation\.models"):
        score(*frames._replace(models=frames.models.filter(pl.col("model") != "aline")), SETTINGS)
    with pytest.raises(ForecastError, match=r"are of days unknown to evaluation\.days; expected none") as refused:
        score(*frames._replace(days=frames.days.filter(pl.col("patient_id") != "P0004")), SETTINGS)
    assert "P0004" not in str(refused.value)


def test_progress_tells_of_each_split() -> None:
    told: list[str] = []
    score(*FRAMES, SETTINGS, told.append)
    assert [line.partition(":")[0] for line in told] == [tables.CHRONOLOGICAL, tables.UNSEEN]
