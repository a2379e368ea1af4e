"""The health page and who is told: an asset, its job, two sensors and a schedule.

A failed check leaves its run green, a night that never ran has no failed run, and nobody reads logs: each of these once
hid a platform that was not well. So the page gathers them; it is made after every run that ends, and once a day even if
none did; and people are told when a run fails, or when the daily page finds the platform not well.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from migraine_platform.config import Settings
from migraine_platform.defs.observed import Watched, assets_of, failed_steps, failing_checks, runs_of, switched_off
from migraine_platform.defs.runs.executors import exclusive_executor
from migraine_platform.defs.runs.retention import forget_old_runs
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    from migraine_platform.operations.facts import PlatformFacts
    from migraine_platform.operations.health import HealthVerdict
    from migraine_platform.operations.notify import Message

GROUP = "operations"
HEALTH_ASSET = "health_report"
HEALTH_JOB = "health"
PAGE = "health.html"
FACTS = "health.json"
WAITING = [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING]


class HealthConfig(dg.Config):
    """Whether people are told if the platform is not well; the daily page does, one after a run does not."""

    tell: bool = False


@dataclass(frozen=True)
class Health:
    """The definitions of the stage."""

    asset: dg.AssetsDefinition
    job: UnresolvedAssetJobDefinition
    sensors: tuple[dg.SensorDefinition, ...]
    schedule: dg.ScheduleDefinition


def health_definitions(
    settings: Settings,
    assets: Sequence[dg.AssetsDefinition],
    checks: Sequence[dg.AssetChecksDefinition],
    jobs: Sequence[str],
    automation: Mapping[str, bool],
) -> Health:
    """The health page of these assets, checks and jobs, and what makes it.

    Args:
        assets: with their freshness policies.
        jobs: names of the jobs whose runs are shown.
        automation: schedules and sensors, and whether they are on by default.
    """
    own = {"daily_health": False, "tell_of_failures": True, "renew_health_page": True}
    watched = Watched.of(assets, checks, jobs, settings.simulator.cohort.batch_names, {**automation, **own})
    job = dg.define_asset_job(
        HEALTH_JOB,
        selection=dg.AssetSelection.assets(HEALTH_ASSET),
        description="Makes the health page alone.",
        executor_def=exclusive_executor(
            "in_process", Places.of(settings.platform), alone=False
        ),  # nothing waits for it
    )
    return Health(
        asset=_health_report(settings.platform.owner, watched),
        job=job,
        sensors=(_tell_of_failures(settings, job), _renew_page(job)),
        schedule=_daily_page(settings, job),
    )


def _health_report(owner: str, watched: Watched) -> dg.AssetsDefinition:
    @dg.asset(name=HEALTH_ASSET, group_name=GROUP, owners=[owner], kinds={"html", "json"})
    def health_report(
        context: dg.AssetExecutionContext,
        config: HealthConfig,
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """Whether the platform is well, and why not: runs, checks that do not pass, freshness, warehouse, disk."""
        from migraine_platform.operations.health import verdict_on
        from migraine_platform.operations.page import render
        from migraine_platform.operations.words import as_json, summary
        from migraine_platform.warehouse.lake.places import replace_file

        zone = settings.platform.time_zone
        facts = gather(context.instance, watched, settings, places)
        verdict = verdict_on(facts, settings.operations)
        replace_file(places.report(PAGE), render(facts, verdict, zone).encode())
        replace_file(places.report(FACTS), as_json(facts, verdict))
        recipients = _tell(_of_verdict(verdict, places), settings, context.log.warning) if config.tell else []
        kept = settings.operations
        forgotten = forget_old_runs(
            context.instance, places, watched.jobs, kept.runs_kept_days, kept.runs_shown, facts.made_at
        )
        return dg.MaterializeResult(
            metadata={
                "verdict": verdict.word,
                "summary": dg.MetadataValue.md(summary(facts, verdict, zone)),
                "page": dg.MetadataValue.path(places.report(PAGE)),
                "told": ", ".join(recipients) or "nobody",
                "old runs forgotten": forgotten,
            }
        )

    return health_report


def gather(instance: dg.DagsterInstance, watched: Watched, settings: Settings, places: Places) -> "PlatformFacts":
    """Everything that the verdict rests on, as it is now."""
    from migraine_platform.operations.facts import PlatformFacts
    from migraine_platform.operations.storage import disk_of, folders_of, warehouse_of

    now, operations = datetime.now(UTC), settings.operations
    return PlatformFacts(
        made_at=now,
        runs=runs_of(instance, watched, operations),
        failing_checks=failing_checks(instance, watched, operations),
        checks=len(watched.checks),
        assets=assets_of(instance, watched, now),
        warehouse=warehouse_of(places),
        disk=disk_of(places),
        folders=folders_of(places, operations.files_counted),
        off=switched_off(instance, watched),
    )


def _tell_of_failures(settings: Settings, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Every code location is watched, because a run from a terminal belongs to none, and would fail unheard."""
    places = Places.of(settings.platform)

    @dg.run_failure_sensor(
        name="tell_of_failures",
        request_job=job,
        monitor_all_code_locations=True,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells people of a failed run by webhook and mail, where configured, and renews the health page.",
    )
    def tell_of_failures(context: dg.RunFailureSensorContext) -> dg.RunRequest | dg.SkipReason:
        run = context.dagster_run
        if run.job_name == HEALTH_JOB:
            return dg.SkipReason("the health page itself failed; its page would not say so")
        _tell(_of_failure(context.instance, run, places), settings, context.log.warning)
        return _page_after(context.instance, run)

    return tell_of_failures


