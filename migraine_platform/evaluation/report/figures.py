"""Figures of forecasts: ROC curve, reliability, decision curve, log loss by length of history.

Each returns the picture with its finding in words, or None where the tables have no rows for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.evaluation.report.facts import CLIMATOLOGY, TWINS, ReportFacts
from migraine_platform.evaluation.report.html import Drawn
from migraine_platform.evaluation.report.strokes import canvas, drawn, labelled, legend, once, stroke
from migraine_platform.evaluation.report.words import SIMULATED, SPLIT_TITLES, counted, listed, number
from migraine_platform.plotting import BLUE, GREY

if TYPE_CHECKING:
    import polars as pl

HISTORY = "history "
"""How subsets by length of history begin."""

CURVES = (TWINS, CLIMATOLOGY, "shared_logistic", "mixed_logistic", "full_state")
"""Models whose reliability and decision curves are drawn: more would hide each other."""


@once
def roc(facts: ReportFacts, split: str) -> Drawn | None:
    """Sensitivity against one minus specificity."""
    figure, axis = canvas()
    names = []
    for model in facts.of_split(split):
        own = _of(facts.thresholds, model.name, split).sort("threshold")
        if own.is_empty():
            continue
        style = stroke(model.name)
        false = [1.0, *(1 - own["specificity"]).to_list(), 0.0]
        axis.plot(
            false, [1.0, *own["sensitivity"], 0.0], color=style.color, ls=style.dash, lw=style.width, label=model.title
        )
        names.append((model.name, model.title))
    if not names:
        return None
    axis.plot([0, 1], [0, 1], color=GREY, lw=0.8)
    axis.set_aspect("equal")
    labelled(axis, "Other days warned of (share)", "Migraine days warned of (share)")
    legend(axis)
    found = [
        f"{title} {number(facts.metric(name, split, 'auc_roc').value)}"
        for name, title in names
        if facts.metric(name, split, "auc_roc").value is not None
    ]
    return drawn(
        figure,
        f"ROC curve, {_lower(split)}",
        f"ROC curves. Areas under them: {listed(found)}." if found else "ROC curves of the models.",
        "Each point is a threshold from which on a forecast is a warning. Both axes are shares of days; "
        "the grey diagonal is chance.",
    )


@once
def reliability(facts: ReportFacts, split: str) -> Drawn | None:
    """What came against what was said, by tenths of the probability."""
    figure, axis = canvas()
    own = _of(facts.calibration, TWINS, split).sort("said")
    if own.is_empty():
        return None
    for name in CURVES[1:-1]:
        other = _of(facts.calibration, name, split).sort("said")
        if not other.is_empty():
            style = stroke(name)
            axis.plot(other["said"], other["came"], color=style.color, ls=style.dash, lw=1.2, label=facts.title(name))
    low, high = (own["came"] - own["lower"]).clip(0), (own["upper"] - own["came"]).clip(0)
    style = stroke(TWINS)
    axis.errorbar(
        own["said"], own["came"], [low, high], color=style.color, lw=style.width, marker=style.marker, capsize=3,
        elinewidth=1.2, label=facts.title(TWINS),
    )  # fmt: skip
    axis.plot([0, 1], [0, 1], color=GREY, lw=0.8)
    axis.set_aspect("equal")
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    labelled(axis, "Forecast probability (mean of a tenth)", "Share of migraine days")
    legend(axis)
    holds = sum(row["lower"] <= row["said"] <= row["upper"] for row in own.iter_rows(named=True))
    worst = max(own.iter_rows(named=True), key=lambda row: abs(row["said"] - row["came"]))
    ece = facts.metric(TWINS, split, "ece").value
    mean = f" Mean distance {number(ece)}." if ece is not None else ""
    return drawn(
        figure,
        f"Reliability, {_lower(split)}",
        f"Reliability of the twins: in {holds} of {counted(own.height, 'group')} the share that came agrees with "
        f"what was said, within its 95 % interval. Largest gap: said {number(worst['said'], True)}, came "
        f"{number(worst['came'], True)}.{mean}",
        "On the grey diagonal, what is said comes true. Bars: 95 % intervals of the shares. Both axes from 0 to 1.",
    )


@once
def decision(facts: ReportFacts, split: str) -> Drawn | None:
    """Net benefit against the threshold, beside warning always and never (Vickers and Elkin 2006)."""
    ours = _of(facts.thresholds, TWINS, split).filter(_below("threshold", 1)).sort("threshold")
    if ours.is_empty():
        return None
    figure, axis = canvas()
    for name in CURVES:
        own = _of(facts.thresholds, name, split).filter(_below("threshold", 1)).sort("threshold")
        if not own.is_empty():
            style = stroke(name)
            axis.plot(
                own["threshold"], own["net_benefit"], color=style.color, ls=style.dash, lw=style.width,
                label=facts.title(name),
            )  # fmt: skip
    axis.plot(ours["threshold"], ours["warn_always"], color=GREY, lw=1, label="Warn every day")
    axis.axhline(0, color=GREY, lw=1, ls=(0, (1, 3)), label="Never warn")
    top = max(*ours["net_benefit"].to_list(), 0.01)
    axis.set_ylim(-0.25 * top, 1.1 * top)
    labelled(axis, "Threshold probability of a warning", "Net benefit (true warnings per day)")
    legend(axis)
    ahead = [row["threshold"] for row in ours.iter_rows(named=True) if row["net_benefit"] > max(row["warn_always"], 0)]
    finding = (
        f"the twins do better than warning every day and than never warning at {len(ahead)} of {ours.height} "
        f"thresholds, the lowest {number(min(ahead), True)} and the highest {number(max(ahead), True)}."
        if ahead
        else "at no threshold do the twins do better than the best of warning every day and never warning."
    )
    return drawn(
        figure,
        f"Decision curve, {_lower(split)}",
        f"Decision curve: {finding}",
        "Who would take action from this probability on gains so many rightly warned migraine days per day, false "
        "warnings set off at the threshold's odds.",
    )


@once
def by_history(facts: ReportFacts) -> Drawn | None:
    """Log loss of the twins and of climatology by days of history."""
    figure, axis = canvas()
    told, names = [], [name for split in SIMULATED for name in facts.subsets(split) if name.startswith(HISTORY)]
    order = sorted(dict.fromkeys(names), key=lambda name: int(name.removeprefix(HISTORY).split("-")[0].rstrip("+")))
    for offset, split in enumerate(SIMULATED):
        for name, face in ((TWINS, BLUE), (CLIMATOLOGY, stroke(CLIMATOLOGY).color)):
            found = [(place, facts.metric(name, split, "log_loss", subset)) for place, subset in enumerate(order)]
            kept = [(place, one) for place, one in found if one.value is not None]
            if not kept:
                continue
            values = [one.value or 0.0 for _, one in kept]
            bars = [
                [abs(value - (end if end is not None else value)) for value, end in zip(values, ends, strict=True)]
                for ends in ([one.lower for _, one in kept], [one.upper for _, one in kept])
            ]
            axis.errorbar(
                [place + 0.12 * (offset - 0.5) + (0.04 if name == TWINS else -0.04) for place, _ in kept], values, bars,
                color=face, ls=("-", "--")[offset], marker=("o", "s")[offset], capsize=2, elinewidth=1,
                mfc=face if not offset else "white", label=f"{facts.title(name)}: {_lower(split)}",
            )  # fmt: skip
            if name == TWINS and len(kept) > 1:
                told.append(
                    f"{_lower(split)}: {number(values[0])} with the shortest history, "
                    f"{number(values[-1])} with the longest"
                )
    if not axis.get_legend_handles_labels()[0]:
        return None
    axis.set_xticks(range(len(order)), [name.removeprefix(HISTORY).replace("-", "–") for name in order])
    labelled(axis, "Days of history before the forecast", "Log loss (nats a day; lower is better)")
    legend(axis, ncols=1)
    return drawn(
        figure,
        "Log loss by length of history",
        f"Log loss of the twins by days of history. {'; '.join(told).capitalize()}." if told
        else "Log loss of the twins; only one length of history has days.",
        "Bars: 95 % intervals. Patients with long histories are not the same as those with short ones.",
    )  # fmt: skip


def _of(frame: pl.DataFrame, model: str, split: str) -> pl.DataFrame:
    return frame.filter((frame["model"] == model) & (frame["split"] == split))


def _below(column: str, limit: float) -> pl.Expr:
    import polars as pl

    return pl.col(column) < limit


def _lower(split: str) -> str:
    title = SPLIT_TITLES[split]
    return title[0].lower() + title[1:]
