"""Rows of what kept twins said, saw and found, and the way back to what the next night needs of them.

Belongs here: `twin.predictions`, `twin.watch`, `twin.drift`, and what `twin.twins` says of a twin's keeping. Does not:
what is found only when a twin is made (build.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from migraine_platform.config.twin import Twin
from migraine_platform.domain.changes import CHANGE_KINDS
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.twin.drift.alarms import Record
from migraine_platform.twin.drift.examination import DetectedChange
from migraine_platform.twin.updating.evening_results import Detection, EveningResults, Past
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.tables.twin import HAZARD_FILTER

RECENT_DAYS = 30
LEAST_DAYS, BEFORE_DAYS = 7, 60
"""Days on each side, for errors to be compared; days up to the twin's making that later ones are compared with."""

MOST_ALIKE = 0.6
"""Correlation of two days in a row that is still believed."""
WAYS = ("way_level", *(trigger.way for trigger in TRIGGERS))


def prediction_frame(
    patient_ids: Sequence[str], versions: Sequence[str], evenings: Iterable[EveningResults], model: str = HAZARD_FILTER
) -> pl.DataFrame:
    """Rows of `twin.predictions`: every evening's forecast, each from what was known by then.

    Args:
        versions: [P] twins at the end.
        model: what made the forecasts, one of FORECASTERS.
    """

    frames = []
    for part in evenings:
        frames.append(
            _by_evening(patient_ids, part, "made_on").with_columns(
                *(pl.Series(name, values.ravel()) for name, values in part.said.columns().items()),
                pl.Series("twin_version", np.repeat(np.asarray(versions), part.days), pl.String),
                model=pl.lit(model),
                for_date=pl.col("made_on").dt.offset_by("1d"),
            )
        )
    return pl.concat(frames).select(_names(tables.Predictions)).sort(tables.Predictions.key)


def watch_frame(patient_ids: Sequence[str], evenings: Iterable[EveningResults]) -> pl.DataFrame:
    """Rows of `twin.watch`."""

    frames = [
        _by_evening(patient_ids, part, "date").with_columns(
            *(pl.Series(kind, part.odds[..., place].ravel()) for place, kind in enumerate(CHANGE_KINDS)),
            *(pl.Series(name, values.ravel()).fill_nan(None) for name, values in part.record._asdict().items()),
        )
        for part in evenings
    ]
    return pl.concat(frames).select(_names(tables.Watch)).sort(tables.Watch.key)


def drift_frame(detections: Iterable[Detection]) -> pl.DataFrame:
    """Rows of `twin.drift`."""

    rows = [
        {
            "patient_id": one.patient_id,
            "detected_on": one.detected_on,
            "since": one.change.since,
            "shape": one.change.shape,
            "kind": one.change.kind,
            "target": one.change.target,
            "size": one.change.size,
            "statistic": one.statistic,
            "detector": one.detector,
            "withdrawn_on": None,
            **dict(zip(WAYS, one.change.ways, strict=True)),
        }
        for one in detections
    ]
    types = {column.name: polars_type(column) for column in tables.Drift.columns}
    return pl.DataFrame(rows, schema=types, orient="row").sort(tables.Drift.key)


