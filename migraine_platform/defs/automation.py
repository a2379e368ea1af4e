"""Jobs and schedules: what runs as a whole, and when."""

from datetime import date

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from migraine_platform.config import Settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.assets.evaluated import EVALUATION
from migraine_platform.defs.assets.evaluated import GROUP as EVALUATION_GROUP
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.context import AHEAD_TAG, NIGHT_TAG, all_batches_tags
from migraine_platform.defs.sensors.retraining import ALINE_CHECK_JOB
from migraine_platform.warehouse import tables

PLATFORM_JOB, NIGHTLY_JOB, EVALUATION_JOB = "platform", "night", "evaluation"

NIGHTLY = {
    "calendar", "site_days", *SIMULATED, "observations", "recorded_days", "question_policy", *SAID, "realism",
    "synthetic_migraine", "warehouse",
}  # fmt: skip
"""Assets that a night brings a day further."""

WEEKLY = {*EVALUATION, "report"}
"""Assets that are made anew every week: every model on the days that have come."""

LATE_OBSERVATIONS = dg.AssetSelection.assets("observations", "recorded_days", "question_policy", *SAID, "warehouse")
"""What observations from outside change."""

WEEKLY_CRON, EVALUATION_CRON = "0 5 * * 0", "30 5 * * 0"
"""When ALINE is held against fresh patients; when everything is evaluated anew."""


def platform_job(settings: Settings) -> UnresolvedAssetJobDefinition:
    """Everything, from the workbook to the published warehouse, all batches in one run."""
    fresh = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("checkpoint"), tables.HOLDS_ON_FRESH))
    return dg.define_asset_job(
        PLATFORM_JOB,
        selection=dg.AssetSelection.all() - dg.AssetSelection.groups("operations") - fresh,
        description="From the clinician's workbook to the published warehouse, all patient batches in one run.",
        tags=all_batches_tags(settings),
    )


def nightly_job(settings: Settings) -> UnresolvedAssetJobDefinition:
    """What a night brings a day further, all batches in one run."""
    return dg.define_asset_job(
        NIGHTLY_JOB,
        selection=dg.AssetSelection.assets(*sorted(NIGHTLY)),
        description="The cohort a day older: its days, its twins, their forecasts, the warehouse.",
        tags=all_batches_tags(settings),
    )


def evaluation_job(settings: Settings) -> UnresolvedAssetJobDefinition:
    """Every model evaluated anew, on the days that have come since."""
    return dg.define_asset_job(
        EVALUATION_JOB,
        selection=dg.AssetSelection.groups(EVALUATION_GROUP) | dg.AssetSelection.assets("warehouse"),
        description="All models held against the days that came; the report, the gates, the warehouse.",
        tags=all_batches_tags(settings),
    )


def nightly_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """The night's job, in the configured time zone.

    One run for all batches: a run a batch would spend the night starting processes. The run key is the night, so that
    a restarted daemon does not run it twice; the night's tag says how many days have passed, so that a missed week is
    caught up in one run.
    """

    @dg.schedule(
        name="nightly",
        job_name=NIGHTLY_JOB,
        cron_schedule=settings.platform.nightly_cron,
        execution_timezone=settings.platform.time_zone,
        description="Lives the days that have passed, and publishes the warehouse.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        night = context.scheduled_execution_time.date()
        return dg.RunRequest(run_key=f"nightly:{night}", tags=night_tags(settings, night))

    return nightly


def night_tags(settings: Settings, night: date, ahead: bool = False) -> dict[str, str]:
    """Run tags of a night.

    Args:
        ahead: it may be later than today, or many nights after the last one.
    """
    meant = {AHEAD_TAG: "yes"} if ahead else {}
    return {**all_batches_tags(settings), NIGHT_TAG: night.isoformat(), **meant}


def weekly_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """ALINE held against fresh patients, and everything evaluated, once a week."""
    looks = dg.ScheduleDefinition(
        name="weekly",
        job_name=ALINE_CHECK_JOB,
        cron_schedule=WEEKLY_CRON,
        execution_timezone=settings.platform.time_zone,
        description="Holds ALINE's stated uncertainty against patients that nobody has seen.",
    )
    evaluates = dg.ScheduleDefinition(
        name="weekly_evaluation",
        job_name=EVALUATION_JOB,
        cron_schedule=EVALUATION_CRON,
        execution_timezone=settings.platform.time_zone,
        description="Holds every model against the days that came, and writes the report.",
    )
    return [looks, evaluates]
