"""The evaluation's page: one HTML file that needs no network, for a phone as for a desk.

Belongs here: what is shown in which order. Does not: tables (results.py), pictures (figures.py, more_figures.py),
sentences (summary.py), looks (style.py).
"""

from __future__ import annotations

from html import escape

from migraine_platform.evaluation.report import figures, more_figures
from migraine_platform.evaluation.report.facts import TWINS, Difference, Estimate, ReportFacts
from migraine_platform.evaluation.report.html import (
    Cell,
    Drawn,
    bullets,
    document,
    header,
    heading,
    pairs,
    paragraph,
    section,
    table,
)
from migraine_platform.evaluation.report.html import figures as shown
from migraine_platform.evaluation.report.results import about_models, differences, gates, legend, results, subsets
from migraine_platform.evaluation.report.summary import carries_over, headline_sentence, summary_lines, transfers
from migraine_platform.evaluation.report.words import (
    REAL,
    SIMULATED,
    SPLIT_TITLES,
    counted,
    interval,
    number,
)
from migraine_platform.ingest.sources.kostecki_dillon import KosteckiDillon

TITLE = "What the digital twins are worth"

STUDY = KosteckiDillon()
"""Whose real diaries the twins are held against."""

ALSO_OF_STUDY = (
    "Only recorded days are forecast and scored.",
    "Patients were treated while they kept the diary: the use of drugs and the time since treatment began are "
    "covariates of every model that has some, and no effect of a drug can be read off.",
)


def render(facts: ReportFacts) -> str:
    """The page."""
    return document(TITLE, _header(facts) + "".join(_sections(facts)))


def figures_for_dagster(facts: ReportFacts) -> dict[str, bytes]:
    """Every figure of the page: title -> PNG."""
    return {one.title: one.png for one in _drawn(facts) if one is not None}


def _drawn(facts: ReportFacts) -> list[Drawn | None]:
    by_split = [draw(facts, split) for split in (*SIMULATED, *REAL) for draw in _BY_SPLIT]
    return [
        *by_split,
        figures.by_history(facts),
        more_figures.state_errors(facts),
        *more_figures.triggers(facts),
        more_figures.agreement(facts),
        *more_figures.drift(facts),
        more_figures.questions(facts),
    ]


_BY_SPLIT = (figures.roc, figures.reliability, figures.decision)


def _header(facts: ReportFacts) -> str:
    passed = facts.gates["passed"].to_list()
    kind = "look" if not passed else "well" if all(passed) else "failed"
    verdict = (
        f"{sum(passed)} of {counted(len(passed), 'gate')} of promotion passed"
        if passed
        else "No gate of promotion was judged"
    )
    sign = {"well": "✓", "look": "▲", "failed": "✕"}[kind]
    return header(
        kind,
        TITLE,
        f'<p><span class="mark {kind}">{sign} {escape(verdict)}</span></p>{paragraph(headline_sentence(facts), "lead")}'
        + (bullets(summary_lines(facts)) if summary_lines(facts) else ""),
    )


def _sections(facts: ReportFacts) -> list[str]:
    absent = "No forecasts of this kind were scored: there were too few days."
    one_each = [
        ("roc", "Telling migraine days from others", figures.roc, "There are no thresholds to draw a ROC curve from."),
        (
            "reliability",
            "Does it come true as often as it is said?",
            figures.reliability,
            "There are too few days for it.",
        ),
        (
            "decision",
            "Would acting on it help?",
            figures.decision,
            "There are no thresholds to draw a decision curve from.",
        ),
    ]
    return [
        section("gates", "What was demanded", gates(facts)),
        section(
            "models",
            "Models",
            "".join(results(facts, split, absent) for split in SIMULATED)
            + legend()
            + about_models(facts)
            + subsets(facts),
        ),
        section(
            "differences",
            "The twins against the others",
            paragraph(
                "Twins less the other model, on the same days; 95 % intervals by paired bootstrap of patients, p "
                "corrected for the number of comparisons (Holm 1979). Of losses, Brier score and calibration error "
                "less is better; of AUC, more.",
                "dim",
            )
            + "".join(differences(facts, split) for split in SIMULATED),
        ),
        *(
            section(name, title, shown([draw(facts, split) for split in SIMULATED], otherwise))
            for name, title, draw, otherwise in one_each
        ),
        section(
            "history",
            "How much history a twin needs",
            shown([figures.by_history(facts)], "No days were scored by length of history."),
        ),
        section(
            "state",
            "Forecasting the next day's state",
            shown([more_figures.state_errors(facts)], "No forecasts of the next day's state were scored."),
        ),
        section(
            "triggers",
            "Finding each person's triggers",
            shown(more_figures.triggers(facts), "Twins' triggers were not held against the simulation's truth."),
        ),
        section("symptoms", "Knowing each person's attacks", _symptoms(facts)),
        section(
            "agreement",
            "Beside a clinician's list of triggers",
            shown(
                [more_figures.agreement(facts)],
                "No clinician's list of triggers was given (clinician_triggers.csv in the data folder).",
            ),
        ),
        section(
            "drift",
            "Noticing that a person has changed",
            shown(more_figures.drift(facts), "No change happened and none was noticed."),
        ),
        section(
            "questions",
            "What the next question tells",
            shown([more_figures.questions(facts)], "Rules of asking were not compared."),
        ),
        section("real", "Real diaries", _real(facts)),
        section("provenance", "What the figures were made from", _provenance(facts)),
    ]


