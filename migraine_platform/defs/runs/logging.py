"""How a run reads in a terminal: time, step, message; one line each."""

import logging
import sys
from typing import Any

import dagster as dg


class _OneLine(logging.Formatter):
    """`12:03:44 simulated_cohort  batch-001 (2 of 4): 4,500 patient-days`."""

    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", None) or {}
        step = meta.get("step_key") or ""
        message = meta.get("orig_message") or record.getMessage()
        event = meta.get("dagster_event")
        if event is not None:
            step, message = _event_words(event, step, message)
        return f"{self.formatTime(record, '%H:%M:%S')} {step:<20} {message}"


def _event_words(event: Any, step: str, message: str) -> tuple[str, str]:
    """What a step or a check says of itself when it ends."""
    if event.event_type_value == "STEP_SUCCESS":
        return step, f"done in {event.step_success_data.duration_ms / 1000:.1f} s"
    if event.event_type_value == "ASSET_CHECK_EVALUATION":
        check = event.asset_check_evaluation_data
        details = f": {check.description}" if check.description else ""
        asset = check.asset_key.to_user_string()
        return asset, f"check {check.check_name} {'passed' if check.passed else 'FAILED'}{details}"
    return step, message.splitlines()[0]


class _Quiet(logging.Filter):
    """Drops the orchestrator's own chatter; keeps what steps say, and one line when an asset or a check ends."""

    def __init__(self) -> None:
        super().__init__()
        self._checked: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        meta = getattr(record, "dagster_meta", None) or {}
        event = meta.get("dagster_event")
        if event is None:
            return record.levelno >= logging.INFO and "Dependencies for step" not in record.getMessage()
        if event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._checked.add(event.step_key)
            return True
        if event.event_type_value == "STEP_SUCCESS":
            return event.step_key not in self._checked
        return bool(event.event_type_value == "STEP_FAILURE")


@dg.logger({}, description="One line an event, to standard error.")
def console_lines(context: dg.InitLoggerContext) -> logging.Logger:
    """The console logger of every run."""
    logger = logging.Logger("migraine", level=logging.DEBUG)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine())
    handler.addFilter(_Quiet())
    logger.addHandler(handler)
    return logger
