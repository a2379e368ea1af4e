"""Tables of the page: models, differences, subsets, gates; shared by simulated and real splits."""

from __future__ import annotations

from collections.abc import Sequence

from migraine_platform.evaluation.report.facts import TWINS, Estimate, ReportFacts
from migraine_platform.evaluation.report.html import Cell, bullets, folded, heading, mark, paragraph, table
from migraine_platform.evaluation.report.words import (
    COMPARED,
    HOURS,
    PERCENT,
    REAL,
    SHORT,
    SIMULATED,
    SPLIT_TITLES,
    TABLE_MEASURES,
    counted,
    hours,
    interval,
    minus,
    number,
    p_value,
    plain,
    signed,
)
from migraine_platform.evaluation.scoring.metrics import BY_NAME
from migraine_platform.evaluation.scoring.subsets import ALL, SUBSETS


def results(facts: ReportFacts, split: str, absent: str) -> str:
    """Every model of a split with its figures.

    Args:
        absent: what is said where the split has no figures.
    """
    models = [model for model in facts.of_split(split) if known(facts, model.name, split)]
    title = heading(SPLIT_TITLES[split])
    if not models:
        return title + paragraph(absent)
    columns = ["Model", *(_title(name) for name in TABLE_MEASURES)]
    rows = [
        (
            model.name == TWINS,
            [
                Cell(model.title, f"{model.kind}{_fewer(facts, model.name, split)}"),
                *(_cell(facts.metric(model.name, split, name), name) for name in TABLE_MEASURES),
            ],
        )
        for model in models
    ]
    days = facts.days.get(split)
    people = ""
    if days:
        kind = "headache" if split in REAL else "migraine"
        people = paragraph(
            f"{counted(days.days, 'day')} of {counted(days.patients, 'patient')}, {number(days.migraine, True)} of "
            f"them {kind} days. Small text: 95 % intervals, by bootstrap of patients.",
            "dim",
        )
    return title + people + table(f"Figures of each model: {SPLIT_TITLES[split]}", columns, rows)


def legend() -> str:
    """What each column means."""
    warned = "A warning is a forecast from the model's threshold on: the share of migraine days it learned from."
    texts = [f"{_title(name)}: {BY_NAME[name].about}" for name in TABLE_MEASURES]
    kinds = "A floor knows no patient; a ceiling knows what the simulation knows, and nobody could do better."
    return folded("What the columns mean", bullets([*texts, warned, kinds]))


def about_models(facts: ReportFacts) -> str:
    """What each model forecasts by."""
    told = {model.name: f"{model.title}: {model.about}" for model in facts.models}
    return folded("What the models forecast by", bullets(told.values())) if told else ""


def differences(facts: ReportFacts, split: str) -> str:
    """The twins against every other model of a split."""
    rivals = [model for model in facts.of_split(split) if (TWINS, model.name, split) in _compared(facts)]
    title = heading(SPLIT_TITLES[split])
    if not rivals:
        return title + paragraph("The twins were not held against another model here.")
    measures = [
        name for name in COMPARED if any(facts.against(one.name, split, name).value is not None for one in rivals)
    ]
    columns = ["Twins less …", "By log loss", *(_title(name) for name in measures)]
    rows: list[tuple[bool, Sequence[str | Cell]]] = []
    for model in rivals:
        cells = []
        for name in measures:
            found = facts.against(model.name, split, name)
            sure = " to ".join(minus(f"{end:+.3f}") for end in (found.lower, found.upper) if end is not None)
            p = p_value(found.p_adjusted)
            cells.append(Cell(signed(found.value), "; ".join(part for part in (sure, p) if part)))
        verdict = facts.against(model.name, split, "log_loss").verdict("log_loss")
        rows.append((False, [Cell(model.title, model.kind), mark(verdict), *cells]))
    return title + table(f"The twins less each other model: {SPLIT_TITLES[split]}", columns, rows)


def _compared(facts: ReportFacts) -> set[tuple[str, str, str]]:
    return {(model, baseline, split) for model, baseline, split, _, _ in facts.differences}


TITLES = {one.name: one.title for one in SUBSETS}


def subsets(facts: ReportFacts) -> str:
    """The twins on parts of the days."""
    parts = []
    for split in SIMULATED:
        names = [name for name in facts.subsets(split) if name != ALL]
        if not names:
            continue
        columns = ["Days", "Number", *(_title(name) for name in TABLE_MEASURES)]
        rows: list[tuple[bool, Sequence[str | Cell]]] = []
        for name in [one.name for one in SUBSETS if one.name in names]:
            found = {metric: facts.metric(TWINS, split, metric, name) for metric in TABLE_MEASURES}
            days = max(one.days for one in found.values())
            patients = max(one.patients for one in found.values())
            counts = Cell(f"{days:,}", counted(patients, "patient"))
            rows.append((False, [TITLES[name], counts, *(_cell(one, metric) for metric, one in found.items())]))
        parts.append(
            heading(SPLIT_TITLES[split])
            + table(f"The twins on parts of the days: {SPLIT_TITLES[split]}", columns, rows)
        )
    if not parts:
        return paragraph("The twins were not scored on parts of the days.")
    return folded("The twins on parts of the days", "".join(parts))


def gates(facts: ReportFacts) -> str:
    """What was demanded, what was found, whether it was enough."""
    if facts.gates.is_empty():
        return paragraph("No gate was judged: the evaluation has not run, or promotion demands nothing.")
    rows = []
    for row in facts.gates.sort("passed", "gate").iter_rows(named=True):
        word = "passed" if row["passed"] else "not passed"
        rows.append((False, [plain(row["gate"]), mark(word), _gate(row["value"]), _gate(row["limit"])]))
    return table("Gates of promotion", ["Demanded", "Verdict", "Found", "Allowed"], rows)


def _gate(value: float | None) -> str:
    return "could not be told" if value is None else minus(f"{value:.4g}")


def known(facts: ReportFacts, model: str, split: str) -> bool:
    """Whether a model has any figure on a split."""
    return any(facts.metric(model, split, name).value is not None for name in TABLE_MEASURES)


def _fewer(facts: ReportFacts, model: str, split: str) -> str:
    """On how many days, where a model did not forecast all of the split's."""
    whole, own = facts.days.get(split), facts.metric(model, split, "log_loss").days
    return f"; {counted(own, 'day')}" if whole and 0 < own < whole.days else ""


def _cell(found: Estimate, metric: str) -> Cell:
    if metric in HOURS:
        ends = f"{found.lower:.1f} to {found.upper:.1f}" if found.lower is not None else ""
        return Cell(hours(found.value), ends)
    percent = metric in PERCENT
    return Cell(
        number(found.value, percent), interval(found.lower, found.upper, percent) if found.value is not None else ""
    )


def _title(metric: str) -> str:
    return SHORT.get(metric, BY_NAME[metric].title)
