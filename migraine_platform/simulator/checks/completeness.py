"""Is every patient there on every day, once?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.config.simulator.settings import Cohort

if TYPE_CHECKING:
    import polars as pl


def holes(patients: pl.DataFrame, patient_days: pl.DataFrame, cohort: Cohort) -> int:
    """How many patients lack a day of the cohort, or have one twice, or have one outside of it.

    Args:
        patients: `patient_id` of `cohort.patients`.
        patient_days: `patient_id` and `date` of `cohort.patient_days`.
    """
    import polars as pl

    per_patient = patient_days.group_by("patient_id").agg(
        days=pl.len(),
        distinct=pl.col("date").n_unique(),
        first=pl.col("date").min(),
        last=pl.col("date").max(),
    )
    whole = per_patient.filter(
        (pl.col("days") == cohort.days)
        & (pl.col("distinct") == cohort.days)
        & (pl.col("first") == cohort.start_date)
        & (pl.col("last") == cohort.last_date)
    )
    unknown = per_patient.join(patients, on="patient_id", how="anti").height
    return patients.join(whole, on="patient_id", how="anti").height + unknown
