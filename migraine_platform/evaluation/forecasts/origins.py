"""What is known of every evening, as numbers that any model can take: recorded values, recent weeks, own past.

Belongs here: the inputs of the models that twins are held against; they come from what was recorded alone, and not from
what a twin makes of it. Does not: those models (baselines.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_FLAGS
from migraine_platform.twin.core.twins import PRIOR_DAYS
from migraine_platform.twin.data.features import COLUMNS
from migraine_platform.twin.data.histories import Histories

if TYPE_CHECKING:
    from numpy.typing import NDArray

"""Columns of `measured.patient_days` that clinicians' rules fill, where their inputs were recorded."""

RECENT = (7, 28)
"""Days that are looked back on."""

LONGEST = 28
"""Days since the last migraine day are counted up to here."""


@dataclass(frozen=True)
class ForecastOrigins:
    """P patients' K evenings."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    """[P, K, C] NaN where it is not known."""
    ill: NDArray[np.float64]
    """[P, K] 1 if the evening's diary says migraine, 0 if it says none, NaN without an entry."""
    climatology: NDArray[np.float64]
    """[P, K] the person's own share of migraine days among those recorded, as of this evening."""


def evenings(histories: Histories, flags: NDArray[np.float64], base: float) -> ForecastOrigins:
    """What is known of every evening of some histories.

    A day's `has_migraine` is complete on the next evening; tonight's entry knows `migraine_by_evening`.

    Args:
        flags: [P, K, 4] TRIGGER_FLAGS as 1 and 0; NaN where they are not known.
        base: share of migraine days in the population, to which a person's own is shrunk.
    """
    diary = histories.diary
    by_evening = histories.events[..., EVENTS.index("migraine_by_evening")] & diary
    complete = histories.events[..., EVENTS.index("has_migraine")] & diary
    ill = np.where(diary, by_evening.astype(np.float64), np.nan)
    before = np.full_like(ill, np.nan)
    before[:, 1:] = np.where(diary, complete.astype(np.float64), np.nan)[:, :-1]
    climatology = _usual(complete, by_evening, diary, base)
    columns = {
        **{
            name: np.where(histories.present[..., k], histories.values[..., k], np.nan)
            for k, name in enumerate(COLUMNS)
        },
        **{name: flags[..., k] for k, name in enumerate(TRIGGER_FLAGS)},
        "migraine by this evening": ill,
        "early signs": np.where(diary, early_signs(histories).astype(np.float64), np.nan),
        "migraine yesterday": before,
        "diary kept": diary.astype(np.float64),
        "device worn": histories.device.astype(np.float64),
        "own log-odds so far": np.log(climatology / (1 - climatology)),
        **{
            f"share of the last {days} days": _recent(complete, by_evening, diary, days, climatology) for days in RECENT
        },
        "days since migraine": _since(complete, by_evening),
    }
    return ForecastOrigins(tuple(columns), np.stack(list(columns.values()), axis=-1), ill, climatology)


def early_signs(histories: Histories) -> NDArray[np.bool_]:
    """[P, K] whether an evening's diary has signs of an attack, and no migraine."""
    migraine, signs = (histories.events[..., EVENTS.index(name)] for name in ("migraine_by_evening", "prodrome"))
    return np.asarray(histories.diary & signs & ~migraine)


def trigger_flags(days: pl.DataFrame, histories: Histories) -> NDArray[np.float64]:
    """[P, K, 4] TRIGGER_FLAGS of the histories' days.

    Args:
        days: patient_id, date and TRIGGER_FLAGS of `measured.patient_days`.
    """

    place = pl.DataFrame({"patient_id": histories.patient_ids, "row": np.arange(histories.count)})
    day = (pl.col("date") - pl.lit(histories.first)).dt.total_days()
    found = days.join(place, on="patient_id").with_columns(day=day)
    found = found.filter(pl.col("day").is_between(0, histories.days - 1))
    out = np.full((histories.count, histories.days, len(TRIGGER_FLAGS)), np.nan)
    flags = found.select(pl.col(name).cast(pl.Float64) for name in TRIGGER_FLAGS).to_numpy()
    flags = flags.reshape(found.height, len(TRIGGER_FLAGS))
    out[found["row"].to_numpy(), found["day"].to_numpy()] = flags
    return out


def _usual(
    complete: NDArray[np.bool_], tonight: NDArray[np.bool_], diary: NDArray[np.bool_], base: float
) -> NDArray[np.float64]:
    """[P, K] (found + w base) / (seen + w), w = PRIOR_DAYS."""
    found = _until_tonight(complete, tonight, diary.shape[1])
    return np.asarray((found + PRIOR_DAYS * base) / (np.cumsum(diary, axis=1) + PRIOR_DAYS))


def _recent(
    complete: NDArray[np.bool_],
    tonight: NDArray[np.bool_],
    diary: NDArray[np.bool_],
    days: int,
    climatology: NDArray[np.float64],
) -> NDArray[np.float64]:
    """[P, K] share of migraine days among those recorded in the last so many; without any, the usual one."""
    total = np.cumsum(diary, axis=1, dtype=np.int64)
    seen = total.copy()
    seen[:, days:] -= total[:, :-days]
    found = _until_tonight(complete, tonight, days)
    return np.asarray(np.where(seen > 0, found / np.maximum(seen, 1), climatology))


def _until_tonight(complete: NDArray[np.bool_], tonight: NDArray[np.bool_], days: int) -> NDArray[np.int64]:
    """[P, K] migraine days among the last so many: earlier ones are complete, tonight's is as of the evening."""
    total = np.cumsum(complete, axis=1, dtype=np.int64)
    found = tonight.astype(np.int64)
    found[:, 1:] += total[:, :-1]
    found[:, days:] -= total[:, :-days]
    return found


def _since(complete: NDArray[np.bool_], tonight: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[P, K] days since the last recorded migraine day, 0 on one."""
    day = np.arange(tonight.shape[1])
    latest = np.maximum.accumulate(np.where(complete, day, -LONGEST), axis=1)
    latest[:, 1:], latest[:, 0] = (
        latest[:, :-1].copy(),
        -LONGEST,
    )  # what today's entry tells of the night is not known yet
    latest = np.where(tonight, day, latest)
    return np.minimum(day - latest, LONGEST).astype(np.float64)
