"""Figures of a cohort: migraine days a month, pressure falls by site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migraine_platform.domain.exposures import PRESSURE_FALL
from migraine_platform.plotting import BLUE, GREEN, GREY, ORANGE, new_figure, to_png
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray


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


def treatment_effects(effects: pl.DataFrame) -> bytes:
    """Spread over patients of each treatment's true effect.

    Args:
        effects: rows of `truth.interventions`.
    """
    names = effects["intervention"].unique(maintain_order=True).to_list()
    values = [effects.filter(intervention=name)["days_a_month"].to_list() for name in names]
    figure, (axis,) = new_figure(7, 0.3 * len(names) + 1.2)
    axis.boxplot(values[::-1], orientation="horizontal", tick_labels=names[::-1], showfliers=False)
    axis.axvline(0, color=GREY, linewidth=1)
    axis.set_xlabel("change of migraine days a month, by patient")
    return to_png(figure)


def onset_hours(hours: NDArray[np.float64]) -> bytes:
    """Histogram of the hour at which headaches begin; between 06 and 12 h it should be highest.

    Args:
        hours: [N] of the onsets.
    """
    figure, (axis,) = new_figure(7, 3)
    axis.axvspan(6, 12, color=GREY, alpha=0.2, label="peak of the literature")
    axis.hist(hours, bins=list(range(25)), color=BLUE)
    axis.set_xlabel("hour of the day")
    axis.set_ylabel("headaches that begin")
    axis.legend(frameon=False, fontsize=8)
    return to_png(figure)


def calibration_targets(effects: dict[str, float], chronic: dict[str, float], quintiles: Sequence[float]) -> bytes:
    """Measured trigger effects, and realised minus profile days by fifth of the frequency."""
    figure, (left, right) = new_figure(9, 3, 1, 2)
    places = list(range(len(effects)))
    left.bar([place - 0.2 for place in places], [100 * v for v in effects.values()], 0.4, color=BLUE, label="episodic")
    left.bar([place + 0.2 for place in places], [100 * v for v in chronic.values()], 0.4, color=ORANGE, label="chronic")
    left.set_xticks(places, list(effects))
    left.set_ylabel("points of next-day probability")
    left.legend(loc="lower center", ncols=2, fontsize=8)
    right.bar(range(1, len(quintiles) + 1), list(quintiles), color=GREEN)
    right.axhline(0, color=GREY, linewidth=1)
    right.set_ylim(-0.6, 0.6)
    right.set_xlabel("fifth of the profile's frequency")
    right.set_ylabel("realised - profile (days a month)")
    return to_png(figure)


def pressure_falls(site_days: pl.DataFrame) -> bytes:
    """Share of days with a fall of pressure, by site; the real station stands out."""
    import polars as pl

    shares = (
        site_days.group_by("site_id", "climate")
        .agg(
            fall=(pl.col("pressure_change_24h") <= -PRESSURE_FALL).mean(),
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
    axis.set_xlabel(f"days with a fall of pressure by {PRESSURE_FALL:g} hPa or more in 24 h (%)")
    return to_png(figure)
