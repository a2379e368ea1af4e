"""Every table of the platform, declared once.

Belongs here: names, columns, units, bounds, keys and rules. An analyst relies on the names: add freely, rename never.
Does not: how a table is filled (the science packages) or checked (contracts.py).
"""

from __future__ import annotations

from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.tables.aline import (
    ASKS_WELL,
    BEATS_BASELINES,
    CALIBRATED,
    Checkpoints,
    Questions,
    Scores,
    TrainingLog,
)
from migraine_platform.warehouse.tables.cohort import (
    COMPLETE,
    RECORDED,
    VALIDATION,
    Attacks,
    DiaryDays,
    MeasuredDays,
    PatientDays,
    Patients,
    SiteDays,
    SleepDays,
    WearableDays,
    WeatherDays,
)
from migraine_platform.warehouse.tables.priors import (
    CHECKLIST,
    Distributions,
    Features,
    MockCorrelations,
    MockMoments,
    MockSamples,
)
from migraine_platform.warehouse.tables.truth import (
    TARGETS,
    VERDICTS,
    CalibrationTerms,
    Realism,
    TruthDrift,
    TruthInterventions,
    TruthPatientDays,
    TruthPatients,
)

ALL: tuple[type[Table], ...] = (
    Features,
    Distributions,
    MockSamples,
    MockMoments,
    MockCorrelations,
    CalibrationTerms,
    SiteDays,
    Patients,
    WeatherDays,
    SleepDays,
    DiaryDays,
    WearableDays,
    Attacks,
    PatientDays,
    MeasuredDays,
    TruthPatients,
    TruthPatientDays,
    TruthDrift,
    TruthInterventions,
    Realism,
    TrainingLog,
    Checkpoints,
    Scores,
    Questions,
)
"""Every declared table, upstream first."""

__all__ = [
    "ALL",
    "ASKS_WELL",
    "BEATS_BASELINES",
    "CALIBRATED",
    "CHECKLIST",
    "COMPLETE",
    "RECORDED",
    "TARGETS",
    "VALIDATION",
    "VERDICTS",
    "Attacks",
    "CalibrationTerms",
    "Checkpoints",
    "DiaryDays",
    "Distributions",
    "Features",
    "MeasuredDays",
    "MockCorrelations",
    "MockMoments",
    "MockSamples",
    "PatientDays",
    "Patients",
    "Questions",
    "Realism",
    "Scores",
    "SiteDays",
    "SleepDays",
    "TrainingLog",
    "TruthDrift",
    "TruthInterventions",
    "TruthPatientDays",
    "TruthPatients",
    "WearableDays",
    "WeatherDays",
]
