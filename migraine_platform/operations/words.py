"""How figures of the operation read: sizes, durations, moments, and the summary of a verdict."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from zoneinfo import ZoneInfo

from migraine_platform.operations.facts import PlatformFacts
from migraine_platform.operations.health import HealthVerdict
from migraine_platform.operations.masking import masked


def size(count: int) -> str:
    """`1.5 GB`."""
    value, units = float(count), ["B", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:,.0f} {units[0]}" if units[0] == "B" or value >= 100 else f"{value:.1f} {units[0]}"


def duration(seconds: float) -> str:
    """`42 s`, `7 min`, `3 h`, `2 days`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def ago(moment: datetime, now: datetime) -> str:
    """`3 h ago`."""
    return f"{duration(max(0.0, (now - moment).total_seconds()))} ago"


def clock(moment: datetime, zone: str) -> str:
    """`21 Nov 2026, 03:30`, in the zone."""
    return f"{moment.astimezone(ZoneInfo(zone)):%-d %b %Y, %H:%M}"


def summary(facts: PlatformFacts, verdict: HealthVerdict, zone: str) -> str:
    """The verdict as Markdown: word, reasons, a few figures."""
    reasons = [f"- **{reason.word}**: {_escaped(reason.text)}" for reason in verdict.reasons]
    fresh = sum(asset.state in ("fresh", "not judged") for asset in facts.assets)
    published = clock(facts.warehouse.published_at, zone) if facts.warehouse.published_at else "never"
    failing = {(check.asset, check.name) for check in facts.failing_checks}
    figures = [
        f"| checks that do not pass | {len(failing)} of {facts.checks} |",
        f"| fresh assets | {fresh} of {len(facts.assets)} |",
        f"| warehouse published | {published} |",
        f"| free disk | {size(facts.disk.free)} |",
        f"| switched off | {', '.join(facts.off) or 'nothing'} |",
    ]
    lines = [f"**{verdict.word}**", "", *reasons, "", "| | |", "|---|---|", *figures]
    return masked("\n".join(lines))


def as_json(facts: PlatformFacts, verdict: HealthVerdict) -> bytes:
    """Verdict and facts for programs; times in ISO 8601."""
    content = {"verdict": verdict.word, "reasons": [asdict(reason) for reason in verdict.reasons], **asdict(facts)}
    return masked(json.dumps(content, indent=2, default=_iso, ensure_ascii=False)).encode()


def _iso(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no fact")


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "*_`[]|<>" else letter for letter in text)
