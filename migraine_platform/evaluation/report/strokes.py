"""How the report's figures are drawn: a size that a phone can show, one colour, dash and marker per model.

Colours are of the palette of Okabe and Ito; dashes and markers differ as well, so that no figure needs colour.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from migraine_platform.evaluation.report.facts import CLIMATOLOGY, TWINS
from migraine_platform.evaluation.report.html import Drawn
from migraine_platform.plotting import BLUE, GREEN, GREY, ORANGE, new_figure, to_png
from migraine_platform.warehouse.tables.evaluation import SPLITS

P = ParamSpec("P")
R = TypeVar("R")

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SKY, AMBER, PURPLE, BLACK = "#56B4E9", "#E69F00", "#CC79A7", "#000000"
DPI = 130
WIDTH, HEIGHT = 4.6, 3.7
"""Inches; on a phone's width, letters of 8 points stay readable."""


class Stroke(NamedTuple):
    """Of one model."""

    color: str
    dash: str
    marker: str
    width: float = 1.5


STROKES = {
    TWINS: Stroke(BLUE, "-", "o", 2.6),
    CLIMATOLOGY: Stroke(ORANGE, "--", "s"),
    "base_rate": Stroke(GREY, ":", "v"),
    "yesterday": Stroke(AMBER, "-.", "^"),
    "shared_logistic": Stroke(GREEN, "--", "D"),
    "gradient_boosting": Stroke(PURPLE, "-", "P"),
    "mixed_logistic": Stroke(PURPLE, "-.", "P"),
    "aline": Stroke(SKY, "-", "X"),
    "known_parameters": Stroke(BLACK, "--", "<"),
    "full_state": Stroke(BLACK, ":", ">"),
}
OTHER = Stroke(GREY, "-", ".")
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, AMBER, SKY, BLACK, GREY)
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "P", "X", "v", "<")


def stroke(model: str) -> Stroke:
    """How a model is drawn."""
    return STROKES.get(model, OTHER)


def canvas(height: float = HEIGHT) -> tuple[Figure, Axes]:
    """One figure with one pair of axes."""
    figure, axes = new_figure(WIDTH, height)
    return figure, axes[0]


def labelled(axis: Axes, x: str, y: str) -> None:
    """Name the axes, with their units."""
    axis.set_xlabel(x, fontsize=9)
    axis.set_ylabel(y, fontsize=9)


def legend(axis: Axes, ncols: int = 2, below: float = 0.17, center: float = 0.5) -> None:
    """A legend below the axes, by so much of their height."""
    handles, labels = axis.get_legend_handles_labels()
    if handles:
        axis.legend(
            handles,
            labels,
            fontsize=7.5,
            frameon=False,
            loc="upper center",
            bbox_to_anchor=(center, -below),
            ncols=ncols,
        )


def drawn(figure: Figure, title: str, alt: str, caption: str) -> Drawn:
    """The figure as it goes onto the page."""
    return Drawn(title, to_png(figure, DPI), alt, caption)


def once(draw: Callable[P, R]) -> Callable[P, R]:
    """The same facts are drawn once, for the page and for whoever else shows the figure."""
    return lru_cache(maxsize=len(SPLITS))(draw)  # type: ignore[return-value]
