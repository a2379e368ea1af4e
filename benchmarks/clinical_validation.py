"""Claim: on real diaries, twins forecast tomorrow's headache better than every model one would use else.

python benchmarks/clinical_validation.py [--preset default] [--seeds 5]

KosteckiDillon, days never seen and patients never seen after 14 recorded days. Mean log loss, difference to the twins
with a 95 % interval by paired bootstrap of patients, Holm-adjusted p; then the log loss on the second split with other
folds, because one division into five says little.
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl
from measure import machine

from migraine_platform.config import load_settings
from migraine_platform.evaluation.scoring.scores import score
from migraine_platform.evaluation.study.forecasts import compare_study
from migraine_platform.evaluation.study.panel import panel_of
from migraine_platform.forecast_scores import log_loss
from migraine_platform.ingest.sources.kostecki_dillon import KosteckiDillon
from migraine_platform.warehouse import tables


def main() -> None:
    """Compare and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--preset", default="default")
    arguments.add_argument("--seeds", type=int, default=5)
    given = arguments.parse_args()
    settings = load_settings(given.preset)
    diaries = KosteckiDillon().read()
    panel = panel_of(diaries.patients, diaries.days)
    print(machine())
    print(f"{len(panel.patient_ids)} patients, {panel.recorded.sum()} recorded days")
    compared = compare_study(panel, settings)
    scored = score(compared.days, compared.forecasts, compared.models, settings.evaluation)
    whole = pl.col("subset") == "all"
    for split in (tables.REAL_CHRONOLOGICAL, tables.REAL_UNSEEN):
        of = scored.metrics.filter(whole & (pl.col("split") == split))
        wide = of.pivot("metric", index=["model", "days", "patients"], values="value")
        print(f"\n{split}")
        print(
            wide.select("model", "days", "patients", "log_loss", "auc_roc", "auc_within", "brier", "ece").sort(
                "log_loss"
            )
        )
        against = scored.differences.filter(
            whole & (pl.col("split") == split) & (pl.col("metric") == "log_loss") & (pl.col("model") == "twins")
        )
        print(against.select("baseline", "difference", "lower", "upper", "p_value", "p_adjusted").sort("difference"))
    losses: dict[str, list[float]] = {}
    for seed in range(given.seeds):
        changed = settings.model_copy(update={"evaluation": settings.evaluation.model_copy(update={"seed": seed})})
        again = compare_study(panel, changed)
        both = again.forecasts.join(again.days, on=["split", "patient_id", "for_date"])
        both = both.filter(pl.col("split") == tables.REAL_UNSEEN)
        for (model,), rows in both.partition_by("model", as_dict=True).items():
            p, y = rows["probability"].to_numpy(), rows["migraine"].to_numpy()
            losses.setdefault(str(model), []).append(float(log_loss(p, y).mean()))
    print(f"\n{tables.REAL_UNSEEN}, log loss under {given.seeds} divisions into folds: mean (least to most)")
    for model, found in sorted(losses.items(), key=lambda item: np.mean(item[1])):
        print(f"{model:22}{np.mean(found):8.4f} ({min(found):.4f} to {max(found):.4f})")


if __name__ == "__main__":
    with pl.Config(tbl_rows=20, tbl_cols=12, float_precision=4, tbl_hide_dataframe_shape=True, tbl_width_chars=140):
        main()