def _real(facts: ReportFacts) -> str:
    if not any(facts.metric(TWINS, split, "log_loss").value is not None for split in REAL) and facts.study_days == 0:
        return paragraph(
            "No real study is installed, so that no figure of this page comes from real patients. With the diaries of "
            f"{STUDY.name} in place, their results stand here."
        )
    patients, share = facts.study_patients, facts.study_headaches
    women = f"{number(float((patients['sex'] == 'F').to_numpy().mean()), True)} women; " if patients.height else ""
    headaches = f", {number(share, True)} of them with a headache" if share is not None else ""
    absent = "No forecasts of this kind were scored on real diaries."
    return (
        paragraph(
            f"Headache diaries of {STUDY.name}: "
            f"{counted(patients.height, 'patient')} ({women}{counted(facts.study_days, 'recorded day')}{headaches})."
        )
        + paragraph(f"{STUDY.citation}.", "dim")
        + heading("How far simulated performance carries over")
        + paragraph(carries_over(facts))
        + _transfer(facts)
        + "".join(results(facts, split, absent) for split in REAL)
        + heading("The twins against the others, on real diaries")
        + "".join(differences(facts, split) for split in REAL)
        + shown(
            [draw(facts, split) for split in REAL for draw in (figures.roc, figures.reliability)],
            "There are too few real days for figures.",
        )
        + heading("What these diaries cannot answer")
        + bullets((*STUDY.cannot_answer, *ALSO_OF_STUDY))
    )


def _symptoms(facts: ReportFacts) -> str:
    found = {(row["symptom"], row["metric"]): row for row in facts.symptoms.iter_rows(named=True)}
    rows: list[tuple[bool, list[str | Cell]]] = []
    for symptom in dict.fromkeys(name for name, _ in found):
        own = [found[symptom, metric] for metric in ("mae", "mae_population_mean", "rank_correlation")]
        cells = [Cell(number(row["value"]), interval(row["lower"], row["upper"])) for row in own]
        rows.append((False, [Cell(symptom.capitalize(), own[0]["unit"]), *cells]))
    columns = ["Of each person", "Error of the twins", "Error of everybody's mean", "Rank correlation"]
    if not rows:
        return paragraph("Twins' symptoms were not held against the simulation's truth.")
    return table("Symptoms against the truth", columns, rows) + paragraph(
        "Mean absolute errors: a model of the person is worth as much as its error is below that of everybody's mean.",
        "dim",
    )


def _transfer(facts: ReportFacts) -> str:
    rows: list[tuple[bool, list[str | Cell]]] = []
    for one in transfers(facts):
        ratio = "not defined" if one.ratio is None else number(one.ratio, True)
        gains = [_cell(found) for found in (one.simulated_gain, one.real_gain)]
        areas = [_cell(found) for found in (one.simulated_auc, one.real_auc)]
        where = SPLIT_TITLES[one.simulated]
        rows.append((False, [Cell("Gain in log loss over climatology (nats a day)", where), *gains, ratio]))
        rows.append((False, [Cell("AUC", where), *areas, ""]))
    columns = ["Of the twins", "Simulated", "Real", "Real gain over simulated"]
    return table("Simulated days beside real ones", columns, rows) if rows else ""


def _cell(found: Difference | Estimate) -> Cell:
    return Cell(number(found.value), interval(found.lower, found.upper))


def _provenance(facts: ReportFacts) -> str:
    if facts.provenance.is_empty():
        return paragraph("Nothing is known of what the figures were made from.")
    return pairs((row["item"], row["value"]) for row in facts.provenance.sort("item").iter_rows(named=True))
