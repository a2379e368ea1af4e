"""Figures of a cohort: migraine days a month, pressure falls by site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.plotting import BLUE, GREEN, GREY, ORANGE, new_figure, to_png

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


def migraine_days_a_month(
    profile: NDArray[np.float64], realised: NDArray[np.float64], is_chronic: NDArray[np.bool_]
) -> bytes:
    """Distribution of realised migraine days a month by class, and realised against profile."""
    import numpy as np

    figure, (histogram, scatter) = new_figure(9, 3.6, 1, 2)
    bins = np.arange(0, 31, 1.5).tolist()
    for label, colour, members in (("episodic", BLUE, ~is_chronic), ("chronic", ORANGE, is_chronic)):
        histogram.hist(realised[members], bins=bins, color=colour, alpha=0.8, label=label)
        scatter.plot(profile[members], realised[members], ".", color=colour, markersize=3, label=label)
    histogram.set_xlabel("realised migraine days a month")
    histogram.set_ylabel("patients")
    histogram.legend(frameon=False, fontsize=8)
    scatter.plot([0, 30], [0, 30], color=GREY, linewidth=1)
    scatter.set_xlabel("profile migraine days a month")
    scatter.set_ylabel("realised")
    return to_png(figure)


def pressure_falls(site_days: pl.DataFrame, threshold: float) -> bytes:
    """Share of days with a fall of at least `threshold` hPa in 24 h, by site; the real station stands out."""
    import polars as pl

    shares = (
        site_days.group_by("site_id", "climate")
        .agg(
            fall=(pl.col("pressure_change_24h") <= -threshold).mean(),
            is_station=(pl.col("origin") == "station").any(),
        )
        .sort("fall")
    )
    figure, (axis,) = new_figure(7, 4.5)
    colours = [GREEN if station else BLUE for station in shares["is_station"]]
    labels = [
        f"{row['site_id']} {row['climate']}{' (station)' if row['is_station'] else ''}"
        for row in shares.iter_rows(named=True)
    ]
    axis.barh(labels, (100 * shares["fall"]).to_list(), color=colours)
    axis.set_xlabel(f"days with a fall of at least {threshold:g} hPa in 24 h (%)")
    return to_png(figure)
