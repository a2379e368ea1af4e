"""Runs started from a terminal: one process, the same instance that the UI shows."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg

from migraine_platform.config import Settings, config_file
from migraine_platform.defs.automation import NIGHTLY_JOB, PLATFORM_JOB, night_tags
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.context import PARTITION_TAG, RETRAIN_TAG, ROLLBACK_TAG
from migraine_platform.defs.health import FACTS, HEALTH_JOB
from migraine_platform.defs.observed import BLOCKED_BY_CHECK
from migraine_platform.defs.runs.dead_runs import end_dead_runs
from migraine_platform.defs.runs.executors import PROCESS_TAG
from migraine_platform.defs.runs.records import quick_records
from migraine_platform.defs.sensors.retraining import ALINE_JOB, RETRAIN_JOB
from migraine_platform.errors import UserError
from migraine_platform.operations.clock import demand_next, read_clock, today
from migraine_platform.operations.run_lock import only_run, this_process
from migraine_platform.warehouse.lake.places import Places, replace_file


class RunFailedError(UserError):
    """A run that did not succeed; the message says which steps failed and why."""


def prepare_home(settings: Settings) -> Path:
    """Dagster's home below the data folder, with the project's instance configuration in it."""
    places = Places.of(settings.platform)
    replace_file(places.dagster_config, config_file("dagster.yaml").read_bytes())
    return places.dagster_home


def run_platform(settings: Settings) -> None:
    """Run the platform job for all batches in this process, with one line per event on standard error.

    Raises:
        RunFailedError: with each failed step's or check's own sentence.
    """
    run_job(settings, PLATFORM_JOB)


def run_night(settings: Settings, night: date | None = None, ahead: bool = False) -> None:
    """Run the night's job in this process.

    Args:
        night: by default today's, in the configured zone.
        ahead: it may be later than today, or many nights after the last one.

    Raises:
        ClockError: if the night is over already, or is far from the last one and nobody said that it is meant.
        RunFailedError: with each failed step's or check's own sentence.
    """
    now = today(settings)
    night = night or now
    demand_next(read_clock(Places.of(settings.platform), settings), night, now, ahead)
    run_job(settings, NIGHTLY_JOB, night_tags(settings, night, ahead))


def run_rollback(settings: Settings, batch: str) -> None:
    """Bring back the twins of a batch that were replaced last; the next night publishes them.

    Raises:
        RunFailedError: if there is no such batch, or nothing was replaced yet.
    """
    names = settings.simulator.cohort.batch_names
    if batch not in names:
        raise RunFailedError(f'there is no batch "{batch}"; expected one of {names[0]} to {names[-1]}')
    run_job(settings, RETRAIN_JOB, {PARTITION_TAG: batch, ROLLBACK_TAG: "asked for"}, batch)


def run_training(settings: Settings, steps: int | None = None, seed: int | None = None) -> None:
    """Train ALINE, score it, and have it ask everybody if it passes; one in use stays until then.

    Args:
        steps, seed: by default as configured.

    Raises:
        RunFailedError: with each failed step's or check's own sentence.
    """
    wanted = {name: value for name, value in (("steps", steps), ("seed", seed)) if value is not None}
    config = {"ops": {"training_run": {"config": wanted}}} if wanted else {}
    run_job(settings, ALINE_JOB, {RETRAIN_TAG: "asked for"}, config=config)


def run_job(
    settings: Settings,
    job: str,
    tags: Mapping[str, str] | None = None,
    partition: str | None = None,
    config: Mapping[str, object] | None = None,
) -> None:
    """Run one of the platform's jobs in this process, with one line per event on standard error.

    Runs whose process was killed are marked failed first, so that nothing queues behind them.

    Raises:
        BusyError: if another run works on the data folder.
        RunFailedError: with each failed step's or check's own sentence.
    """
    with only_run(Places.of(settings.platform), job):
        _execute(settings, job, "the run failed", tags, config, partition)


def look_at_health(settings: Settings) -> str:
    """Make the health page in this process, whatever else runs, and say what it says.

    Raises:
        RunFailedError: if it could not be made.
    """
    _execute(settings, HEALTH_JOB, "the health page could not be made")
    return Places.of(settings.platform).report(FACTS).read_text(encoding="utf-8")


def _execute(
    settings: Settings, job: str, failed: str, tags: Mapping[str, str] | None = None,
    config: Mapping[str, object] | None = None, partition: str | None = None,
) -> None:  # fmt: skip
    """Run a job in this process, under its tag.

    Args:
        failed: what is said of a run that fails, before the reasons.
    """
    os.environ["DAGSTER_HOME"] = str(prepare_home(settings))
    with quick_records(), _instance() as instance:
        end_dead_runs(instance)
        result = (
            build_defs(settings)
            .resolve_job_def(job)
            .execute_in_process(
                instance=instance,
                raise_on_error=False,
                run_config={"loggers": {"console": {}}, **(config or {})},
                tags={**(tags or {}), PROCESS_TAG: this_process()},
                partition_key=partition,
            )
        )
    if not result.success:
        raise RunFailedError(f"{failed}\n" + _reasons(result))


def tidy_home(settings: Settings) -> Path:
    """Dagster's home for the UI and its daemon: configured, and without runs whose process is gone."""
    home = prepare_home(settings)
    os.environ["DAGSTER_HOME"] = str(home)
    with _instance() as instance:
        end_dead_runs(instance)
    return home


@contextmanager
def _instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's instance; a home that it cannot open, or cannot write to, is one sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        instance = dg.DagsterInstance.get()
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise RunFailedError(f"{os.environ['DAGSTER_HOME']}: Dagster cannot open its home: {reason}") from None
    with instance:
        try:
            yield instance
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
            raise RunFailedError(
                f"{os.environ['DAGSTER_HOME']}: Dagster cannot keep its records: {reason}; is there room on the disk, "
                "and may this account write there?"
            ) from None


def _reasons(result: dg.ExecuteInProcessResult) -> str:
    lines = [
        f"  {event.asset_check_evaluation_data.asset_key.to_user_string()}: check "
        f"{event.asset_check_evaluation_data.check_name} failed: {event.asset_check_evaluation_data.description or ''}"
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
        and not event.asset_check_evaluation_data.passed
        and event.asset_check_evaluation_data.severity == dg.AssetCheckSeverity.ERROR
    ]
    for event in result.all_events:
        failure = event.step_failure_data if event.is_step_failure else None
        if failure is None or (failure.error and failure.error.cls_name == BLOCKED_BY_CHECK):
            continue
        error = failure.error.cause if failure.error and failure.error.cause else failure.error
        reason = failure.user_failure_data.description if failure.user_failure_data else error and error.message
        lines.append(f"  {event.step_key}: {(reason or 'failed without a reason').strip()}")
    return "\n".join(lines)
