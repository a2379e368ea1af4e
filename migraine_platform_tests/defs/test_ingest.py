"""Files in the inbox on a real Dagster instance: seen by the sensor, taken by the asset, kept in the lake."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from migraine_platform.config import ConfigError, Settings, load_settings, resized
from migraine_platform.config.hashing import digest
from migraine_platform.defs.assets.cohort import cohort_assets
from migraine_platform.defs.assets.ingest import OBSERVATIONS, ingest_assets
from migraine_platform.defs.assets.priors import priors_assets
from migraine_platform.defs.context import PopulationView, all_batches_tags, patient_batches
from migraine_platform.defs.sensors.inbox import INGEST_JOB, inbox_sensor, ingest_job
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit_partition
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.tables.ingest import Files, Observations, Quarantine
from migraine_platform_tests.conftest import change, make_project

UPSTREAM = ("feature_table", "feature_priors", "calibration", "site_days", "patients")


def defs_of(settings: Settings) -> dg.Definitions:
    owner, batches = settings.platform.owner, patient_batches(settings)
    places = Places.of(settings.platform)
    upstream = dg.define_asset_job(
        "upstream", selection=dg.AssetSelection.assets(*UPSTREAM), tags=all_batches_tags(settings)
    )
    return dg.Definitions(
        assets=[*priors_assets(owner), *cohort_assets(owner, batches), *ingest_assets(owner, batches)],
        jobs=[upstream],
        sensors=[inbox_sensor(settings, ingest_job(settings, dg.AssetSelection.assets(OBSERVATIONS)))],
        resources={"settings": settings, "places": places, "lake": Lake(places.lake_url)},
        executor=dg.in_process_executor,
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose patients lie in the lake."""
    root = make_project(tmp_path_factory.mktemp("ingest") / "project")
    settings = load_settings("tiny", root)
    with dg.instance_for_test() as instance:
        assert defs_of(settings).resolve_job_def("upstream").execute_in_process(instance=instance).success
    return root


@pytest.fixture
def settings(made: Path, tmp_path: Path) -> Settings:
    return load_settings("tiny", Path(shutil.copytree(made, tmp_path / "project")))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "dagster")) as instance:
        yield instance


