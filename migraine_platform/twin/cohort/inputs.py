"""From a cohort's tables to its twins, and back to the rows of one batch.

Belongs here: which tables twins are made of, and which rows are whose. Does not: the models, or the orchestrator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl

from migraine_platform.config import Settings, resized
from migraine_platform.config.twin import Twin
from migraine_platform.priors.features import Feature
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.twin.cohort.audit import extended
from migraine_platform.twin.cohort.batch_update import Earlier, challenger_frame, ended_trials, retraining_frame
from migraine_platform.twin.cohort.build import NO_VERSION, Built, build
from migraine_platform.twin.cohort.replay import applied
from migraine_platform.twin.cohort.symptoms import recorded_attacks
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.core.twins import TwinError
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.data.histories import NEEDED, Histories, histories
from migraine_platform.twin.drift.alarms import AlarmThresholds, thresholds_of
from migraine_platform.twin.drift.examination import ChangeCourse
from migraine_platform.twin.drift.no_change_cohort import undrifted
from migraine_platform.twin.hazard.hypotheses import FilterState, Points
from migraine_platform.twin.updating.evening_update import TwinUpdater, begin
from migraine_platform.twin.updating.storage import to_bytes, version_of
from migraine_platform.twin.updating.stored_states import state_frame
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import Places, replace_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.twin.dynamics.experts.network import Experts


class Read(Protocol):
    """Reads rows of a table's partitions."""

    def __call__(
        self, table: type[Table], partitions: Sequence[str] = ..., columns: Sequence[str] | None = ...
    ) -> pl.DataFrame:
        """Rows, in the order of the partitions."""


@dataclass(frozen=True)
class CohortInputs:
    """What is known of a cohort."""

    histories: Histories
    refused: dict[str, str]
    """Patients whose days cannot be used, and why."""
    batch_of: dict[str, str]
    has_aura: NDArray[np.bool_]
    """[P] diagnosis."""


@dataclass(frozen=True)
class FittedCohort:
    """A cohort's twins."""

    built: Built
    found: CohortInputs
    model: TwinModel


def read_histories(read: Read, settings: Settings, batches: Sequence[str] | None = None) -> CohortInputs:
    """What was recorded of everybody, or of some batches' patients."""
    cohort = settings.simulator.cohort
    chosen = list(batches) if batches is not None else cohort.batch_names
    patients = read(tables.Patients, chosen, ["patient_id", "patient_batch", "has_aura"])
    days = read(tables.RecordedDays, chosen, list(NEEDED))
    found, refused = histories(days, patients["patient_id"].to_list(), cohort.last_date)
    aura = dict(patients.select("patient_id", "has_aura").iter_rows())
    return CohortInputs(
        found,
        refused,
        dict(patients.select("patient_id", "patient_batch").iter_rows()),
        np.array([aura[patient] for patient in found.patient_ids], dtype=np.bool_),
    )


def clinical_of(settings: Settings, features: tuple[Feature, ...]) -> Clinical:
    """What clinicians say."""
    return Clinical.of(settings.simulator, features)


def learn_experts(model: TwinModel, known: Histories, settings: Twin, progress: Callable[[str], None]) -> Experts:
    """The mixture of experts, trained on some of the patients."""
    import torch

    from migraine_platform.twin.dynamics.experts.network import ExpertSettings
    from migraine_platform.twin.dynamics.experts.training import fit

    torch.set_num_threads(1)
    own = settings.experts
    chosen = ExpertSettings(
        width=own.width,
        top_k=own.top_k,
        steps=own.steps,
        batch=own.batch,
        learning_rate=own.learning_rate,
        modality_dropout=own.modality_dropout,
    )
    taught = np.flatnonzero(np.isin(known.patient_ids, model.patients))[: own.patients]
    return fit(model.scales.standard(known.of(taught)), chosen, progress=progress)


