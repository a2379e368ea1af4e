"""Which days are scored: all, or a part of them. Every figure is made for each of these subsets.

Belongs here: the subsets' names, titles and conditions on columns of `evaluation.days`. Does not: what is measured on
them (metrics.py). A day whose column is null, as the diagnosis in a study that does not give one, is in no subset that
asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


class Subset(NamedTuple):
    """A part of the days."""

    name: str
    title: str
    """For people."""
    where: str
    """SQL condition on the columns of `evaluation.days`."""


ALL = "all"
ONSET = "onset"

SUBSETS: tuple[Subset, ...] = (
    Subset(ALL, "All days", "true"),
    Subset("recorded", "Days with an entry in the diary", "recorded"),
    Subset(ONSET, "Days after a day without migraine", "NOT after_migraine"),
    Subset("continuation", "Days after a migraine day", "after_migraine"),
    Subset("signs", "Days after an evening with signs of an attack, and no migraine", "after_signs"),
    Subset("sex: F", "Women", "sex = 'F'"),
    Subset("sex: M", "Men", "sex = 'M'"),
    Subset("chronic", "Chronic migraine", "course = 'chronic'"),
    Subset("episodic", "Episodic migraine", "course = 'episodic'"),
    Subset("aura", "Migraine with aura", "aura = 'aura'"),
    Subset("no aura", "Migraine without aura", "aura = 'no aura'"),
    Subset("adherence 1", "Quarter of the patients who keep their diary least", "adherence_quartile = 1"),
    Subset("adherence 2", "Second quarter by how well they keep their diary", "adherence_quartile = 2"),
    Subset("adherence 3", "Third quarter by how well they keep their diary", "adherence_quartile = 3"),
    Subset("adherence 4", "Quarter of the patients who keep their diary best", "adherence_quartile = 4"),
    Subset("history 14-29", "14 to 29 days of history", "history_days BETWEEN 14 AND 29"),
    Subset("history 30-59", "30 to 59 days of history", "history_days BETWEEN 30 AND 59"),
    Subset("history 60-119", "60 to 119 days of history", "history_days BETWEEN 60 AND 119"),
    Subset("history 120+", "120 days of history or more", "history_days >= 120"),
)
"""Every subset, in the order in which people read them."""


def members(days: pl.DataFrame) -> NDArray[np.bool_]:
    """[SUBSETS, N] whether each of N rows of `evaluation.days` is in each subset."""
    import numpy as np
    import polars as pl

    if days.is_empty():
        return np.zeros((len(SUBSETS), 0), dtype=bool)
    found = days.with_columns(pl.sql_expr(subset.where).fill_null(False).alias(subset.name) for subset in SUBSETS)
    return np.ascontiguousarray(found.select(subset.name for subset in SUBSETS).to_numpy().T)
