"""Figures beside the forecasts: next day's state, triggers, changes, questions, real diaries against simulated ones.

Each returns the picture with its finding in words, or None where the tables have no rows for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

from migraine_platform.evaluation.report.facts import ReportFacts
from migraine_platform.evaluation.report.html import Drawn
from migraine_platform.evaluation.report.strokes import (
    CYCLE,
    DASHES,
    MARKERS,
    canvas,
    drawn,
    labelled,
    legend,
    once,
)
from migraine_platform.evaluation.report.words import counted, listed, number, plain
from migraine_platform.plotting import BLUE, GREEN, GREY, ORANGE

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATE_MODELS = {"state_space": "State space", "experts": "Mixture of experts", "yesterday": "Same as today"}
"""Models of the next day's state; a skill of zero is the person's own mean."""

RANKING = {
    "ranking_top1": "first named is the strongest",
    "ranking_spearman": "rank correlation",
    "ranking_ndcg": "NDCG",
}
GUESSED = {
    "prevalence": "precision",
    "chance_ranking_top1": "ranking_top1",
    "chance_ranking_ndcg": "ranking_ndcg",
}
"""What guessing gives -> the metric of which it does."""

VERDICTS = {"agreed": (BLUE, ""), "novel": (GREEN, "//"), "missed": (ORANGE, ".."), "neither": ("#cccccc", "")}


@once
def state_errors(facts: ReportFacts) -> Drawn | None:
    """Skill of forecasts of the next day's state, feature by feature."""
    known = facts.state_errors.filter(facts.state_errors["skill"].is_not_null())
    names = [name for name in STATE_MODELS if name in known["model"].to_list()]
    if not names:
        return None
    best: dict[str, float] = {}
    for row in known.filter(known["model"].is_in(names)).iter_rows(named=True):
        best[row["feature"]] = max(best.get(row["feature"], row["skill"]), row["skill"])
    order = sorted(best, key=lambda feature: best[feature])
    figure, axis = canvas(1.4 + 0.24 * len(order))
    for place_, name in enumerate(names):
        own = {row["feature"]: row["skill"] for row in known.filter(known["model"] == name).iter_rows(named=True)}
        places = [place for place, feature in enumerate(order) if feature in own]
        axis.plot(
            [max(own[order[place]], -1.0) for place in places], [place + 0.18 * (1 - place_) for place in places],
            MARKERS[place_], color=CYCLE[place_], ms=5, label=STATE_MODELS[name],
        )  # fmt: skip
    axis.axvline(0, color=GREY, lw=1)
    axis.set_yticks(range(len(order)), [plain(feature) for feature in order])
    labelled(axis, "Skill (part of the square error removed)", "")
    legend(axis, ncols=3, center=0.3, below=0.02 + 0.5 / (1.4 + 0.24 * len(order)))
    ahead = sum(value > 0 for value in best.values())
    top = [f"{plain(feature)} ({number(best[feature])})" for feature in reversed(order[-3:])]
    return drawn(
        figure,
        "Next day's state",
        f"Skill of next-day forecasts: for {ahead} of {counted(len(order), 'feature')} some model does better than "
        f"the person's own mean. Best foretold: {listed(top)}.",
        "Zero (grey line): no better than the person's own mean so far; one: without error. Values below −1 are "
        "drawn at −1. No unit.",
    )


@once
def triggers(facts: ReportFacts) -> tuple[Drawn | None, Drawn | None]:
    """How well susceptibilities are found across patients, and how well triggers are ranked within one."""
    frame = facts.recovery.filter(facts.recovery["value"].is_not_null())
    chance = {
        (row["trigger"], GUESSED[row["metric"]]): row["value"]
        for row in frame.iter_rows(named=True)
        if row["metric"] in GUESSED
    }
    named = frame["metric"].is_in(["rank_correlation", "precision", "recall"])
    across = _intervals(frame.filter((frame["trigger"] != "all") & named), "trigger", chance)
    ranked = frame["metric"].is_in(list(RANKING))
    within = _intervals(frame.filter((frame["trigger"] == "all") & ranked), "trigger", chance)
    return (
        across
        and drawn(
            across[0],
            "Triggers found, across patients",
            f"Trigger by trigger, against the simulation's truth: {across[1]}.",
            "Rank correlation of estimated and true susceptibility (0: none, 1: perfect); precision and recall of the "
            "triggers that a twin names as strong. Bars: 95 % intervals; grey ticks: precision by guessing. No unit.",
        ),
        within
        and drawn(
            within[0],
            "Triggers ranked, within a patient",
            f"How well a patient's own triggers are put in order: {within[1]}.",
            "How often the first named trigger is truly the strongest; rank correlation over a patient's triggers; "
            "NDCG (1: perfect order). Bars: 95 % intervals; grey ticks: by guessing, where that is not 0. No unit.",
        ),
    )


