"""What the evaluation is made of: its assets, the tables that they write, and what they read by batch."""

import dagster as dg

from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table

GROUP = "evaluation"
BY_BATCH = {
    "patients", "patient_days", "recorded_days", "truth_patients", "truth_patient_days", "truth_drift", "attacks",
    "twins", "predictions", "trigger_sensitivity", "symptom_models", "drift", "retrainings",
}  # fmt: skip
"""Upstream assets of which every batch is read."""

EVALUATION: dict[str, tuple[type[Table], ...]] = {
    "compared_forecasts": (
        tables.EvaluatedForecasts,
        tables.EvaluatedDays,
        tables.EvaluatedModels,
        tables.Provenance,
    ),
    "metrics": (tables.Metrics, tables.Differences, tables.CalibrationCurve, tables.WarningThresholds),
    "state_errors": (tables.StateErrors,),
    "trigger_recovery": (tables.TriggerRecovery, tables.TriggerAgreement, tables.SymptomRecovery),
    "policy_comparison": (tables.QuestionCurve,),
    "promotion_gates": (tables.Gates,),
}
"""Asset -> the tables that it writes."""

JUDGES_A_POPULATION = ("compared_forecasts", "metrics", "promotion_gates")
"""What must be made before a new population of twins is published."""


def upstream(*names: str) -> list[dg.AssetDep]:
    """Dependencies on whole assets, whatever they are partitioned by."""
    return [
        dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping() if name in BY_BATCH else None) for name in names
    ]
