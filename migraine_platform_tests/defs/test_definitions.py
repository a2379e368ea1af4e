from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import dagster as dg
import pytest

from migraine_platform.config import Settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.assets.evaluated import EVALUATION
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.checks.audits import CONTRACTS
from migraine_platform.warehouse import tables
from migraine_platform_tests.conftest import REPOSITORY, environment

GRAPH = {
    "feature_table": set(),
    "feature_priors": {"feature_table"},
    "feature_normalizer": {"feature_priors"},
    "mock_distribution": {"feature_priors"},
    "calibration": {"feature_priors"},
    "calendar": set(),
    "site_days": {"calibration", "calendar"},
    "patients": {"site_days"},
    "weather_days": {"site_days"},
    "sleep_days": {"site_days"},
    "diary_days": {"site_days"},
    "wearable_days": {"site_days"},
    "attacks": {"site_days"},
    "patient_days": {"weather_days", "sleep_days", "diary_days", "wearable_days", "attacks"},
    "measured_days": {"patient_days"},
    "truth_patients": {"site_days"},
    "truth_patient_days": {"site_days"},
    "truth_drift": {"site_days"},
    "true_effects": {"calibration"},
    "realism": {"patient_days", "truth_patient_days", "measured_days"},
    "synthetic_migraine": {"patient_days", "truth_patient_days"},
    "training_run": {"calibration"},
    "checkpoint": {"training_run"},
    "question_policy": {"checkpoint", "recorded_days"},
    "observations": {"patients"},
    "recorded_days": {"measured_days", "observations"},
    "twin_population": {"recorded_days"},
    "drift_thresholds": {"twin_population"},
    "twins": {"twin_population", "drift_thresholds", "recorded_days", "observations", "checkpoint"},
    "predictions": {"twins"},
    "trigger_sensitivity": {"twins"},
    "symptom_models": {"twins"},
    "drift": {"twins"},
    "retrainings": {"twins"},
    "study_diaries": {"feature_table"},
    "compared_forecasts": {
        *("patients", "patient_days", "recorded_days", "truth_patient_days", "attacks"),
        *("checkpoint", "twin_population", "drift_thresholds", "study_diaries"),
        *("twins", "predictions", "retrainings"),
    },
    "metrics": {"compared_forecasts"},
    "state_errors": {"patients", "recorded_days", "twin_population"},
    "trigger_recovery": {
        "trigger_sensitivity",
        "symptom_models",
        "truth_patients",
        "recorded_days",
    },
    "policy_comparison": {"checkpoint"},
    "promotion_gates": {"metrics", "twin_population", "recorded_days"},
    "report": {*EVALUATION, "study_diaries", "drift", "truth_drift"},
    "health_report": set(),
    "warehouse": {
        *("feature_table", "feature_priors", "mock_distribution", "calibration", "site_days"),
        *("true_effects", "realism", "training_run", "checkpoint", "question_policy", "twin_population"),
        *("observations", "recorded_days", "drift_thresholds", "study_diaries"),
        *SIMULATED,
        *SAID,
        *EVALUATION,
    },
}
GROUPS = {
    *("priors", "cohort", "realism", "aline", "ingest", "twins", "evaluation", "exports", "warehouse", "operations"),
}
WARNS = {
    ("realism", "realistic"),
    ("drift", "twin_drift"),
    ("twins", "retraining_due"),
    ("checkpoint", "calibrated_on_fresh_days"),
    ("promotion_gates", "evaluated"),
}
"""Checks that stop no step; the last one withholds the seal without which nothing is published."""


@pytest.fixture(scope="module")
def defs(settings: Settings) -> dg.Definitions:
    return build_defs(settings)


def test_dagster_accepts_the_code_location(shared_project) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(REPOSITORY / "workspace.yaml")],
        env=environment(shared_project),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    assert "All code locations passed validation" in result.stdout + result.stderr


