"""Figures of a personal page: the last days with their forecasts, and what each trigger does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.evaluation.report.html import Drawn
from migraine_platform.evaluation.report.personal.facts import PersonFacts
from migraine_platform.evaluation.report.strokes import canvas, drawn, labelled, legend
from migraine_platform.evaluation.report.words import counted, listed, number
from migraine_platform.plotting import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def last_days(person: PersonFacts) -> Drawn | None:
    """Forecasts with their intervals, migraine days, days without an entry."""
    days = person.days
    if not days:
        return None
    place = {day.day: at for at, day in enumerate(days)}
    figure, axis = canvas(3.4)
    told = [day for day in days if day.said is not None]
    if told:
        x = [place[day.day] for day in told]
        axis.fill_between(
            x, [day.lower or 0 for day in told], [day.upper or 0 for day in told], color=BLUE, alpha=0.18, lw=0,
            label="90 % interval",
        )  # fmt: skip
        axis.plot(x, [day.said or 0 for day in told], color=BLUE, lw=1.8, label="forecast of the evening before")
    for marker, wanted, color, y, label in (
        ("D", True, ORANGE, 1.06, "migraine day"),
        (".", False, GREY, 1.06, "day without"),
        ("x", None, GREY, 1.13, "no entry"),
    ):
        found = [place[day.day] for day in days if day.migraine is wanted and day.day <= person.twin["as_of"]]
        if found:
            axis.plot(found, [y] * len(found), marker, color=color, ms=4, clip_on=False, ls="", label=label)
    if person.prediction and person.prediction["for_date"] in place:
        axis.plot(
            place[person.prediction["for_date"]],
            person.prediction["probability"],
            "o",
            color=BLUE,
            ms=7,
            label="tomorrow",
        )
    axis.set_ylim(0, 1.16)
    axis.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100"])
    _weeks(axis, [f"{day.day:%-d %b}" for day in days])
    labelled(axis, "Day", "Probability of a migraine day (%)")
    legend(axis, ncols=3, below=0.2, center=0.45)
    before = [day for day in days if day.day <= person.twin["as_of"]]
    migraines = sum(day.migraine is True for day in before)
    gaps = sum(day.migraine is None for day in before)
    ends = [day.said for day in told if day.said is not None]
    ranged = f" Forecasts lay between {number(min(ends), True)} and {number(max(ends), True)}." if ends else ""
    return drawn(
        figure,
        "The last days",
        f"Of the last {counted(len(before), 'day')}, {migraines} were recorded as migraine days and {gaps} have "
        f"no entry.{ranged}",
        "Line: probability said the evening before, in percent; band: 90 % interval. Diamonds: migraine days of the "
        "diary; crosses: days without an entry.",
    )


def trigger_effects(person: PersonFacts) -> Drawn | None:
    """What each trigger does to the log-odds of an attack, with its interval."""
    rows = person.triggers[::-1]
    if not rows:
        return None
    figure, axis = canvas(1.2 + 0.4 * len(rows))
    for place, row in enumerate(rows):
        axis.plot([row["lower"], row["upper"]], [place, place], color=BLUE, lw=2)
        axis.plot(row["mean"], place, "o", color=BLUE, ms=7)
    axis.axvline(0, color=GREY, lw=0.8)
    axis.set_yticks(range(len(rows)), [row["trigger"] for row in rows])
    axis.set_ylim(-0.6, len(rows) - 0.4)
    labelled(axis, "Added to the log-odds of an attack", "")
    told = [f"{row['trigger']} {row['mean']:.2f} ({row['lower']:.2f} to {row['upper']:.2f})" for row in person.triggers]
    return drawn(
        figure,
        "Triggers",
        f"Effect of each trigger, log-odds with 90 % interval: {listed(told)}.",
        "Dots: most likely effect; bars: 90 % intervals. 0 is no effect; 0.7 doubles the odds.",
    )


def _weeks(axis: Axes, names: list[str]) -> None:
    step = 14 if len(names) > 28 else 7
    shown = range(len(names) - 1, -1, -step)
    axis.set_xticks(list(shown), [names[place] for place in shown])
