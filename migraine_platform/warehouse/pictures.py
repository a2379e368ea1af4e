"""A table at a glance: how the values of each column are spread, as its declaration has them.

Belongs here: one picture for any table. Does not: figures that are about something (simulator/checks/figures.py, ...).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.plotting import BLUE, GREEN, GREY, new_figure, to_png
from migraine_platform.warehouse.declare import Column, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS, MOST_PANELS, MOST_BARS, BINS = 4, 24, 12, 30
MOST_ROWS = 20_000
MARGIN, SPACE = 0.025, 0.4
"""Around the panels, as a share of the width of four; between them, as a share of a panel's height."""
TELLS_APART = 1e-12
"""Least relative width of a bar."""

NUMERIC = ("integer", "number", "reading")


def at_a_glance(table: type[Table], frame: pl.DataFrame) -> bytes | None:
    """Histograms of numbers, shares of flags, counts of names; None where there is nothing to draw.

    Args:
        frame: some of the table's rows, of which at most MOST_ROWS count; keys and what is all null are not drawn.
    """
    frame = frame.gather_every(-(-max(frame.height, 1) // MOST_ROWS))
    panels = [column for column in table.columns if column.name not in table.key and _drawable(column, frame)]
    flags = [column for column in panels if column.kind == "flag"]
    others = [column for column in panels if column.kind != "flag"][: MOST_PANELS - bool(flags)]
    count = len(others) + bool(flags)
    if not count:
        return None
    rows = -(-count // ACROSS)
    height = 2.1 * rows + 0.3
    figure, axes = new_figure(3 * min(count, ACROSS), height, rows, min(count, ACROSS))
    figure.set_layout_engine(None)  # finding the room for each label would take as long as drawing all of them
    figure.subplots_adjust(MARGIN, MARGIN / height * 12, 1 - MARGIN, 1 - MARGIN / height * 12, SPACE / 3, SPACE)
    for axis, column in zip(axes, others, strict=False):
        _draw(axis, column, frame[column.name].drop_nulls())
    if flags:
        _draw_flags(axes[count - 1], flags, frame)
    for axis in axes[count:]:
        axis.set_axis_off()
    return to_png(figure)


def _drawable(column: Column, frame: pl.DataFrame) -> bool:
    """Numbers, flags, and names of which there are few."""
    values = frame[column.name].drop_nulls()
    if values.is_empty():
        return False
    return column.kind in (*NUMERIC, "flag") or (column.kind == "text" and 1 < values.n_unique() <= MOST_BARS)


def _draw(axis: Axes, column: Column, values: pl.Series) -> None:
    title = f"{column.name} [{column.unit}]" if column.unit else column.name
    axis.set_title(title, fontsize=8)
    if column.kind == "text":
        counts = values.value_counts().sort(column.name)
        _bars(axis, counts[column.name].to_list(), [count / len(values) for count in counts["count"]], GREEN)
        return
    numbers = values.to_numpy().astype(float)
    whole = column.kind == "integer" and numbers.max() - numbers.min() < 2 * BINS
    one_by_one = [value - 0.5 for value in range(int(numbers.min()), int(numbers.max()) + 2)] if whole else []
    apart = numbers.max() - numbers.min() > BINS * TELLS_APART * abs(numbers).max()  # rounding alone has no histogram
    bins = one_by_one if whole else BINS if apart else 1
    axis.stairs(*np.histogram(numbers if apart else numbers.round(9), bins), fill=True, color=BLUE)
    axis.set_yticks([])
    axis.locator_params(axis="x", nbins=4)


def _draw_flags(axis: Axes, flags: list[Column], frame: pl.DataFrame) -> None:
    axis.set_title("share of rows", fontsize=8)
    shares = [float(frame[column.name].drop_nulls().cast(float).to_numpy().mean()) for column in flags]
    _bars(axis, [column.name for column in flags], shares, GREY)


def _bars(axis: Axes, names: list[str], shares: list[float], colour: str) -> None:
    """Shares, first on top, each with its name on it: beside it, long names would leave no room for bars."""
    axis.barh(range(len(names)), shares, color=colour, alpha=0.5)
    for place, name in enumerate(names):
        axis.text(0.02, place, name, va="center", fontsize=6)
    axis.set_xlim(0, 1)
    axis.set_yticks([])
    axis.invert_yaxis()
