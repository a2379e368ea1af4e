"""All models' forecasts of a study's days, on days never seen and of patients never seen.

    real_chronological     the first part of everybody's days is learned from, the rest is forecast
    real_unseen_patients   each fold of the patients is forecast by what the other folds taught, after their first days

A patient's recorded days are forecast one at a time, everything before known. Warnings are given from the share of
headache days on: of all days that are not scored, the same for every fold. Belongs here: the splits, and rows of
`evaluation.models`, `evaluation.days`, `evaluation.forecasts`. Does not: the models.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config import Settings
from migraine_platform.config.evaluation import StudySettings
from migraine_platform.evaluation.forecasts.compared import Comparison
from migraine_platform.evaluation.forecasts.days import quartiles
from migraine_platform.evaluation.forecasts.models import TWINS, model_rows
from migraine_platform.evaluation.study.baselines import study_forecasts
from migraine_platform.evaluation.study.panel import Panel
from migraine_platform.evaluation.study.twins import twin_forecasts
from migraine_platform.warehouse import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = date(2000, 1, 1)
"""A study's days have no date; each patient's first is counted from here."""


class Fold(NamedTuple):
    """What is learned from, and what is forecast by it."""

    lesson: NDArray[np.bool_]
    """[P, K]"""
    scored: NDArray[np.bool_]
    """[P, K]"""


def compare_study(panel: Panel, settings: Settings, progress: Callable[[str], None] = lambda line: None) -> Comparison:
    """Every model's forecasts of a study's days."""

    own = settings.evaluation.study
    models, days, said = [], [], []
    for name, folds in (
        (tables.REAL_CHRONOLOGICAL, [chronological(panel, own)]),
        (tables.REAL_UNSEEN, unseen(panel, own, settings.evaluation.seed)),
    ):
        found: dict[str, NDArray[np.float64]] = {}
        scored = np.zeros_like(panel.recorded)
        for number, fold in enumerate(folds, start=1):
            for model, p in _said(panel, fold, settings).items():
                found.setdefault(model, np.full(panel.recorded.shape, np.nan))[fold.scored] = p[fold.scored]
            scored |= fold.scored
            progress(f"{name}: {number} of {len(folds)} parts forecast")
        keys = _keys(panel, name, scored)
        days.append(_days(panel, keys, scored))
        said += [keys.with_columns(model=pl.lit(model), probability=pl.Series(p[scored])) for model, p in found.items()]
        models.append(model_rows(name, list(found), float(panel.headache[panel.recorded & ~scored].mean())))
    columns = [column.name for column in tables.EvaluatedForecasts.columns]
    return Comparison(pl.concat(models), pl.concat(days), pl.concat(said).select(columns))


def chronological(panel: Panel, own: StudySettings) -> Fold:
    """The first part of each patient's recorded days, and the rest."""
    total = panel.recorded.sum(axis=1, keepdims=True)
    early = panel.history < np.ceil(own.train_share * total)
    return Fold(panel.recorded & early, panel.recorded & ~early)


def unseen(panel: Panel, own: StudySettings, seed: int) -> list[Fold]:
    """Folds of the patients; days after the first weeks are scored."""
    fold = np.random.default_rng(seed).permutation(len(panel.patient_ids)) % own.folds
    late = panel.recorded & (panel.history >= own.history_days)
    return [Fold(panel.recorded & (fold != k)[:, None], late & (fold == k)[:, None]) for k in range(own.folds)]


def _said(panel: Panel, fold: Fold, settings: Settings) -> dict[str, NDArray[np.float64]]:
    newness = settings.evaluation.study.newness_days
    said = study_forecasts(panel, fold.lesson, newness)
    said[TWINS] = twin_forecasts(panel, fold.lesson, settings.twin, newness)
    return said


def _keys(panel: Panel, split: str, scored: NDArray[np.bool_]) -> pl.DataFrame:
    """split, patient_id, for_date of every scored day, in the order of the arrays."""

    who, when = np.nonzero(scored)
    return pl.DataFrame(
        {
            "split": pl.Series([split] * len(who), dtype=pl.String),
            "patient_id": pl.Series([panel.patient_ids[row] for row in who.tolist()], dtype=pl.String),
            "for_date": pl.Series((np.datetime64(EPOCH) + when).astype("datetime64[D]")),
        }
    )


def _days(panel: Panel, keys: pl.DataFrame, scored: NDArray[np.bool_]) -> pl.DataFrame:
    """Rows of `evaluation.days`."""

    who, _ = np.nonzero(scored)
    before = np.zeros_like(panel.headache)
    before[:, 1:] = panel.headache[:, :-1]
    kept = panel.recorded.sum(axis=1) / np.maximum(
        panel.recorded.shape[1] - np.argmax(panel.recorded[:, ::-1], axis=1), 1
    )
    return keys.with_columns(
        migraine=pl.Series(panel.headache[scored]),
        recorded=pl.lit(True),
        after_migraine=pl.Series(before[scored]),
        after_signs=pl.lit(None, dtype=pl.Boolean),
        history_days=pl.Series(panel.history[scored]).cast(pl.Int64),
        full_state=pl.lit(None, dtype=pl.Float64),
        hours_ahead=pl.lit(None, dtype=pl.Float64),
        sex=pl.Series(np.where(panel.female, "F", "M")[who]),
        course=pl.lit(None, dtype=pl.String),
        aura=pl.Series(np.where(panel.aura, "aura", "no aura")[who]),
        adherence_quartile=pl.Series(quartiles(kept)[who]).cast(pl.Int64),
    )
