"""Claim: what twins say of a person's attacks is nearer to the truth than everybody's mean.

python benchmarks/symptoms.py

The default cohort of 1,000 patients after 180 days: severity, share of attacks with an aura, typical lengths of
postdrome and prodrome, as `evaluation.symptom_recovery` measures them.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from measure import machine

from migraine_platform.config import load_settings
from migraine_platform.evaluation.symptoms import symptom_recovery
from migraine_platform.priors.configured import configured_features
from migraine_platform.simulator.calibration import calibrate
from migraine_platform.simulator.cohort import CohortSimulator
from migraine_platform.twin.channels import CHANNELS, Scales
from migraine_platform.twin.histories import histories
from migraine_platform.twin.symptoms.progression import SIGNS, fit_symptoms
from migraine_platform.warehouse import tables

if __name__ == "__main__":
    settings = load_settings("default")
    features = configured_features(settings.priors)
    simulator = CohortSimulator(settings.simulator, features, calibrate(settings.simulator, features))
    frames = [simulator.batch(number) for number in range(settings.simulator.cohort.batches)]

    def all_of(table: type[tables.Table]) -> pl.DataFrame:
        return pl.concat([frame[table.name] for frame in frames])

    patients = all_of(tables.Patients).sort("patient_id")
    cohort, _ = histories(all_of(tables.MeasuredDays), patients["patient_id"].to_list())
    days = Scales.of(cohort).standard(cohort)
    shown = [CHANNELS.index(sign) for sign in SIGNS]
    aura = patients["has_aura"].to_numpy()
    found = fit_symptoms(cohort, all_of(tables.Attacks), days.z[..., shown], days.seen[..., shown], aura)
    twins = pl.DataFrame({"patient_id": found.patient_ids, "severity": found.phases.severity_mean})
    rows = symptom_recovery(twins, found.to_frames().phases, all_of(tables.TruthPatients), 200, 1)
    print(machine())
    for (symptom,), own in rows.group_by("symptom", maintain_order=True):
        value = dict(own.select("metric", "value").iter_rows())
        ratio = value["mae"] / value["mae_population_mean"]
        usual = value["mae_population_mean"]
        print(
            f"{symptom}: error {value['mae']:.3f} {own['unit'][0]}, everybody's mean {usual:.3f} "
            f"({np.round(ratio, 2)} x), rank correlation {value['rank_correlation']:.2f}"
        )
