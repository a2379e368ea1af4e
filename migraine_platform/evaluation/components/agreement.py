"""Triggers that twins find, beside those that a clinician has listed.

A clinician lists {weather, stress}, the twin names {stress, sleep}:

    stress     agreed      both name it
    sleep      novel       the twin alone
    weather    missed      the clinician alone
    diet       neither

The clinician knows no more than anybody: where the two differ, either may be right. What the simulation knows is held
against the twins elsewhere (triggers.py).

Belongs here: the comparison and its figures. Does not: where lists come from (ingest/sources/clinicians.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.evaluation.components.triggers import TriggerError
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.twin.triggers.sensitivity import FOUND

if TYPE_CHECKING:
    import polars as pl


def agreement(sensitivity: pl.DataFrame, listed: pl.DataFrame) -> pl.DataFrame:
    """Rows of `evaluation.trigger_agreement`: every trigger of every patient on the list who has a twin.

    Args:
        sensitivity: rows of `twin.trigger_sensitivity`.
        listed: patient_id, trigger; twice is once. A null is of a patient who was seen and found to have no trigger.

    Raises:
        TriggerError: if something is listed that is not one of the twins' triggers.
    """
    import polars as pl

    seen = listed["patient_id"].unique()
    sensitivity, listed = sensitivity.filter(pl.col("patient_id").is_in(seen.implode())), listed.drop_nulls("trigger")
    if unknown := listed.filter(~pl.col("trigger").is_in(TRIGGER_NAMES)).height:
        raise TriggerError(f"clinician's list: {unknown} entries are none of {', '.join(TRIGGER_NAMES)}")
    found, named = pl.col("found"), pl.col("listed")
    marked = listed.select("patient_id", "trigger").unique().with_columns(pl.lit(True).alias("listed"))
    return (
        sensitivity.join(marked, on=["patient_id", "trigger"], how="left")
        .with_columns(found=pl.col("probability_strong") >= FOUND, listed=named.fill_null(False))
        .select(
            "patient_id",
            "trigger",
            pl.col("probability_strong").alias("probability"),
            "found",
            "listed",
            pl.when(found & named)
            .then(pl.lit("agreed"))
            .when(found)
            .then(pl.lit("novel"))
            .when(named)
            .then(pl.lit("missed"))
            .otherwise(pl.lit("neither"))
            .alias("verdict"),
        )
        .sort("patient_id", "trigger")
    )


def agreement_figures(frame: pl.DataFrame) -> dict[str, float]:
    """What the rows of `evaluation.trigger_agreement` come to, all patients' triggers pooled.

        kappa = (same - expected) / (1 - expected)      Cohen 1960; expected if both named as many, but by chance

    Returns:
        pairs: patients' triggers; share_same: of them, both name it or neither does; kappa: NaN where chance alone
        would always agree; share_agreed: of the triggers that either names, those that both name; listed_found: of
        those listed, how many the twin names; agreed, novel, missed: how many. Shares of nothing are NaN.
    """
    pairs = frame.height
    agreed, novel, missed = (int((frame["verdict"] == word).sum()) for word in ("agreed", "novel", "missed"))
    same = _share(pairs - novel - missed, pairs)
    found, listed = _share(agreed + novel, pairs), _share(agreed + missed, pairs)
    expected = found * listed + (1 - found) * (1 - listed)
    return {
        "pairs": float(pairs),
        "share_same": same,
        "kappa": (same - expected) / (1 - expected) if expected < 1 else float("nan"),
        "share_agreed": _share(agreed, agreed + novel + missed),
        "listed_found": _share(agreed, agreed + missed),
        "agreed": float(agreed),
        "novel": float(novel),
        "missed": float(missed),
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
