"""A small cohort with what was recorded of it, and a population of twins learned from some of its patients."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
import pytest

from migraine_platform.config import Settings
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.twin.data.histories import Histories, histories
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table


@dataclass(frozen=True)
class Cohort:
    """Every table of a simulated cohort, all batches together."""

    frames: dict[str, pl.DataFrame]
    histories: Histories
    simulator: CohortSimulator

    def read(self, table: type[Table]) -> pl.DataFrame:
        if table is tables.RecordedDays:
            return self.frames[tables.MeasuredDays.name].with_columns(reported=pl.lit(False))
        return self.frames[table.name]


@pytest.fixture(scope="session")
def cohort(settings: Settings, simulator: CohortSimulator) -> Cohort:
    parts = [simulator.batch(number) for number in range(settings.simulator.cohort.batches)]
    frames = {name: pl.concat([part[name] for part in parts]) for name in parts[0]}
    measured = frames[tables.MeasuredDays.name]
    known, refused = histories(measured, measured["patient_id"].unique().to_list())
    assert not refused
    return Cohort(frames, known, simulator)