def _renew_page(job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Without it the page would say "failed" until the next morning, though somebody mended it meanwhile."""

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="renew_health_page",
        request_job=job,
        monitor_all_code_locations=True,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Renews the health page after every run that succeeded.",
    )
    def renew_health_page(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        if context.dagster_run.job_name == HEALTH_JOB:
            return dg.SkipReason("the health page does not follow itself")
        return _page_after(context.instance, context.dagster_run)

    return renew_health_page


def _page_after(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.RunRequest | dg.SkipReason:
    """One run of the health job, unless one waits already: it will see this run too."""
    if instance.get_run_records(dg.RunsFilter(job_name=HEALTH_JOB, statuses=WAITING), limit=1):
        return dg.SkipReason("a run of the health job is waiting already")
    return dg.RunRequest(run_key=f"{HEALTH_JOB}:{run.run_id}", tags={"after_run": run.run_id})


def _daily_page(settings: Settings, job: UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """A night that never ran has no failed run to tell of: the daily page finds what is stale, and tells."""

    @dg.schedule(
        name="daily_health",
        job=job,
        cron_schedule=settings.operations.report_cron,
        execution_timezone=settings.platform.time_zone,
        description="Makes the health page every day, and tells people if the platform is not well.",
    )
    def daily_health(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        moment = context.scheduled_execution_time.isoformat()
        config = dg.RunConfig(ops={HEALTH_ASSET: HealthConfig(tell=True)})
        return dg.RunRequest(run_key=f"{HEALTH_JOB}:{moment}", run_config=config)

    return daily_health


def _tell(message: "Message | None", settings: Settings, log: Callable[[str], None]) -> list[str]:
    from migraine_platform.operations.notify import NoticeChannels, tell

    if message is None:
        return []
    return tell(message, NoticeChannels.of(os.environ), settings.operations.timeout_seconds, log)


def _of_failure(instance: dg.DagsterInstance, run: dg.DagsterRun, places: Places) -> "Message":
    from migraine_platform.operations.notify import Message

    steps = failed_steps(instance, run.run_id)
    reasons = "\n".join(f"- {step.step}: {step.reason}" for step in steps) or "- no step says why; see the run's log"
    text = f"Job {run.job_name}, run {run.run_id}\n{reasons}\nThe health page: {places.report(PAGE)}"
    return Message(f"Migraine platform: {run.job_name} failed", text)


def _of_verdict(verdict: "HealthVerdict", places: Places) -> "Message | None":
    """What the daily page tells; nothing if the platform is well."""
    from migraine_platform.operations.notify import Message

    if verdict.word == "well":
        return None
    reasons = "\n".join(f"- {reason.word}: {reason.text}" for reason in verdict.reasons)
    return Message(f"Migraine platform: {verdict.word}", f"{reasons}\nThe health page: {places.report(PAGE)}")
