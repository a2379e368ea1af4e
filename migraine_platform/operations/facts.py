"""What is known of the platform's state: plain values that hold neither patients nor metadata of steps and checks.

Belongs here: the vocabulary. Does not: where facts come from (defs/observed.py, storage.py), what follows (health.py).
All times are aware.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

RunStatus = Literal["succeeded", "failed", "cancelled", "running", "waiting"]
Severity = Literal["error", "warning"]
Freshness = Literal["fresh", "ageing", "stale", "never made", "not judged"]


@dataclass(frozen=True)
class FailedStep:
    """A step that failed, and why in one sentence."""

    step: str
    reason: str


@dataclass(frozen=True)
class RunFact:
    """One run of a job."""

    job: str
    run_id: str
    status: RunStatus
    started_at: datetime | None = None
    ended_at: datetime | None = None
    failed: tuple[FailedStep, ...] = ()
    assets: tuple[str, ...] = ()
    """The assets that were chosen by name, if any were."""

    @property
    def seconds(self) -> float | None:
        """How long it took, if it ended."""
        return (self.ended_at - self.started_at).total_seconds() if self.started_at and self.ended_at else None


@dataclass(frozen=True)
class CheckFact:
    """A check whose latest evaluation did not pass."""

    asset: str
    name: str
    severity: Severity
    since: datetime
    evaluated_at: datetime
    since_earlier: bool = False
    """Whether every evaluation that was looked at failed: it may fail for longer than since `since`."""
    selection: str | None = None
    """The partition or range it was evaluated on, if that was not everything."""
    description: str = ""


@dataclass(frozen=True)
class AssetFact:
    """An asset: when it was last made, and whether that is fresh enough."""

    name: str
    group: str
    made_at: datetime | None
    state: Freshness
    expected: str
    """The policy in words."""


@dataclass(frozen=True)
class WarehouseFact:
    """The published warehouse, or why nothing is known of it."""

    published_at: datetime | None = None
    last_date: date | None = None
    problem: str = ""


@dataclass(frozen=True)
class FolderFact:
    """What a folder holds."""

    name: str
    bytes: int
    files: int
    complete: bool
    """Whether every file was counted."""


@dataclass(frozen=True)
class DiskFact:
    """The disk that holds the data folder, in bytes."""

    free: int
    total: int


@dataclass(frozen=True)
class PlatformFacts:
    """Everything that the verdict rests on."""

    made_at: datetime
    runs: tuple[RunFact, ...]
    """By job, the newest first."""
    failing_checks: tuple[CheckFact, ...]
    checks: int
    """How many checks there are."""
    assets: tuple[AssetFact, ...]
    warehouse: WarehouseFact
    disk: DiskFact
    folders: tuple[FolderFact, ...]
    off: tuple[str, ...] = ()
    """Schedules and sensors that are switched off: what they ask for does not run by itself."""

    def latest(self) -> list[RunFact]:
        """The newest run of each job."""
        newest: dict[str, RunFact] = {}
        for run in self.runs:
            newest.setdefault(run.job, run)
        return list(newest.values())
