"""Jobs and schedules: what runs as a whole, and when."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from migraine_platform.config import Settings
from migraine_platform.defs.context import all_batches_tags

PLATFORM_JOB = "platform"


def platform_job(settings: Settings) -> UnresolvedAssetJobDefinition:
    """Everything, from the workbook to the published warehouse, all batches in one run."""
    return dg.define_asset_job(
        PLATFORM_JOB,
        selection=dg.AssetSelection.all(),
        description="From the clinician's workbook to the published warehouse, all patient batches in one run.",
        tags=all_batches_tags(settings),
    )


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The platform job every night, in the configured time zone.

    One run for all batches: a run a batch would spend the night starting processes. The run key is the night, so that
    a restarted daemon does not run it twice.
    """

    @dg.schedule(
        name="nightly",
        job_name=PLATFORM_JOB,
        cron_schedule=settings.platform.nightly_cron,
        execution_timezone=settings.platform.time_zone,
        description="Regenerates the cohort and publishes the warehouse.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        night = context.scheduled_execution_time.date().isoformat()
        return dg.RunRequest(run_key=f"nightly:{night}", tags={**all_batches_tags(settings), "night": night})

    return nightly
