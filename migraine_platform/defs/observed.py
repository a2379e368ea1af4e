"""What Dagster's instance knows of runs, checks and assets, as facts: every query is bounded.

Belongs here: reading the instance, and what of it may be told. From a check's evaluation are taken its name, asset,
partition, severity, whether it passed and its description; never its metadata, which may hold patients. From a failed
step: a user's own sentence, or of any other error its kind and its first line without whatever holds a digit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.events import DagsterEvent, JobFailureData
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from migraine_platform.config.operations import Operations
from migraine_platform.defs.context import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from migraine_platform.defs.freshness import in_words, state
from migraine_platform.operations.facts import AssetFact, CheckFact, FailedStep, RunFact, RunStatus
from migraine_platform.operations.masking import sentence, without_values

BLOCKED_BY_CHECK = "DagsterAssetCheckFailedError"
"""What a blocking check's step fails with; the check itself has said why already."""

CHOSEN_ASSETS_JOB = "__ASSET_JOB"
"""Dagster's job of assets that a person or a condition chose."""

COMPLETED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}
STATUSES: dict[dg.DagsterRunStatus, RunStatus] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "cancelled",
    dg.DagsterRunStatus.STARTED: "running",
    dg.DagsterRunStatus.CANCELING: "running",
}
MOST_FAILURES = 20
"""Failed steps of a run that are read."""


@dataclass(frozen=True)
class Watched:
    """What the health page is about, as the code location defines it."""

    policies: dict[str, dg.FreshnessPolicy | None]
    groups: dict[str, str]
    checks: tuple[dg.AssetCheckKey, ...]
    automation: dict[str, bool]
    """Schedules and sensors, and whether they are on unless somebody switched them."""
    jobs: tuple[str, ...]
    batches: tuple[str, ...]

    @classmethod
    def of(
        cls,
        assets: Sequence[dg.AssetsDefinition],
        checks: Sequence[dg.AssetChecksDefinition],
        jobs: Sequence[str],
        batches: Sequence[str],
        automation: Mapping[str, bool],
    ) -> "Watched":
        """Everything in these definitions, and the runs of these jobs and of chosen assets."""
        specs = [spec for definition in assets for spec in definition.specs]
        return cls(
            policies={spec.key.to_user_string(): spec.freshness_policy for spec in specs},
            groups={spec.key.to_user_string(): spec.group_name or "" for spec in specs},
            checks=tuple(key for definition in checks for key in definition.check_keys),
            automation=dict(automation),
            jobs=(*jobs, CHOSEN_ASSETS_JOB),
            batches=tuple(batches),
        )


def runs_of(instance: dg.DagsterInstance, watched: Watched, operations: Operations) -> tuple[RunFact, ...]:
    """The last runs of each job, the newest first."""
    return tuple(
        _run_fact(instance, record)
        for job in watched.jobs
        for record in instance.get_run_records(dg.RunsFilter(job_name=job), limit=operations.runs_shown)
    )


def failed_steps(instance: dg.DagsterInstance, run_id: str) -> tuple[FailedStep, ...]:
    """Why a run failed: its steps in one sentence each; what blocked it, check by check; or how the run itself died."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    steps = [FailedStep(step, reason) for event in _events(instance, run_id, kinds) for step, reason in _reasons(event)]
    checks = [
        FailedStep(evaluation.asset_key.to_user_string(), _blocked_by(evaluation.check_name, evaluation.description))
        for event in _events(instance, run_id, {dg.DagsterEventType.ASSET_CHECK_EVALUATION})
        if not (evaluation := event.asset_check_evaluation_data).passed
        and evaluation.severity == dg.AssetCheckSeverity.ERROR
    ]
    return (*checks, *steps)


def failing_checks(instance: dg.DagsterInstance, watched: Watched, operations: Operations) -> tuple[CheckFact, ...]:
    """Every check whose latest evaluation did not pass, on everything or on a selection that none settled since."""
    histories = {key: _history(instance, key, operations.evaluations_read) for key in watched.checks}
    failing = [record for found in histories.values() for record in found if not _passed(record)]
    tags = _tags(instance, {record.run_id for found in histories.values() for record in found} if failing else set())
    limit = operations.evaluations_read
    return tuple(
        fact for found in histories.values() for fact in _open(found, tags, watched.batches, len(found) == limit)
    )


def assets_of(instance: dg.DagsterInstance, watched: Watched, now: datetime) -> tuple[AssetFact, ...]:
    """When each asset was last made, any partition of it, and whether that is fresh enough."""
    records = instance.get_asset_records([dg.AssetKey.from_user_string(name) for name in watched.policies])
    entries = {record.asset_entry.asset_key.to_user_string(): record.asset_entry for record in records}
    facts = []
    for name, policy in watched.policies.items():
        event = entries[name].last_materialization if name in entries else None
        made_at = _moment(event.timestamp) if event else None
        facts.append(AssetFact(name, watched.groups[name], made_at, state(policy, made_at, now), in_words(policy)))
    return tuple(facts)


def switched_off(instance: dg.DagsterInstance, watched: Watched) -> tuple[str, ...]:
    """Schedules and sensors that do not run by themselves, as somebody switched them, else by default."""
    on = dict(watched.automation)
    for found in instance.all_instigator_state():
        if found.instigator_name in on and found.status.value in ("RUNNING", "STOPPED"):
            on[found.instigator_name] = found.status.value == "RUNNING"
    return tuple(sorted(name for name, running in on.items() if not running))


def _run_fact(instance: dg.DagsterInstance, record: dg.RunRecord) -> RunFact:
    run = record.dagster_run
    return RunFact(
        job="chosen assets" if run.job_name == CHOSEN_ASSETS_JOB else run.job_name,
        run_id=run.run_id,
        status=STATUSES.get(run.status, "waiting"),
        started_at=_moment(record.start_time),
        ended_at=_moment(record.end_time),
        failed=failed_steps(instance, run.run_id) if run.status == dg.DagsterRunStatus.FAILURE else (),
        assets=tuple(sorted(key.to_user_string() for key in run.asset_selection or ())),
    )


def _events(instance: dg.DagsterInstance, run_id: str, kinds: set[dg.DagsterEventType]) -> list[DagsterEvent]:
    records = instance.get_records_for_run(run_id, of_type=kinds, limit=MOST_FAILURES, ascending=False).records
    found = [record.event_log_entry.dagster_event for record in reversed(records)]
    return [event for event in found if event is not None]


def _reasons(event: DagsterEvent) -> list[tuple[str, str]]:
    """Step and reason; nothing where something else says it already."""
    if not event.is_step_failure:
        data = event.event_specific_data
        reported = isinstance(data, JobFailureData) and data.first_step_failure_event is not None
        return [] if reported else [("the run itself", sentence(without_values(event.message or "it ended")))]
    failure = event.step_failure_data
    error = failure.error
    if error and error.cls_name == BLOCKED_BY_CHECK:
        return []
    step = event.step_key or event.job_name
    if failure.user_failure_data and failure.user_failure_data.description:
        return [(step, sentence(failure.user_failure_data.description))]
    error = error.cause if error and error.cause else error
    kind = (error.cls_name if error else None) or "Error"
    text = error.message.strip().split(f"{kind}: ", 1)[-1] if error else ""
    return [(step, f"{kind}: {sentence(without_values(text.splitlines()[0] if text else '')) or 'no more is known'}")]


def _blocked_by(check: str, description: str | None) -> str:
    return f"check {check} does not pass{f': {sentence(description)}' if description else ''}"


def _history(instance: dg.DagsterInstance, key: dg.AssetCheckKey, limit: int) -> Sequence[AssetCheckExecutionRecord]:
    """The last completed evaluations of a check, the newest first: planned ones that never came are passed over."""
    return instance.event_log_storage.get_asset_check_execution_history(key, limit=limit, status=COMPLETED)


def _passed(record: AssetCheckExecutionRecord) -> bool:
    """Whether it passed: the record's status, not the severity, says so."""
    return record.status == AssetCheckExecutionRecordStatus.SUCCEEDED


