"""Diaries of a real study, as its adapter reads them."""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.warehouse.declare import Table, flag, integer, number, text
from migraine_platform.warehouse.tables.evaluation import AURAS, SEXES

STUDY_ID = r"^K\d{3,}$"
TREATMENTS = ("none", "reduced", "continuing")


class StudyPatients(Table, name="clinical.patients", key=("patient_id",)):
    """Patients of the study."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient: the study's number", pattern=STUDY_ID)
    sex = text("Sex", values=SEXES)
    age = integer("Age when treatment began", unit="years", low=0, high=120)
    aura = text("Type of headache", values=AURAS)
    medication = text("Use of drugs since treatment began", values=TREATMENTS)


class StudyDays(Table, name="clinical.diary_days", key=("patient_id", "study_day")):
    """Days with an entry; of other days nothing is known."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=STUDY_ID)
    study_day = integer("Day of the study")
    treatment_day = integer("Days since treatment began; before it, negative")
    headache = flag("A headache was recorded")
    air_quality = number("Index of air quality", nullable=True)
