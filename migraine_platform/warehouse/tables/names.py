"""Patterns that names of rows follow."""

from __future__ import annotations

PATIENT_ID = r"^P\d{4,}$"
BATCH = r"^batch-\d{3,}$"
SITE = r"^S\d{2}$"
STUDY_PATIENT_ID = r"^[PK]\d{3,}$"
"""A patient of the cohort or of a study."""
