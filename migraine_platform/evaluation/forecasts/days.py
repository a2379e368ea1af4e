"""Which days are scored, and what came on them.

    chronological     patients whose population was learned from them; days after those it was learned from
    unseen_patients   patients from whom nobody learned, though one could have: they wrote in the same days as those
                      from whom one did; all days after their first weeks

Every day counts, with a diary entry or without: the simulation knows what came. Belongs here: `evaluation.days`.
Does not: what was said of them (compared.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config.evaluation import Evaluation
from migraine_platform.evaluation.forecasts.origins import early_signs
from migraine_platform.twin.data.histories import Histories
from migraine_platform.warehouse import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

EVENING_HOUR = 20
"""When a forecast is made."""


@dataclass(frozen=True)
class Split:
    """Who is scored on which days."""

    name: str
    patients: tuple[str, ...]
    first: int
    """Number of the first day that is forecast, counted from the histories' first."""
    known: int
    """First days that a twin is made of; from then on it is kept night by night."""


def splits(histories: Histories, learned_from: tuple[str, ...], learned_days: int, settings: Evaluation) -> list[Split]:
    """The two ways to divide what is known into what was learned from and what is forecast.

    Args:
        learned_from: patients whose days the population was learned from.
        learned_days: how many of their days.
    """
    teachers = set(learned_from)
    wrote = np.asarray(histories.diary[:, :learned_days].any(axis=1))
    own = [patient for patient in histories.patient_ids if patient in teachers]
    others = [
        patient for patient, some in zip(histories.patient_ids, wrote, strict=True) if some and patient not in teachers
    ]
    places = np.linspace(0, len(others) - 1, min(len(others), settings.unseen_patients)).astype(int)
    unseen = [others[place] for place in places.tolist()]
    return [
        Split(tables.CHRONOLOGICAL, tuple(own), learned_days + 1, learned_days),
        Split(tables.UNSEEN, tuple(unseen), settings.history_days, settings.history_days),
    ]


def evaluated_days(
    split: Split,
    histories: Histories,
    patients: pl.DataFrame,
    days: pl.DataFrame,
    truth: pl.DataFrame,
    attacks: pl.DataFrame,
) -> pl.DataFrame:
    """Rows of `evaluation.days`.

    Args:
        patients: patient_id, sex, is_chronic, has_aura of `cohort.patients`.
        days: patient_id, date, has_migraine, onset of `cohort.patient_days`.
        truth: patient_id, date, migraine_probability of `truth.patient_days`.
        attacks: patient_id, headache_start of `cohort.attacks`.
    """

    begins = pl.col("headache_start")
    first_attack = attacks.with_columns(date=begins.dt.date()).group_by("patient_id", "date").agg(begins.min())
    made = (pl.col("date") - timedelta(days=1)).cast(pl.Datetime("us")).dt.offset_by(f"{EVENING_HOUR}h")
    rows = (
        days.filter(pl.col("patient_id").is_in(list(split.patients)))
        .sort("patient_id", "date")
        .with_columns(after_migraine=pl.col("has_migraine").shift(1).over("patient_id").fill_null(False))
        .filter(pl.col("date") >= histories.first + timedelta(days=split.first))
        .join(truth, on=["patient_id", "date"], how="left")
        .join(_recorded(histories), on=["patient_id", "date"], how="left")
        .join(first_attack, on=["patient_id", "date"], how="left")
        .join(patients, on="patient_id")
        .join(adherence_quartiles(histories, split.patients), on="patient_id")
        .with_columns(hours=(begins - made).dt.total_minutes() / 60)
    )
    return rows.select(
        pl.lit(split.name).alias("split"),
        "patient_id",
        pl.col("date").alias("for_date"),
        pl.col("has_migraine").alias("migraine"),
        pl.col("recorded").fill_null(False),
        "after_migraine",
        pl.col("after_signs").fill_null(False),
        (pl.col("date") - pl.lit(histories.first)).dt.total_days().alias("history_days"),
        pl.col("migraine_probability").alias("full_state"),
        pl.when(pl.col("onset") & (pl.col("hours") >= 0)).then("hours").alias("hours_ahead"),
        "sex",
        pl.when("is_chronic").then(pl.lit("chronic")).otherwise(pl.lit("episodic")).alias("course"),
        pl.when("has_aura").then(pl.lit("aura")).otherwise(pl.lit("no aura")).alias("aura"),
        "adherence_quartile",
    )


def adherence_quartiles(histories: Histories, patients: tuple[str, ...]) -> pl.DataFrame:
    """patient_id and adherence_quartile: patients by their share of days with an entry, a quarter each."""

    wanted = set(patients)
    rows = [row for row, patient in enumerate(histories.patient_ids) if patient in wanted]
    kept = histories.diary[rows].mean(axis=1)
    return pl.DataFrame(
        {"patient_id": [histories.patient_ids[row] for row in rows], "adherence_quartile": quartiles(kept)},
        schema={"patient_id": pl.String, "adherence_quartile": pl.Int64},
    )


def quartiles(kept: NDArray[np.float64]) -> NDArray[np.int64]:
    """[P] quarter of the patients by how well they keep their diary, 4 the best; equals in their order.

    Args:
        kept: [P] shares of days with an entry.
    """
    order = np.argsort(np.argsort(kept, kind="stable"), kind="stable")
    return 1 + (4 * order) // max(len(kept), 1)


def _recorded(histories: Histories) -> pl.DataFrame:
    """patient_id, date, recorded, after_signs of every day of some histories."""

    days = pl.date_range(histories.first, histories.last, eager=True)
    after_signs = np.zeros_like(histories.diary)
    after_signs[:, 1:] = early_signs(histories)[:, :-1]
    return pl.DataFrame(
        {
            "patient_id": np.repeat(histories.patient_ids, histories.days),
            "date": pl.concat([days] * max(histories.count, 1)).head(histories.count * histories.days),
            "recorded": histories.diary.ravel(),
            "after_signs": after_signs.ravel(),
        }
    )
