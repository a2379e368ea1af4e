"""What a cohort's attacks are like, as of tonight: everybody's symptom models, each drawn to all the others'.

Belongs here: which attacks count, and whose rows they make. Does not: the models (symptoms/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migraine_platform.config import Settings
from migraine_platform.ingest.recorded import before_reports
from migraine_platform.twin.data.channels import CHANNELS, Scales, StandardDays
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.symptoms.progression import SIGNS, Symptoms, fit_symptoms
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from migraine_platform.twin.cohort.inputs import CohortInputs, Read


def recorded_attacks(read: Read, settings: Settings) -> pl.DataFrame:
    """The cohort's attacks, but those after something was reported of the patient from outside: they are another's."""
    import polars as pl

    batches = settings.simulator.cohort.batch_names
    attacks = read(tables.Attacks, batches).with_columns(date=pl.col("headache_start").dt.date())
    recorded = read(tables.RecordedDays, batches, ["patient_id", "date", "reported"])
    return before_reports(attacks, recorded).drop("date")


def fitted(histories: Histories, attacks: pl.DataFrame, days: StandardDays, has_aura: NDArray[np.bool_]) -> Symptoms:
    """Symptoms as they are known on the last evening.

    Args:
        days: the histories on the standard scale.
        has_aura: [P] diagnosis.
    """
    shown = [CHANNELS.index(sign) for sign in SIGNS]
    return fit_symptoms(histories, attacks, days.z[..., shown], days.seen[..., shown], has_aura)


@dataclass(frozen=True)
class CohortSymptoms:
    """Everybody's symptoms, and their rows."""

    symptoms: Symptoms
    frames: dict[type[Table], pl.DataFrame]
    severity: pl.DataFrame
    """patient_id, severity, severity_sd."""

    @classmethod
    def fit(cls, read: Read, settings: Settings, found: CohortInputs, scales: Scales) -> CohortSymptoms:
        """As they are known on the last evening."""
        import polars as pl

        days = scales.standard(found.histories)
        symptoms = fitted(found.histories, recorded_attacks(read, settings), days, found.has_aura)
        reported = symptoms.to_frames()
        severity = pl.DataFrame(
            {
                "patient_id": symptoms.patient_ids,
                "severity": symptoms.phases.severity_mean,
                "severity_sd": symptoms.phases.severity_sd,
            }
        )
        return cls(symptoms, {tables.SymptomPhases: reported.phases, tables.Signs: reported.signs}, severity)

    def of(self, patients: Sequence[str]) -> dict[type[Table], pl.DataFrame]:
        """Some patients' rows of `twin.symptom_phases` and `twin.signs`."""
        return {table: rows.filter(rows["patient_id"].is_in(list(patients))) for table, rows in self.frames.items()}
