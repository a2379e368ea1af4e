from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from migraine_platform.config.simulator.copula import WEARABLE_FEATURES
from migraine_platform.domain.events import EVENTS
from migraine_platform.warehouse.exports.export import FILES, export_files
from migraine_platform.warehouse.lake.places import PlaceError

DAY = {"patient_id", "date"}
SLEEP = {"total_sleep_hours", "deep_sleep_pct", "rem_sleep_pct", "light_sleep_pct", "awake_time_mins", "sleep_quality"}
WEATHER = {"temperature", "humidity", "pressure", "pressure_change_24h"}
FOOD = {
    "alcohol_consumed",
    "caffeine_consumed",
    "chocolate_consumed",
    "processed_food_consumed",
    "water_consumed_liters",
}
TRIGGERS = ("weather", "sleep", "stress", "diet")
WEARABLE = set(WEARABLE_FEATURES)
COLUMNS = {
    "patient_profiles.csv": {"patient_id", "age", "sex", "is_chronic", "base_frequency", "with_aura", "site_id"}
    | {f"susceptibility_{name}" for name in TRIGGERS},
    "sleep_data.csv": DAY | SLEEP,
    "weather_data.csv": DAY | WEATHER,
    "stress_diet_data.csv": DAY | FOOD | {"stress_level"},
    "migraine_events.csv": DAY | {"with_aura", "severity", "duration"},
    "combined_data.csv": DAY
    | SLEEP
    | WEATHER
    | FOOD
    | WEARABLE
    | {"stress_level", "cycle_day", *EVENTS}
    | {f"{name}_trigger" for name in TRIGGERS},
}
"""File -> its columns, exactly: nothing of the truth may slip into a file of days."""


@pytest.fixture(scope="module")
def batches(simulator) -> list[dict[str, pl.DataFrame]]:
    return [simulator.batch(number) for number in range(simulator.settings.cohort.batches)]


def test_the_six_files_have_the_documents_names_and_columns(tmp_path: Path, batches) -> None:
    written = export_files(tmp_path, batches)
    assert {path.name for path in tmp_path.iterdir()} == set(COLUMNS) == {f"{file.name}.csv" for file in FILES}
    for path, rows in written:
        frame = pl.read_csv(path, try_parse_dates=True)
        assert set(frame.columns) == COLUMNS[path.name]
        assert frame.height == rows > 0


def test_every_batch_is_in_every_file_once(tmp_path: Path, batches) -> None:
    export_files(tmp_path, batches)
    ids = [f"P{number:04d}" for number in range(1, 61)]
    assert pl.read_csv(tmp_path / "patient_profiles.csv")["patient_id"].to_list() == ids
    days = pl.read_csv(tmp_path / "combined_data.csv", try_parse_dates=True)
    assert days.group_by("patient_id").len()["len"].unique().to_list() == [40]
    truth = pl.concat([batch["cohort.patient_days"] for batch in batches])
    assert days["has_migraine"].sum() == truth["has_migraine"].sum()
    assert days["stress_level"].sum() == pytest.approx(truth["stress_level"].sum(), rel=1e-6)


def test_events_are_filed_under_the_day_their_headache_began(tmp_path: Path, batches) -> None:
    export_files(tmp_path, batches)
    events = pl.read_csv(tmp_path / "migraine_events.csv", try_parse_dates=True)
    days = pl.read_csv(tmp_path / "combined_data.csv", try_parse_dates=True).filter("onset")
    assert days.join(events, on=["patient_id", "date"], how="anti").height == 0
    assert events["duration"].is_between(4, 72).all()


def test_an_export_that_breaks_off_leaves_what_was_there(tmp_path: Path, batches) -> None:
    export_files(tmp_path, batches[:1])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def broken() -> Iterator[dict[str, pl.DataFrame]]:
        yield batches[0]
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        export_files(tmp_path, broken())
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_in_a_files_place_is_named_before_anything_is_written(tmp_path: Path, batches) -> None:
    (tmp_path / "sleep_data.csv").mkdir()
    with pytest.raises(PlaceError, match=r"a folder stands where a file belongs: sleep_data\.csv"):
        export_files(tmp_path, batches)
    assert [path.name for path in tmp_path.iterdir()] == ["sleep_data.csv"]
