"""Runs started from a terminal: one process, the same instance that the UI shows."""

import os
import shutil
from pathlib import Path

import dagster as dg

from migraine_platform.config import Settings, project_root
from migraine_platform.defs.automation import PLATFORM_JOB
from migraine_platform.defs.build import build_defs
from migraine_platform.errors import UserError
from migraine_platform.warehouse.places import Places


class RunFailedError(UserError):
    """A run that did not succeed; the message says which steps failed and why."""


def prepare_home(settings: Settings) -> Path:
    """Dagster's home below the data folder, with the project's instance configuration in it."""
    home = Places.of(settings.platform).dagster_home
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(project_root() / "configs" / "dagster.yaml", home / "dagster.yaml")
    return home


def run_platform(settings: Settings) -> None:
    """Run the platform job for all batches in this process, with one line an event on standard error.

    Raises:
        RunFailedError: with each failed step's or check's own sentence.
    """
    os.environ["DAGSTER_HOME"] = str(prepare_home(settings))
    with dg.DagsterInstance.get() as instance:
        job = build_defs(settings).resolve_job_def(PLATFORM_JOB)
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, run_config={"loggers": {"console": {}}}
        )
    if not result.success:
        raise RunFailedError("the run failed; the last published warehouse, if any, is untouched\n" + _reasons(result))


def _reasons(result: dg.ExecuteInProcessResult) -> str:
    lines = [
        f"  {event.asset_check_evaluation_data.asset_key.to_user_string()}: check "
        f"{event.asset_check_evaluation_data.check_name} failed: {event.asset_check_evaluation_data.description or ''}"
        for event in result.all_events
        if event.event_type_value == "ASSET_CHECK_EVALUATION" and not event.asset_check_evaluation_data.passed
    ]
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data.user_failure_data
            error = event.step_failure_data.error
            cause = error.cause if error and error.cause else error
            reason = failure.description if failure else (cause.message if cause else "")
            if "check" not in (reason or "").casefold() or not lines:
                lines.append(f"  {event.step_key}: {(reason or '').strip()}")
    return "\n".join(lines)
