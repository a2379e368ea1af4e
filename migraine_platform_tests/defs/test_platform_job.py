"""Real runs on real Dagster instances."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from migraine_platform.config import Settings, load_settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.automation import PLATFORM_JOB
from migraine_platform.defs.build import build_defs
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake import Lake
from migraine_platform.warehouse.places import Places
from migraine_platform.warehouse.query import query
from migraine_platform_tests.config.test_loading import change
from migraine_platform_tests.conftest import environment, make_project, migraine

LEVEL = {"loggers": {"console": {}}}


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture(scope="module")
def ran(tmp_path_factory, instance) -> tuple[Settings, dg.ExecuteInProcessResult]:
    """The platform job, run once for all batches."""
    settings = load_settings("tiny", make_project(tmp_path_factory.mktemp("job") / "project"))
    job = build_defs(settings).resolve_job_def(PLATFORM_JOB)
    return settings, job.execute_in_process(instance=instance, run_config=LEVEL)


def test_one_run_materialises_every_asset_and_every_batch(ran, instance) -> None:
    settings, result = ran
    assert result.success
    for key in build_defs(settings).resolve_asset_graph().get_all_asset_keys():
        assert instance.get_latest_materialization_event(key) is not None, key
    for asset in ("patients", "patient_days", "truth_patient_days"):
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == {"batch-000", "batch-001", "batch-002"}


def test_every_check_passed_on_figures(ran) -> None:
    _, result = ran
    evaluations = result.get_asset_check_evaluations()
    assert len(evaluations) == 18
    assert all(evaluation.passed for evaluation in evaluations)


def test_metadata_show_rows_and_figures(ran, instance) -> None:
    def metadata(asset: str) -> dict[str, dg.MetadataValue]:
        event = instance.get_latest_materialization_event(dg.AssetKey(asset))
        return dict(event.asset_materialization.metadata)

    records = instance.fetch_materializations(dg.AssetKey("patient_days"), limit=3).records
    rows = {
        record.partition_key: record.asset_materialization.metadata["dagster/row_count"].value for record in records
    }
    assert rows == {"batch-000": 1000, "batch-001": 1000, "batch-002": 400}
    for asset, figure in {
        "feature_table": "impact curves",
        "mock_distribution": "correlations",
        "site_days": "pressure falls",
        "patient_days": "migraine days",
    }.items():
        assert str(metadata(asset)[figure].value).startswith("![")
        assert "data:image/png;base64," in str(metadata(asset)[figure].value)


def test_one_batch_can_be_made_again_alone(ran, instance) -> None:
    settings, _ = ran
    lake = Lake(Places.of(settings.platform).lake_url)
    before = {part: lake.content_hash(tables.PatientDays, part) for part in ("batch-000", "batch-001")}
    result = (
        build_defs(settings)
        .resolve_implicit_global_asset_job_def()
        .execute_in_process(
            instance=instance,
            partition_key="batch-001",
            asset_selection=[dg.AssetKey(name) for name in SIMULATED],
        )
    )
    assert result.success
    after = {part: lake.content_hash(tables.PatientDays, part) for part in ("batch-000", "batch-001")}
    assert after == before  # the same batch, byte for byte
    assert len(result.asset_materializations_for_node("simulated_cohort")) == 8


def test_running_again_gives_the_same_bytes(ran, instance) -> None:
    settings, _ = ran
    lake = Lake(Places.of(settings.platform).lake_url)
    parts = {table: (["batch-000", "batch-002"] if table.by_batch else ["all"]) for table in tables.ALL}
    before = {(table, part): lake.content_hash(table, part) for table in tables.ALL for part in parts[table]}
    assert build_defs(settings).resolve_job_def(PLATFORM_JOB).execute_in_process(instance=instance).success
    after = {(table, part): lake.content_hash(table, part) for table in tables.ALL for part in parts[table]}
    assert after == before


def test_a_broken_contract_blocks_publication_and_says_what_broke(project: Path) -> None:
    assert migraine(project, "run").returncode == 0
    published = (project / "data" / "warehouse.duckdb").read_bytes()
    change(project, "simulator.yaml", "attacks", "duration", to=[1, 72])
    result = migraine(project, "run")
    assert result.returncode == 1
    assert "attacks: check contract failed: " in result.stderr
    assert "duration_hours|min" in result.stderr
    assert (project / "data" / "warehouse.duckdb").read_bytes() == published


@pytest.mark.slow
def test_a_killed_run_leaves_the_published_warehouse_and_whole_files(tmp_path: Path) -> None:
    """SIGKILL at random moments of a run that writes another population over the published one."""
    root = make_project(tmp_path / "project")
    assert migraine(root, "run").returncode == 0
    settings = load_settings("tiny", root)
    places = Places.of(settings.platform)
    seconds = 12.0
    moments = [random.Random(4).uniform(1.0, seconds) for _ in range(8)]
    command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "run"]
    for number, moment in enumerate(moments):
        change(root, "simulator.yaml", "cohort", "seed", to=100 + number)
        published = places.warehouse.read_bytes()
        run = subprocess.Popen(command, env=environment(root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        finished = run.poll() is not None
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        if not finished and places.warehouse.read_bytes() != published:
            assert query(places.warehouse, "SELECT count(*) FROM cohort.patient_days").item() == 60 * 40
        for path in (places.data / "lake").rglob("*.parquet"):
            if not path.name.startswith("."):
                assert duckdb.sql(f"SELECT count(*) FROM read_parquet('{path}')").fetchone() > (0,)
        with duckdb.connect(str(places.warehouse), read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM marts.patient_profiles").fetchone() == (60,)
    assert migraine(root, "run").returncode == 0
    assert list(places.data.glob(".warehouse.duckdb.*.tmp*")) == []


@pytest.mark.slow
def test_the_multiprocess_executor_runs_the_same_graph(project: Path) -> None:
    change(project, "platform.yaml", "executor", to="multiprocess")
    home = project / "data" / "dagster"
    home.mkdir(parents=True)
    result = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute", "-m", "migraine_platform.definitions", "-j", PLATFORM_JOB],
        env={**environment(project), "DAGSTER_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert query(project / "data" / "warehouse.duckdb", "SELECT count(*) FROM cohort.patients").item() == 60
