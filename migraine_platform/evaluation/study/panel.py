"""A study's diaries as arrays: patients x days, each from his own first day; treatment and time as covariates.

Belongs here: what is known of each day before it comes. Does not: the models (baselines.py, twins.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

MONTH_DAYS = 30.0


@dataclass(frozen=True)
class Panel:
    """P patients' K days; a day without an entry is a day of which nothing is known."""

    patient_ids: tuple[str, ...]
    headache: NDArray[np.bool_]
    """[P, K] false without an entry."""
    recorded: NDArray[np.bool_]
    """[P, K]"""
    air: NDArray[np.float64]
    """[P, K] index of air quality; NaN where it is not known."""
    treatment_day: NDArray[np.int64]
    """[P, K] days since treatment began; negative before."""
    medication: NDArray[np.int64]
    """[P] 0 none, 1 reduced, 2 continuing: place in TREATMENTS."""
    aura: NDArray[np.bool_]
    female: NDArray[np.bool_]
    age: NDArray[np.float64]
    """[P] years"""

    @property
    def history(self) -> NDArray[np.int64]:
        """[P, K] recorded days before each day."""
        return np.asarray(np.cumsum(self.recorded, axis=1) - self.recorded)

    def treatment(self, newness_days: float) -> NDArray[np.float64]:
        """[P, K, 4] how far the treatment is: begun, how new, months since, a drug in use.

        Args:
            newness_days: within which the first effect fades to a third.
        """
        after = self.treatment_day > 0
        days = np.maximum(self.treatment_day, 0)
        drug = np.broadcast_to((self.medication > 0)[:, None], after.shape)
        return np.stack([after, after * np.exp(-days / newness_days), days / MONTH_DAYS, drug], axis=-1).astype(
            np.float64
        )

    def person(self) -> NDArray[np.float64]:
        """[P, K, 4] what does not change: drugs still in full use, aura, sex, age in decades from 40."""
        fixed = np.stack([self.medication == 2, self.aura, self.female, (self.age - 40) / 10], axis=-1)
        return np.repeat(fixed[:, None].astype(np.float64), self.recorded.shape[1], axis=1)


def panel_of(patients: pl.DataFrame, days: pl.DataFrame) -> Panel:
    """Arrays of a study's rows.

    Args:
        patients: rows of `clinical.patients`.
        days: rows of `clinical.diary_days`.
    """

    from migraine_platform.warehouse.tables.clinical import TREATMENTS

    patients = patients.sort("patient_id")
    place = pl.DataFrame({"patient_id": patients["patient_id"], "row": np.arange(patients.height)})
    first = days.group_by("patient_id").agg(
        first=pl.col("study_day").min(), begins=(pl.col("treatment_day") - pl.col("study_day")).min()
    )
    found = days.join(place, on="patient_id").join(first, on="patient_id")
    found = found.with_columns(day=pl.col("study_day") - pl.col("first"))
    who, when = found["row"].to_numpy(), found["day"].to_numpy()
    shape = (patients.height, int(when.max()) + 1)
    headache, recorded = np.zeros(shape, dtype=np.bool_), np.zeros(shape, dtype=np.bool_)
    air = np.full(shape, np.nan)
    headache[who, when], recorded[who, when] = found["headache"].to_numpy(), True
    air[who, when] = found["air_quality"].fill_null(np.nan).to_numpy()
    began = place.join(first, on="patient_id").sort("row")
    treatment_day = (began["first"] + began["begins"]).to_numpy()[:, None] + np.arange(shape[1])
    treatment_day[who, when] = found["treatment_day"].to_numpy()
    return Panel(
        tuple(patients["patient_id"]),
        headache,
        recorded,
        air,
        treatment_day,
        patients["medication"].replace_strict({name: k for k, name in enumerate(TREATMENTS)}).to_numpy(),
        (patients["aura"] == "aura").to_numpy(),
        (patients["sex"] == "F").to_numpy(),
        patients["age"].to_numpy().astype(np.float64),
    )
