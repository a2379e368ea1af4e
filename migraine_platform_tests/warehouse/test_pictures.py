"""Tables at a glance."""

from __future__ import annotations

import polars as pl
import pytest

from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.pictures import at_a_glance

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def frames(simulator) -> dict[str, pl.DataFrame]:
    return simulator.batch(0)


@pytest.mark.parametrize("asset", SIMULATED)
def test_every_table_of_the_cohort_has_a_picture(frames, asset: str) -> None:
    table = SIMULATED[asset]
    drawn = at_a_glance(table, frames[table.name])
    assert drawn is not None
    assert drawn.startswith(PNG)
    assert drawn == at_a_glance(table, frames[table.name])


def test_a_picture_shows_what_the_rows_are(frames) -> None:
    days = frames[tables.SleepDays.name]
    longer = days.with_columns(pl.col("total_sleep_hours") * 1.1)
    assert at_a_glance(tables.SleepDays, days) != at_a_glance(tables.SleepDays, longer)


@pytest.mark.parametrize("off", [0.0, 1e-16, 1e-14])
def test_values_equal_up_to_rounding_share_one_bar(frames, off: float) -> None:
    days = frames[tables.SleepDays.name]
    near = pl.Series("total_sleep_hours", [7.0 + off * (row % 3) for row in range(days.height)])
    drawn = at_a_glance(tables.SleepDays, days.with_columns(near))
    assert drawn is not None
    assert drawn.startswith(PNG)


def test_where_there_is_nothing_to_draw_there_is_no_picture(frames) -> None:
    assert at_a_glance(tables.Patients, frames[tables.Patients.name].clear()) is None
