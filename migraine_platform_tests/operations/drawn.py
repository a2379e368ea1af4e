"""Facts to judge: a platform that is well, and what may be wrong with it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from migraine_platform.operations.facts import (
    AssetFact,
    CheckFact,
    DiskFact,
    FailedStep,
    FolderFact,
    PlatformFacts,
    RunFact,
    WarehouseFact,
)

NOW = datetime(2026, 11, 21, 5, 45, tzinfo=UTC)


def hours_ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def run(job: str, status, ended: float, *failed: tuple[str, str], assets: tuple[str, ...] = ()) -> RunFact:
    """A run that took six minutes and ended some hours ago."""
    steps = tuple(FailedStep(step, reason) for step, reason in failed)
    run_id = f"{job}-{ended}"
    return RunFact(job, run_id, status, hours_ago(ended + 0.1), hours_ago(ended), steps, assets)


def check(severity, **changes) -> CheckFact:
    known = {"asset": "patient_days", "name": "contract", "since": hours_ago(50), "evaluated_at": hours_ago(2)}
    return CheckFact(severity=severity, **{**known, **changes})


WELL = PlatformFacts(
    made_at=NOW,
    runs=(run("platform", "succeeded", 2), run("platform", "failed", 26, ("twins", "gone"))),
    failing_checks=(),
    checks=47,
    assets=(AssetFact("twins", "twins", hours_ago(2), "fresh", "by 06:30 (Europe/Berlin)"),),
    warehouse=WarehouseFact(hours_ago(2), date(2026, 11, 20)),
    disk=DiskFact(free=40 * 10**9, total=64 * 10**9),
    folders=(FolderFact("lake", 1_900_000_000, 412, True),),
)
