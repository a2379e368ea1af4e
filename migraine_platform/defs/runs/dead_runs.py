"""Runs whose process is gone: killed, or the machine went down. Dagster calls them "started" for ever.

With one run at a time, everything queued behind such a run, and nobody was told. Each run carries the process that
executes it; whoever comes next, a command, the UI's start or the daemon's sensor, looks whether that still lives, and
marks the run failed if not, which tells people as any failure does.
"""

import dagster as dg

from migraine_platform.defs.runs.executors import PROCESS_TAG
from migraine_platform.operations.run_lock import is_gone

UNFINISHED = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
GONE = "its process is gone: it was killed, or the machine went down; run it again"
LOOK_SECONDS = 60


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs failed whose process is gone, or cancelled if they were being cancelled.

    Returns:
        Their jobs.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        process = run.tags.get(PROCESS_TAG)
        if process is None or process == _of_parent(instance, run) or not is_gone(process):
            continue
        if run.status == dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, message=GONE)
        else:
            instance.report_run_failed(run, message=GONE)
        ended.append(run.job_name)
    return ended


def _of_parent(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """The process of the run that this one was made of, whose tags it has until it begins to execute."""
    parent = instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    return parent.tags.get(PROCESS_TAG) if parent is not None else None


def dead_runs_sensor() -> dg.SensorDefinition:
    """Looks every minute, so that what is queued goes on."""

    @dg.sensor(
        name="end_dead_runs",
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks runs failed whose process is gone, so that others can go on and people are told.",
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        ended = end_dead_runs(context.instance)
        return dg.SkipReason(f"marked as failed: {', '.join(ended)}" if ended else "every started run has its process")

    return dead_runs
