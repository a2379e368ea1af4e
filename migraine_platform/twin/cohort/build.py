"""All twins of a cohort at once, and the tables that they fill.

Belongs here: from histories to rows. Does not: the models, or where rows and files go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config.simulator.threshold_search import Side
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.vocabulary import TRIGGERS
from migraine_platform.twin.cohort.symptoms import fitted
from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.core.prediction import TwinForecasts, input_hashes, predict
from migraine_platform.twin.core.twins import Replay, TwinArrays, Validation, validate
from migraine_platform.twin.data.exposure_values import exposure_values, unit_of
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.transition import (
    EXPERTS,
    STATE_SPACE,
    Choice,
    StateSpace,
    Transition,
    choose,
    horizon,
)
from migraine_platform.twin.hazard.contributions import FACTORS
from migraine_platform.twin.hazard.hypotheses import FilterState, Points, weekends
from migraine_platform.twin.symptoms.phases import Phases
from migraine_platform.twin.symptoms.progression import Symptoms
from migraine_platform.twin.triggers.analysis import days_of, interaction_frame, threshold_frame
from migraine_platform.twin.triggers.likeness import alike_frame
from migraine_platform.twin.triggers.sensitivity import population_effect, sensitivities
from migraine_platform.twin.updating.days_ahead import ahead_frames
from migraine_platform.twin.updating.evening_results import EveningResults, Past
from migraine_platform.twin.updating.evening_update import TwinState, TwinUpdater, UpdateResult, advance, begin
from migraine_platform.twin.updating.update_rows import drift_frame, kept_columns, prediction_frame, watch_frame
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.twin.dynamics.experts.network import Experts

NO_VERSION = "0" * 12


@dataclass(frozen=True)
class Built:
    """A cohort's twins, and their rows."""

    state: TwinState
    first: TwinState
    """As of the evening from which on the twins are validated."""
    points: Points
    predictions: TwinForecasts
    histories: Histories
    replay: Replay
    """As if nobody had changed."""
    frames: dict[type[Table], pl.DataFrame]
    """Without the columns that depend on the batch."""

    @property
    def twins(self) -> TwinArrays:
        """As of the last evening."""
        return self.state.twins


def build(
    updater: TwinUpdater,
    experts: Experts,
    histories: Histories,
    attacks: pl.DataFrame,
    has_aura: NDArray[np.bool_],
    population: str,
    start: Callable[[Points], FilterState | None] = lambda points: None,
    progress: Callable[[str], None] = lambda line: None,
) -> Built:
    """Create every patient's twin from his days, keep it over the last of them, and tell tomorrow.

    Args:
        attacks: the patients' logs; only what they recorded of them is used.
        has_aura: [P] diagnosis.
        population: hash of the population that the patients belong to.
        start: where twins start instead of the population's prior.
    """
    model, points, settings = updater.model, updater.points, updater.settings
    before = max(1, histories.days - settings.validation_days)
    progress(f"twins: {histories.count} patients, {before} days, then {histories.days - before} to validate on")
    begun = begin(updater, histories.until(before), start(points))
    result, evenings, replay = _validated(updater, begun, histories, before)
    twins = result.state.twins
    said = predict(model, updater.clinical, points, twins)

    progress(f"twins: {len(result.detections)} changes of persons; models of the next day, triggers, symptoms")
    days = model.scales.standard(histories)
    models: dict[str, Transition] = {STATE_SPACE: StateSpace(model.dynamics, replay.channels), EXPERTS: experts}
    choice = choose(models, days, settings.validation_days)
    useful = horizon(model.dynamics, replay.channels, days, settings.validation_days, settings.horizon_days)
    symptoms = fitted(histories, attacks, days, has_aura)
    symptoms = replace(symptoms, onsets=symptoms.onsets.given_tomorrow(said.began))

    versions, watched, drift = (
        twins.versions(),
        watch_frame(twins.patient_ids, evenings),
        drift_frame(result.detections),
    )
    scores = validate(replay, histories, settings)
    own = _twins_frame(model, points, twins, versions, choice, useful, scores, symptoms.phases)
    frames: dict[type[Table], pl.DataFrame] = {
        tables.Twins: own.pipe(kept_columns, watched, drift, trained_on=histories.last),
        tables.Predictions: prediction_frame(twins.patient_ids, versions, evenings[-1:]),
        tables.Contributions: contribution_frame(said, histories, updater.clinical.prior.rules),
        tables.Audit: audit_frame(said, versions, histories, population),
        tables.Watch: watched,
        tables.Drift: drift,
        **ahead_frames(updater, experts, twins, histories, said, choice.model),
        **_trigger_frames(updater, twins, replay, histories),
        **_symptom_frames(symptoms),
    }
    return Built(result.state, begun.state, points, said, histories, replay, frames)


def _validated(
    updater: TwinUpdater, begun: UpdateResult, histories: Histories, before: int
) -> tuple[UpdateResult, list[EveningResults], Replay]:
    """Twins kept over the last days, on which they are validated; all their evenings, and those as if nobody changed.

    Args:
        before: days that the twins begin with.
    """
    if before == histories.days:
        return begun, [begun.evenings], begun.replay
    result = advance(updater, begun.state, histories, Past(begun.evenings.record, {}))
    return result, [begun.evenings, result.evenings], begun.replay.then(result.replay)