def current_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of `twin.drift` that no late observation took back."""
    return frame.filter(frame["withdrawn_on"].is_null())


def detections_of(frame: pl.DataFrame) -> dict[str, tuple[Detection, ...]]:
    """Inverse of `drift_frame`, by patient."""
    out: dict[str, tuple[Detection, ...]] = {}
    for row in frame.sort(tables.Drift.key).iter_rows(named=True):
        ways = tuple(row[way] for way in WAYS)
        change = DetectedChange(row["since"], row["shape"], row["kind"], row["target"], row["size"], ways)
        one = Detection(row["patient_id"], row["detected_on"], row["detector"], row["statistic"], change)
        out[one.patient_id] = (*out.get(one.patient_id, ()), one)
    return out


def past_of(rows: Mapping[type[Table], pl.DataFrame], settings: Twin, patient_ids: Sequence[str], last: date) -> Past:
    """What the next night needs of the evenings so far.

    Args:
        rows: of `twin.watch` and `twin.drift` of these patients, in any order; those of later evenings do not count.
        last: the twins' last evening.
    """

    days = settings.drift.detectors.memory_days
    drift = current_rows(rows[tables.Drift]).filter(pl.col("detected_on") <= last)
    recent = rows[tables.Watch].filter(pl.col("date") > last - timedelta(days=days), pl.col("date") <= last)
    first = recent["date"].min()
    if not isinstance(first, date):
        return replace(Past.nothing(len(patient_ids)), detections=detections_of(drift))
    days = (last - first).days + 1
    shape = (len(patient_ids), days)
    places = {patient: place for place, patient in enumerate(patient_ids)}
    who = np.array([places[patient] for patient in recent["patient_id"]], dtype=np.int64)
    when = (recent["date"] - first).dt.total_days().to_numpy()
    arrays = []
    for name in Record._fields:
        values = np.full(shape, np.nan)
        values[who, when] = recent[name].fill_null(np.nan).to_numpy()
        arrays.append(values)
    return Past(Record(*arrays), detections_of(drift))


def kept_columns(
    twins: pl.DataFrame, watched: pl.DataFrame, drift: pl.DataFrame, trained_on: date | None = None
) -> pl.DataFrame:
    """Rows of `twin.twins` with what is known of each twin's keeping.

    Args:
        watched: rows of `twin.watch`, those of the last month at least.
        drift: rows of `twin.drift`.
        trained_on: the evening on which they were made; by default as the rows say.
    """

    if trained_on is not None:
        twins = twins.with_columns(trained_on=pl.lit(trained_on))
    last = watched["date"].max()
    month = last - timedelta(days=RECENT_DAYS) if isinstance(last, date) else None
    recent = watched.filter(pl.col("date") > month) if month else watched
    errors = recent.group_by("patient_id").agg(recent_state_error=(pl.col("state_error") ** 2).mean().sqrt())
    since = twins.select("patient_id", "trained_on")
    chance = _chance_of_errors(watched.join(since, on="patient_id"), month)
    adapted = (
        current_rows(drift)
        .join(since, on="patient_id")
        .sort("detected_on")
        .group_by("patient_id")
        .agg(
            drift_adaptations=pl.len().cast(pl.Int64),
            recent_adaptations=(pl.col("detected_on") > pl.col("trained_on")).sum().cast(pl.Int64),
            last_drift_adaptation=pl.col("detected_on").last(),
            drift_kind=pl.col("kind").last(),
        )
    )
    own = (*errors.columns[1:], *chance.columns[1:], *adapted.columns[1:], "updates")
    return (
        twins.drop(*own, strict=False)
        .join(errors, on="patient_id", how="left", maintain_order="left")
        .join(chance, on="patient_id", how="left", maintain_order="left")
        .join(adapted, on="patient_id", how="left", maintain_order="left")
        .with_columns(
            pl.col("drift_adaptations", "recent_adaptations").fill_null(0),
            updates=(pl.col("as_of") - pl.col("trained_on")).dt.total_days(),
        )
    )


def _chance_of_errors(watched: pl.DataFrame, month: date | None) -> pl.DataFrame:
    """patient_id, state_error_p: one-sided Welch test of the logarithms of the days' errors.

    Held against the same person's errors before the twin was made, as the model's spread need not be his; and over the
    days, as a ratio of two means over all channels hardly leaves 1 when a device fails.

    Args:
        watched: rows of `twin.watch`, with `trained_on`.
        month: the days after it are recent, if the twin was made before them.
    """
    from scipy.stats import ttest_ind_from_stats

    error = pl.col("state_error").log()
    made = pl.col("date") <= pl.col("trained_on")
    recent = pl.col("date") > pl.max_horizontal("trained_on", pl.lit(month, dtype=pl.Date))
    before = made & (pl.col("date") > pl.col("trained_on") - timedelta(days=BEFORE_DAYS))
    sides = {"after": recent, "before": before}
    found = (
        watched.filter(pl.col("state_error") > 0)
        .sort("patient_id", "date")
        .group_by("patient_id", maintain_order=True)
        .agg(
            *(
                figure(error.filter(side)).alias(f"{name}_{part}")
                for name, side in sides.items()
                for part, figure in (("mean", pl.Expr.mean), ("sd", pl.Expr.std), ("days", pl.Expr.len))
            ),
            alike=pl.corr(error.filter(before), error.filter(before).shift(1)).fill_nan(0.0).fill_null(0.0),
        )
    )
    enough = found.filter(pl.min_horizontal("after_days", "before_days") >= LEAST_DAYS)
    alike = np.clip(enough["alike"].to_numpy(), 0.0, MOST_ALIKE)
    independent = (1 - alike) / (1 + alike)  # days that resemble each other tell less than their number
    parts = [
        enough[f"{name}_{part}"].to_numpy() * (independent if part == "days" else 1.0)
        for name in sides
        for part in ("mean", "sd", "days")
    ]
    p = ttest_ind_from_stats(*parts, equal_var=False, alternative="greater").pvalue
    return enough.select("patient_id", state_error_p=pl.Series(p, dtype=pl.Float64).fill_nan(None))


def _by_evening(patient_ids: Sequence[str], evenings: EveningResults, column: str) -> pl.DataFrame:
    """patient_id and the evening's day: one row per patient and evening."""

    days = pl.date_range(evenings.first, evenings.first + timedelta(days=evenings.days - 1), eager=True)
    return pl.DataFrame(
        {
            "patient_id": pl.Series(np.repeat(np.asarray(patient_ids), evenings.days), dtype=pl.String),
            column: pl.concat([days] * len(patient_ids)) if len(patient_ids) else days.head(0),
        }
    )


def _names(table: type[Table]) -> list[str]:
    return [column.name for column in table.columns]
