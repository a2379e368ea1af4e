"""All definitions of one configuration."""

import warnings

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.aline import aline_assets
from migraine_platform.defs.assets.cohort import cohort_assets
from migraine_platform.defs.assets.evaluation import evaluation_assets
from migraine_platform.defs.assets.exports import exports_assets
from migraine_platform.defs.assets.ingest import ingest_assets
from migraine_platform.defs.assets.priors import priors_assets
from migraine_platform.defs.assets.realism import realism_assets
from migraine_platform.defs.assets.report import report_assets
from migraine_platform.defs.assets.twins import twins_assets
from migraine_platform.defs.assets.warehouse import warehouse_assets
from migraine_platform.defs.automation import (
    LATE_OBSERVATIONS,
    NIGHTLY,
    WEEKLY,
    evaluation_job,
    nightly_job,
    nightly_schedule,
    platform_job,
    weekly_schedules,
)
from migraine_platform.defs.checks.audits import platform_checks
from migraine_platform.defs.context import night_of, patient_batches
from migraine_platform.defs.freshness import with_freshness
from migraine_platform.defs.health import health_definitions
from migraine_platform.defs.runs.dead_runs import dead_runs_sensor
from migraine_platform.defs.runs.executors import exclusive_executor
from migraine_platform.defs.runs.logging import console_lines
from migraine_platform.defs.sensors.inbox import inbox_sensor, ingest_job
from migraine_platform.defs.sensors.retraining import retraining_jobs, retraining_sensors
from migraine_platform.operations.clock import at, tonight
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import Places


def build_defs(settings: Settings) -> dg.Definitions:
    """The code location for these settings; loads no numerical library."""
    batches = patient_batches(settings)
    owner = settings.platform.owner
    places = Places.of(settings.platform)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill policies: pinned, and covered by tests
        assets = [
            *priors_assets(owner),
            *cohort_assets(owner, batches),
            *ingest_assets(owner, batches),
            *realism_assets(owner),
            *aline_assets(owner, batches),
            *twins_assets(owner, batches),
            *evaluation_assets(owner),
            *report_assets(owner),
            *exports_assets(owner),
            *warehouse_assets(owner),
        ]
        assets = with_freshness(assets, settings, NIGHTLY, WEEKLY)
        checks, retrain, ingest = platform_checks(), retraining_jobs(settings), ingest_job(settings, LATE_OBSERVATIONS)
        jobs = [platform_job(settings), nightly_job(settings), evaluation_job(settings), ingest, *retrain]
        schedules = [nightly_schedule(settings), *weekly_schedules(settings)]
        sensors = [
            dead_runs_sensor(),
            inbox_sensor(settings, ingest),
            *retraining_sensors(settings, retrain),
        ]
        automation = {
            **{one.name: one.default_status == dg.DefaultScheduleStatus.RUNNING for one in schedules},
            **{one.name: one.default_status == dg.DefaultSensorStatus.RUNNING for one in sensors},
        }
        health = health_definitions(settings, assets, checks, [job.name for job in jobs], automation)
        return dg.Definitions(
            assets=[*assets, health.asset],
            asset_checks=checks,
            jobs=[*jobs, health.job],
            schedules=[*schedules, health.schedule],
            sensors=[*health.sensors, *sensors],
            executor=exclusive_executor(settings.platform.executor, places),
            loggers={"console": console_lines},
            resources={"settings": _of_the_night(settings, places), "places": places, "lake": Lake(places.lake_url)},
        )


def _of_the_night(settings: Settings, places: Places) -> dg.ResourceDefinition:
    """The settings of a cohort that has lived as long as the run's night says; else, as long as it has so far."""

    @dg.resource
    def tonights(context: dg.InitResourceContext) -> Settings:
        tags = context.run.tags if context.run else {}
        return at(settings, tonight(places, settings, night_of(tags)))

    return tonights
