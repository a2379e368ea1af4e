"""A person's state on one evening, read from the published warehouse: all that diary, device and files say of the day.

Belongs here: from a row of `recorded.patient_days` to a state, and the state in words. Does not: what a state is
(state.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from migraine_platform.errors import UserError
from migraine_platform.twin.data.features import COLUMNS, FEATURES, NAMES, REPORTED_NAMES
from migraine_platform.twin.data.state import EVENING, SINCE, PatientState
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.query import query
from migraine_platform.warehouse.tables.ingest import ONLY_REPORTED
from migraine_platform.warehouse.tables.names import PATIENT_ID

PLACES = {**REPORTED_NAMES, **dict(zip(COLUMNS, NAMES, strict=True))}
"""Column -> place in a state."""

UNITS = {feature.name: feature.column.unit for feature in FEATURES} | {
    REPORTED_NAMES[column.name]: column.unit for column in ONLY_REPORTED
}


class RecordedStateError(UserError):
    """A day that nobody has."""


def state_of_row(row: Mapping[str, Any], since_migraine: int | None) -> PatientState:
    """The state that a row of `recorded.patient_days` describes; null is what nobody recorded.

    Args:
        since_migraine: days since the last recorded migraine day; None if there was none.
    """
    reported = {place: float(row[column]) for column, place in PLACES.items() if row.get(column) is not None}
    if since_migraine is not None:
        reported[SINCE] = float(since_migraine)
    return PatientState.from_feature_vector(
        np.array(list(reported.values()), dtype=np.float64),
        list(reported),
        np.ones(len(reported), dtype=np.bool_),
        timestamp=datetime.combine(row["date"], EVENING),
        metadata={"patient_id": row["patient_id"], "reported": bool(row["reported"])},
    )


def recorded_state(places: Places, patient_id: str, day: date | None = None) -> PatientState:
    """A person's state on a day, by default the last one in the warehouse.

    Raises:
        RecordedStateError: if there is no such patient or day.
        QueryError: if nothing is published.
    """
    if not re.fullmatch(PATIENT_ID, patient_id, re.ASCII):
        raise RecordedStateError(f'patient "{patient_id}"; expected a name as in P0001')
    days = query(
        places.warehouse, f"SELECT * FROM recorded.patient_days WHERE patient_id = '{patient_id}' ORDER BY date"
    )
    if days.is_empty():
        raise RecordedStateError(f'patient "{patient_id}" has no day in the warehouse; expected one as in P0001')
    chosen = day or days["date"][-1]
    own = days.filter(days["date"] == chosen)
    if own.is_empty():
        first, last = days["date"][0], days["date"][-1]
        raise RecordedStateError(f"{chosen} is not among the days of {patient_id}; expected {first} to {last}")
    return state_of_row(own.row(0, named=True), _since_migraine(days, chosen))


def in_words(state: PatientState) -> Iterator[str]:
    """Line by line: component by component, what is recorded."""
    yield f"{state.metadata['patient_id']}, evening of {state.temporal.timestamp:%Y-%m-%d}"
    component = ""
    for name, value in state.numbers().items():
        head, _, rest = name.partition(".")
        if head != component:
            component = head
            yield component
        yield f"    {rest:<42}{_number(value)} {UNITS.get(name) or ('days' if name == SINCE else '')}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _since_migraine(days: pl.DataFrame, day: date) -> int | None:
    """Days since the last recorded migraine day, 0 on one; a day's own is known by its evening."""
    before = days.filter(days["date"] < day, days["has_migraine"].fill_null(False))["date"].max()
    today = days.filter(days["date"] == day)["migraine_by_evening"][0]
    if today:
        return 0
    return (day - before).days if isinstance(before, date) else None
