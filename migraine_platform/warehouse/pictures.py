"""A table at a glance: how the values of each column are spread, as its declaration has them.

Belongs here: one picture for any table. Does not: figures that are about something (simulator/checks/figures.py, ...).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from migraine_platform.plotting import BLUE, GREEN, GREY
from migraine_platform.small_multiples import FigurePanel, SmallMultiples
from migraine_platform.warehouse.declare import Column, Table

ACROSS, MOST_PANELS, MOST_BARS, BINS = 4, 24, 12, 30
MOST_ROWS = 20_000
WIDTH, HEIGHT = 3.0, 2.1
"""Of a panel, inches."""
TELLS_APART = 1e-12
"""Least relative width of a bar."""

NUMERIC = ("integer", "number", "reading")


def at_a_glance(table: type[Table], frame: pl.DataFrame) -> bytes | None:
    """Histograms of numbers, shares of flags, counts of names; None where there is nothing to draw.

    Args:
        frame: some of the table's rows, of which at most MOST_ROWS count; keys and what is all null are not drawn.
    """
    frame = frame.gather_every(-(-max(frame.height, 1) // MOST_ROWS))
    columns = [column for column in table.columns if column.name not in table.key and _drawable(column, frame)]
    flags = [column for column in columns if column.kind == "flag"]
    others = [column for column in columns if column.kind != "flag"][: MOST_PANELS - bool(flags)]
    count = len(others) + bool(flags)
    if not count:
        return None
    picture = SmallMultiples(count, ACROSS, WIDTH, HEIGHT)
    for place, column in enumerate(others):
        _draw(picture.at(place), column, frame[column.name].drop_nulls())
    if flags:
        _draw_flags(picture.at(count - 1), flags, frame)
    return picture.png()


def _drawable(column: Column, frame: pl.DataFrame) -> bool:
    """Numbers, flags, and names of which there are few."""
    values = frame[column.name].drop_nulls()
    if values.is_empty():
        return False
    return column.kind in (*NUMERIC, "flag") or (column.kind == "text" and 1 < values.n_unique() <= MOST_BARS)


def _draw(panel: FigurePanel, column: Column, values: pl.Series) -> None:
    panel.title(f"{column.name} [{column.unit}]" if column.unit else column.name)
    if column.kind == "text":
        counts = values.value_counts().sort(column.name)
        panel.shares(counts[column.name].to_list(), [count / len(values) for count in counts["count"]], GREEN)
        return
    numbers = values.to_numpy().astype(float)
    whole = column.kind == "integer" and numbers.max() - numbers.min() < 2 * BINS
    one_by_one = [value - 0.5 for value in range(int(numbers.min()), int(numbers.max()) + 2)] if whole else []
    apart = numbers.max() - numbers.min() > BINS * TELLS_APART * abs(numbers).max()  # rounding alone has no histogram
    bins = one_by_one if whole else BINS if apart else 1
    heights, edges = np.histogram(numbers if apart else numbers.round(9), bins)
    panel.histogram(heights.astype(float), edges, BLUE)


def _draw_flags(panel: FigurePanel, flags: list[Column], frame: pl.DataFrame) -> None:
    panel.title("share of rows")
    shares = [float(frame[column.name].drop_nulls().cast(float).to_numpy().mean()) for column in flags]
    panel.shares([column.name for column in flags], shares, GREY)