def find_thresholds(
    model: TwinModel, settings: Settings, features: tuple[Feature, ...], calibration: FittedParameters
) -> AlarmThresholds:
    """Thresholds of all detectors of drift, by simulated patients who do not change."""
    own = settings.twin.drift
    long = resized(settings, days=own.no_change_days)
    nothing = AlarmThresholds(np.inf, {}, {})
    updater = updater_of(model, settings, features, nothing)
    known = undrifted(CohortSimulator(long.simulator, features, calibration), own.no_change_patients)
    return thresholds_of(begin(updater, known).evenings.record, known.first, own, own.detectors)


def updater_of(
    model: TwinModel, settings: Settings, features: tuple[Feature, ...], thresholds: AlarmThresholds
) -> TwinUpdater:
    """What twins of this population are kept by."""
    drift = settings.simulator.drift
    course = ChangeCourse(drift.gradual_days, drift.recurring_days, settings.twin.drift.oldest_days)
    expected = {name: sign for name, sign in drift.covariate_features.items() if name in CHANNELS}
    return TwinUpdater.of(model, clinical_of(settings, features), thresholds, course, settings.twin, expected)


def build_cohort(
    read: Read,
    settings: Settings,
    places: Places,
    features: tuple[Feature, ...],
    promoted: bool,
    population: str,
    progress: Callable[[str], None],
) -> FittedCohort:
    """Everybody's twins, made anew, from the population's newest model.

    Args:
        promoted: a checkpoint of ALINE is in use: patients with short histories start from what it infers.
    """
    from migraine_platform.twin.dynamics.experts.storage import load_experts

    model = TwinModel.from_frame(read(tables.TwinPopulation))
    experts = load_experts(places.twins(f"experts-{model.version}"))
    found = read_histories(read, settings)
    demand_somebody(found)
    attacks = recorded_attacks(read, settings)
    short = found.histories.diary.sum(axis=1) < settings.twin.short_history_days

    def start(points: Points) -> FilterState | None:
        if not (promoted and short.any()):
            return None
        progress(f"twins: {int(short.sum())} patients with short histories start from ALINE's posterior")
        return _amortised(read, settings, places, features, points, model, found, short)

    updater = updater_of(model, settings, features, AlarmThresholds.from_frame(read(tables.Thresholds)))
    built = build(updater, experts, found.histories, attacks, found.has_aura, population, start, progress)
    return FittedCohort(built, found, model)


def demand_somebody(found: CohortInputs) -> None:
    """Refuse a cohort of which nobody's days can be used.

    Raises:
        TwinError: with the first reason.
    """
    if not found.histories.count:
        reason = next(iter(found.refused.values()), "there is no patient")
        raise TwinError(f"recorded.patient_days: nobody's days can be used, {len(found.refused)} are refused: {reason}")


def _amortised(
    read: Read,
    settings: Settings,
    places: Places,
    features: tuple[Feature, ...],
    points: Points,
    model: TwinModel,
    found: CohortInputs,
    short: NDArray[np.bool_],
) -> FilterState:
    """Where twins start, by the promoted checkpoint; who has no day yet starts from the population's prior."""

    from migraine_platform.aline.advice.history import COLUMNS
    from migraine_platform.aline.training.checkpoints import load_network
    from migraine_platform.twin.hazard import amortised

    net, _ = load_network(places.checkpoint(read(tables.Checkpoints)["version"][0]))
    days = read(tables.RecordedDays, settings.simulator.cohort.batch_names, list(COLUMNS))
    until = found.histories.last - timedelta(days=settings.twin.validation_days)  # no forecast may know a later day
    patients, mean, sd = amortised.findings(net, settings.hours, features, days.filter(pl.col("date") <= until))
    places_of = {patient: row for row, patient in enumerate(patients)}
    known = np.array([patient in places_of for patient in found.histories.patient_ids])
    rows = [places_of.get(patient, 0) for patient in found.histories.patient_ids]
    return amortised.start(points, model.effects, mean[rows], sd[rows], short & known)


