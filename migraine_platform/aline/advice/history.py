"""Patients' cards from what they recorded: what is known before a day begins that is to be asked about.

The day is taken for an ordinary one: no headache runs, and the weather is calm. Belongs here: cards from
`recorded.patient_days`. Does not: what is made of them (advice.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config.simulator.hours import HOURS_A_DAY, Hours
from migraine_platform.priors.features import Feature, select
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.simulator.hourly.bank import HISTORY_DAYS
from migraine_platform.simulator.hourly.windows import (
    COUNT_EDGES,
    CYCLE_EDGES,
    SINCE_EDGES,
    HourlyWindows,
    answer_names,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

CYCLE_DAYS = 28

COLUMNS = ("patient_id", "date", "has_migraine", "cycle_day")
"""What a card needs of `recorded.patient_days`."""


@dataclass(frozen=True)
class CardHistories:
    """What P patients recorded in four weeks, as classes of a card."""

    patient_ids: tuple[str, ...]
    for_date: date
    card: NDArray[np.int64]
    """[P, 4], the weather calm."""


def histories(days: pl.DataFrame, cycle_scores: NDArray[np.float64]) -> CardHistories:
    """Cards for the day after the last.

    Args:
        days: COLUMNS of the patients' measured days; nulls where nothing was recorded.
        cycle_scores: [29] centred impact score by day of the cycle.
    """

    last: date = days["date"].max()  # type: ignore[assignment]
    before = HISTORY_DAYS - 1  # the day that is asked about is the last of the four weeks
    recent = pl.col("date") > last - timedelta(days=before)
    ahead = (pl.lit(last) - pl.col("date")).dt.total_days() + 1
    migraine, cycle = pl.col("has_migraine"), pl.col("cycle_day")
    rows = (
        days.group_by("patient_id")
        .agg(
            entries=migraine.filter(recent).is_not_null().sum(),
            migraines=migraine.filter(recent).sum(),
            since=ahead.filter(migraine).min(),
            cycle=(cycle + ahead).sort_by("date").drop_nulls().last(),
        )
        .sort("patient_id")
    )
    entries = rows["entries"].to_numpy()
    count = np.rint(rows["migraines"].to_numpy() * (before / np.maximum(entries, 1))).astype(np.int64)
    since = np.minimum(rows["since"].fill_null(HISTORY_DAYS).to_numpy(), HISTORY_DAYS)
    on = rows["cycle"].fill_null(0).to_numpy()
    score = cycle_scores[np.where(on > 0, (on - 1) % (len(cycle_scores) - 1) + 1, 0)]
    classes = np.where(on > 0, np.searchsorted(CYCLE_EDGES, score), len(CYCLE_EDGES) + 1)
    card = np.column_stack(
        [
            np.searchsorted(COUNT_EDGES, count, side="right"),
            np.searchsorted(SINCE_EDGES, since, side="right"),
            classes,
            np.zeros(len(on), dtype=np.int64),
        ]
    )
    return CardHistories(tuple(rows["patient_id"]), last + timedelta(days=1), card)


def cycle_scores(features: Sequence[Feature]) -> NDArray[np.float64]:
    """[29] centred impact score by day of the cycle; 0 at 0, for persons without one."""
    scorer = ImpactScorer(select(features, ("cycle_day",)))
    return np.concatenate([[0.0], scorer.centred(np.arange(1.0, CYCLE_DAYS + 1)[:, None])[:, 0]])


def planned_windows(hours: Hours, card: NDArray[np.int64]) -> HourlyWindows:
    """[W] evenings of which no hour has been read: all that is known is on the card.

    Args:
        card: [W, CARD] what is known of each patient.
    """
    size, clock = len(card), np.arange(HOURS_A_DAY)
    nothing = np.zeros(size)
    return HourlyWindows(
        row=np.zeros(size, dtype=np.int64),
        now=np.full(size, hours.evening),
        passive=np.zeros((size, HOURS_A_DAY, len(hours.passive))),
        worn=np.zeros((size, HOURS_A_DAY), dtype=np.bool_),
        slept=nothing,
        answers=np.zeros((size, HOURS_A_DAY, len(answer_names(hours)))),
        awake=np.tile((clock >= hours.waking.gets_up) & (clock < hours.waking.goes_to_bed), (size, 1)),
        card=card,
        goes_on=nothing,
        z=np.zeros((size, 4)),
        probability=nothing,
        migraine=np.zeros(size, dtype=np.bool_),
    )
