"""Real runs on real Dagster instances."""

from __future__ import annotations

import os
import random
import shutil
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
from migraine_platform.defs.context import RANGE_END_TAG, RANGE_START_TAG, all_batches_tags
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake import Lake
from migraine_platform.warehouse.places import Places
from migraine_platform.warehouse.query import query
from migraine_platform_tests.conftest import change, environment, make_project, migraine

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


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A project whose run from a terminal is over; nothing may change it."""
    root = make_project(tmp_path_factory.mktemp("finished") / "project")
    assert migraine(root, "run").returncode == 0
    return root


@pytest.fixture
def done(finished: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(finished, tmp_path / "done"))


def test_one_run_materialises_every_asset_and_every_batch(ran, instance) -> None:
    settings, result = ran
    assert result.success
    assets = build_defs(settings).resolve_asset_graph().get_all_asset_keys()
    made = {key for key in assets if instance.get_latest_materialization_event(key) is not None}
    assert set(assets) - made == {dg.AssetKey("health_report")}  # made after the run, because it tells of it
    for asset in ("patients", "patient_days", "truth_patient_days"):
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == {"batch-000", "batch-001", "batch-002"}


def test_every_check_passed_on_figures(ran) -> None:
    settings, result = ran
    evaluations = result.get_asset_check_evaluations()
    declared = build_defs(settings).resolve_asset_graph().asset_check_keys
    weekly = {dg.AssetCheckKey(dg.AssetKey("checkpoint"), tables.HOLDS_ON_FRESH)}
    assert {(evaluation.asset_key, evaluation.check_name) for evaluation in evaluations} == {
        (key.asset_key, key.name) for key in declared - weekly
    }
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
    lake = Path(Places.of(settings.platform).lake_url)

    def files() -> dict[str, int]:
        return {path.name: path.stat().st_ino for path in (lake / "cohort" / "patient_days").glob("*.parquet")}

    before = files()
    job = build_defs(settings).resolve_implicit_global_asset_job_def()
    selection = [dg.AssetKey(name) for name in SIMULATED]
    result = job.execute_in_process(instance=instance, partition_key="batch-001", asset_selection=selection)
    assert result.success
    assert {name for name, inode in files().items() if inode != before[name]} == {"batch-001.parquet"}
    made = {
        event.asset_key.to_user_string(): event for event in result.asset_materializations_for_node("simulated_cohort")
    }
    assert set(made) == set(SIMULATED)
    assert made["patient_days"].metadata["dagster/row_count"].value == 25 * 40


def test_running_again_gives_the_same_bytes(ran, instance) -> None:
    settings, _ = ran
    lake = Lake(Places.of(settings.platform).lake_url)
    parts = {table: (["batch-000", "batch-001", "batch-002"] if table.by_batch else ["all"]) for table in tables.ALL}
    before = {(table, part): lake.content_hash(table, part) for table in tables.ALL for part in parts[table]}
    assert build_defs(settings).resolve_job_def(PLATFORM_JOB).execute_in_process(instance=instance).success
    after = {(table, part): lake.content_hash(table, part) for table in tables.ALL for part in parts[table]}
    assert after == before


def test_every_table_of_an_asset_is_audited(done: Path) -> None:
    """The mock distribution writes three tables; a wrong value in the first must not hide behind the last."""
    settings = load_settings("tiny", done)
    lake = Lake(Places.of(settings.platform).lake_url)
    samples = lake.read(tables.MockSamples)
    lake.write(tables.MockSamples, "all", samples.with_columns(p_migraine=7.0), lake.stamp(tables.MockSamples, "all"))
    defs = build_defs(settings)
    key = dg.AssetCheckKey(dg.AssetKey("mock_distribution"), "contract")
    job = dg.define_asset_job("check", selection=dg.AssetSelection.checks(key))
    result = (
        dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        .resolve_job_def("check")
        .execute_in_process(raise_on_error=False)
    )
    (evaluation,) = result.get_asset_check_evaluations()
    assert not evaluation.passed
    assert "mock.samples all: of 185,000 rows, contract broken by: p_migraine|max" in evaluation.description


@pytest.mark.parametrize("tags", [{}, {RANGE_START_TAG: "batch-002", RANGE_END_TAG: "batch-000"}])
def test_a_run_that_selects_no_batch_is_one_sentence(ran, instance, tags: dict[str, str]) -> None:
    settings, _ = ran
    job = build_defs(settings).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("patients")], tags=tags, raise_on_error=False
    )
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description
    assert description == "no patient batch is selected; expected a partition or a range of batch-000 to batch-002"


def test_a_broken_contract_blocks_publication_and_says_what_broke(done: Path) -> None:
    published = (done / "data" / "warehouse.duckdb").read_bytes()
    change(done, "simulator.yaml", "weather", "climates", "temperate", "pressure_sd", to=400.0)
    result = migraine(done, "run")
    assert result.returncode == 1
    assert "site_days: check contract failed: cohort.site_days all: of 800 rows" in result.stderr
    assert "pressure|max: " in result.stderr
    assert (done / "data" / "warehouse.duckdb").read_bytes() == published


def test_one_table_of_the_cohort_can_be_made_alone(ran, instance) -> None:
    settings, _ = ran
    job = build_defs(settings).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, partition_key="batch-000", asset_selection=[dg.AssetKey("sleep_days")]
    )
    assert result.success
    made = result.asset_materializations_for_node("simulated_cohort")
    assert [event.asset_key for event in made] == [dg.AssetKey("sleep_days")]


@pytest.mark.slow
def test_nothing_is_made_from_another_populations_inputs(done: Path) -> None:
    """A changed setting makes the calibration stale: a cohort made from it would carry the wrong intercepts."""
    published = (done / "data" / "warehouse.duckdb").read_bytes()
    change(done, "simulator.yaml", "attacks", "treated_share", to=0.1)
    settings = load_settings("tiny", done)
    job = build_defs(settings).resolve_implicit_global_asset_job_def()

    def materialise(*names: str) -> dg.ExecuteInProcessResult:
        return job.execute_in_process(
            asset_selection=[dg.AssetKey(name) for name in names], partition_key="batch-000", raise_on_error=False
        )

    for stale in ("feature_priors", "calibration", "patients", "warehouse"):
        result = materialise(stale)
        assert not result.success
        (failure,) = [event for event in result.all_events if event.is_step_failure]
        assert "expected population" in failure.step_failure_data.user_failure_data.description
    assert materialise("feature_table").success
    result = materialise("patients")
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data.description.startswith(
        "truth.calibration, all: is of population"
    )
    assert (done / "data" / "warehouse.duckdb").read_bytes() == published
    assert migraine(done, "run").returncode == 0


def test_a_failed_checklist_keeps_the_warehouse_from_being_published(project: Path) -> None:
    """Even when a person then publishes by hand, without running the check again."""
    change(project, "priors.yaml", "mock", "logit_per_point", to=0.0001)
    result = migraine(project, "run")
    assert result.returncode == 1
    assert "mock_distribution: check posterior_shifted failed: largest shift" in result.stderr
    settings = load_settings("tiny", project)
    rest = build_defs(settings).resolve_implicit_global_asset_job_def()
    everything_else = [dg.AssetKey(name) for name in ("calibration", "site_days", *SIMULATED)]
    assert rest.execute_in_process(asset_selection=everything_else, tags=all_batches_tags(settings)).success
    alone = rest.execute_in_process(asset_selection=[dg.AssetKey("warehouse")], raise_on_error=False)
    assert not alone.success
    (failure,) = [event for event in alone.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description
    assert "mock.samples: not audited, or an audit failed: all" in description
    assert not (project / "data" / "warehouse.duckdb").exists()


def test_only_one_run_from_a_terminal_at_a_time(project: Path) -> None:
    command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "run"]
    runs = [
        subprocess.Popen(
            command, env=environment(project), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    errors = [run.communicate(timeout=120)[1] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 1]
    (refused,) = [error for run, error in zip(runs, errors, strict=True) if run.returncode == 1]
    assert "error: another run is working on " in refused
    assert "Traceback" not in refused


@pytest.mark.slow
def test_a_killed_run_leaves_the_published_warehouse_and_whole_files(finished: Path, tmp_path: Path) -> None:
    """SIGKILL at random moments of a run that writes a second population over a published first one."""
    first, second = finished, tmp_path / "second"
    shutil.copytree(first, second)
    change(second, "simulator.yaml", "cohort", "seed", to=100)
    started = time.monotonic()
    assert migraine(second, "run").returncode == 0
    seconds = time.monotonic() - started

    def lake(root: Path) -> dict[str, bytes]:
        files = (root / "data" / "lake").rglob("[!.]*.parquet")
        return {str(path.relative_to(root)): path.read_bytes() for path in files}

    old, new = lake(first), lake(second)
    published = (first / "data" / "warehouse.duckdb").read_bytes()
    rng = random.Random(4)
    outcomes = set()
    for number in range(4):
        root = tmp_path / f"killed-{number}"
        shutil.copytree(first, root)
        change(root, "simulator.yaml", "cohort", "seed", to=100)
        command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "run"]
        run = subprocess.Popen(command, env=environment(root), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.3, 1.0) * seconds)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        for name, content in lake(root).items():
            assert content in (old[name], new[name]), name
            outcomes.add("old" if content == old[name] else "new")
        with duckdb.connect(str(root / "data" / "warehouse.duckdb"), read_only=True) as connection:
            assert connection.execute("SELECT count(*) FROM marts.patient_profiles").fetchone() == (60,)
            (population,) = connection.execute("SELECT population FROM lineage.publication").fetchone()
        if (root / "data" / "warehouse.duckdb").read_bytes() != published:
            assert (
                query(second / "data" / "warehouse.duckdb", "FROM lineage.publication")["population"].item()
                == population
            )
        if number == 0:
            assert migraine(root, "run").returncode == 0
            assert lake(root) == new
            assert list((root / "data").rglob("*.tmp*")) == []
    assert outcomes == {"old", "new"}  # the moments were spread over the run


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
