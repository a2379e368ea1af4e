"""How well twins find who is susceptible to what, against the susceptibilities that the simulation gave its patients.

A trigger is strong where the susceptibility lies in the upper third of its range (twin/triggers/sensitivity.STRONG, 0.7
of 0.1 to 1), for the truth and for the twin alike. A twin's score of it is its `probability_strong`, the posterior
probability of that; it names those whose score is at least FOUND: likelier strong than not. Before a day is known the
score is a third, and no trigger is named. Precision and recall are to be read beside `prevalence` and `share_found`,
and beside `auc` and `rank_correlation`, which hang on no level of the score, or on none at all.

    precision            of the named triggers, how many are strong; `prevalence` if they were named by chance
    recall               of the strong triggers, how many are named; `share_found` if they were named by chance
    auc                  a strong trigger has a higher score than another one; 1/2 by chance
    rank_correlation     Spearman's, of score and susceptibility across patients; 0 by chance
    ranking_top1         patients whose strongest trigger has the highest score; `chance_ranking_top1`
    ranking_spearman     Spearman's within a patient, mean over patients; 0 by chance, and where a patient's scores are
                         all the same
    ranking_ndcg         normalised discounted gain of the patient's ranking, gain = susceptibility (Järvelin and
                         Kekäläinen 2002), ties averaged; `chance_ranking_ndcg` of a random order

For `all`, the first four pool every patient's triggers; the rankings within patients are of `all` alone. Intervals are
by bootstrap of patients, who bring all of their triggers.

Belongs here: figures against the simulation's truth. Does not: clinicians' lists (agreement.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.errors import UserError
from migraine_platform.evaluation.scoring import bootstrap
from migraine_platform.evaluation.scoring.metrics import ratio
from migraine_platform.evaluation.scoring.rank_statistics import rank_correlation
from migraine_platform.evaluation.scoring.totals import areas
from migraine_platform.priors.vocabulary import TRIGGER_NAMES, TRIGGERS
from migraine_platform.twin.triggers.sensitivity import FOUND, STRONG

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALL = "all"
CHUNK = 100
"""Bootstrap samples that are computed together."""

Figures = dict[tuple[str, str], "NDArray[np.float64]"]
"""Values of R samples by trigger and metric."""


class TriggerError(UserError):
    """Sensitivities, truths or lists of triggers that do not fit."""


@dataclass(frozen=True)
class Beside:
    """What is said of P patients' triggers, in the order of TRIGGER_NAMES, beside the truth."""

    score: NDArray[np.float64]
    """[P, 4]"""
    truth: NDArray[np.float64]
    """[P, 4] susceptibilities."""
    found: NDArray[np.bool_]
    strong: NDArray[np.bool_]

    @classmethod
    def of(cls, sensitivity: pl.DataFrame, truth: pl.DataFrame) -> Beside:
        """Patients who have both.

        Raises:
            TriggerError: if there is none, or one whose triggers are not all there.
        """

        wide = sensitivity.pivot("trigger", index="patient_id", values="probability_strong")
        if not set(TRIGGER_NAMES) <= set(wide.columns):
            raise TriggerError(f"twin.trigger_sensitivity: expected rows of {', '.join(TRIGGER_NAMES)}")
        both = wide.join(truth, on="patient_id").sort("patient_id")
        score = both.select(pl.col(TRIGGER_NAMES).cast(pl.Float64)).to_numpy()
        if not len(score) or np.isnan(score).any():
            raise TriggerError(
                f"twin.trigger_sensitivity: {len(score)} patients with a truth, {int(np.isnan(score).sum())} of their "
                f"triggers missing; expected some patients, each with {len(TRIGGER_NAMES)} triggers"
            )
        true = both.select(truth_columns()).to_numpy()
        return cls(score, true, score >= FOUND, true > STRONG)


def truth_columns() -> list[str]:
    """Columns of `truth.patients` that hold susceptibilities, in the order of TRIGGER_NAMES."""
    return [trigger.susceptibility for trigger in TRIGGERS]