def run(settings: Settings, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = defs_of(settings).resolve_job_def(INGEST_JOB)
    return job.execute_in_process(instance=instance, raise_on_error=False)


def look(settings: Settings, instance: dg.DagsterInstance) -> dg.RunRequest | str:
    """What the sensor asks for, or why it does not."""
    defs = defs_of(settings)
    sensor = defs.resolve_sensor_def("new_observations")
    with dg.build_sensor_context(instance=instance, definitions=defs) as context:
        found = sensor.evaluate_tick(context)
    return found.run_requests[0] if found.run_requests else found.skip_message


def drop(settings: Settings, name: str, content: str, age: float = 60) -> Path:
    path = Places.of(settings.platform).inbox.path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    os.utime(path, (time.time() - age,) * 2)
    return path


def content_of(settings: Settings) -> dict[str, pl.DataFrame]:
    lake = Lake(Places.of(settings.platform).lake_url)
    for table in (Files, Observations, Quarantine):
        assert audit_partition(lake, table, WHOLE).passed
    population = PopulationView.of(settings, lake)
    return {table.name: population.read(table) for table in (Files, Observations, Quarantine)}


def diary(settings: Settings, *lines: str) -> str:
    last = settings.simulator.cohort.last_date
    return "\n".join(("patient_id,date,stress_level,has_migraine,onset", *(line.format(last=last) for line in lines)))


def test_a_file_goes_from_the_inbox_to_the_lake(settings, instance) -> None:
    name = drop(settings, "Jane Roe.csv", diary(settings, "P0001,{last},4,true,true", "P0002,{last},4321,,")).name
    request = look(settings, instance)
    assert isinstance(request, dg.RunRequest)
    result = run(settings, instance)
    assert result.success
    found = content_of(settings)
    assert found["ingest.files"].select("file_name", "rows", "accepted_rows").rows() == [(name, 2, 1)]
    assert found["ingest.observations"].select("patient_id", "stress_level", "onset").rows() == [("P0001", 4.0, True)]
    assert found["ingest.quarantine"].select("row", "column_name").rows() == [(3, "stress_level")]
    assert look(settings, instance) == "the inbox is empty"


def test_metadata_and_logs_count_and_name_no_patient(settings, instance) -> None:
    drop(settings, "Jane Roe.csv", diary(settings, "P0001,{last},4,,", "P9876,{last},5,,", "P0002,{last},4321,yes,"))
    refused = "P0003,2024-01-01,7"
    drop(settings, "John Doe.csv", refused)
    result = run(settings, instance)
    (event,) = result.asset_materializations_for_node(OBSERVATIONS)
    shown = {name: value.value for name, value in event.metadata.items()}
    assert shown["dagster/row_count"] == 1
    assert (shown["files"], shown["rows"], shown["accepted rows"], shown["quarantined rows"]) == (2, 3, 1, 2)
    assert shown["broken rules"] == {
        "has_migraine: readable": 1,
        "patient_id: known patient": 1,
        "stress_level: within bounds": 1,
    }
    assert shown["taken now"] == {"accepted": 1, "refused": 1}
    assert list(shown["refused files"]) == [digest(refused.encode())]
    logged = " ".join(record.user_message for record in instance.all_logs(result.run_id))
    for secret in ("Jane", "John", "P0001", "P0003", "P9876", "4321", "yes"):
        assert secret not in json.dumps(shown, default=str), secret
        assert secret not in logged, secret


def test_the_sensor_says_what_it_sees(settings, instance) -> None:
    assert look(settings, instance) == "the inbox is empty"
    drop(settings, "a.csv", diary(settings, "P0001,{last},4,,"), age=0)
    assert look(settings, instance) == "1 still being written"
    drop(settings, "b.csv", diary(settings, "P0001,{last},4,,"), age=0)
    drop(settings, ".c.csv", "")
    assert look(settings, instance) == "2 still being written"


def test_the_same_files_ask_for_the_same_run(settings, instance) -> None:
    path = drop(settings, "a.csv", diary(settings, "P0001,{last},4,,"))
    first, again = look(settings, instance), look(settings, instance)
    assert first.run_key == again.run_key
    assert first.run_key.startswith("inbox:")
    drop(settings, "b.csv", diary(settings, "P0001,{last},5,,"))
    more = look(settings, instance)
    assert run(settings, instance).success
    shutil.copy(next(Places.of(settings.platform).inbox.kept("accepted").glob("*.csv")), path)
    os.utime(path, (time.time() - 60,) * 2)
    dropped_again = look(settings, instance)
    assert len({first.run_key, more.run_key, dropped_again.run_key}) == 3


def test_no_second_run_is_asked_for_while_one_waits(settings, instance) -> None:
    drop(settings, "a.csv", diary(settings, "P0001,{last},4,,"))
    job = defs_of(settings).resolve_job_def(INGEST_JOB)
    waits = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    assert look(settings, instance) == "1 file is ready, and a run is under way"
    instance.report_run_canceled(waits)
    assert isinstance(look(settings, instance), dg.RunRequest)


def test_a_lost_lake_and_a_grown_cohort_lose_nothing(settings, instance) -> None:
    last = settings.simulator.cohort.last_date
    drop(settings, "a.csv", diary(settings, "P0001,{last},4,true,"))
    drop(settings, "b.csv", diary(settings, "P0001,{last},,false,", "P0060,{last},3,,"))
    assert run(settings, instance).success
    before = content_of(settings)
    places = Places.of(settings.platform)
    shutil.rmtree(Path(places.lake_url) / "ingest")
    assert run(settings, instance).success
    assert all(frame.equals(before[name]) for name, frame in content_of(settings).items())
    assert before["ingest.observations"].select("patient_id", "date", "has_migraine").rows() == [
        ("P0001", last, False),
        ("P0060", last, None),
    ]
    smaller = resized(settings, patients=50)
    assert defs_of(smaller).resolve_job_def("upstream").execute_in_process(instance=instance).success
    assert run(smaller, instance).success
    found = content_of(smaller)
    assert found["ingest.observations"]["patient_id"].to_list() == ["P0001"]
    assert found["ingest.quarantine"]["rule"].to_list() == ["known patient"]


def test_without_a_cohort_nothing_is_taken_and_one_sentence_says_why(settings, instance) -> None:
    path = drop(settings, "a.csv", diary(settings, "P0001,{last},4,,"))
    shutil.rmtree(Path(Places.of(settings.platform).lake_url) / tables.Patients.schema_name())
    result = run(settings, instance)
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    said = failure.step_failure_data.user_failure_data.description
    assert said.startswith("cohort.patients: not in the lake yet: batch-000")
    assert path.exists()


def test_a_bad_setting_is_one_sentence(settings) -> None:
    root = settings.platform.data_dir.parent
    change(root, "ingest.yaml", "stable_seconds", to=0)
    with pytest.raises(ConfigError, match=r"configs/ingest\.yaml, ingest\.stable_seconds: 0: expected greater than 0"):
        load_settings("tiny", root)
