"""What a population of twins must show before it is published: true probabilities, and forecasts worth having.

On days never seen and on patients never seen; figures of a real study are reported, and stop nothing:

    calibration error          at most so much
    ahead of a model           its log loss is higher, the 95 % interval of the paired difference excludes 0
    not behind a model         its log loss is not lower by more than chance

A model that was not compared fails its gate, and so does a split without days: what nobody looked at is not known to
hold. That 90 % intervals hold what they should is judged batch by batch, where forecasts are made
(twin/core/promotion_checks.py). Belongs here: the gates. Does not: who stops a publication for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from migraine_platform.config.evaluation import Gate
from migraine_platform.evaluation.forecasts.models import TWINS
from migraine_platform.forecast_scores import SMALLEST

if TYPE_CHECKING:
    import polars as pl

JUDGED_AT_ALL = "models that were judged"
"""The gate that a split without days fails."""

AGREE = 1e-9
"""Figures of the same forecasts are this near to each other, whatever the order of the sums."""


def gates(metrics: pl.DataFrame, differences: pl.DataFrame, wanted: Gate, simulated: bool = True) -> pl.DataFrame:
    """Rows of `evaluation.gates`.

    Args:
        metrics: rows of `evaluation.metrics`.
        differences: rows of `evaluation.differences`.
        simulated: whether somebody is left whose truth the simulation knows; else nothing is judged.
    """
    import polars as pl

    rows: list[tuple[str, float | None, float, bool]] = []
    for split in wanted.splits if simulated else ():
        scored = metrics.filter((pl.col("split") == split) & (pl.col("subset") == "all") & (pl.col("metric") == "ece"))
        if scored.is_empty():
            rows.append((f"{split}: {JUDGED_AT_ALL}", 0.0, 1.0, False))
            continue
        error = next(iter(scored.filter(pl.col("model") == TWINS)["value"]), None)
        limit = wanted.calibration_error
        rows.append((f"{split}: calibration error", error, limit, error is not None and error <= limit))
        behind = differences.filter(
            (pl.col("split") == split)
            & (pl.col("model") == TWINS)
            & (pl.col("subset") == "all")
            & (pl.col("metric") == "log_loss")
        )
        found = {row["baseline"]: row for row in behind.iter_rows(named=True)}
        for name in wanted.ahead_of:
            upper = found[name]["upper"] if name in found else None
            rows.append((f"{split}: ahead of {name}", upper, 0.0, upper is not None and upper < 0))
        for name in wanted.not_behind:
            lower = found[name]["lower"] if name in found else None
            rows.append((f"{split}: not behind {name}", lower, 0.0, lower is not None and lower <= 0))
    types = {"gate": pl.String, "value": pl.Float64, "limit": pl.Float64, "passed": pl.Boolean}
    return pl.DataFrame(rows, schema=types, orient="row")


def unlike(days: pl.DataFrame, forecasts: pl.DataFrame, metrics: pl.DataFrame) -> list[str]:
    """Models and splits whose log loss is not that of the forecasts that lie beside it: it was made of others.

    Args:
        days: rows of `evaluation.days`.
        forecasts: rows of `evaluation.forecasts`.
        metrics: rows of `evaluation.metrics`.
    """
    import polars as pl

    key = ["split", "patient_id", "for_date"]
    p = pl.col("probability").clip(SMALLEST, 1 - SMALLEST)
    loss = -pl.when("migraine").then(p.log()).otherwise((1 - p).log())
    told = metrics.filter((pl.col("subset") == "all") & (pl.col("metric") == "log_loss")).drop_nulls("value")
    both = (
        forecasts.join(days.select(*key, "migraine"), on=key)
        .group_by("model", "split")
        .agg(now=loss.mean())
        .join(told.select("model", "split", "value"), on=["model", "split"], how="full", coalesce=True)
    )
    apart = both.filter(((pl.col("now") - pl.col("value")).abs() > AGREE).fill_null(True)).sort("split", "model")
    return [f"{split}: {model}" for model, split in apart.select("model", "split").iter_rows()]


def problems(frame: pl.DataFrame) -> list[str]:
    """Gates that were not passed, in words.

    Args:
        frame: rows of `evaluation.gates`.
    """
    failed = frame.filter(~frame["passed"])
    return [f"{row['gate']}: {_found(row)}" for row in failed.iter_rows(named=True)]


def _found(row: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return "was not scored"
    if row["gate"].endswith(JUDGED_AT_ALL):
        return "none, for want of days; expected some (evaluation.gates.splits says which days there must be)"
    return f"{row['value']:.4f}; expected at most {row['limit']:g}"
