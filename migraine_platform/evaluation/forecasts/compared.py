"""All models' forecasts of the same days, side by side.

Belongs here: who forecasts what, and the rows of `evaluation.models`, `evaluation.days`, `evaluation.forecasts` of the
simulated cohort. Does not: the models, or what their forecasts are worth (scores.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config import Settings
from migraine_platform.domain.events import EVENTS
from migraine_platform.evaluation.forecasts.aline_forecasts import aline_forecasts, numbers_of
from migraine_platform.evaluation.forecasts.baselines import BaselineTraining, forecasts, share_learned
from migraine_platform.evaluation.forecasts.days import Split, evaluated_days, splits
from migraine_platform.evaluation.forecasts.models import ALINE, FULL_STATE, KNOWN_PARAMETERS, TWINS, model_rows
from migraine_platform.evaluation.forecasts.origins import evenings, trigger_flags
from migraine_platform.evaluation.forecasts.twin_forecasts import updated_forecasts
from migraine_platform.ingest.recorded import before_reports
from migraine_platform.priors.features import Feature
from migraine_platform.priors.vocabulary import TRIGGER_FLAGS
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.twin.cohort.inputs import Read, read_histories
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.updating.evening_update import TwinUpdater
from migraine_platform.warehouse import tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.aline.network.network import Aline

MOST_PATIENTS = 2000
"""Of a cohort, so many patients' evenings at most are lived on the hourly clock for ALINE."""


class Comparison(NamedTuple):
    """Rows of the three tables."""

    models: pl.DataFrame
    days: pl.DataFrame
    forecasts: pl.DataFrame


def stacked(parts: Sequence[Comparison]) -> Comparison:
    """Several comparisons, of different splits, as one."""

    return Comparison(*(pl.concat(frames) for frames in zip(*parts, strict=True)))


@dataclass(frozen=True)
class Materials:
    """What a comparison is made with."""

    read: Read
    settings: Settings
    features: tuple[Feature, ...]
    calibration: FittedParameters
    updater: TwinUpdater
    net: Aline | None
    """The promoted checkpoint; without one, ALINE is not compared."""


def compare(materials: Materials, progress: Callable[[str], None] = lambda line: None) -> Comparison:
    """Every model's forecasts, on days never seen and of patients never seen."""
    divided, histories = _divided(materials)
    days = [_days_of(split, histories, materials) for split in divided]
    said, base = _by_baselines(divided[0], histories, materials, progress)
    if materials.net is not None:
        said[ALINE] = _by_aline(days, histories, materials.net, materials, progress)
    told_by_twins = (_in_use(divided[0], days[0], materials), None)
    parts = [_ceilings(days, materials)]
    for split, frame, reported in zip(divided, days, told_by_twins, strict=True):
        parts.append(_picked(frame, said, histories))
        parts.append(_by_twins(split, frame, histories, materials, reported, progress))
    everything = _scored(parts, days)
    names = {split.name: everything.filter(everything["split"] == split.name)["model"].unique() for split in divided}
    models = [model_rows(split.name, names[split.name].to_list(), base) for split in divided]
    return Comparison(_stacked(models), _stacked(days), everything)


def _divided(materials: Materials) -> tuple[list[Split], Histories]:
    """Who is scored on which days, and the days of these patients; those of the others are let go of."""
    model, settings = materials.updater.model, materials.settings
    everybody = read_histories(materials.read, settings).histories
    divided = splits(everybody, model.patients, model.days, settings.evaluation)
    scored = [patient for split in divided for patient in split.patients]
    return divided, everybody.of(np.flatnonzero(np.isin(everybody.patient_ids, scored)))


