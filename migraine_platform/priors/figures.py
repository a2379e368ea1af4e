"""Figures of the priors: the mock distribution's correlations, the impact curves."""

from __future__ import annotations

import math
from collections.abc import Sequence

from migraine_platform.plotting import BLUE, GREY, new_figure, to_png
from migraine_platform.priors.features import Feature
from migraine_platform.priors.impact import ImpactScorer
from migraine_platform.priors.mock import MockDistribution, correlation_of

COLUMNS = 6


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
    """Risk score over the typical range, one small panel a feature, with the clinician's ten scores."""
    import numpy as np

    rows = math.ceil(len(features) / COLUMNS)
    figure, axes = new_figure(2.1 * COLUMNS, 1.6 * rows, rows, COLUMNS)
    for axis, feature in zip(axes, features, strict=False):
        low, high = feature.range_low, feature.range_high
        values = np.linspace(low, high, 200)
        centres = low + (high - low) / 10 * (np.arange(10) + 0.5)
        axis.plot(values, ImpactScorer([feature]).score(values[:, None])[:, 0], color=BLUE, linewidth=1.5)
        axis.plot(centres, feature.impact_pattern, "o", color=GREY, markersize=2.5)
        axis.set_ylim(0.5, 10.5)
        axis.set_title(feature.variable, fontsize=8)
        axis.set_xlabel(feature.unit, fontsize=7)
        axis.tick_params(labelsize=6)
        axis.locator_params(axis="x", nbins=4)
    for axis in axes[len(features) :]:
        axis.set_visible(False)
    figure.supylabel("risk score (1-10)", fontsize=9)
    return to_png(figure)
