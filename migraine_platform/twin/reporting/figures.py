"""Figures of twins: one person's filtered state and forecasts; how true forecasts came; the population's levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.domain.events import EVENTS
from migraine_platform.plotting import BLUE, GREEN, GREY, ORANGE, new_figure, to_png
from migraine_platform.twin.cohort.build import Built
from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.hazard.contributions import LATENT_TERMS, PersonParameters, onset_terms
from migraine_platform.warehouse import tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

SHOWN_DAYS = 60
BAND = 1.645
"""Standard deviations on either side that hold 90 % of a normal."""

SHOWN_CHANNELS = {"stress_level": "stress (points)", "total_sleep_hours": "sleep (h)"}
BINS = 10


def one_twin(built: Built, model: TwinModel, row: int) -> bytes:
    """One patient's last weeks: state with its 90 % band, terms of the hazard, forecasts with intervals, attacks.

    Args:
        row: place of the patient among the twins; the figure does not say who it is.
    """

    days = built.histories.days
    shown = slice(max(0, days - SHOWN_DAYS), days)
    dates = pl.date_range(built.histories.first, built.histories.last, eager=True).to_numpy()
    figure, axes = new_figure(8, 8, 4, 1)
    for axis, (channel, label) in zip(axes, SHOWN_CHANNELS.items(), strict=False):
        _state(axis, built, model, row, CHANNELS.index(channel), dates, shown, label)
    _hazard(axes[2], built, model, row, dates, shown)
    _forecasts(axes[3], built, row, dates, shown)
    for axis in axes:
        axis.set_xlim(dates[shown.start], dates[-1] + np.timedelta64(1, "D"))
    axes[3].set_xlabel("day")
    return to_png(figure)


def _state(
    axis: Axes,
    built: Built,
    model: TwinModel,
    row: int,
    c: int,
    dates: NDArray[np.datetime64],
    shown: slice,
    label: str,
) -> None:
    """A filtered channel in its units: a band where nothing was recorded, dots where it was."""
    mean, sd = built.replay.channels.mean[row], np.sqrt(built.replay.channels.variance[row])
    low, middle, high = (model.scales.units(mean + k * sd)[shown, c] for k in (-BAND, 0.0, BAND))
    axis.fill_between(dates[shown], low, high, color=BLUE, alpha=0.2, linewidth=0)
    axis.plot(dates[shown], middle, color=BLUE, linewidth=1, label="filtered, 90 % band")
    days = model.scales.standard(built.histories.of(np.array([row])))
    seen = days.seen[0, shown, c]
    axis.plot(dates[shown][seen], model.scales.units(days.z[0])[shown, c][seen], ".", color=GREY, label="recorded")
    axis.set_ylabel(label, fontsize=8)
    _legend(axis)


def _hazard(axis: Axes, built: Built, model: TwinModel, row: int, dates: NDArray[np.datetime64], shown: slice) -> None:
    """Log-odds of an onset on the next day, and what of it is the latent state's."""
    person = PersonParameters.of(built.points, built.twins.filter_state)
    terms = onset_terms(person, model.effects, built.replay.covariates, built.replay.forecasts)[row, shown]
    axis.plot(dates[shown], terms.sum(axis=-1), color=GREEN, linewidth=1, label="all")
    axis.plot(
        dates[shown],
        terms[:, 0] + terms[:, LATENT_TERMS].sum(axis=-1),
        color=GREY,
        linewidth=1,
        label="level and latent state",
    )
    axis.set_ylabel("log-odds of an onset\non the day after", fontsize=8)
    _legend(axis)


def _forecasts(axis: Axes, built: Built, row: int, dates: NDArray[np.datetime64], shown: slice) -> None:
    """Forecasts where they fall due, with their intervals; migraine days as ticks, days without an entry as gaps."""

    patient = built.twins.patient_ids[row]
    said = built.frames[tables.Predictions].filter(pl.col("patient_id") == patient)
    due, p = said["for_date"].to_numpy(), said["probability"].to_numpy()
    axis.fill_between(due, said["lower"].to_numpy(), said["upper"].to_numpy(), color=ORANGE, alpha=0.2, linewidth=0)
    axis.plot(due, p, color=ORANGE, linewidth=1, label="forecast the evening before, 90 % interval")
    diary = built.histories.diary[row]
    migraine = built.histories.events[row, :, EVENTS.index("has_migraine")] & diary
    axis.plot(
        dates[shown][migraine[shown]], np.full(migraine[shown].sum(), 1.02), "|", color="black", label="migraine day"
    )
    axis.plot(
        dates[shown][~diary[shown]],
        np.full((~diary[shown]).sum(), -0.03),
        ".",
        color=GREY,
        markersize=3,
        label="no entry",
    )
    axis.set_ylim(-0.06, 1.08)
    axis.set_ylabel("P(migraine day)", fontsize=8)
    _legend(axis)


def _legend(axis: Axes) -> None:
    """Above the panel, off the lines."""
    axis.legend(frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 0.98), ncols=3, borderpad=0)


def reliability(built: Built) -> bytes:
    """Forecasts of recorded days against how often migraine came, by tenths of the forecasts."""
    p, outcome = outcomes(built)
    figure, axes = new_figure(4.5, 4)
    axis = axes[0]
    axis.plot([0, 1], [0, 1], color=GREY, linewidth=1)
    if len(p):
        for part in np.array_split(np.argsort(p), min(BINS, len(p))):
            mean, share = p[part].mean(), outcome[part].mean()
            margin = BAND * np.sqrt(max(mean * (1 - mean), 1e-6) / len(part))
            axis.errorbar(mean, share, yerr=margin, fmt="o", color=BLUE, markersize=4, linewidth=1)
    axis.set_xlabel("forecast probability of a migraine day")
    axis.set_ylabel("share of recorded days that were one")
    return to_png(figure)


def outcomes(built: Built) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Forecasts of recorded days, made the evening before, and what came."""

    reported = pl.DataFrame(
        {
            "patient_id": np.repeat(built.histories.patient_ids, built.histories.days),
            "for_date": pl.concat(
                [pl.date_range(built.histories.first, built.histories.last, eager=True)] * built.histories.count
            ),
            "recorded": built.histories.diary.ravel(),
            "migraine": built.histories.events[..., EVENTS.index("has_migraine")].ravel(),
        }
    ).filter("recorded")
    both = built.frames[tables.Predictions].join(reported, on=["patient_id", "for_date"])
    return both["probability"].to_numpy(), both["migraine"].to_numpy()


def levels(model: TwinModel) -> bytes:
    """The population's distribution of who a patient is: probability of an onset on a usual day."""
    figure, axes = new_figure(5, 3)
    p = 1 / (1 + np.exp(-model.personal.levels))
    axes[0].plot(p, np.linspace(0, 1, len(p)), color=BLUE)
    axes[0].set_xlabel("probability of an onset on a usual day")
    axes[0].set_ylabel("share of patients below")
    return to_png(figure)
