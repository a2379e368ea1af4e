"""Projects that live: a cohort with its twins, runs of the platform's own jobs, and what lies there afterwards."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl

from migraine_platform.config import Settings, load_settings
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.automation import NIGHTLY_JOB, PLATFORM_JOB, night_tags
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.checks.drift import drift_checks
from migraine_platform.operations.clock import at, tonight
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import make_project

FIRST = date(2026, 3, 1)
"""The night on which these projects begin."""

BATCHES = ["batch-000", "batch-001", "batch-002"]
OF_TWINS = [table for said in SAID.values() for table in said]
MADE_ONCE = [
    "feature_table", "feature_priors", "calibration", "study_diaries", "twin_population", "drift_thresholds",
]  # fmt: skip
BY_NIGHT = [
    "calendar", "site_days", "patients", "attacks", "patient_days", "measured_days", "truth_patient_days",
    "truth_drift", "observations", "recorded_days", *SAID,
]  # fmt: skip
"""What twins need of a night; the other tables of the cohort say nothing new."""

BUILT: dict[str, dg.Definitions] = {}
"""The code location that was built last, by its settings."""

WARNINGS = frozenset(
    key for check in drift_checks() for key in check.check_keys if key.asset_key.path != ["checkpoint"]
)


def small_project(root: Path, patients: int = 30) -> Path:
    """A project of three small batches."""
    make_project(root)
    preset = root / "configs" / "presets" / "tiny.yaml"
    cohort = f"cohort: {{patients: {patients}, days: 40, batch_size: {-(-patients // 3)}}}"
    preset.write_text(preset.read_text().replace("cohort: {patients: 60, days: 40, batch_size: 25}", cohort))
    return root


def defs_of(settings: Settings) -> dg.Definitions:
    """The code location of some settings, built once for all that is done with it."""
    known = settings.model_dump_json()
    if known not in BUILT:
        BUILT.clear()
        BUILT[known] = build_defs(settings)
    return BUILT[known]


def execute(
    settings: Settings,
    instance: dg.DagsterInstance,
    job: str,
    tags: Mapping[str, str] | None = None,
    partition: str | None = None,
    assets: Iterable[str] | None = None,
    checks: Collection[dg.AssetCheckKey] | None = None,
    **config: object,
) -> dg.ExecuteInProcessResult:
    """Run one of the platform's jobs.

    Args:
        assets: only these of it.
        checks: only these, if assets are chosen; by default those that warn of them.
    """
    definition = defs_of(settings).resolve_job_def(job)
    if assets is not None:
        keys = {dg.AssetKey(name) for name in assets}
        chosen = set(checks) if checks is not None else {key for key in WARNINGS if key.asset_key in keys}
        definition = definition.get_subset(asset_selection=keys, asset_check_selection=chosen)
    return definition.execute_in_process(
        instance=instance,
        raise_on_error=False,
        tags=dict(tags or {}),
        partition_key=partition,
        run_config={"loggers": {"console": {}}, **config},
    )


def begin(settings: Settings, instance: dg.DagsterInstance) -> None:
    """The cohort's days and its twins as of the first night; nothing is published."""
    assets = [*MADE_ONCE, *BY_NIGHT]
    assert execute(settings, instance, PLATFORM_JOB, night_tags(settings, FIRST), assets=assets).success


def live(settings: Settings, instance: dg.DagsterInstance, night: date) -> dg.ExecuteInProcessResult:
    """What twins need of a night."""
    result = execute(settings, instance, NIGHTLY_JOB, night_tags(settings, night), assets=BY_NIGHT)
    assert result.success
    return result


def follow(settings: Settings, instance: dg.DagsterInstance, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Run what a sensor or schedule asked for."""
    assert request.job_name is not None
    config = dict(request.run_config)
    return execute(settings, instance, request.job_name, request.tags, request.partition_key, **config)


def tick(settings: Settings, instance: dg.DagsterInstance, name: str) -> list[dg.RunRequest] | str:
    """What a sensor asks for, or why it does not."""
    defs = defs_of(settings)
    resources = defs.get_repository_def().get_top_level_resources()
    with dg.build_sensor_context(instance=instance, definitions=defs, resources=resources) as context:
        found = defs.resolve_sensor_def(name).evaluate_tick(context)
    return list(found.run_requests) if found.run_requests else str(found.skip_message)


def lake_of(settings: Settings) -> Lake:
    return Lake(Places.of(settings.platform).lake_url)


def last_day(settings: Settings) -> date:
    """The last day that the cohort has lived."""
    return tonight(Places.of(settings.platform), settings, None).last_date


def grown(settings: Settings) -> Settings:
    """The settings of the cohort as it is now."""
    return at(settings, tonight(Places.of(settings.platform), settings, None))


def rows(settings: Settings, table: type[Table], batches: Sequence[str] = BATCHES) -> pl.DataFrame:
    return lake_of(settings).read(table, list(batches) if table.by_batch else ["all"])


def reload(root: Path) -> Settings:
    return load_settings("tiny", root)


def nights(count: int, since: date = FIRST) -> list[date]:
    """The nights that follow one."""
    return [since + timedelta(days=number) for number in range(1, count + 1)]


def lake_files(settings: Settings) -> dict[str, bytes]:
    """Every file of the lake, by its place."""
    root = Path(Places.of(settings.platform).lake_url)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def twin_files(settings: Settings) -> set[str]:
    """Names of the files of twins."""
    return {path.name for path in Places.of(settings.platform).twins("x").parent.iterdir()}


def tables_by_days() -> list[type[Table]]:
    return [table for table in tables.ALL if table.by_days]
