"""From facts to a verdict: well, needs a look, or failed, with the reasons.

    failed         a job that failed and did not succeed since, a failing check of severity error, a full disk
    needs a look   a failing check of severity warning, a cancelled run, stale or missing assets, no warehouse, low disk
    well           none of these

A failed run is settled by a later success of its job; one of assets chosen by name, by each of them made later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from migraine_platform.config.operations import Operations
from migraine_platform.operations.facts import CheckFact, PlatformFacts, RunFact

Word = Literal["well", "needs a look", "failed"]
GIGABYTE = 1e9


@dataclass(frozen=True)
class Reason:
    """Why the platform is not well."""

    word: Word
    text: str


@dataclass(frozen=True)
class HealthVerdict:
    """How the platform is, with the gravest reasons first."""

    word: Word
    reasons: tuple[Reason, ...]


def verdict_on(facts: PlatformFacts, operations: Operations) -> HealthVerdict:
    """The verdict on these facts."""
    of_facts = [*_of_runs(facts), *_of_checks(facts), *_of_assets(facts), *_of_warehouse(facts)]
    found = [*of_facts, *_of_disk(facts, operations)]
    reasons = sorted(found, key=lambda reason: reason.word != "failed")
    return HealthVerdict(reasons[0].word if reasons else "well", tuple(reasons))


def settled(run: RunFact, facts: PlatformFacts) -> bool:
    """Whether what a run did not finish was done later."""
    if run.assets and run.ended_at:
        made = {asset.name: asset.made_at for asset in facts.assets}
        times = [made.get(name) for name in run.assets]
        return all(time is not None and time > run.ended_at for time in times)
    for newer in facts.runs:
        if newer.run_id == run.run_id:
            return False
        if newer.job == run.job and newer.status == "succeeded":
            return True
    return False


def open_failures(facts: PlatformFacts) -> list[RunFact]:
    """For each job, its newest run that failed, or else that was cancelled, and is not settled."""
    newest: dict[str, RunFact] = {}
    for status in ("failed", "cancelled"):
        for run in facts.runs:
            if run.status == status and not settled(run, facts):
                newest.setdefault(run.job, run)
    return list(newest.values())


def _of_runs(facts: PlatformFacts) -> Iterator[Reason]:
    for run in open_failures(facts):
        if run.status == "cancelled":
            yield Reason("needs a look", f"{run.job} was cancelled")
            continue
        why = "; ".join(f"{step.step}: {step.reason}" for step in run.failed[:3])
        more = f"; and {len(run.failed) - 3} more steps" if len(run.failed) > 3 else ""
        yield Reason("failed", f"{run.job} failed{f' at {why}{more}' if why else ''}")


def _of_checks(facts: PlatformFacts) -> Iterator[Reason]:
    for check in facts.failing_checks:
        yield Reason("failed" if check.severity == "error" else "needs a look", _check_text(check))


def _check_text(check: CheckFact) -> str:
    where = f" ({check.selection})" if check.selection else ""
    why = f": {check.description}" if check.description else ""
    return f"{check.asset}{where}: check {check.name} does not pass{why}"


def _of_disk(facts: PlatformFacts, operations: Operations) -> Iterator[Reason]:
    free = facts.disk.free / GIGABYTE
    if free < operations.disk_full_gb:
        yield Reason("failed", f"only {free:.1f} GB are free; the platform needs {operations.disk_full_gb:g} GB")
    elif free < operations.disk_low_gb:
        yield Reason("needs a look", f"only {free:.1f} GB are free, less than {operations.disk_low_gb:g} GB")


def _of_assets(facts: PlatformFacts) -> Iterator[Reason]:
    for state in ("stale", "never made"):
        names = [asset.name for asset in facts.assets if asset.state == state]
        if names:
            yield Reason("needs a look", f"{state}: {some(names)}")


def _of_warehouse(facts: PlatformFacts) -> Iterator[Reason]:
    if facts.warehouse.problem:
        yield Reason("needs a look", f"warehouse: {facts.warehouse.problem}")


def some(names: Sequence[str], most: int = 4) -> str:
    """The first names, and how many more."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
