"""Every headline figure has two makers, numpy and SQL, who must agree."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from migraine_platform.evaluation.scoring.scores import Scored, score
from migraine_platform.evaluation.scoring.subsets import SUBSETS
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.marts import MARTS
from migraine_platform_tests.evaluation.random_forecasts import SETTINGS, Frames, draw, together, typed

OWN = ("marts.model_calibration", "marts.model_comparison", "marts.model_scores", "marts.model_scores_by_history")
EXACT = 1e-9
KEY = ["split", "model"]


def ask(folder: Path, frames: Frames, scored: Scored) -> dict[str, pl.DataFrame]:
    """What the views show of a warehouse that holds these tables."""
    held = {
        tables.EvaluatedDays: frames.days,
        tables.EvaluatedForecasts: frames.forecasts,
        tables.EvaluatedModels: frames.models,
        tables.Metrics: scored.metrics,
    }
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute("CREATE SCHEMA evaluation; CREATE SCHEMA marts")
        for table, frame in held.items():
            columns = ", ".join(f"{column.name} {column.sql_type}" for column in table.columns)
            connection.execute(f"CREATE TABLE {table.name} ({columns})")
            connection.register("given", frame)
            connection.execute(f"INSERT INTO {table.name} BY NAME SELECT * FROM given")
        for mart in MARTS:
            if mart.name in OWN:
                connection.execute(f"CREATE VIEW {mart.name} AS {mart.sql}")
        return {name.removeprefix("marts."): connection.execute(f"FROM {name}").pl() for name in OWN}


@pytest.fixture(scope="module", params=range(6))
def asked(request, tmp_path_factory) -> tuple[Frames, Scored, dict[str, pl.DataFrame]]:
    """Two splits: drawn ones; at the last two seeds one where nobody, or everybody, has migraine."""
    frames = together(draw(request.param), draw(request.param + 100, tables.REAL_UNSEEN, patients=6))
    if request.param >= 4:
        one = pl.when(split=tables.REAL_UNSEEN).then(pl.lit(request.param == 5)).otherwise("migraine")
        frames = frames._replace(days=frames.days.with_columns(one.alias("migraine")))
    scored = score(*frames, SETTINGS)
    return frames, scored, ask(tmp_path_factory.mktemp("marts"), frames, scored)


def wide(metrics: pl.DataFrame, keys: list[str], names: list[str]) -> pl.DataFrame:
    """Metrics as the views show them: one row a key, models without forecasts left out."""
    long = metrics.filter(pl.col("days") > 0)
    return long.pivot("metric", index=[*keys, "days", "patients"], values="value").select(
        *keys, "days", "patients", *names
    )


def test_every_headline_figure_is_recomputed_from_the_raw_forecasts(asked) -> None:
    _, scored, found = asked
    again = {"calibration_error": "ece", "auc": "auc_roc", "average_precision": "pr_auc"}
    for name, same in again.items():
        assert found["model_scores"][name].equals(found["model_scores"][same], check_names=False)
    left = (*KEY, "days", "patients", "threshold", *again)
    names = [name for name in found["model_scores"].columns if name not in left]
    assert set(scored.metrics["metric"]) - set(names) == {"precision", "recall"}  # other words for ppv, sensitivity
    ours = wide(scored.metrics.filter(subset="all"), KEY, names).sort(KEY)
    theirs = found["model_scores"].select(ours.columns).sort(KEY)
    assert_frame_equal(theirs, ours, check_dtypes=False, rel_tol=EXACT, abs_tol=EXACT)


def test_the_calibration_curve_is_recomputed(asked) -> None:
    _, scored, found = asked
    ours = scored.calibration_curve.sort(*KEY, "bin")
    theirs = found["model_calibration"].select(ours.columns).sort(*KEY, "bin")
    assert_frame_equal(theirs, ours, check_dtypes=False, rel_tol=EXACT, abs_tol=EXACT)


def test_scores_by_history_are_those_of_the_subsets(asked) -> None:
    _, scored, found = asked
    names = ["log_loss", "brier", "auc_roc"]
    by_history = scored.metrics.filter(pl.col("subset").str.starts_with("history"))
    ours = wide(by_history, [*KEY, "subset"], names).sort(*KEY, "subset")
    theirs = found["model_scores_by_history"].select(ours.columns).sort(*KEY, "subset")
    assert_frame_equal(theirs, ours, check_dtypes=False, rel_tol=EXACT, abs_tol=EXACT)
    assert set(theirs["subset"]) <= {subset.name for subset in SUBSETS}


def test_people_read_the_figures_of_the_metrics_best_model_first(asked) -> None:
    frames, scored, found = asked
    shown = found["model_comparison"]
    assert shown["split"].unique(maintain_order=True).to_list() == [tables.CHRONOLOGICAL, tables.REAL_UNSEEN]
    losses = scored.metrics.filter(subset="all", metric="log_loss").join(frames.models, on=["split", "model"])
    for (split,), part in losses.group_by("split"):
        own = shown.filter(split=split)
        best_first = part.sort("value", "title")
        assert own["title"].to_list() == best_first["title"].to_list()
        assert own["log_loss"].to_list() == [
            f"{value:.3f} ({lower:.3f} to {upper:.3f})"
            for value, lower, upper in best_first.select("value", "lower", "upper").iter_rows()
        ]


def test_what_is_not_known_is_said_so(asked) -> None:
    _, scored, found = asked
    unknown = scored.metrics.filter(pl.col("value").is_null(), subset="all", metric="auc_roc").height
    assert found["model_comparison"].filter(auc="not known").height == unknown


def test_empty_tables_have_empty_views(tmp_path: Path) -> None:
    kinds = (tables.EvaluatedDays, tables.EvaluatedForecasts, tables.EvaluatedModels)
    frames = Frames(*(typed(table, []) for table in kinds))
    found = ask(tmp_path, frames, score(*frames, SETTINGS))
    assert {name: frame.height for name, frame in found.items()} == {name.removeprefix("marts."): 0 for name in OWN}