def _intervals(frame: pl.DataFrame, by: str, chance: Mapping[tuple[str, str], float]) -> tuple[Figure, str] | None:
    """Values with intervals, one row per trigger and one marker per metric, and the same in words.

    Args:
        chance: what guessing would give, by trigger and metric, where that is not 0.
    """
    if frame.is_empty():
        return None
    rows = frame.sort(by, "metric").to_dicts()
    metrics = list(dict.fromkeys(row["metric"] for row in rows))
    single = len({row[by] for row in rows}) == 1
    order = metrics[::-1] if single else sorted({row[by] for row in rows}, reverse=True)
    figure, axis = canvas(1.5 + 0.45 * len(order))
    for place, metric in enumerate(metrics):
        own = [row for row in rows if row["metric"] == metric]
        y = [order.index(metric if single else row[by]) + (0 if single else 0.2 * (1 - place)) for row in own]
        x = [row["value"] for row in own]
        bars = [
            [abs(row["value"] - (row[end] if row[end] is not None else row["value"])) for row in own]
            for end in ("lower", "upper")
        ]
        axis.errorbar(
            x, y, xerr=bars, fmt=MARKERS[place], color=CYCLE[place], capsize=2, ms=5, elinewidth=1.2,
            label=_metric(metric),
        )  # fmt: skip
        luck = [
            (chance[key], height) for row, height in zip(own, y, strict=True) if (key := (row[by], metric)) in chance
        ]
        if luck:
            axis.plot(*zip(*luck, strict=True), "|", color=GREY, ms=12, mew=2)
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_xlim(min(0.0, *(row["lower"] if row["lower"] is not None else row["value"] for row in rows)) - 0.03, 1.03)
    axis.set_ylim(-0.6, len(order) - 0.4)
    axis.set_yticks(range(len(order)), [_metric(name) if single else name for name in order])
    labelled(axis, "Value (1 is perfect)", "")
    if not single:
        legend(axis, ncols=3, center=0.45, below=0.22)
    told = [
        f"{_metric(row['metric']) if single else row[by] + ' ' + _metric(row['metric'])} {number(row['value'])}"
        for row in rows
    ]
    return figure, listed(told)


def _metric(name: str) -> str:
    return RANKING.get(name, plain(name))


@once
def agreement(facts: ReportFacts) -> Drawn | None:
    """Triggers that twins name beside those on a clinician's list."""
    frame = facts.agreement
    if frame.is_empty():
        return None
    order = sorted(set(frame["trigger"]), reverse=True)
    figure, axis = canvas(1.5 + 0.42 * len(order))
    left = dict.fromkeys(order, 0)
    totals: dict[str, int] = {}
    for verdict, (color, hatch) in VERDICTS.items():
        own = {
            row["trigger"]: row["patients"] for row in frame.filter(frame["verdict"] == verdict).iter_rows(named=True)
        }
        counts = [own.get(name, 0) for name in order]
        axis.barh(
            order,
            counts,
            left=[left[name] for name in order],
            color=color,
            hatch=hatch,
            edgecolor="white",
            label=verdict,
        )
        left = {name: left[name] + count for name, count in zip(order, counts, strict=True)}
        totals[verdict] = sum(counts)
    labelled(axis, "Patients", "")
    legend(axis, ncols=4, center=0.45, below=0.24)
    return drawn(
        figure,
        "Beside a clinician's list",
        f"Of the pairs of patient and trigger, twin and list agree that it is one in {totals['agreed']:,}, the twin "
        f"alone names {totals['novel']:,}, the list alone {totals['missed']:,}, neither {totals['neither']:,}.",
        "Agreed: both name it; novel: the twin alone; missed: the list alone. Horizontal axis: number of patients.",
    )