def recovery(sensitivity: pl.DataFrame, truth: pl.DataFrame, replicates: int, seed: int) -> pl.DataFrame:
    """Rows of `evaluation.trigger_recovery`.

    Args:
        sensitivity: rows of `twin.trigger_sensitivity`.
        truth: rows of `truth.patients`; patients without a twin are left out.
        replicates: bootstrap samples.

    Raises:
        TriggerError: if no patient has both, or a patient's triggers are not all there.
    """

    schema = {"trigger": pl.String, "metric": pl.String, **dict.fromkeys(("value", "lower", "upper"), pl.Float64)}
    if sensitivity.is_empty():  # everybody reports of himself: no simulated truth is his
        return pl.DataFrame(schema=schema)
    beside = Beside.of(sensitivity, truth)
    counts = bootstrap.draws(len(beside.score), replicates, seed).T
    parts = [figures(beside, counts[first : first + CHUNK]) for first in range(0, len(counts), CHUNK)]
    rows = []
    for trigger, metric in parts[0]:
        values = np.concatenate([part[trigger, metric] for part in parts])
        lower, upper = bootstrap.interval(values[:, None])
        shown = (None if np.isnan(number) else float(number) for number in (values[0], lower[0], upper[0]))
        rows.append((trigger, metric, *shown))
    return pl.DataFrame(rows, schema=schema, orient="row")


def figures(beside: Beside, counts: NDArray[np.float64]) -> Figures:
    """Every figure of R samples.

    Args:
        counts: [R, P] how often each patient is in each sample.
    """
    out: Figures = {}
    for place, trigger in enumerate((*TRIGGER_NAMES, ALL)):
        columns = slice(None) if trigger == ALL else slice(place, place + 1)
        own = _of_cases(beside, columns, counts)
        out |= {(trigger, metric): values for metric, values in own.items()}
    for metric, by_patient in rankings(beside.score, beside.truth).items():
        out[ALL, metric] = ratio(counts @ by_patient, counts.sum(axis=1))
    return out


def _of_cases(beside: Beside, columns: slice, counts: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Figures that take every trigger of every patient as a case of its own.

    Args:
        counts: [R, P]
    """
    triggers = beside.score[:, columns].shape[1]
    patient = np.repeat(np.arange(len(beside.score)), triggers)
    score, truth = beside.score[:, columns].ravel(), beside.truth[:, columns].ravel()
    found, strong = beside.found[:, columns].ravel(), beside.strong[:, columns].ravel()
    often = counts[:, patient]
    cases = often.sum(axis=1)
    hits, named, wanted = (often @ cast.astype(np.float64) for cast in (found & strong, found, strong))
    order = np.argsort(-score, kind="stable")
    area, _, _ = areas(patient[order], strong[order], score[order], np.ascontiguousarray(counts.T))
    return {
        "precision": ratio(hits, named),
        "prevalence": ratio(wanted, cases),
        "recall": ratio(hits, wanted),
        "share_found": ratio(named, cases),
        "auc": area,
        "rank_correlation": rank_correlation(score, truth, often),
    }


def rankings(score: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """[P] by metric: how well each patient's triggers are ranked by their scores.

    Args:
        score: [P, T]
        truth: [P, T]
    """
    triggers = score.shape[1]
    best, highest = truth == truth.max(axis=1, keepdims=True), score == score.max(axis=1, keepdims=True)
    # Equal scores are put in an order by chance: one that is best by truth comes first as often as its share of them
    top = (best & highest).sum(axis=1) / highest.sum(axis=1)
    by_score, by_truth = (_descending(values) for values in (score, truth))
    off = [rank - rank.mean(axis=1, keepdims=True) for rank in (by_score.mean_rank, by_truth.mean_rank)]
    spread = np.sqrt((off[0] ** 2).sum(axis=1) * (off[1] ** 2).sum(axis=1))
    ideal = (truth * by_truth.discount).sum(axis=1)
    random = truth.mean(axis=1) * _discounts(triggers).sum()
    return {
        "ranking_top1": top,
        "chance_ranking_top1": best.sum(axis=1) / triggers,
        "ranking_spearman": np.where(spread > 0, (off[0] * off[1]).sum(axis=1) / np.where(spread > 0, spread, 1), 0.0),
        "ranking_ndcg": ratio((truth * by_score.discount).sum(axis=1), ideal),
        "chance_ranking_ndcg": ratio(random, ideal),
    }


@dataclass(frozen=True)
class _Places:
    mean_rank: NDArray[np.float64]
    """[P, T] from 0, the highest value first; equal values share the mean of their places."""
    discount: NDArray[np.float64]
    """[P, T] mean discount of those places."""


def _descending(values: NDArray[np.float64]) -> _Places:
    above = (values[:, None, :] > values[:, :, None]).sum(axis=2)
    equal = (values[:, None, :] == values[:, :, None]).sum(axis=2)
    total = np.concatenate([[0.0], np.cumsum(_discounts(values.shape[1]))])
    return _Places(above + (equal - 1) / 2, (total[above + equal] - total[above]) / equal)


def _discounts(places: int) -> NDArray[np.float64]:
    return np.asarray(1 / np.log2(np.arange(places) + 2))
