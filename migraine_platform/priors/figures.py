"""Figures of the priors: the mock distribution's correlations, the impact curves."""

from __future__ import annotations

from collections.abc import Sequence

from migraine_platform.plotting import BLUE, GREY, new_figure, to_png
from migraine_platform.priors.features import Feature
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.priors.mock import MockDistribution, correlation_of
from migraine_platform.small_multiples import SmallMultiples

COLUMNS = 6
WIDTH, HEIGHT = 2.1, 1.6
"""Of a panel, inches."""
SCORES = (0.5, 10.5)
"""Risk scores that a panel's lower and upper edge stand for."""


def correlation_heatmap(mock: MockDistribution) -> bytes:
    """Prior correlations, features ordered from protective to harmful."""
    import numpy as np

    order = np.argsort(mock.directions * mock.relevance, kind="stable")
    names = [mock.variables[index] for index in order]
    correlation = correlation_of(mock.sigma_prior)[np.ix_(order, order)]
    figure, (axis,) = new_figure(9, 8)
    image = axis.imshow(correlation, cmap="PuOr_r", vmin=-1, vmax=1)
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axis.set_yticks(range(len(names)), names, fontsize=7)
    axis.set_title("Mock distribution: prior correlations (protective features first)", fontsize=10)
    figure.colorbar(image, ax=axis, label="correlation", shrink=0.8)
    return to_png(figure)


def impact_curves(features: Sequence[Feature]) -> bytes:
    """Risk score (1 at the bottom, 10 at the top) over the typical range, with the clinician's ten scores as points."""
    import numpy as np

    picture = SmallMultiples(len(features), COLUMNS, WIDTH, HEIGHT)
    for place, feature in enumerate(features):
        panel = picture.at(place)
        low, high = feature.range_low, feature.range_high
        values = np.linspace(low, high, 200)
        centres = np.linspace(low, high, 21)[1::2]
        scores = ImpactScorer([feature]).score(values[:, None])[:, 0]
        panel.title(feature.variable)
        panel.line(values, scores, (low, high), SCORES, BLUE)
        panel.points(centres, np.asarray(feature.impact_pattern, dtype=float), (low, high), SCORES, GREY)
        panel.ends(low, high, feature.unit)
    return picture.png()
