"""A person's twin for a human: tomorrow's forecast and its reasons, triggers, the course of attacks.

It is read from the published warehouse, so that it is what everybody else sees. Belongs here: the wording. Does not:
what is found (build.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from migraine_platform.errors import UserError
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.query import query, rows
from migraine_platform.warehouse.tables.names import PATIENT_ID
from migraine_platform.warehouse.tables.twin import Twins

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

SHOWN_FACTORS = 6
SMALLEST_FACTOR = 0.05
"""Log-odds below which a factor is not worth a line."""

FRESH_DAYS = 30
PAUSE_DAYS = 7
"""Evenings without a diary entry from which on that is told."""

SUPPORTED = 0.9
"""How surely there must be a step, for its place to be told."""

LAGS = ("on the same day", "a day before", "two days before")


class ShowError(UserError):
    """A patient who has no twin to show."""


def show(places: Places, patient_id: str) -> str:
    """The twin in words.

    Raises:
        ShowError: if there is no such patient.
        QueryError: if nothing is published, or by an earlier version.
    """
    if not re.fullmatch(PATIENT_ID, patient_id):
        raise ShowError(f'patient "{patient_id}"; expected a name as in P0001')
    warehouse = places.warehouse
    twin = rows(warehouse, Twins, patient_id)
    if twin.is_empty():
        count = query(warehouse, "SELECT count(*) AS n FROM twin.twins")["n"][0]
        raise ShowError(f'patient "{patient_id}" has no twin in the warehouse, which has {count:,} twins')
    first = twin.row(0, named=True)
    if first["status"] == "refused":
        return f"{patient_id}: no twin. {first['reason']}"
    lines = [
        *_head(first),
        "",
        *_tomorrow(warehouse, patient_id),
        "",
        *_triggers(warehouse, patient_id),
        "",
        *_attacks(warehouse, patient_id),
    ]
    return "\n".join(lines)


def _rows(warehouse: Path, table: str, patient_id: str, order: str = "1") -> pl.DataFrame:
    return query(warehouse, f"SELECT * FROM {table} WHERE patient_id = '{patient_id}' ORDER BY {order}")


def _head(twin: dict[str, Any]) -> Iterator[str]:
    """Who, as of when, from how much, how good."""
    yield f"{twin['patient_id']}, evening of {twin['as_of']}; twin {twin['twin_version']}"
    wrote = f", on {100 * twin['adherence']:.0f} % of days without migraine" if twin["adherence"] is not None else ""
    fresh = "; a short history: mostly the population's" if twin["entries"] < FRESH_DAYS else ""
    paused = f"; none for {twin['silent_evenings']} evenings" if twin["silent_evenings"] >= PAUSE_DAYS else ""
    yield f"  {twin['entries']} diary entries{wrote}{fresh}{paused}"
    if twin["reason"]:
        yield f"  note: {twin['reason']}"
    if twin["validation_log_loss"] is not None:
        yield (
            f"  last {twin['validation_days']} recorded days, each forecast the evening before: log loss "
            f"{twin['validation_log_loss']:.3f}; by the usual share of migraine days {twin['climatology_log_loss']:.3f}"
        )
    yield (
        f"  tomorrow's state by the {twin['transition_model'].replace('_', ' ')} model (twin.states_ahead); forecasts "
        f"of states are of use for {twin['horizon_days']} days ahead"
    )


def _tomorrow(warehouse: Path, patient_id: str) -> Iterator[str]:
    """The forecast and its reasons."""
    said = _rows(warehouse, "twin.predictions", patient_id, "made_on DESC").row(0, named=True)
    yield (
        f"Migraine on {said['for_date']}: {100 * said['probability']:.0f} % "
        f"(90 % interval {100 * said['lower']:.0f}-{100 * said['upper']:.0f} %, confidence {said['confidence']:.2f})"
    )
    time = _rows(warehouse, "twin.onset_times", patient_id).row(0, named=True)
    yield (
        f"  next attack: as likely as not within {time['median_days']:.0f} days; "
        f"{100 * time['within_7_days']:.0f} % within a week"
    )
    week = _rows(warehouse, "twin.days_ahead", patient_id, "for_date")
    reported = ", ".join(f"{row['for_date']:%a} {100 * row['probability']:.0f} %" for row in week.iter_rows(named=True))
    yield f"  day by day: {reported}"
    yield "  what makes it so (log-odds; they add up):"
    factors = _rows(warehouse, "twin.contributions", patient_id, "abs(log_odds) DESC")
    kept = factors.filter(factors["log_odds"].abs() >= SMALLEST_FACTOR).head(SHOWN_FACTORS)
    for row in kept.iter_rows(named=True):
        lagged = any(trigger.factor == row["factor"] and trigger.lag[1] for trigger in TRIGGERS)
        when = "" if lagged else "today "
        seen = f"   ({when}{row['observed']:.1f} {row['unit']})" if row["observed"] is not None else ""
        yield f"    {row['log_odds']:+.2f}  {row['factor']}{seen}"
    rest = sum(factors["log_odds"].to_list()) - sum(kept["log_odds"].to_list())
    yield f"    {rest:+.2f}  the rest"


def _triggers(warehouse: Path, patient_id: str) -> Iterator[str]:
    """Direct effects, with what is known of them, and thresholds."""
    yield "Triggers (what each adds to the log-odds of an attack the day after, directly; 90 % interval):"
    later = {trigger.name: f"; acts {trigger.acts}" for trigger in TRIGGERS if trigger.lag[1]}
    effects = _rows(warehouse, "twin.trigger_sensitivity", patient_id, "mean DESC")
    widest = max((len(name) for name in effects["trigger"]), default=0)
    for row in effects.iter_rows(named=True):
        yield (
            f"    {row['trigger']:<{widest}} {row['mean']:5.2f}  ({row['lower']:.2f} to {row['upper']:.2f})   "
            f"strong: {100 * row['probability_strong']:.0f} %; learned so far: {100 * row['confidence']:.0f} %"
            f"{later.get(row['trigger'], '')}"
        )
    for row in _rows(warehouse, "twin.alike_triggers", patient_id, "correlation DESC").iter_rows(named=True):
        yield (
            f"    {row['trigger']} and {row['other']} were there on the same days: which matters cannot be told, "
            f"together {row['mean']:.2f} ({row['lower']:.2f} to {row['upper']:.2f})"
        )
    steps = _rows(warehouse, "twin.trigger_thresholds", patient_id, "exposure")
    for row in steps.filter(steps["supported"] >= SUPPORTED).iter_rows(named=True):
        yield (
            f"    {row['exposure']}: from about {row['mean']:.1f} {row['unit']} on "
            f"({row['lower']:g} to {row['upper']:g})"
        )


def _attacks(warehouse: Path, patient_id: str) -> Iterator[str]:
    """Phases of attacks, and what announces them."""
    yield "Attacks:"
    for row in _rows(warehouse, "twin.symptom_phases", patient_id).iter_rows(named=True):
        yield (
            f"    {row['phase'].replace('_', ', '):<22}{100 * row['probability']:3.0f} % of attacks, typically "
            f"{row['typical_hours']:.1f} h (the next one {row['low_hours']:.1f}-{row['high_hours']:.1f} h)"
        )
    twin = _rows(warehouse, "twin.twins", patient_id).row(0, named=True)
    if twin["weekend"] is not None:
        yield f"    at weekends {twin['weekend']:+.2f} (sd {twin['weekend_sd']:.2f}) in log-odds, against workdays"
    signs = _rows(warehouse, "twin.signs", patient_id, "lag_days")
    announcing = signs.filter(signs["announces"])
    if announcing.is_empty():
        yield "    no early sign announces them, as far as the days tell"
    for row in announcing.iter_rows(named=True):
        lead = f", {row['lead_hours']:.1f} h before" if row["lead_hours"] is not None else ""
        way = "" if row["sign"] == "prodrome" else ("a rise of " if row["log_odds"] > 0 else "a fall of ")
        yield f"    announced by {way}{row['sign']} {LAGS[row['lag_days']]}{lead}"