def batch_frames(
    made: FittedCohort, batch: str, places: Places, earlier: Earlier, days: pl.DataFrame, observed: pl.DataFrame
) -> dict[type[Table], pl.DataFrame]:
    """One batch's rows; its twins are written to a file of their own, whose version the rows name.

    What earlier twins said, saw and found stays as far as the new ones do not say it anew.

    Args:
        earlier: rows as they are in the lake.
        days: patient_id, date, has_migraine of the batch's recorded days.
        observed: rows of `ingest.observations`.
    """

    own = [row for row, patient in enumerate(made.built.twins.patient_ids) if made.found.batch_of[patient] == batch]
    state = made.built.state.of(np.array(own, dtype=np.int64))
    content = to_bytes(state)
    version = version_of(content)
    replace_file(places.twins(version), content)
    patients = list(state.twins.patient_ids)
    frames = {table: frame.filter(pl.col("patient_id").is_in(patients)) for table, frame in made.built.frames.items()}
    frames[tables.Twins] = pl.concat(
        [
            frames[tables.Twins].with_columns(
                patient_batch=pl.lit(batch),
                file_version=pl.lit(version),
                previous_file_version=pl.lit(None, dtype=pl.String),
            ),
            *_refused_rows(made, batch, version),
        ],
        how="diagonal_relaxed",
    ).select([column.name for column in tables.Twins.columns])
    frames[tables.Audit] = extended(earlier(tables.Audit, batch), frames[tables.Audit], days)
    for table in (tables.Predictions, tables.Watch, tables.Drift):
        frames[table] = _with_earlier(frames[table], earlier(table, batch), table)
    versions = frames[tables.Twins].select("patient_id", "twin_version")
    reported = frames[tables.Predictions]
    frames[tables.Predictions] = reported.drop("twin_version").join(versions, on="patient_id").select(reported.columns)
    frames[tables.Challengers] = challenger_frame(None, places)
    frames[tables.Retrainings] = retraining_frame(
        earlier(tables.Retrainings, batch), ended_trials(earlier, batch, state.twins, version)
    )
    frames[tables.AppliedObservations] = applied(observed, patients, state.twins.as_of)
    first = made.built.first.of(np.array(own, dtype=np.int64))
    content = to_bytes(first)
    replace_file(places.twins(version_of(content)), content)
    stood = {first.twins.as_of: version_of(content), state.twins.as_of: version}
    frames[tables.TwinStates] = state_frame(None, batch, stood, state.twins.as_of)
    return frames


def _with_earlier(frame: pl.DataFrame, before: pl.DataFrame | None, table: type[Table]) -> pl.DataFrame:
    """Rows with those of earlier twins that are of earlier evenings than any of theirs."""

    if before is None or before.is_empty():
        return frame
    evening = table.key[1]
    first = frame[evening].min()
    older = before if first is None else before.filter(pl.col(evening) < first)
    return pl.concat([older.select(frame.columns), frame])


def _refused_rows(made: FittedCohort, batch: str, version: str) -> list[pl.DataFrame]:
    """Rows of patients who have no twin, with the reason."""

    refused = {patient: why for patient, why in made.found.refused.items() if made.found.batch_of[patient] == batch}
    if not refused:
        return []
    count = len(refused)
    return [
        pl.DataFrame(
            {
                "patient_id": list(refused),
                "patient_batch": [batch] * count,
                "status": ["refused"] * count,
                "reason": list(refused.values()),
                "as_of": [made.built.twins.as_of] * count,
                "twin_version": [NO_VERSION] * count,
                "population_version": [made.model.version] * count,
                "file_version": [version] * count,
                "in_population": [False] * count,
                "entries": [0] * count,
                "silent_evenings": [0] * count,
                "discarded_values": [0] * count,
                "horizon_days": [0] * count,
                "validation_days": [0] * count,
                "trained_on": [made.built.twins.as_of] * count,
                "updates": [0] * count,
                "drift_adaptations": [0] * count,
                "recent_adaptations": [0] * count,
            }
        )
    ]
