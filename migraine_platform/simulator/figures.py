"""Figures of a cohort: migraine days a month, pressure falls by site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migraine_platform.plotting import BLUE, GREEN, GREY, ORANGE, new_figure, to_png
from migraine_platform.simulator.patients import DAYS_A_MONTH

if TYPE_CHECKING:
    import polars as pl


def realised_frequency(patients: pl.DataFrame, patient_days: pl.DataFrame) -> pl.DataFrame:
    """Class, profile and realised migraine days a month of each patient.

    Args:
        patients: rows of `cohort.patients`.
        patient_days: their rows of `cohort.patient_days`.

    Returns:
        `is_chronic`, `profile`, `realised`, one row per patient.
    """
    import polars as pl

    days = patient_days.group_by("patient_id").agg(realised=DAYS_A_MONTH * pl.col("has_migraine").mean())
    return patients.join(days, on="patient_id").select(
        "is_chronic", "realised", profile=DAYS_A_MONTH * pl.col("base_frequency")
    )


def migraine_days_a_month(frequency: pl.DataFrame) -> bytes:
    """Distribution of realised migraine days a month by class, and realised against profile.

    Args:
        frequency: as `realised_frequency` gives it.
    """
    import numpy as np

    profile, realised = frequency["profile"].to_numpy(), frequency["realised"].to_numpy()
    is_chronic = frequency["is_chronic"].to_numpy()
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
            fall=pl.col("weather_trigger").mean(),
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
