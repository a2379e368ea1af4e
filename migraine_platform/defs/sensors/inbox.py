"""The sensor that looks into the inbox, and the job that it asks for.

It moves nothing and reads a bounded number of bytes a look. The run key names what waits: a look that sees the same
files again asks for the same run, which Dagster starts once. While a run waits or works, none is asked for: a night's
long run would else be followed by one run for every file that came meanwhile. What comes while a run works is seen at
the next look after it.
"""

import time

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from migraine_platform.config import Settings
from migraine_platform.defs.context import all_batches_tags
from migraine_platform.warehouse.lake.places import Places

INGEST_JOB = "ingest_observations"
UNDER_WAY = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)


def ingest_job(settings: Settings, selection: dg.AssetSelection) -> UnresolvedAssetJobDefinition:
    """Take what waits in the inbox, and make what depends on it, all batches in one run."""
    return dg.define_asset_job(
        INGEST_JOB,
        selection=selection,
        description="Takes the files in the inbox, and makes again what depends on them.",
        tags=all_batches_tags(settings),
    )


def inbox_sensor(settings: Settings, job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    """Asks for a run when files wait that are no longer being written."""
    folder = Places.of(settings.platform).inbox

    @dg.sensor(
        name="new_observations",
        job=job,
        description="Looks for new files with observations in the inbox.",
    )
    def new_observations(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from migraine_platform.ingest.inbox import fingerprint, waiting

        found = waiting(folder, settings.ingest, time.time())
        left = ", ".join(found.reported())
        if not found.ready:
            return dg.SkipReason(left or "the inbox is empty")
        if context.instance.get_runs_count(dg.RunsFilter(job_name=INGEST_JOB, statuses=UNDER_WAY)):
            return dg.SkipReason(f"{_files(len(found.ready))} ready, and a run is under way")
        key = fingerprint(found.ready, settings.ingest)
        if key is None:
            return dg.SkipReason("the files were taken away meanwhile")
        context.log.info(f"{_files(len(found.ready))} ready" + (f", {left}" if left else ""))
        return dg.RunRequest(run_key=f"inbox:{key}")

    return new_observations


def _files(count: int) -> str:
    return "1 file is" if count == 1 else f"{count} files are"
