from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from migraine_platform.config import Settings
from migraine_platform.operations.health import verdict_on
from migraine_platform.operations.page import KINDS, render
from migraine_platform.operations.words import as_json, duration, size, summary
from migraine_platform_tests.operations.drawn import WELL, check, run

ZONE = "Europe/Berlin"
BAD = replace(
    WELL,
    runs=(run("platform", "failed", 1, ("twins", "P0042 & <b>others</b> lack days")), *WELL.runs),
    failing_checks=(check("error", description="P0042: 3 days are missing"), check("warning", asset="realism")),
)


class Text(HTMLParser):
    """The words of a page; every tag that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def text_of(page: str) -> str:
    parser = Text()
    parser.feed(page)
    assert parser.open == []
    return " ".join(" ".join(parser.words).split())


def test_the_page_says_how_the_platform_is_and_why(settings: Settings) -> None:
    text = text_of(render(BAD, verdict_on(BAD, settings.operations), ZONE))
    assert "The platform has failed" in text
    assert text.index("The platform has failed") < text.index("P… & <b>others</b> lack days")
    assert "as of 21 Nov 2026, 06:45 (Europe/Berlin)" in text
    assert "since 19 Nov 2026, 04:45; last evaluated 2 h ago" in text
    assert "published 21 Nov 2026, 04:45" in text
    assert "last day in it 20 Nov 2026" in text
    assert "40.0 GB free of 64.0 GB" in text
    assert "lake 1.9 GB in 412 files" in text
    assert "The platform is well" in text_of(render(WELL, verdict_on(WELL, settings.operations), ZONE))


def test_nothing_that_leaves_names_a_patient(settings: Settings) -> None:
    verdict = verdict_on(BAD, settings.operations)
    for content in (render(BAD, verdict, ZONE), as_json(BAD, verdict).decode(), summary(BAD, verdict, ZONE)):
        assert not re.search(r"P\d{4,}", content)
        assert "P…" in content


def test_the_page_needs_no_network_and_no_colour(settings: Settings) -> None:
    page = render(BAD, verdict_on(BAD, settings.operations), ZONE)
    assert not re.search(r"https?:|src=|<script|@import|url\(", page)
    for word, (_, sign) in KINDS.items():
        if f">{sign} {word}<" not in page:
            assert f"{word}</span>" not in page
    assert len({sign for _, sign in KINDS.values()}) == len({kind for kind, _ in KINDS.values()})


def test_the_json_holds_what_the_page_shows(settings: Settings) -> None:
    content = json.loads(as_json(BAD, verdict_on(BAD, settings.operations)))
    assert content["verdict"] == "failed"
    assert [found["asset"] for found in content["failing_checks"]] == ["patient_days", "realism"]
    assert content["warehouse"]["last_date"] == "2026-11-20"
    assert content["made_at"] == "2026-11-21T05:45:00+00:00"


def test_figures_read_as_people_write_them() -> None:
    assert [size(count) for count in (0, 999, 1500, 250_000_000, 2 * 10**12)] == [
        *("0 B", "999 B", "1.5 kB", "250 MB", "2,000 GB"),
    ]
    assert [duration(seconds) for seconds in (42, 420, 3 * 3600, 49 * 3600)] == ["42 s", "7 min", "3 h", "2 days"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here: the page is not looked at")
def test_a_phone_shows_the_page_without_scrolling_sideways(settings: Settings, tmp_path: Path) -> None:
    page = render(BAD, verdict_on(BAD, settings.operations), ZONE)
    probe = "<script>document.title=document.documentElement.scrollWidth+' of '+innerWidth</script></body>"
    (tmp_path / "page.html").write_text(page.replace("</body>", probe))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=500,900"]
    result = subprocess.run(
        ["chromium", *flags, f"--user-data-dir={tmp_path}", "--dump-dom", str(tmp_path / "page.html")],
        capture_output=True,
        text=True,
        timeout=600,
    )
    wide, seen = re.search(r"<title>(\d+) of (\d+)</title>", result.stdout).groups()
    assert int(wide) <= int(seen)