def _trigger_frames(
    updater: TwinUpdater, twins: TwinArrays, replay: Replay, histories: Histories
) -> dict[type[Table], pl.DataFrame]:
    """What triggers do: sensitivities, thresholds, interactions."""
    effects = updater.model.effects
    reported = days_of(updater.points, effects, twins.filter_state, replay, histories)
    return {
        tables.TriggerSensitivity: sensitivities(updater.points, effects, twins.filter_state).to_frame(
            twins.patient_ids
        ),
        tables.TriggerThresholds: threshold_frame(reported, histories, updater.clinical.prior.rules),
        tables.TriggerInteractions: interaction_frame(reported, histories, population_effect(updater.points, effects)),
        tables.AlikeTriggers: alike_frame(
            updater.points, effects, twins.filter_state, reported.there, reported.known, twins.patient_ids
        ),
    }


def _symptom_frames(symptoms: Symptoms) -> dict[type[Table], pl.DataFrame]:
    """How attacks go: phases, time to the next, signs."""
    progression = symptoms.to_frames()
    return {
        tables.SymptomPhases: progression.phases,
        tables.OnsetTimes: progression.onset_times,
        tables.Signs: progression.signs,
    }


def _twins_frame(
    model: TwinModel,
    points: Points,
    twins: TwinArrays,
    versions: list[str],
    choice: Choice,
    useful: NDArray[np.int64],
    scores: Validation,
    phases: Phases,
) -> pl.DataFrame:
    """Rows of `twin.twins`, but for batch and file."""

    learned_from = set(model.patients)
    weekend, weekend_sd = weekends(points, model.effects, twins.filter_state)
    started = twins.started
    status = np.where(started, "fitted", "prior").tolist()
    notes = [
        _note(bool(begun), int(entries), int(discarded))
        for begun, entries, discarded in zip(started, twins.entries, twins.discarded, strict=True)
    ]
    nullable = {
        "adherence": np.where(started, twins.adherence, np.nan),
        "state_space_log_likelihood": choice.log_likelihood[STATE_SPACE],
        "experts_log_likelihood": choice.log_likelihood[EXPERTS],
        "state_error": scores.state_error,
        "validation_log_loss": scores.log_loss,
        "validation_brier": scores.brier,
        "climatology_log_loss": np.where(scores.days > 0, scores.climatology, np.nan),
    }
    return pl.DataFrame(
        {
            "patient_id": twins.patient_ids,
            "status": status,
            "reason": pl.Series(notes, dtype=pl.String),
            "as_of": [twins.as_of] * len(versions),
            "twin_version": versions,
            "population_version": [twins.population] * len(versions),
            "in_population": [patient in learned_from for patient in twins.patient_ids],
            "entries": twins.entries,
            "silent_evenings": twins.silent,
            "discarded_values": twins.discarded,
            "level": np.exp(twins.filter_state.log_weight) @ points.level,
            "weekend": weekend,
            "weekend_sd": weekend_sd,
            "transition_model": choice.model,
            "horizon_days": useful,
            "validation_days": scores.days,
            "severity": phases.severity_mean,
            "severity_sd": phases.severity_sd,
            **{name: pl.Series(values).fill_nan(None) for name, values in nullable.items()},
        }
    )


def _note(started: bool, entries: int, discarded: int) -> str | None:
    """What is noteworthy of a twin."""
    if not started:
        return "no day is there: the twin is the population's prior"
    if not entries:
        return "no diary entry: known by weather and device alone"
    return f"impossible values discarded: {discarded}" if discarded else None


def contribution_frame(said: TwinForecasts, histories: Histories, rules: Mapping[str, TriggerRule]) -> pl.DataFrame:
    """Rows of `twin.contributions`, with what was recorded today beside its effect.

    Of a trigger that is what its rule holds against the threshold (data/exposure_values.py).
    """
    observed = np.full((histories.count, len(FACTORS)), np.nan)
    units: list[str | None] = [None] * len(FACTORS)
    for trigger in TRIGGERS:
        row = rules[trigger.name]
        side: Side = "below" if row.rule in ("below", "fall", "below usual") else "above"
        value, seen = (part[:, -1] for part in exposure_values(trigger, row, histories, side))
        place = FACTORS.index(trigger.factor)
        observed[:, place], units[place] = np.where(seen, value, np.nan), unit_of(trigger, row)
    return said.factor_frame().with_columns(
        observed=pl.Series(observed.ravel()).fill_nan(None), unit=pl.Series(units * histories.count, dtype=pl.String)
    )


def audit_frame(said: TwinForecasts, versions: list[str], histories: Histories, population: str) -> pl.DataFrame:
    """Tonight's forecasts as rows of `twin.audit`."""

    return said.to_frame().select(
        pl.lit(population).alias("population"),
        "patient_id",
        "for_date",
        pl.lit("forecast").alias("event"),
        pl.Series("twin_version", versions),
        "made_on",
        pl.Series("inputs_hash", input_hashes(histories)),
        "probability",
        "lower",
        "upper",
        pl.lit(None, dtype=pl.Int64).alias("outcome"),
    )
