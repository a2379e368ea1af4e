"""How figures of the evaluation read: names for people, numbers with their intervals, verdicts on differences.

Belongs here: wording that tables, figures and sentences share. Does not: what is shown (facts.py), or markup (html.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from migraine_platform.warehouse.tables.evaluation import CHRONOLOGICAL, REAL_CHRONOLOGICAL, REAL_UNSEEN, UNSEEN

UNKNOWN = "–"
"""Where a table has no value."""

SURE = 0.05
"""Adjusted p below which a difference is told."""

SPLIT_TITLES = {
    CHRONOLOGICAL: "Later days of known patients",
    UNSEEN: "Patients never seen",
    REAL_CHRONOLOGICAL: "Real diaries: later days of known patients",
    REAL_UNSEEN: "Real diaries: patients never seen",
}
SIMULATED = (CHRONOLOGICAL, UNSEEN)
REAL = (REAL_CHRONOLOGICAL, REAL_UNSEEN)

SHORT = {"ppv": "PPV", "npv": "NPV"}
"""Titles of columns that would be too long."""

TABLE_MEASURES = (
    *("log_loss", "auc_roc", "auc_within", "brier", "ece"),
    *("sensitivity", "specificity", "ppv", "npv", "lead_time"),
)
"""Metrics of the page's tables."""

PERCENT = frozenset(("sensitivity", "specificity", "ppv", "npv"))
"""Of them, those that are told as percentages."""

HOURS = frozenset(("lead_time",))

COMPARED = ("log_loss", "auc_roc", "auc_within", "brier", "ece")
HEADLINE = ("log_loss", "auc_roc", "brier", "ece")


def number(value: float | None, percent: bool = False) -> str:
    """`0.412`, `62 %`, or a dash; minus signs are typographic."""
    if value is None:
        return UNKNOWN
    text = f"{100 * value:.0f} %" if percent else f"{value:.3f}"
    return minus("0" + text[2:] if text.startswith("-0") and not text.strip("-0. %") else text)


def hours(value: float | None) -> str:
    """`8.6 h`, or a dash."""
    return UNKNOWN if value is None else f"{value:.1f} h"


def interval(lower: float | None, upper: float | None, percent: bool = False) -> str:
    """`0.401 to 0.423`, or nothing."""
    if lower is None or upper is None:
        return ""
    return f"{number(lower, percent).removesuffix(' %')} to {number(upper, percent)}"


def signed(value: float | None) -> str:
    """`+0.012`, with a typographic minus."""
    return UNKNOWN if value is None else minus(f"{value:+.3f}")


def p_value(p: float | None) -> str:
    """`p = 0.012`, `p < 0.001`, or nothing."""
    if p is None:
        return ""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def minus(text: str) -> str:
    """Hyphens before digits as minus signs."""
    return text.replace("-", "−")


def listed(names: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def plain(name: str) -> str:
    """A column's name in words."""
    return name.replace("_", " ")


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 day`, `1,204 days`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
