"""What a run of the whole platform leaves behind, and what is refused afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from migraine_platform.config import Settings, load_settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.assets.ingest import OBSERVATIONS, RECORDED, STUDY
from migraine_platform.defs.automation import PLATFORM_JOB
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.context import RANGE_END_TAG, RANGE_START_TAG
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import Finished, change, migraine


@pytest.fixture(scope="module")
def settings(finished: Finished, tmp_path_factory) -> Settings:
    """Of a copy, whose cohort may be made again."""
    return load_settings("tiny", finished.copy(tmp_path_factory.mktemp("job") / "project"))


@pytest.fixture(scope="module")
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The one that the run has told of itself."""
    with dg.DagsterInstance.from_config(str(Places.of(settings.platform).dagster_home)) as instance:
        yield instance


@pytest.fixture
def done(finished: Finished, tmp_path: Path) -> Path:
    return finished.copy(tmp_path / "done")


def the_run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    (run,) = instance.get_runs(filters=dg.RunsFilter(job_name=PLATFORM_JOB))
    return run


def test_one_run_materialises_every_asset_and_every_batch(settings, instance) -> None:
    assert the_run(instance).status == dg.DagsterRunStatus.SUCCESS
    assets = build_defs(settings).resolve_asset_graph().get_all_asset_keys()
    made = {key for key in assets if instance.get_latest_materialization_event(key) is not None}
    assert set(assets) - made == {dg.AssetKey("health_report")}  # made after the run, because it tells of it
    for asset in ("patients", "patient_days", "truth_patient_days"):
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == {"batch-000", "batch-001", "batch-002"}


def test_every_check_passed_on_figures(settings, instance) -> None:
    events = instance.all_logs(the_run(instance).run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    evaluations = [event.dagster_event.asset_check_evaluation_data for event in events]
    declared = build_defs(settings).resolve_asset_graph().asset_check_keys
    weekly = {dg.AssetCheckKey(dg.AssetKey("checkpoint"), tables.HOLDS_ON_FRESH)}
    assert {(evaluation.asset_key, evaluation.check_name) for evaluation in evaluations} == {
        (key.asset_key, key.name) for key in declared - weekly
    }
    assert all(evaluation.passed for evaluation in evaluations)


def test_metadata_show_rows_and_figures(settings, instance) -> None:
    def metadata(asset: str) -> dict[str, dg.MetadataValue]:
        event = instance.get_latest_materialization_event(dg.AssetKey(asset))
        return dict(event.asset_materialization.metadata)

    records = instance.fetch_materializations(dg.AssetKey("patient_days"), limit=3).records
    rows = {
        record.partition_key: record.asset_materialization.metadata["dagster/row_count"].value for record in records
    }
    assert rows == {"batch-000": 1000, "batch-001": 1000, "batch-002": 400}
    assert metadata("patient_days")["rows in this run"].value == 2400
    for asset, figure in (
        ("feature_table", "impact curves"),
        ("mock_distribution", "correlations"),
        ("site_days", "pressure falls"),
        ("patient_days", "migraine days"),
        *((name, "columns") for name in _assets_with_a_table(settings)),
    ):
        assert str(metadata(asset)[figure].value).startswith("![")
        assert "data:image/png;base64," in str(metadata(asset)[figure].value)


def _assets_with_a_table(settings) -> list[str]:
    """All but those of reported days, which no picture shows, and of retrainings, of which there are none yet."""
    specs = build_defs(settings).resolve_asset_graph().asset_nodes
    named = {node.key.to_user_string() for node in specs if "dagster/column_schema" in node.metadata}
    return sorted(named - {OBSERVATIONS, STUDY, RECORDED, "retrainings"})


def test_no_picture_is_drawn_of_reported_days(settings, instance) -> None:
    for asset in (OBSERVATIONS, STUDY, RECORDED):
        event = instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is None or "columns" not in event.asset_materialization.metadata


def test_one_batch_can_be_made_again_alone(settings, instance) -> None:
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
def test_a_run_that_selects_no_batch_is_one_sentence(settings, instance, tags: dict[str, str]) -> None:
    job = build_defs(settings).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey("patients")], tags=tags, raise_on_error=False
    )
    assert not result.success
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description
    assert description == "no patient batch is selected; expected a partition or a range of batch-000 to batch-002"


@pytest.mark.slow
def test_a_broken_contract_blocks_publication_and_says_what_broke(done: Path) -> None:
    published = (done / "data" / "warehouse.duckdb").read_bytes()
    change(done, "simulator.yaml", "weather", "climates", "temperate", "pressure_sd", to=400.0)
    result = migraine(done, "run")
    assert result.returncode == 1
    assert "site_days: check contract failed: cohort.site_days all: of 800 rows" in result.stderr
    assert "pressure|max: " in result.stderr
    assert (done / "data" / "warehouse.duckdb").read_bytes() == published


def test_one_table_of_the_cohort_can_be_made_alone(settings, instance) -> None:
    job = build_defs(settings).resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, partition_key="batch-000", asset_selection=[dg.AssetKey("sleep_days")]
    )
    assert result.success
    made = result.asset_materializations_for_node("simulated_cohort")
    assert [event.asset_key for event in made] == [dg.AssetKey("sleep_days")]


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


@pytest.mark.slow
def test_a_failed_checklist_keeps_the_warehouse_from_being_published(project: Path) -> None:
    """Even when a person then publishes by hand, without running the check again."""
    change(project, "priors.yaml", "mock", "logit_per_point", to=0.0001)
    result = migraine(project, "run")
    assert result.returncode == 1
    assert "mock_distribution: check posterior_shifted failed: largest shift" in result.stderr
    settings = load_settings("tiny", project)
    rest = build_defs(settings).resolve_implicit_global_asset_job_def()
    alone = rest.execute_in_process(asset_selection=[dg.AssetKey("warehouse")], raise_on_error=False)
    assert not alone.success
    (failure,) = [event for event in alone.all_events if event.is_step_failure]
    description = failure.step_failure_data.user_failure_data.description
    assert description.splitlines()[1:] == ["  mock.samples: not audited, or an audit failed: all"]  # and nothing else
    assert not (project / "data" / "warehouse.duckdb").exists()
