"""Many small panels in one figure."""

from __future__ import annotations

import io

import numpy as np
import pytest

from migraine_platform.small_multiples import SmallMultiples

COLOUR = "#ff0000"


def pixels(picture: SmallMultiples) -> np.ndarray:
    """(rows, columns): where the picture is purely of COLOUR."""
    from PIL import Image

    rgb = np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"))
    return (rgb == (255, 0, 0)).all(-1)


@pytest.mark.parametrize("count", [1, 3, 4, 5, 24])
def test_a_panel_is_drawn_in_its_own_cell(count: int) -> None:
    """Rows from the top, columns from the left, four across."""
    for place in {0, count // 2, count - 1}:
        picture = SmallMultiples(count, 4, 3.0, 2.0)
        picture.at(place).histogram(np.ones(3), np.arange(4.0), COLOUR)
        rows, columns = np.nonzero(pixels(picture))
        dpi = 90
        left, top = columns.min() / dpi, rows.min() / dpi
        assert 3 * (place % 4) < left < columns.max() / dpi < 3 * (place % 4 + 1) + 0.24
        assert 2 * (place // 4) < top < rows.max() / dpi < 2 * (place // 4 + 1) + 0.12


def test_bars_are_as_high_as_their_share_of_the_highest() -> None:
    picture = SmallMultiples(1, 1, 3.0, 2.0)
    picture.at(0).histogram(np.array([1.0, 2.0, 4.0]), np.arange(4.0), COLOUR)
    drawn = pixels(picture)
    columns = np.nonzero(drawn.any(0))[0]
    thirds = np.array_split(columns, 3)
    heights = [np.median(drawn[:, third].sum(0)) for third in thirds]
    assert np.allclose(np.array(heights) / heights[-1], [0.25, 0.5, 1.0], atol=0.03)


def test_lines_and_points_span_the_panel_by_their_ranges() -> None:
    panel = SmallMultiples(1, 1, 3.0, 2.0).at(0)
    x, y = panel.scaled(np.array([10.0, 20.0]), np.array([-1.0, 1.0]), (10, 20), (-1, 1))
    assert np.allclose(x, [panel.left, panel.left + panel.width])
    assert np.allclose(y, [panel.bottom, panel.bottom + panel.height])


@pytest.mark.parametrize(("value", "text"), [(25000.0, "25,000"), (0.123456, "0.123"), (-15.52, "-15.5"), (0.0, "0")])
def test_the_ends_of_an_axis_are_short_numbers(value: float, text: str) -> None:
    panel = SmallMultiples(1, 1, 3.0, 2.0).at(0)
    panel.ends(value, 1e6)
    assert text in [label.get_text() for label in panel.axes.texts]
