"""What a personal page shows of one patient, read from the published tables.

Belongs here: which rows belong to the patient. Does not: wording (page.py). The simulation's truth is not read: the
page shows what a clinician could know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from migraine_platform.errors import UserError
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.tables import ahead, aline, cohort, drift, ingest, twin
from migraine_platform.warehouse.tables.names import PATIENT_ID

if TYPE_CHECKING:
    import polars as pl

    from migraine_platform.evaluation.report.facts import Read

SHOWN_DAYS = 60

Row: TypeAlias = "dict[str, Any]"


class PersonError(UserError):
    """A patient of whom there is no page."""


class Day(NamedTuple):
    """One day as the diary and the twin have it."""

    day: date
    migraine: bool | None
    """None where the diary has no entry."""
    said: float | None
    """What the twin said the evening before."""
    lower: float | None
    upper: float | None
    medication: bool | None = None
    """Whether an acute drug was taken; None where the diary has no entry."""


@dataclass(frozen=True)
class PersonFacts:
    """Everything the page shows of a patient."""

    twin: Row
    patient: Row
    """Row of `cohort.patients`; empty where there is none."""
    prediction: Row | None
    """The latest forecast."""
    days: tuple[Day, ...]
    """The last days until the evening of the twin, then the forecast day."""
    forecasts: tuple[Day, ...]
    """Every day with a forecast and an entry."""
    week: tuple[Row, ...]
    """Rows of `twin.days_ahead`."""
    tomorrow: tuple[Row, ...]
    """Rows of `twin.states_ahead` of the day that is forecast."""
    contributions: tuple[Row, ...]
    triggers: tuple[Row, ...]
    alike: tuple[Row, ...]
    """Pairs of triggers that the days do not tell apart."""
    thresholds: tuple[Row, ...]
    phases: tuple[Row, ...]
    onset: Row | None
    signs: tuple[Row, ...]
    changes: tuple[Row, ...]
    questions: tuple[Row, ...]
    false_alarms: float
    """Alarms a year of somebody who does not change, all detectors together."""


def person_of(read: Read, patient_id: str) -> PersonFacts:
    """What is known of a patient.

    Args:
        read: gives rows of a declared table: all, or at least the patient's.

    Raises:
        PersonError: if the name is no patient's, or the patient has no twin.
    """
    if not re.fullmatch(PATIENT_ID, patient_id, re.ASCII):
        raise PersonError(f'patient "{patient_id}"; expected a name as in P0001')

    def own(table: type[Table]) -> pl.DataFrame:
        frame = read(table)
        return frame.filter(frame["patient_id"] == patient_id)

    def rows(table: type[Table], by: str, descending: bool = False) -> tuple[Row, ...]:
        return tuple(own(table).sort(by, descending=descending).to_dicts())

    twins = rows(twin.Twins, "patient_id")
    if not twins:
        raise PersonError(f'patient "{patient_id}" has no twin in the warehouse; expected one as in P0001')
    predictions = own(twin.Predictions).sort("made_on")
    days = _days(predictions, own(ingest.RecordedDays).select("date", "has_migraine", "acute_medication"))
    shown = [day for day in days if day.day > twins[0]["as_of"] - timedelta(SHOWN_DAYS)]
    onset = rows(twin.OnsetTimes, "patient_id")
    return PersonFacts(
        twin=twins[0],
        patient=next(iter(rows(cohort.Patients, "patient_id")), {}),
        prediction=predictions.row(-1, named=True) if predictions.height else None,
        days=tuple(shown),
        forecasts=tuple(day for day in days if day.said is not None and day.migraine is not None),
        week=rows(ahead.DaysAhead, "for_date"),
        tomorrow=_first_day(rows(ahead.StatesAhead, "for_date")),
        contributions=rows(twin.Contributions, "log_odds", descending=True),
        triggers=rows(twin.TriggerSensitivity, "mean", descending=True),
        alike=rows(twin.AlikeTriggers, "correlation", descending=True),
        thresholds=rows(twin.TriggerThresholds, "exposure"),
        phases=rows(twin.SymptomPhases, "phase"),
        onset=onset[0] if onset else None,
        signs=rows(twin.Signs, "lag_days"),
        changes=rows(drift.Drift, "detected_on"),
        questions=rows(aline.Questions, "rank"),
        false_alarms=float(read(drift.Thresholds)["false_alarms_a_year"].sum()),
    )


def _first_day(states: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(row for row in states if row["for_date"] == states[0]["for_date"])


def _days(predictions: pl.DataFrame, diary: pl.DataFrame) -> list[Day]:
    """Days with a diary's row or a forecast, in order."""
    said = predictions.select(date="for_date", said="probability", lower="lower", upper="upper")
    both = diary.join(said, on="date", how="full", coalesce=True).sort("date")
    return [
        Day(row["date"], row["has_migraine"], row["said"], row["lower"], row["upper"], row["acute_medication"])
        for row in both.iter_rows(named=True)
    ]