def test_the_asset_graph_is_the_one_documented(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    found = {
        key.to_user_string(): {parent.to_user_string() for parent in graph.get(key).parent_keys}
        for key in graph.get_all_asset_keys()
    }
    assert found == GRAPH


def test_no_arrow_of_the_model_says_what_a_longer_way_says() -> None:
    """What everything rests on is reached through what is made of it, so that the graph can be read."""

    def above(asset: str) -> set[str]:
        return {one for parent in GRAPH[asset] for one in {parent, *above(parent)}}

    for asset, parents in GRAPH.items():
        if asset != "warehouse":  # which publishes every table, and names each
            implied = {one for parent in parents for one in above(parent)}
            assert not implied & parents & {"feature_table", "feature_priors", "calibration", "calendar", "site_days"}
            assert asset in ("study_diaries", "feature_priors") or "feature_table" not in parents


def test_every_asset_says_what_it_is(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.group_name in GROUPS
        assert spec.owners == ["team:migraine-platform"]
        assert spec.kinds
        assert spec.description
        assert len(spec.description) > 20


def test_every_table_shows_its_declared_columns(defs: dg.Definitions) -> None:
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    for asset, (table, *_) in CONTRACTS.items():
        schema = specs[asset].metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == [column.name for column in table.columns]
        assert all(column.description for column in schema.columns)


def test_every_table_has_a_blocking_contract_check(defs: dg.Definitions) -> None:
    graph = defs.resolve_asset_graph()
    checks = {(key.asset_key.to_user_string(), key.name): graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert {asset for asset, name in checks if name == "contract"} == set(CONTRACTS)
    assert {table for declared in CONTRACTS.values() for table in declared} == set(tables.ALL)
    assert {check for check, spec in checks.items() if not spec.blocking} == WARNS
    for name in ("clinical_directions", "probabilities_unimodal", "posterior_shifted"):
        assert ("mock_distribution", name) in checks
    assert ("calibration", "hits_its_targets") in checks
    validation = {"distributions", "correlations", "proportions", "temporal_consistency", "every_patient_every_day"}
    assert {name for asset, name in checks if asset == "patient_days"} == {"contract", *validation}


def test_partitions_come_from_the_configuration(defs: dg.Definitions, settings: Settings) -> None:
    graph = defs.resolve_asset_graph()
    for asset in SIMULATED:
        keys = graph.get(dg.AssetKey(asset)).partitions_def.get_partition_keys()
        assert keys == ["batch-000", "batch-001", "batch-002"]
    assert settings.simulator.cohort.batches == 3


def test_the_night_has_a_zone_and_asks_for_every_batch_once(defs: dg.Definitions, settings: Settings) -> None:
    schedule = defs.resolve_schedule_def("nightly")
    assert schedule.execution_timezone == settings.platform.time_zone == "Europe/Berlin"
    assert schedule.cron_schedule == "30 3 * * *"
    moment = datetime(2026, 1, 2, 2, 30, tzinfo=UTC)
    requests = [
        schedule.evaluate_tick(
            dg.build_schedule_context(scheduled_execution_time=moment, repository_def=defs.get_repository_def())
        ).run_requests
        for _ in range(2)
    ]
    (first,), (again,) = requests
    assert first.run_key == again.run_key == "nightly:2026-01-02"
    assert first.tags["dagster/asset_partition_range_start"] == "batch-000"
    assert first.tags["dagster/asset_partition_range_end"] == "batch-002"
    assert first.tags["night"] == "2026-01-02"


def test_schedules_and_sensors_start_the_right_jobs(defs: dg.Definitions, settings: Settings) -> None:
    repository = defs.get_repository_def()
    jobs = {job.name for job in defs.resolve_all_job_defs() if not job.name.startswith("__")}
    starts = {
        "nightly": {"night"},
        "weekly": {"look_at_aline"},
        "weekly_evaluation": {"evaluation"},
        "daily_health": {"health"},
        "new_observations": {"ingest_observations"},
        "retrain_twins_that_need_it": {"retrain_twins", "relearn_population"},
        "retrain_aline_that_misses": {"retrain_aline"},
        "tell_of_failures": {"health"},
        "renew_health_page": {"health"},
        "end_dead_runs": set(),
    }
    schedules = {schedule.name: {schedule.job_name} for schedule in repository.schedule_defs}
    sensors = {sensor.name: {target.job_name for target in sensor.targets} for sensor in repository.sensor_defs}
    assert {**schedules, **sensors} == starts
    assert jobs == {"platform"}.union(*starts.values())
    assert {schedule.execution_timezone for schedule in repository.schedule_defs} == {settings.platform.time_zone}


def test_jobs_make_what_they_say(defs: dg.Definitions) -> None:
    """All of the platform but its health page; of a night, what has days; of a retraining, what names the twins."""
    said = set(SAID)

    def made(job: str) -> set[str]:
        layer = defs.resolve_job_def(job).asset_layer
        return {key.to_user_string() for key in layer.selected_asset_keys}

    assert made("platform") == set(GRAPH) - {"health_report"}
    days = {"calendar", "site_days", *SIMULATED}
    assert made("night") == days | said | {
        *("observations", "recorded_days", "question_policy", "realism", "synthetic_migraine", "warehouse"),
    }
    assert made("ingest_observations") == said | {"observations", "recorded_days", "question_policy", "warehouse"}
    assert made("retrain_twins") == said
    judged = {"compared_forecasts", "metrics", "promotion_gates"}
    assert made("relearn_population") == said | judged | {"twin_population", "drift_thresholds"}
    assert made("evaluation") == {*EVALUATION, "report", "warehouse"}
    assert made("retrain_aline") == {"training_run", "checkpoint", "question_policy"}
    assert made("look_at_aline") == set()
    assert made("health") == {"health_report"}
