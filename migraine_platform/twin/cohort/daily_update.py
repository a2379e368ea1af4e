"""A night of a cohort's twins: from where they stood to where they stand, and the rows that change.

Each batch is brought on by itself. What is known only of a whole history (thresholds, interactions) stays as it was
when the twins were made. A trial's challengers live the same evenings beside the champions.

Belongs here: one batch's night. Does not: what lies where (inputs.py), who runs it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from migraine_platform.twin.cohort.build import contribution_frame
from migraine_platform.twin.core.prediction import TwinForecasts, predict
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.hazard.hypotheses import weekends
from migraine_platform.twin.triggers.sensitivity import sensitivities
from migraine_platform.twin.updating.evening_results import EveningResults, Past
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater, UpdateResult, advance
from migraine_platform.twin.updating.trials import Trial, mixed
from migraine_platform.twin.updating.update_rows import (
    drift_frame,
    kept_columns,
    past_of,
    prediction_frame,
    watch_frame,
)
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.tables.twin import BOTH_TWINS, HAZARD_FILTER

CARRIED = (tables.TriggerThresholds, tables.TriggerInteractions, tables.AlikeTriggers)
"""Tables that are as of the making of the twins."""


@dataclass(frozen=True)
class TwinBatch:
    """One batch as the night before left it."""

    name: str
    state: TwinState
    rows: dict[type[Table], pl.DataFrame]
    """By table, of `twin`."""
    trial: Trial | None
    trial_updater: TwinUpdater | None
    """What the challengers are kept by: their population may be a newer one."""


@dataclass(frozen=True)
class DailyUpdate:
    """One batch after a night."""

    state: TwinState
    trial: Trial | None
    rows: dict[type[Table], pl.DataFrame]
    """By table, with the night's added."""
    found: int
    """Changes of persons that were noticed."""


def update_twins(updater: TwinUpdater, batch: TwinBatch, whole: Histories) -> DailyUpdate:
    """The evenings since the batch's last one.

    Args:
        whole: all days of the batch's patients, in the order of its twins.
    """

    past = past_of(batch.rows, updater.settings, whole.patient_ids, batch.state.twins.as_of)
    result = advance(updater, batch.state, whole, past)
    evenings, trial = result.evenings, None
    if batch.trial is not None and batch.trial_updater is not None:
        trial, evenings = _tried(batch.trial_updater, batch.trial, result, whole, past)
    twins = result.state.twins
    watched = pl.concat([batch.rows[tables.Watch], watch_frame(twins.patient_ids, [evenings])]).sort(tables.Watch.key)
    drift = pl.concat([batch.rows[tables.Drift], drift_frame(result.detections)])
    said_by = HAZARD_FILTER if trial is None else BOTH_TWINS
    reported = prediction_frame(twins.patient_ids, twins.versions(), [evenings], said_by)
    rows = {
        **batch.rows,
        tables.Predictions: pl.concat([batch.rows[tables.Predictions].select(reported.columns), reported]),
        tables.Watch: watched,
        tables.Drift: drift,
    }
    return DailyUpdate(result.state, trial, rows, len(result.detections))


def current_frames(
    updater: TwinUpdater, state: TwinState, whole: Histories, rows: dict[type[Table], pl.DataFrame]
) -> tuple[dict[type[Table], pl.DataFrame], TwinForecasts]:
    """Rows that follow from where the twins stand tonight.

    Args:
        rows: what the night left, by table.
    """

    twins = state.twins
    versions = twins.versions()
    said = predict(updater.model, updater.clinical, updater.points, twins)
    version_of = pl.DataFrame({"patient_id": twins.patient_ids, "twin_version": versions})
    predictions = rows[tables.Predictions]
    named = predictions.drop("twin_version").join(version_of, on="patient_id", how="left", maintain_order="left")
    own = _twin_rows(updater, state, rows[tables.Twins], versions)
    return {
        **rows,
        tables.Twins: kept_columns(own, rows[tables.Watch], rows[tables.Drift]),
        tables.Predictions: named.select(predictions.columns),
        tables.Contributions: contribution_frame(said, whole, updater.clinical.prior.rules),
        tables.TriggerSensitivity: sensitivities(updater.points, updater.model.effects, twins.filter_state).to_frame(
            twins.patient_ids
        ),
    }, said


def in_their_place(
    updater: TwinUpdater, state: TwinState, rows: dict[type[Table], pl.DataFrame], trained_on: date
) -> dict[type[Table], pl.DataFrame]:
    """Rows of the evening on which other twins come into use: it is they who tell of tomorrow, and begin to count.

    Args:
        trained_on: the evening on which they were made.
    """

    said = predict(updater.model, updater.clinical, updater.points, state.twins).to_frame()
    twins = rows[tables.Twins].with_columns(as_of=pl.lit(state.twins.as_of))
    twins = kept_columns(twins, rows[tables.Watch], rows[tables.Drift], trained_on)
    return {
        **rows,
        tables.Predictions: rows[tables.Predictions].update(said, on=tables.Predictions.key, how="left"),
        # errors are told beside those at the start, and this is another start
        tables.Twins: twins.with_columns(state_error=pl.coalesce("recent_state_error", "state_error")),
    }


def _tried(
    updater: TwinUpdater, trial: Trial, result: UpdateResult, whole: Histories, past: Past
) -> tuple[Trial, EveningResults]:
    """The challengers' evenings, and what both twins say together."""
    other = advance(updater, trial.challengers, whole, past)
    after = replace(
        trial,
        challengers=other.state,
        champion=trial.champion + result.replay.forecasts.log_evidence.sum(axis=1),
        challenger=trial.challenger + other.replay.forecasts.log_evidence.sum(axis=1),
    )
    return after, replace(result.evenings, said=mixed(result.evenings.said, other.evenings.said, after.weight))


def _twin_rows(updater: TwinUpdater, state: TwinState, before: pl.DataFrame, versions: list[str]) -> pl.DataFrame:
    """Rows of `twin.twins` of the night before, with what the night changed; who has no twin keeps his reason."""

    twins, points = state.twins, updater.points
    weekend, weekend_sd = weekends(points, updater.model.effects, twins.filter_state)
    new = pl.DataFrame(
        {
            "patient_id": twins.patient_ids,
            "as_of": [twins.as_of] * len(versions),
            "twin_version": versions,
            "entries": twins.entries,
            "silent_evenings": twins.silent,
            "discarded_values": twins.discarded,
            "level": np.exp(twins.filter_state.log_weight) @ points.level,
            "weekend": weekend,
            "weekend_sd": weekend_sd,
            "adherence": pl.Series(np.where(twins.started, twins.adherence, np.nan)).fill_nan(None),
            "status": np.where(twins.started, "fitted", "prior"),
        }
    )
    known = set(twins.patient_ids)
    rows = before.with_columns(pl.lit(twins.as_of).alias("as_of"), pl.lit(twins.population).alias("population_version"))
    return rows.update(new, on="patient_id", how="left") if known else rows
