"""Sensors that ask for retraining: they read what the warning checks found, and ask for runs of exactly those batches.

A batch is left alone while a run of its retraining waits or works, while its challengers are on trial, and for some
days after its last request; the tick says which of these held. Run keys name the evaluation that asked, so that the
same finding never asks twice. Belongs here: who is asked for, and when. Does not: what a retraining is
(twin/updating/trials.py).
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from migraine_platform.config import Settings
from migraine_platform.defs.assets.evaluated import JUDGES_A_POPULATION
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.checks.drift import OPEN, SEEN
from migraine_platform.defs.context import PARTITION_TAG, RETRAIN_TAG, all_batches_tags
from migraine_platform.defs.observed import COMPLETED
from migraine_platform.defs.sensors.inbox import UNDER_WAY
from migraine_platform.operations.clock import tonight
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places

RETRAIN_JOB, RELEARN_JOB = "retrain_twins", "relearn_population"
ALINE_JOB, ALINE_CHECK_JOB = "retrain_aline", "look_at_aline"
EVALUATIONS_READ = 50
"""Of each check, at most, in a tick."""

TICK_SECONDS = 60


def retraining_jobs(settings: Settings) -> list[UnresolvedAssetJobDefinition]:
    """Runs that sensors ask for."""
    together = [
        dg.AssetCheckKey(dg.AssetKey("predictions"), name) for name in (tables.TRUE_PROBABILITIES, tables.COVERS)
    ]
    twins = dg.AssetSelection.assets(*SAID) - dg.AssetSelection.checks(*together)  # one batch alone is too few for them
    population = dg.AssetSelection.assets("twin_population", "drift_thresholds")
    judged = dg.AssetSelection.assets(*JUDGES_A_POPULATION)
    aline = dg.AssetSelection.assets("training_run", "checkpoint", "question_policy")
    fresh = dg.AssetSelection.checks(dg.AssetCheckKey(dg.AssetKey("checkpoint"), tables.HOLDS_ON_FRESH))
    everybody = all_batches_tags(settings)
    return [
        dg.define_asset_job(RETRAIN_JOB, twins, description="Challengers of one batch's twins, put on trial."),
        dg.define_asset_job(
            RELEARN_JOB, population | twins | judged, tags=everybody,
            description="The population learned anew and evaluated, and challengers of all twins.",
        ),
        dg.define_asset_job(ALINE_JOB, aline - fresh, description="ALINE trained anew.", tags=everybody),
        dg.define_asset_job(ALINE_CHECK_JOB, fresh, description="ALINE held against fresh patients."),
    ]  # fmt: skip


def retraining_sensors(settings: Settings, jobs: Sequence[UnresolvedAssetJobDefinition]) -> list[dg.SensorDefinition]:
    """Who asks for them."""
    by_name = {job.name: job for job in jobs}
    return [_twins_sensor(settings, [by_name[RETRAIN_JOB], by_name[RELEARN_JOB]]), _aline_sensor(by_name[ALINE_JOB])]


def _twins_sensor(settings: Settings, jobs: list[UnresolvedAssetJobDefinition]) -> dg.SensorDefinition:
    @dg.sensor(
        name="retrain_twins_that_need_it",
        jobs=jobs,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=TICK_SECONDS,
        description="Asks for challengers of batches whose patients changed, or whose twins are old or often adapted.",
    )
    def retrain_twins_that_need_it(
        context: dg.SensorEvaluationContext, places: dg.ResourceParam[Places], lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult:
        drifted = open_findings(context.instance, dg.AssetCheckKey(dg.AssetKey("drift"), tables.NO_DRIFT))
        due = open_findings(context.instance, dg.AssetCheckKey(dg.AssetKey("twins"), tables.NOT_DUE))
        today = tonight(places, settings, None).last_date
        held, asked = [], []
        names = settings.simulator.cohort.batch_names
        alone = {name: _in_flight(context.instance, name) or held_back(lake, name, today, settings) for name in names}
        if set(due) == set(names) and not any(alone.values()):
            run = next(iter(due.values())).run_id
            why = f"every batch is due: {due[names[0]].reason}"
            return dg.SensorResult([_request(settings, RELEARN_JOB, f"relearn:{run}", why)])
        for batch in sorted({*drifted, *due}):
            found = [one for one in (drifted.get(batch), due.get(batch)) if one]
            why = "; ".join(one.reason for one in found)
            if reason := alone.get(batch):
                held.append(f"{batch}: {reason}")
                continue
            asked.append(_request(settings, RETRAIN_JOB, f"retrain:{batch}:{found[0].run_id}", why, batch))
            context.log.info(f"{batch}: asked for challengers, because of {why}")
        if asked:
            return dg.SensorResult(asked)
        return dg.SensorResult(skip_reason="; ".join(held) or "nobody changed, and no twins are due")

    return retrain_twins_that_need_it


class BatchFinding(NamedTuple):
    """What an evaluation found of one batch."""

    reason: str
    run_id: str


def open_findings(instance: dg.DagsterInstance, check: dg.AssetCheckKey) -> dict[str, BatchFinding]:
    """Batches of which a check's newest evaluation that looked at them found something.

    The storage's execution history is the one place that knows runs of ranges and of single partitions alike.
    """
    seen: dict[str, BatchFinding | None] = {}
    history = instance.event_log_storage.get_asset_check_execution_history(
        check, limit=EVALUATIONS_READ, status=COMPLETED
    )
    for record in history:
        event = record.event.dagster_event if record.event else None
        if event is None:
            continue
        metadata = event.asset_check_evaluation_data.metadata
        found, looked_at = metadata[OPEN].value, metadata[SEEN].value
        for batch in looked_at if isinstance(looked_at, list) else []:
            reason = found.get(batch) if isinstance(found, dict) else None
            seen.setdefault(str(batch), BatchFinding(str(reason), record.run_id) if reason else None)
    return {batch: finding for batch, finding in seen.items() if finding}


def held_back(lake: Lake, batch: str, today: date, settings: Settings) -> str | None:
    """Why a batch is left alone for now."""
    import polars as pl

    if not lake.missing(tables.Challengers, [batch]):
        born = lake.read(tables.Challengers, [batch], ["born_on"])["born_on"]
        if len(born):
            return f"challengers are on trial since {born[0]}"
    if lake.missing(tables.Retrainings, [batch]):
        return None
    last = lake.read(tables.Retrainings, [batch]).filter(pl.col("decision") == "on trial")["requested_on"].max()
    wait = settings.twin.retraining.cooldown_days
    if isinstance(last, date) and (today - last).days < wait:
        return f"was asked for on {last}, less than {wait} days ago"
    return None


def _in_flight(instance: dg.DagsterInstance, batch: str) -> str | None:
    filters = dg.RunsFilter(job_name=RETRAIN_JOB, statuses=UNDER_WAY, tags={PARTITION_TAG: batch})
    if instance.get_runs_count(filters):
        return "a run is under way"
    return "the population is being learned anew" if _busy(instance, RELEARN_JOB) else None


def _busy(instance: dg.DagsterInstance, job: str) -> bool:
    return instance.get_runs_count(dg.RunsFilter(job_name=job, statuses=UNDER_WAY)) > 0


def _request(settings: Settings, job: str, key: str, why: str, batch: str | None = None) -> dg.RunRequest:
    tags = {RETRAIN_TAG: why} | ({} if batch else all_batches_tags(settings))
    return dg.RunRequest(run_key=key, job_name=job, partition_key=batch, tags=tags)


def _aline_sensor(job: UnresolvedAssetJobDefinition) -> dg.SensorDefinition:
    @dg.sensor(
        name="retrain_aline_that_misses",
        job=job,
        minimum_interval_seconds=TICK_SECONDS,
        description="Asks for ALINE to be trained anew, from another start, when its intervals miss on fresh patients.",
    )
    def retrain_aline_that_misses(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        found = open_findings(context.instance, dg.AssetCheckKey(dg.AssetKey("checkpoint"), tables.HOLDS_ON_FRESH))
        if not found:
            return dg.SkipReason("its intervals hold on fresh patients, or nobody has looked")
        if _busy(context.instance, ALINE_JOB):
            return dg.SkipReason("a run is under way")
        finding = found[WHOLE]
        seed = int(finding.run_id[:6], 16)  # another start each time, the same for the same finding
        config = dg.RunConfig(ops={"training_run": {"config": {"seed": seed}}})
        return dg.RunRequest(run_key=f"aline:{finding.run_id}", run_config=config, tags={RETRAIN_TAG: finding.reason})

    return retrain_aline_that_misses
