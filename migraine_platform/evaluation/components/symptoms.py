"""How well twins know what each person's attacks are like, against what the simulation gave its patients.

    mae                     mean distance of the twins' figure from the truth, in the symptom's unit
    mae_population_mean     the same if everybody were given the true mean: what personal models must beat
    rank_correlation        Spearman's over patients; 0 by chance

Severity and shares of attacks with signs and with an aura (patients with the diagnosis) are held against means, lengths
against geometric means, as the twins tell them; a prodrome is cut at the attack before, and never early after
one, so that its figure lies somewhat below the truth. Of headaches it is those without a drug; of weekends the log-odds
of an onset against a workday. Intervals are by bootstrap of patients.

Belongs here: the figures. Does not: the models (twin/symptoms/).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.evaluation.scoring import bootstrap
from migraine_platform.evaluation.scoring.metrics import ratio
from migraine_platform.evaluation.scoring.rank_statistics import rank_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNITS = {
    "severity": "points",
    "aura": "share",
    "signs": "share",
    "prodrome": "h",
    "headache": "h",
    "postdrome": "h",
    "weekend": "log-odds",
}
TRUE = {
    "severity": "severity",
    "aura": "aura_share",
    "signs": "prodrome_share",
    "prodrome": "prodrome_hours",
    "headache": "headache_hours",
    "postdrome": "postdrome_hours",
    "weekend": "weekend_log_odds",
}
"""Symptom -> column of `truth.patients`."""


def symptom_recovery(
    twins: pl.DataFrame, phases: pl.DataFrame, truth: pl.DataFrame, replicates: int, seed: int
) -> pl.DataFrame:
    """Rows of `evaluation.symptom_recovery`.

    Args:
        twins: rows of `twin.twins`.
        phases: rows of `twin.symptom_phases`.
        truth: rows of `truth.patients`; patients without a twin are left out.
        replicates: bootstrap samples.
    """

    rows = []
    for symptom, said in _said(twins, phases).items():
        both = said.drop_nulls().join(truth.select("patient_id", true=TRUE[symptom]), on="patient_id")
        if symptom == "aura":
            both = both.filter(pl.col("true") > 0)  # who has none has no share to be found
        both = both.sort("patient_id")
        if both.height < bootstrap.FEWEST:
            continue
        counts = bootstrap.draws(both.height, replicates, seed).T
        for metric, values in _figures(both["said"].to_numpy(), both["true"].to_numpy(), counts).items():
            lower, upper = bootstrap.interval(values[:, None])
            figures = (None if np.isnan(number) else float(number) for number in (values[0], lower[0], upper[0]))
            rows.append((symptom, UNITS[symptom], metric, both.height, *figures))
    texts = dict.fromkeys(("symptom", "unit", "metric"), pl.String)
    numbers = dict.fromkeys(("value", "lower", "upper"), pl.Float64)
    return pl.DataFrame(rows, schema={**texts, "patients": pl.Int64, **numbers}, orient="row")


def _said(twins: pl.DataFrame, phases: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """patient_id, said: by symptom."""

    def of(phase: str, column: str) -> pl.DataFrame:
        return phases.filter(pl.col("phase") == phase).select("patient_id", said=column)

    return {
        "severity": twins.select("patient_id", said="severity"),
        "aura": of("aura", "probability"),
        "signs": of("prodrome", "probability"),
        "prodrome": of("prodrome", "typical_hours"),
        "headache": of("headache_untreated", "typical_hours"),
        "postdrome": of("postdrome", "typical_hours"),
        "weekend": twins.select("patient_id", said="weekend"),
    }


def _figures(
    said: NDArray[np.float64], true: NDArray[np.float64], counts: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """[R] by metric.

    Args:
        counts: [R, P]
    """
    persons = counts.sum(axis=1)
    usual = ratio(counts @ true, persons)
    return {
        "mae": ratio(counts @ np.abs(said - true), persons),
        "mae_population_mean": ratio((counts * np.abs(usual[:, None] - true)).sum(axis=1), persons),
        "rank_correlation": rank_correlation(said, true, counts),
    }
