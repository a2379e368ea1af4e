"""The audit trail: every forecast that was given, later what came; rows are added, and none is ever changed.

Belongs here: what a new evening adds. Does not: where rows lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.errors import UserError
from migraine_platform.warehouse.tables.twin import TOLD_EVENTS, Audit

if TYPE_CHECKING:
    import polars as pl


class AuditError(UserError):
    """A trail that would be changed."""


ROUNDING = 1e-9
"""By which the same forecast may differ: one evening at a time or many at once are summed in another order."""


def extended(trail: pl.DataFrame | None, forecasts: pl.DataFrame, days: pl.DataFrame) -> pl.DataFrame:
    """The trail, with new forecasts, and with the outcomes that diaries and reports have told since.

    An outcome is told by the diary of its own day, and complete on the evening after. If a day is reported otherwise
    later, a correction is added; the newest row of a day is what is known of it. What was said of another population
    stays, untouched: its patients are others of the same names.

    Args:
        trail: rows so far; none on the first evening.
        forecasts: rows of tonight's forecasts; those that are there already are not added again.
        days: patient_id, date, has_migraine of recorded days; null where nothing was recorded.

    Raises:
        AuditError: if the same twin's forecast of the same day is there, but says something else.
    """
    import polars as pl

    key = list(Audit.key)
    forecast_key = [name for name in key if name != "made_on"]  # a forecast is made on one evening
    columns = [column.name for column in Audit.columns]
    forecasts = forecasts.select(columns)
    if trail is None:
        rows = forecasts
    else:
        trail = trail.select(columns).cast(forecasts.schema)
        both = trail.join(forecasts, on=forecast_key, suffix="_new")
        changed = both.filter(pl.any_horizontal(_differs(name) for name in columns if name not in forecast_key)).height
        if changed:
            raise AuditError(f"twin.audit: {changed} forecasts are there, but say something else; nothing was changed")
        rows = pl.concat([trail, forecasts.join(trail, on=key, how="anti")])
    if forecasts.is_empty():
        return rows.sort(key)
    own = rows.join(forecasts.select("population").unique(), on="population", how="semi")
    occurred = days.filter(pl.col("has_migraine").is_not_null() & (pl.col("date") < own["made_on"].max()))
    forecast = ["population", "patient_id", "for_date", "twin_version"]
    reported = own.filter(pl.col("event").is_in(TOLD_EVENTS)).sort("made_on", "event", descending=[False, True])
    known = reported.group_by(forecast, maintain_order=True).agg(known=pl.col("outcome").last())
    evening = pl.lit(own["made_on"].max())
    outcomes = (
        own.filter(pl.col("event") == "forecast")
        .join(occurred, left_on=["patient_id", "for_date"], right_on=["patient_id", "date"])
        .join(known, on=forecast, how="left")
        .with_columns(outcome=pl.col("has_migraine").cast(pl.Int64))
        .filter(pl.col("outcome").ne_missing(pl.col("known")))
        .with_columns(
            event=pl.when(pl.col("known").is_null()).then(pl.lit("outcome")).otherwise(pl.lit("correction")),
            made_on=pl.when(pl.col("known").is_null()).then(pl.col("for_date").dt.offset_by("1d")).otherwise(evening),
        )
        .select(columns)
    )
    return pl.concat([rows, outcomes.join(rows, on=key, how="anti")]).sort(key)


def _differs(name: str) -> pl.Expr:
    import polars as pl

    before, now = pl.col(name), pl.col(f"{name}_new")
    if name in ("probability", "lower", "upper"):
        return (before - now).abs() > ROUNDING
    return before.ne_missing(now)
