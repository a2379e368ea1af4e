"""Reports from files of people and devices: accepted files, their values, and quarantined rows.

A value that was not believed stays in the file: quarantine says where it stands and what was expected there.
"""

from __future__ import annotations

from typing import ClassVar

from migraine_platform.warehouse.declare import Column, Table, day, flag, integer, moment, number, text
from migraine_platform.warehouse.tables.cohort import MeasuredDays
from migraine_platform.warehouse.tables.names import BATCH, PATIENT_ID

DIGEST = r"^[0-9a-f]{16}$"
STATUSES = ("accepted", "refused", "stuck")
WHOLE_ROW = "(whole row)"
"""Stands for the column where a row as a whole is wrong."""

COMPUTED = "_trigger"
"""Suffixes of columns that the platform computes; triggers are never reported."""


class _Reported:
    """Not simulated: null unless a file reports it."""

    eeg_alpha_power = number("Power of the EEG's alpha band, mean of the day", unit="uV2", low=0, nullable=True)
    pm25 = number("Fine dust (PM2.5), mean of the day", unit="ug/m3", low=0, high=2000, nullable=True)
    ozone = number("Ozone, highest hour of the day", unit="ug/m3", low=0, high=2000, nullable=True)
    headache_severity = number("Severity of the day's headache", unit="points", low=0, high=10, nullable=True)
    aura = flag("Aura", nullable=True)
    nausea = flag("Nausea or vomiting", nullable=True)
    photophobia = flag("Light was hard to bear", nullable=True)
    phonophobia = flag("Noise was hard to bear", nullable=True)
    preventive_medication = flag("A preventive drug was taken", nullable=True)
    relaxation_minutes = number("Relaxation or biofeedback", unit="min", low=0, high=1440, nullable=True)


_LIVED = {column.name for column in MeasuredDays.columns}
ONLY_REPORTED: tuple[Column, ...] = tuple(
    column for column in vars(_Reported).values() if isinstance(column, Column) and column.name not in _LIVED
)

OBSERVABLE: tuple[Column, ...] = (
    *(column for column in MeasuredDays.columns if column.nullable and not column.name.endswith(COMPUTED)),
    *ONLY_REPORTED,
)
"""What a diary or a device may record; the weather is known without them."""


class Files(Table, name="ingest.files", key=("digest",)):
    """Every file that was taken from the inbox; of two with the same content, the first."""

    may_be_empty: ClassVar = True
    digest = text("First digits of the hash of the content; of the name, if it is stuck", pattern=DIGEST)
    file_name = text("What it was called in the inbox")
    arrival = integer("Order in which files were taken, refused ones included; 0 of those that are stuck", low=0)
    received_at = moment("When it was taken, UTC")
    status = text("Accepted; refused as a whole; or stuck, since it cannot be read or moved", values=STATUSES)
    reason = text("Why it is refused, or stuck", nullable=True)
    rows = integer("Rows in it", unit="rows", low=0)
    accepted_rows = integer("Rows that count", unit="rows", low=0)
    quarantined_rows = integer("Rows that do not, because something in them is wrong", unit="rows", low=0)

    rules: ClassVar = {
        "a refusal has a reason": "(status <> 'accepted') = (reason IS NOT NULL)",
        "a row counts or does not": "accepted_rows + quarantined_rows = rows",
    }


class Observations(Table, name="ingest.observations", key=("patient_id", "date")):
    """What files say of a patient's day; of several the later one, cell by cell. Null where none says anything."""

    may_be_empty: ClassVar = True
    patient_id = text("Patient", pattern=PATIENT_ID)
    date = day("Day")
    digest = text("The last file with a row for that day", pattern=DIGEST)
    locals().update({column.name: column for column in OBSERVABLE})

    rules: ClassVar = MeasuredDays.rules


class RecordedDays(
    Table, name="recorded.patient_days", key=("patient_id", "date"), by_batch=True, include=(MeasuredDays,)
):
    """What is known of each day: measured.patient_days, with what was reported in files laid over it, cell by cell.

    Twins, forecasts, questions and reports read this table and no other.
    """

    patient_id = text("Patient", pattern=PATIENT_ID)
    patient_batch = text("Partition the patient belongs to", pattern=BATCH)
    date = day("Day")
    reported = flag("A file from outside speaks of this day")
    locals().update({column.name: column for column in ONLY_REPORTED})


class Quarantine(Table, name="ingest.quarantine", key=("digest", "row", "column_name", "rule")):
    """Rows of accepted files that do not count, and why; the values stay in the file."""

    may_be_empty: ClassVar = True
    digest = text("The file", pattern=DIGEST)
    row = integer("Row in the file as a spreadsheet numbers it, 1 the header", low=2)
    column_name = text("Column, or columns that contradict each other")
    rule = text("Rule that is broken")
    expected = text("What was expected")