@once
def drift(facts: ReportFacts) -> tuple[Drawn | None, Drawn | None]:
    """When changes were noticed against when they happened, and how many by each day."""
    changes = facts.changes
    if not changes:
        return None, None
    both = [(_day(one.happened), _day(one.noticed)) for one in changes if one.happened and one.noticed]
    missed = [_day(one.happened) for one in changes if one.happened and not one.noticed]
    false = [_day(one.noticed) for one in changes if one.noticed and not one.happened]
    delays = sorted(noticed - happened for happened, noticed in both)
    median = f"; half of these within {counted(int(delays[len(delays) // 2]), 'day')}" if delays else ""
    told = (
        f"{counted(len(both) + len(missed), 'change')} happened and {len(both):,} of them were noticed{median}. "
        f"{counted(len(false), 'alarm')} came without a change before."
    )
    numbers = [*missed, *false, *(day for pair in both for day in pair)]
    start, end = min(numbers), max(numbers)
    figure, axis = canvas()
    axis.plot([start, end], [start, end], color=GREY, lw=0.8)
    for x, y, marker, size, color, label in (
        ([a for a, _ in both], [b for _, b in both], "o", 5, BLUE, "noticed"),
        (missed, [start] * len(missed), "|", 10, ORANGE, "not noticed"),
        ([start] * len(false), false, "_", 10, GREEN, "no change before"),
    ):
        axis.plot(x, y, marker, color=color, ms=size, mew=1.5, alpha=0.8, label=f"{label} ({len(x)})")
    labelled(axis, "Day on which the change began", "Day on which it was noticed")
    _dates(axis, both_axes=True)
    legend(axis, ncols=3)
    timeline = drawn(
        figure,
        "Changes noticed against changes that happened",
        told,
        "Above the grey diagonal by as many days as it took. Ticks below: changes not noticed; ticks at the left: "
        "alarms without one. An alarm counts for the patient's latest change. Twins are watched once they are made: "
        "what changed while their population was learned goes unnoticed. Both axes are dates.",
    )
    counts, axis = canvas()
    _steps(axis, sorted([*missed, *(happened for happened, _ in both)]), end, GREY, "--", "happened")
    _steps(axis, sorted(noticed for _, noticed in both), end, BLUE, "-", "noticed")
    _steps(axis, sorted(false), end, GREEN, "-.", "alarms without a change before")
    labelled(axis, "Date", "Count so far")
    axis.set_ylim(bottom=0)
    _dates(axis)
    legend(axis, ncols=3)
    return timeline, drawn(counts, "Changes so far", told, "Horizontal axis: date; vertical: number up to that day.")


def _day(day: date) -> float:
    """The number by which matplotlib knows a day."""
    from matplotlib.dates import date2num

    return float(date2num(day))  # type: ignore[no-untyped-call]


def _steps(axis: Axes, days: list[float], end: float, color: str, dash: str, label: str) -> None:
    if days:
        axis.step(
            [*days, end], [*range(1, len(days) + 1), len(days)], where="post", color=color, ls=dash, lw=2, label=label
        )


def _dates(axis: Axes, both_axes: bool = False) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for one in (axis.xaxis, axis.yaxis)[: 2 if both_axes else 1]:
        locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
        one.set_major_locator(locator)
        one.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


@once
def questions(facts: ReportFacts) -> Drawn | None:
    """Information gained by each rule of asking."""
    frame = facts.questions.sort("rule", "questions")
    if frame.is_empty():
        return None
    figure, axis = canvas()
    last: dict[str, float] = {}
    for place, rule in enumerate(sorted(set(frame["rule"]))):
        own = frame.filter(frame["rule"] == rule)
        color = CYCLE[place % len(CYCLE)]
        axis.fill_between(own["questions"], own["lower"], own["upper"], color=color, alpha=0.15, lw=0)
        axis.plot(
            own["questions"], own["information"], color=color, ls=DASHES[place % len(DASHES)],
            marker=MARKERS[place % len(MARKERS)], ms=4, label=plain(rule),
        )  # fmt: skip
        last[rule] = own["information"][-1]
    labelled(axis, "Questions asked", "Information gained (nats, mean)")
    legend(axis)
    order = sorted(last, key=lambda rule: -last[rule])
    fewest, most = (int(bound) for bound in (min(frame["windows"]), max(frame["windows"])))
    evenings = f"{most:,} evenings" if fewest == most else f"{fewest:,} to {most:,} evenings, by rule"
    return drawn(
        figure,
        "What questions tell, by rule of asking",
        f"After the last question: {listed([f'{plain(rule)} {last[rule]:.2f} nats' for rule in order])}.",
        "Mean information about everything that is inferred, on evenings of patients nobody learned from"
        f" ({evenings}). Bands: 95 % intervals.",
    )
