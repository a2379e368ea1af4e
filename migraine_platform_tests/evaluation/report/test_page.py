from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from migraine_platform.evaluation.report.facts import ReportFacts, changes_of, facts_of
from migraine_platform.evaluation.report.page import TITLE, figures_for_dagster, render
from migraine_platform.evaluation.report.results import results
from migraine_platform.evaluation.report.summary import NOTHING
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform.warehouse.tables import evaluation
from migraine_platform_tests.evaluation.report.drawn import Frames, empty, evaluated, frame, reader

SECTIONS = (
    *("gates", "models", "differences", "roc", "reliability", "decision", "history", "state", "triggers"),
    *("symptoms", "agreement", "drift", "questions", "real", "provenance"),
)
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """A page taken apart: words, sections in their order, images' alt texts; every tag that is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.sections: list[str] = []
        self.alts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.sections.append(found["id"] or "")
        if tag == "img":
            self.alts.append(found["alt"] or "")
            assert (found["src"] or "").startswith("data:image/png;base64,")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(facts: ReportFacts) -> str:
    return render(facts)


def without_network(page: str) -> bool:
    return not re.search(r"https?:|<script|<link|<iframe|@import|url\(|src=\"(?!data:)|href=", page)


def without_gaps(text: str) -> bool:
    return not re.search(r"\b(nan|NaN|None|null|inf)\b", text)


def test_what_is_drawn_here_keeps_the_contracts(frames: Frames) -> None:
    declared = {table.name: table for table in tables.ALL}
    for name, content in frames.items():
        if name.startswith(("evaluation.", "clinical.")) and content.height:
            assert audit(declared[name], content).passed, name


def test_everything_is_there_in_its_order(page: str) -> None:
    found = Page(page)
    assert found.sections == list(SECTIONS)
    for title in ("Digital twins", "Personal climatology", "Ceiling: whole state", "Mixed-effects logistic"):
        assert title in found.text
    assert "2 of 4 gates of promotion passed" in found.text
    assert "4b1f0a9e22d01c77" in found.text


def test_the_tables_show_what_the_frames_hold(frames: Frames, page: str) -> None:
    text = Page(page).text
    rows = frames["evaluation.metrics"].filter(pl.col("metric") == "log_loss", pl.col("subset") == "all")
    assert rows.height == 2 * 9 + 2 * 6
    for row in rows.iter_rows(named=True):
        assert f"{row['value']:.3f} {row['lower']:.3f} to {row['upper']:.3f}" in text


def test_a_model_that_forecast_fewer_days_says_so(frames: Frames) -> None:
    aline = (pl.col("model") == "aline") & (pl.col("split") == "chronological")
    metrics = frames["evaluation.metrics"].with_columns(days=pl.when(aline).then(pl.lit(37)).otherwise(pl.col("days")))
    facts = facts_of(reader(frames | {"evaluation.metrics": metrics}))
    found = [
        results(facts, split, "nothing").count("learned; 37 days") for split in ("chronological", "unseen_patients")
    ]
    assert found == [1, 0]


def test_every_picture_says_in_words_what_it_shows(facts: ReportFacts, page: str) -> None:
    alts = Page(page).alts
    assert len(alts) == 2 * 3 + 7 + 2 * 2 + 1
    assert all(len(alt) > 40 and alt.endswith(".") for alt in alts)
    auc = facts.metric("twins", "chronological", "auc_roc").value
    assert any(alt.startswith("ROC curves") and f"Digital twins {auc:.3f}" in alt for alt in alts)


def test_the_page_needs_no_network_names_nobody_and_has_no_gaps(page: str) -> None:
    assert without_network(page)
    assert without_gaps(Page(page).text)
    assert not re.search(r"\b[PK]\d{3,}\b", Page(page).text)


def test_nothing_evaluated_is_said_in_sentences() -> None:
    page = render(facts_of(reader(empty())))
    found = Page(page)
    assert found.sections == list(SECTIONS)
    assert found.alts == []
    assert NOTHING in found.text
    assert "No real study is installed" in found.text
    assert without_gaps(found.text)


@pytest.mark.parametrize("missing", [0, 1])
def test_any_table_may_be_missing(frames: Frames, missing: int) -> None:
    names = sorted(name for name, content in frames.items() if content.height)
    assert len(names) > 12
    gone = {name: frames[name].clear() for name in names[missing::2]}
    found = Page(render(facts_of(reader(frames | gone))))
    assert found.sections == list(SECTIONS)
    assert without_gaps(found.text)


def test_figures_that_the_days_do_not_tell_are_dashes(frames: Frames) -> None:
    metrics = frames["evaluation.metrics"]
    gone = metrics.with_columns(value=pl.lit(None, pl.Float64), lower=pl.lit(float("nan")))
    found = Page(render(facts_of(reader(empty() | {"evaluation.metrics": gone}))))
    assert without_gaps(found.text)
    assert NOTHING in found.text
    one = metrics.with_columns(
        pl.when(pl.col("metric") == "auc_roc").then(float("nan")).otherwise(pl.col("value")).alias("value")
    )
    found = Page(render(facts_of(reader(frames | {"evaluation.metrics": one}))))
    assert without_gaps(found.text)
    assert "–" in found.text


def test_values_from_tables_are_escaped(frames: Frames) -> None:
    hostile = '<b onclick="x">&'
    models = frames["evaluation.models"].with_columns(title=pl.lit(hostile), about=pl.lit(hostile))
    gates = frame(evaluation.Gates, [{"gate": hostile, "value": 1.0, "limit": 0.0, "passed": False}])
    provenance = frame(evaluation.Provenance, [{"item": hostile, "value": '<span class="mark">' + hostile}])
    changed = {"evaluation.models": models, "evaluation.gates": gates, "evaluation.provenance": provenance}
    page = render(facts_of(reader(frames | changed)))
    assert "<b onclick" not in page
    assert hostile in Page(page).text


def test_the_report_says_when_twins_lose() -> None:
    text = Page(render(facts_of(reader(evaluated(real=False, twins=0.0))))).text
    assert re.search(r"its error \(log loss\) is \d+\.\d % larger than", text)
    assert re.search(r"worse than [^.;]*Personal climatology", text)
    assert "nothing is known of how far these figures carry over" in text
    assert "There, by the same error" not in text


def test_real_diaries_are_said_to_tell_models_apart_or_not(frames: Frames) -> None:
    """The summary names every rival of the real splits with its verdict, also where that is no advantage."""
    differences = frames["evaluation.differences"]
    real = pl.col("split").str.starts_with("real_") & (pl.col("baseline") == "mixed_logistic")
    level = differences.with_columns(
        pl.when(real).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
        for name, value in {"difference": -0.001, "lower": -0.01, "upper": 0.01, "p_adjusted": 0.9}.items()
    )
    text = Page(render(facts_of(reader(frames | {"evaluation.differences": level})))).text
    assert re.search(r"There, by the same error, the twins are [^.]*not told apart from [^.;]*Mixed", text)


def test_an_alarm_counts_for_the_latest_change_before_it() -> None:
    from datetime import date

    def day(number: int) -> date:
        return date(2024, 1, number)

    true = pl.DataFrame({"patient_id": ["P0001", "P0001", "P0002"], "date": [day(1), day(10), day(5)]})
    found = pl.DataFrame(
        {
            "patient_id": ["P0001", "P0001", "P0002", "P0003"],
            "detected_on": [day(12), day(14), day(4), day(20)],
        }
    )
    assert set(changes_of(true, found)) == {
        *((day(1), None), (day(10), day(12)), (day(5), None)),
        *((None, day(4)), (None, day(20))),
    }


def test_figures_for_the_ui_are_pictures_by_title(facts: ReportFacts) -> None:
    found = figures_for_dagster(facts)
    assert "ROC curve, later days of known patients" in found
    assert all(png.startswith(b"\x89PNG") for png in found.values())
    assert figures_for_dagster(facts_of(reader(empty()))) == {}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium here: the page is not looked at")
def test_a_phone_shows_the_page_without_scrolling_sideways(page: str, tmp_path: Path) -> None:
    assert fits(page, tmp_path)


def fits(page: str, folder: Path) -> bool:
    """Whether a frame of 390 px shows a page without scrolling sideways; a window itself cannot be so narrow."""
    (folder / "page.html").write_text(page)
    (folder / "phone.html").write_text(
        '<!doctype html><iframe id="phone" src="page.html" style="width:390px;height:800px;border:0"></iframe>'
        "<script>onload=()=>{const d=phone.contentDocument.documentElement;"
        "document.title=d.scrollWidth+' of '+phone.contentWindow.innerWidth}</script>"
    )
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += ["--allow-file-access-from-files", "--virtual-time-budget=5000", f"--user-data-dir={folder}"]
    result = subprocess.run(
        ["chromium", *flags, "--dump-dom", str(folder / "phone.html")], capture_output=True, text=True, timeout=600
    )
    found = re.search(r"<title>(\d+) of (\d+)</title>", result.stdout)
    assert found, result.stdout[:300]
    assert int(found[2]) <= 390
    return int(found[1]) <= int(found[2])


def printed_pages(page: str, folder: Path) -> int:
    """Sheets of paper that a page takes."""
    (folder / "page.html").write_text(page)
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    flags += [f"--user-data-dir={folder}", f"--print-to-pdf={folder / 'page.pdf'}"]
    subprocess.run(["chromium", *flags, (folder / "page.html").as_uri()], capture_output=True, timeout=600, check=True)
    return len(re.findall(rb"/Type\s*/Page[^s]", (folder / "page.pdf").read_bytes()))


def test_the_page_has_a_title(page: str) -> None:
    assert f"<title>{TITLE}</title>" in page
