"""The health page: one HTML file that needs no network, for a phone as for a desk.

Belongs here: what is shown in which order. Does not: how it looks (page_style.py), or what it means (health.py).
Every text is escaped, and the whole page is masked once more before it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from migraine_platform.operations.facts import AssetFact, CheckFact, PlatformFacts, RunFact
from migraine_platform.operations.health import HealthVerdict, settled
from migraine_platform.operations.masking import masked
from migraine_platform.operations.words import ago, clock, duration, size
from migraine_platform.page_style import CSS

KINDS = {
    "well": ("well", "✓"), "succeeded": ("well", "✓"), "fresh": ("well", "✓"),
    "needs a look": ("look", "▲"), "warning": ("look", "▲"), "cancelled": ("look", "▲"), "stale": ("look", "▲"),
    "never made": ("look", "▲"), "ageing": ("look", "▲"),
    "failed": ("failed", "✕"), "error": ("failed", "✕"),
}  # fmt: skip
"""Word -> its colour's name and its sign; other words are dim and have a dot."""

HEADLINES = {
    "well": "The platform is well",
    "needs a look": "The platform needs a look",
    "failed": "The platform has failed",
}


def render(facts: PlatformFacts, verdict: HealthVerdict, zone: str) -> str:
    """The page.

    Args:
        zone: IANA name of the time zone that moments are shown in.
    """
    left = _checks(facts, zone) + _warehouse(facts, zone) + _automation(facts) + _assets(facts)
    right = _runs(facts, zone) + _storage(facts)
    title = HEADLINES[verdict.word]
    return masked(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
        + f"{_header(facts, verdict, title, zone)}\n<div>{left}</div>\n<div>{right}</div>"
        + "\n</main>\n</body>\n</html>\n"
    )


def mark(word: str) -> str:
    """A word with its sign, coloured."""
    kind, sign = KINDS.get(word, ("dim", "·"))
    return f'<span class="mark {kind}">{sign} {escape(word)}</span>'


def _header(facts: PlatformFacts, verdict: HealthVerdict, title: str, zone: str) -> str:
    kind, sign = KINDS[verdict.word]
    reasons = [f"{mark(reason.word)}<span class='why'>{escape(reason.text)}</span>" for reason in verdict.reasons]
    listed = _list(reasons) if reasons else "<p>No failed run, no failing check, nothing stale.</p>"
    return (
        f'<header class="{kind}"><h1>{sign} {escape(title)}</h1>'
        f'<p class="dim">as of {clock(facts.made_at, zone)} ({escape(zone)})</p>{listed}</header>'
    )


def _checks(facts: PlatformFacts, zone: str) -> str:
    count = f"{facts.checks} checks, {len(facts.failing_checks)} evaluations that did not pass"
    ordered = sorted(facts.failing_checks, key=lambda check: (check.severity != "error", check.asset, check.name))
    body = _list(_check(check, facts, zone) for check in ordered) if ordered else "<p>No check fails.</p>"
    return _section("Checks that do not pass", f'<p class="dim">{count}</p>{body}')


def _check(check: CheckFact, facts: PlatformFacts, zone: str) -> str:
    since = f"{'at least ' if check.since_earlier else ''}since {clock(check.since, zone)}"
    where = f"{check.asset}, {check.selection}" if check.selection else check.asset
    return (
        f'<div class="row"><b>{escape(where)}: {escape(check.name)}</b>{mark(check.severity)}</div>'
        f'<span class="why">{escape(check.description)}</span>'
        f"<small>{since}; last evaluated {ago(check.evaluated_at, facts.made_at)}</small>"
    )


def _runs(facts: PlatformFacts, zone: str) -> str:
    parts = []
    for job in dict.fromkeys(run.job for run in facts.runs):
        own = [run for run in facts.runs if run.job == job]
        parts.append(f"<h3>{escape(job)}</h3>{_list(_run(run, facts, zone) for run in own)}")
    return _section("Last runs", "".join(parts) or "<p>No run yet.</p>")


def _run(run: RunFact, facts: PlatformFacts, zone: str) -> str:
    started = clock(run.started_at, zone) if run.started_at else "not started"
    took = f", {duration(run.seconds)}" if run.seconds is not None else ""
    done_later = run.status in ("failed", "cancelled") and settled(run, facts)
    steps = "".join(
        f'<span class="why"><b>{escape(step.step)}</b>: {escape(step.reason)}</span>' for step in run.failed
    )
    later = "<small>done by a later run</small>" if done_later else ""
    return (
        f'<div class="row"><span>{started}{took} <small>{escape(run.run_id[:8])}</small></span>{mark(run.status)}</div>'
        f"{steps}{later}"
    )


def _assets(facts: PlatformFacts) -> str:
    urgent = [asset for asset in facts.assets if asset.state in ("stale", "never made", "ageing")]
    others = [asset for asset in facts.assets if asset not in urgent]
    body = _list(_asset(asset, facts) for asset in urgent) if urgent else "<p>Everything is fresh.</p>"
    if others:
        folded = _list(_asset(asset, facts) for asset in others)
        body += f"<details><summary>the other {len(others)}</summary>{folded}</details>"
    return _section("Freshness", body)


def _asset(asset: AssetFact, facts: PlatformFacts) -> str:
    made = f"made {ago(asset.made_at, facts.made_at)}; " if asset.made_at else ""
    return (
        f'<div class="row"><span><b>{escape(asset.name)}</b> <small>{escape(asset.group)}</small></span>'
        f"{mark(asset.state)}</div><small>{made}expected {escape(asset.expected)}</small>"
    )


def _warehouse(facts: PlatformFacts, zone: str) -> str:
    found = facts.warehouse
    if found.published_at is None:
        return _section("Warehouse", f"<p>{mark('needs a look')} {escape(found.problem)}</p>")
    last = f"{found.last_date:%-d %b %Y}" if found.last_date else "no days"
    when = f"{clock(found.published_at, zone)} <small>({ago(found.published_at, facts.made_at)})</small>"
    return _section("Warehouse", _list([_pair("published", when), _pair("last day in it", last)]))


def _automation(facts: PlatformFacts) -> str:
    if not facts.off:
        return _section("Automation", "<p>Everything is switched on.</p>")
    names = ", ".join(f"<b>{escape(name)}</b>" for name in facts.off)
    return _section("Automation", f"<p>Switched off, so that it does not run by itself: {names}.</p>")


def _storage(facts: PlatformFacts) -> str:
    used = 1 - facts.disk.free / facts.disk.total
    bar = f'<div class="bar" role="img" aria-label="{used:.0%} used"><i style="width:{used:.1%}"></i></div>'
    text = f"<p>{size(facts.disk.free)} free of {size(facts.disk.total)} ({used:.0%} used)</p>{bar}"
    folders = [
        _pair(folder.name, f"{'' if folder.complete else 'more than '}{size(folder.bytes)} in {folder.files:,} files")
        for folder in facts.folders
    ]
    return _section("Disk", text + _list(folders))


def _pair(name: str, value: str) -> str:
    return f'<div class="row"><b>{escape(name)}</b><span>{value}</span></div>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>"
