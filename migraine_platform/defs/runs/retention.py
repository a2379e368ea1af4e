"""What Dagster remembers of runs of long ago is forgotten: 2 to 3 MB a night would fill a disk within some years.

What says the newest of something stays: the last runs of each job, and every run that made an asset last, so that the
UI and the health page lose nothing that they show. Belongs here: which runs, and their records. Does not: the lake,
the twins' audit trail, or anything else that a run has made.
"""

import shutil
from collections.abc import Collection
from datetime import datetime, timedelta

import dagster as dg

from migraine_platform.warehouse.lake.places import Places

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
MOST_AT_ONCE = 200
"""Runs that are forgotten at one time, so that nobody waits for it long."""


def forget_old_runs(
    instance: dg.DagsterInstance, places: Places, jobs: Collection[str], keep_days: int, keep_runs: int, now: datetime
) -> int:
    """Delete the records of runs that ended long ago.

    Args:
        jobs: names of the jobs, of each of which the last runs stay.
        keep_days: age from which on a run is old.
        keep_runs: how many of each job stay however old they are.

    Returns:
        How many were forgotten.
    """
    old = instance.get_run_records(
        dg.RunsFilter(statuses=ENDED, updated_before=now - timedelta(days=keep_days)),
        limit=MOST_AT_ONCE,
        ascending=True,
    )
    if not old:
        return 0
    stay = _newest(instance, jobs, keep_runs)
    forgotten = [record.dagster_run.run_id for record in old if record.dagster_run.run_id not in stay]
    for run_id in forgotten:
        instance.delete_run(run_id)
        for left in places.records_of(run_id):
            left.unlink(missing_ok=True) if left.is_file() else shutil.rmtree(left, ignore_errors=True)
    return len(forgotten)


def _newest(instance: dg.DagsterInstance, jobs: Collection[str], keep_runs: int) -> set[str]:
    """Runs that say the newest of a job or an asset."""
    last = {
        record.dagster_run.run_id
        for job in jobs
        for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=keep_runs)
    }
    entries = [record.asset_entry for record in instance.get_asset_records()]
    return last | {entry.last_run_id for entry in entries if entry.last_run_id}