def _by_baselines(
    taught: Split, histories: Histories, materials: Materials, progress: Callable[[str], None]
) -> tuple[dict[str, NDArray[np.float64]], float]:
    """[P, K] by baseline, and the share of migraine days that they learned from.

    Args:
        taught: of whose patients the population was learned.
    """
    learned_days, seed = materials.updater.model.days, materials.settings.evaluation.seed
    lesson = BaselineTraining(
        np.flatnonzero(np.isin(histories.patient_ids, taught.patients)), slice(0, learned_days - 1)
    )
    outcome, reported = _tomorrow(histories)
    base = share_learned(outcome, reported, lesson)
    batches = materials.settings.simulator.cohort.batch_names
    measured = materials.read(tables.RecordedDays, batches, ["patient_id", "date", *TRIGGER_FLAGS])
    progress(f"baselines learn from {len(lesson.rows)} patients' first {learned_days} days")
    return forecasts(
        evenings(histories, trigger_flags(measured, histories), base), outcome, reported, lesson, seed
    ), base


def _by_aline(
    days: list[pl.DataFrame], histories: Histories, net: Aline, materials: Materials, progress: Callable[[str], None]
) -> NDArray[np.float64]:
    """[P, K] on some evenings before the days."""
    settings, numbers = materials.settings, numbers_of(histories.patient_ids)
    wanted = _some_evenings(days, histories, numbers, settings.evaluation.aline_evenings)
    return aline_forecasts(net, settings, materials.features, materials.calibration, wanted, numbers, progress)


def _tomorrow(histories: Histories) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """[P, K] whether the day after each evening was a migraine day by its diary, and whether that has an entry."""
    outcome, reported = np.zeros_like(histories.diary), np.zeros_like(histories.diary)
    reported[:, :-1] = histories.diary[:, 1:]
    outcome[:, :-1] = (histories.events[..., EVENTS.index("has_migraine")] & histories.diary)[:, 1:]
    return outcome, reported


def _days_of(split: Split, histories: Histories, materials: Materials) -> pl.DataFrame:
    """Days whose outcome the simulation knows; days of people who report their own are theirs to judge."""
    read, batches = materials.read, materials.settings.simulator.cohort.batch_names
    days = evaluated_days(
        split,
        histories,
        read(tables.Patients, batches, ["patient_id", "sex", "is_chronic", "has_aura"]),
        read(tables.PatientDays, batches, ["patient_id", "date", "has_migraine", "onset"]),
        read(tables.TruthPatientDays, batches, ["patient_id", "date", "migraine_probability"]),
        read(tables.Attacks, batches, ["patient_id", "headache_start"]),
    )
    return before_reports(days, read(tables.RecordedDays, batches, ["patient_id", "date", "reported"]), "for_date")


