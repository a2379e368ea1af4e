"""The default cohort in memory, as several benchmarks need it."""

from __future__ import annotations

from functools import cache

import polars as pl

from migraine_platform.config import Settings, load_settings
from migraine_platform.priors.features import Feature
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.twin.data.histories import Histories, histories
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table


@cache
def settings() -> Settings:
    """Of the default preset."""
    return load_settings("default")


@cache
def features() -> tuple[Feature, ...]:
    """The workbook's."""
    return configured_features(settings().priors)


@cache
def rows(table: type[Table]) -> pl.DataFrame:
    """Everybody's rows of a table of the cohort, patient by patient, day by day."""
    frames = pl.concat([frame[table.name] for frame in _batches()])
    return frames.sort([name for name in ("patient_id", "date") if name in frames.columns])


@cache
def recorded() -> Histories:
    """What was recorded of everybody."""
    measured = rows(tables.MeasuredDays)
    return histories(measured, measured["patient_id"].unique().to_list())[0]


@cache
def _batches() -> list[dict[str, pl.DataFrame]]:
    simulator = CohortSimulator(settings().simulator, features(), fit_parameters(settings().simulator, features()))
    return [simulator.batch(number) for number in range(settings().simulator.cohort.batches)]