def _tags(instance: dg.DagsterInstance, run_ids: set[str]) -> dict[str, dict[str, str]]:
    """The tags of some runs; a run that was deleted has none."""
    if not run_ids:
        return {}
    records = instance.get_run_records(dg.RunsFilter(run_ids=sorted(run_ids)), limit=len(run_ids))
    return {record.dagster_run.run_id: dict(record.dagster_run.tags) for record in records}


def _open(
    found: Iterable[AssetCheckExecutionRecord], tags: dict[str, dict[str, str]], batches: Sequence[str], cut: bool
) -> list[CheckFact]:
    """What of a check's history is still failing: by selection, the newest evaluations back to one that passed.

    A run on one batch must not hide that another batch failed before; a run on everything settles all before it.

    Args:
        found: evaluations, the newest first.
        cut: whether there may be older ones.
    """
    streaks: dict[str | None, list[AssetCheckExecutionRecord]] = {}
    ended: set[str | None] = set()
    whole_judged = False
    for record in found:
        selection = _selection(record, tags.get(record.run_id, {}), batches)
        if selection in ended or (whole_judged and selection is not None):
            continue
        whole_judged = whole_judged or selection is None
        if _passed(record):
            ended.add(selection)
        else:
            streaks.setdefault(selection, []).append(record)
    begun = ended | (set(streaks) - {None} if whole_judged else set())
    return [_check_fact(streak, selection, cut and selection not in begun) for selection, streak in streaks.items()]


def _selection(record: AssetCheckExecutionRecord, tags: dict[str, str], batches: Sequence[str]) -> str | None:
    """The partition or range that an evaluation was about; None for everything."""
    one = (record.evaluation.partition if record.evaluation else None) or tags.get(PARTITION_TAG)
    start, end = (one, one) if one else (tags.get(RANGE_START_TAG), tags.get(RANGE_END_TAG))
    if not start or not end or (batches and (start, end) == (batches[0], batches[-1])):
        return None
    return start if start == end else f"{start} to {end}"


def _check_fact(streak: Sequence[AssetCheckExecutionRecord], selection: str | None, earlier: bool) -> CheckFact:
    newest, oldest = streak[0], streak[-1]
    evaluation = newest.evaluation
    severe = evaluation is None or evaluation.severity == dg.AssetCheckSeverity.ERROR
    return CheckFact(
        asset=newest.key.asset_key.to_user_string(),
        name=newest.key.name,
        severity="error" if severe else "warning",
        since=_moment_of(oldest),
        evaluated_at=_moment_of(newest),
        since_earlier=earlier,
        selection=selection,
        description=sentence(evaluation.description) if evaluation else "",
    )


def _moment_of(record: AssetCheckExecutionRecord) -> datetime:
    timestamp = record.event.timestamp if record.event else record.create_timestamp
    return datetime.fromtimestamp(timestamp, UTC)


def _moment(timestamp: float | None) -> datetime | None:
    return datetime.fromtimestamp(timestamp, UTC) if timestamp else None
