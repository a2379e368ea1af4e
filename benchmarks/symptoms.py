"""Claim: what twins say of a person's attacks is nearer to the truth than everybody's mean.

python benchmarks/symptoms.py

The default cohort of 1,000 patients after 180 days: severity, share of attacks with an aura, typical lengths of
postdrome and prodrome, as `evaluation.symptom_recovery` measures them.
"""

from __future__ import annotations

import cohort_at_hand as at_hand
import numpy as np
import polars as pl
from measure import machine

from migraine_platform.evaluation.symptoms import symptom_recovery
from migraine_platform.twin.channels import Scales
from migraine_platform.twin.cohort_symptoms import fitted
from migraine_platform.warehouse import tables

if __name__ == "__main__":
    cohort, patients = at_hand.recorded(), at_hand.rows(tables.Patients)
    days = Scales.of(cohort).standard(cohort)
    found = fitted(cohort, at_hand.rows(tables.Attacks), days, patients["has_aura"].to_numpy())
    twins = pl.DataFrame({"patient_id": found.patient_ids, "severity": found.phases.severity_mean})
    rows = symptom_recovery(twins, found.to_frames().phases, at_hand.rows(tables.TruthPatients), 200, 1)
    print(machine())
    for (symptom,), own in rows.group_by("symptom", maintain_order=True):
        value = dict(own.select("metric", "value").iter_rows())
        ratio = value["mae"] / value["mae_population_mean"]
        usual = value["mae_population_mean"]
        print(
            f"{symptom}: error {value['mae']:.3f} {own['unit'][0]}, everybody's mean {usual:.3f} "
            f"({np.round(ratio, 2)} x), rank correlation {value['rank_correlation']:.2f}"
        )