def _some_evenings(
    days: list[pl.DataFrame], histories: Histories, numbers: NDArray[np.int64], most: int
) -> NDArray[np.bool_]:
    """[P, K] evenings before days that are scored, every so many of them.

    Args:
        numbers: [P] of the patients among all of the cohort.
    """
    wanted = np.zeros_like(histories.diary)
    for frame in days:
        who, when = _places(frame, histories)
        wanted[who, when] = True
    wanted[numbers >= MOST_PATIENTS] = False
    chosen = np.flatnonzero(wanted)
    step = -(-len(chosen) // most) if len(chosen) else 1
    thinned = np.zeros(wanted.size, dtype=np.bool_)
    thinned[chosen[::step]] = True
    return thinned.reshape(wanted.shape)


def _places(frame: pl.DataFrame, histories: Histories) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and evening of each forecast day."""
    place = {patient: row for row, patient in enumerate(histories.patient_ids)}
    who = frame["patient_id"].replace_strict(place, return_dtype=None).to_numpy().astype(np.int64)
    when = (frame["for_date"] - histories.first).dt.total_days().to_numpy() - 1
    return who, when


def _picked(frame: pl.DataFrame, said: dict[str, NDArray[np.float64]], histories: Histories) -> pl.DataFrame:
    """Rows of `evaluation.forecasts` of one split, by models that say something on every evening of the cohort."""

    if frame.is_empty():
        return _no_forecasts()
    who, when = _places(frame, histories)
    keys = frame.select("split", "patient_id", "for_date")
    return pl.concat(
        [keys.with_columns(model=pl.lit(name), probability=pl.Series(p[who, when])) for name, p in said.items()]
    ).select(_no_forecasts().columns)


def _in_use(split: Split, days: pl.DataFrame, materials: Materials) -> pl.DataFrame | None:
    """What the twins in use said of these days; None if some of it was not said, or by twins of another population.

    A population that was learned anew is judged before its twins come into use, and later beside what others said.
    """

    read, version = materials.read, materials.updater.model.version
    batches = materials.settings.simulator.cohort.batch_names
    kept = read(tables.Twins, batches, ["patient_id", "population_version"])
    kept = kept.filter(pl.col("patient_id").is_in(list(split.patients)))
    tried = read(tables.Retrainings, batches, ["champion_population", "challenger_population"])
    if {*kept["population_version"], *tried["champion_population"], *tried["challenger_population"]} - {version}:
        return None
    said = read(tables.Predictions, batches, ["patient_id", "for_date", "probability"])
    reported = said.join(days, on=["patient_id", "for_date"], how="semi")
    return reported if reported.height == days.height else None


def _by_twins(
    split: Split,
    days: pl.DataFrame,
    histories: Histories,
    materials: Materials,
    reported: pl.DataFrame | None,
    progress: Callable[[str], None],
) -> pl.DataFrame:
    """What the population's twins said, or would have said had they been kept night by night.

    Args:
        days: the split's rows of `evaluation.days`.
        reported: patient_id, for_date and probability of the split's days, if that was said already.
    """

    if days.is_empty():
        return _no_forecasts()
    if reported is None:
        own = histories.of(np.flatnonzero(np.isin(histories.patient_ids, split.patients)))
        who, when = _places(days, own)
        said = updated_forecasts(materials.updater, own, split.known, progress)
        reported = days.select("patient_id", "for_date").with_columns(probability=pl.Series(said[who, when]))
    named = reported.with_columns(model=pl.lit(TWINS), split=pl.lit(split.name))
    return named.select(_no_forecasts().columns)


def _ceilings(days: list[pl.DataFrame], materials: Materials) -> pl.DataFrame:
    """What the simulation knows, as forecasts."""

    batches = materials.settings.simulator.cohort.batch_names
    columns = {"migraine_probability": FULL_STATE, "oracle_probability": KNOWN_PARAMETERS}
    keys = _stacked([frame.select("split", "patient_id", "for_date") for frame in days])
    truth = materials.read(tables.TruthPatientDays, batches, ["patient_id", "date", *columns])
    truth = truth.join(keys, on="patient_id", how="semi")
    known = truth.rename({"date": "for_date", **columns}).unpivot(
        on=list(columns.values()), index=["patient_id", "for_date"], variable_name="model", value_name="probability"
    )
    return keys.join(known.drop_nulls("probability"), on=["patient_id", "for_date"]).select(_no_forecasts().columns)


def _scored(parts: list[pl.DataFrame], days: list[pl.DataFrame]) -> pl.DataFrame:
    """Forecasts of days that are scored; where a model said nothing, there is no row."""

    keys = _stacked([frame.select("split", "patient_id", "for_date") for frame in days])
    everything = pl.concat(parts).filter(pl.col("probability").is_not_nan())
    return everything.join(keys, on=keys.columns, how="semi").sort("model", "split", "patient_id", "for_date")


def _no_forecasts() -> pl.DataFrame:

    from migraine_platform.warehouse.contracts import polars_type

    return pl.DataFrame(schema={column.name: polars_type(column) for column in tables.EvaluatedForecasts.columns})


def _stacked(frames: list[pl.DataFrame]) -> pl.DataFrame:

    return pl.concat(frames)
