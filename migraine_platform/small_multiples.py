"""Many small panels in one figure, drawn on a single pair of axes.

An `Axes` of matplotlib carries ticks, labels, spines and locators of its own; forty of them take seconds to draw. Here
a panel is a rectangle, its values are scaled into it, and the ends of its axis are written below it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from migraine_platform.plotting import GREY, new_figure, to_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values: TypeAlias = NDArray[np.float64]
Range: TypeAlias = tuple[float, float]

MARGIN, TITLE, ENDS = 0.12, 0.24, 0.18
"""Inches: around the figure and between panels, above a panel for its title, below it for the ends of its axis."""


class FigurePanel(NamedTuple):
    """One rectangle of the figure: its lower left corner and its size, in inches."""

    axes: Axes
    left: float
    bottom: float
    width: float
    height: float

    def title(self, text: str, size: float = 8) -> None:
        """Centred above the panel."""
        middle = self.left + self.width / 2
        self.axes.text(middle, self.bottom + self.height + 0.05, text, fontsize=size, ha="center", va="bottom")

    def ends(self, low: float, high: float, unit: str = "", size: float = 6.5) -> None:
        """What the panel's left and right edges stand for, below them; the unit between the two."""
        below = self.bottom - 0.04
        self.axes.plot([self.left, self.left + self.width], [self.bottom] * 2, color=GREY, linewidth=0.6)
        for place, text, side in (
            (self.left, _short(low), "left"),
            (self.left + self.width / 2, unit, "center"),
            (self.left + self.width, _short(high), "right"),
        ):
            self.axes.text(place, below, text, fontsize=size, ha=side, va="top", color=GREY)

    def scaled(self, x: Values, y: Values, x_range: Range, y_range: Range) -> tuple[Values, Values]:
        """Values as inches of the figure; the ranges span the panel.

        Args:
            x: (points,), any unit; `x_range` in the same.
            y: (points,), any unit; `y_range` in the same.
        """
        return (
            self.left + self.width * (x - x_range[0]) / (x_range[1] - x_range[0]),
            self.bottom + self.height * (y - y_range[0]) / (y_range[1] - y_range[0]),
        )

    def line(self, x: Values, y: Values, x_range: Range, y_range: Range, colour: str) -> None:
        """A line through points (see `scaled`)."""
        self.axes.plot(*self.scaled(x, y, x_range, y_range), color=colour, linewidth=1.5)

    def points(self, x: Values, y: Values, x_range: Range, y_range: Range, colour: str) -> None:
        """Points by themselves (see `scaled`)."""
        self.axes.plot(*self.scaled(x, y, x_range, y_range), "o", color=colour, markersize=2.5)

    def histogram(self, heights: Values, edges: Values, colour: str) -> None:
        """Bars side by side, the highest as high as the panel; the ends of the axis are the outer edges.

        Args:
            heights: (bars,), none below 0, at least one above.
            edges: (bars + 1,), ascending.
        """
        x = np.repeat(edges, 2)
        y = np.concatenate([[0.0], np.repeat(heights, 2), [0.0]])
        self.axes.fill(*self.scaled(x, y, (edges[0], edges[-1]), (0, heights.max())), color=colour, linewidth=0)
        self.ends(edges[0], edges[-1])

    def shares(self, names: list[str], shares: list[float], colour: str) -> None:
        """Horizontal bars from 0 to 1, the first on top, each with its name on it: beside it there is no room."""
        step = self.height / len(names)
        middles = [self.bottom + self.height - step * (place + 0.5) for place in range(len(names))]
        widths = [self.width * share for share in shares]
        self.axes.barh(middles, widths, 0.8 * step, self.left, color=colour, alpha=0.5)
        for middle, name in zip(middles, names, strict=True):
            self.axes.text(self.left + 0.04, middle, name, fontsize=6, va="center")
        self.ends(0, 1)


class SmallMultiples:
    """A figure of so many panels, row by row; `at(place)` is one of them, `png()` the picture."""

    def __init__(self, count: int, across: int, width: float, height: float) -> None:
        """
        Args:
            count: panels, at least 1.
            across: panels a row, at most.
            width, height: of a panel with its title and the ends of its axis, inches.
        """
        self._across = min(count, across)
        self._cell = (width, height)
        rows = math.ceil(count / self._across)
        self._height = rows * height + 2 * MARGIN
        self._figure, (self._axes,) = new_figure(self._across * width + 2 * MARGIN, self._height)
        self._figure.set_layout_engine(None)
        self._axes.set_position((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, self._across * width + 2 * MARGIN)
        self._axes.set_ylim(0, self._height)
        self._axes.set_autoscale_on(False)

    def at(self, place: int) -> FigurePanel:
        """The panel at that place, counted from 0 along the rows."""
        row, column = divmod(place, self._across)
        width, height = self._cell
        top = self._height - MARGIN - row * height
        left = MARGIN + column * width + MARGIN
        return FigurePanel(
            self._axes, left, top - height + ENDS + MARGIN, width - 2 * MARGIN, height - ENDS - TITLE - MARGIN
        )

    def png(self) -> bytes:
        """The picture; the same panels give the same bytes."""
        return to_png(self._figure)


def _short(value: float) -> str:
    """Three figures, but thousands in full: no powers of ten below a panel."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.3g}"
