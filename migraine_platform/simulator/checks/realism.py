"""Realism: figures of a simulated cohort, held against literature and real data.

Every figure is computed on random groups of patients; the spread over the groups gives its margin, so that a small
cohort is not blamed for its noise. A verdict is

    within          the reference lies inside the margin's reach
    specification   outside of the literature, but where the specification puts it
    outside         neither
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.config.realism import RealismSettings, Reference
from migraine_platform.errors import UserError
from migraine_platform.simulator.checks.gaps import gap_odds, tiring
from migraine_platform.simulator.checks.onset_ratios import before_menses_ratio, let_down_odds, menses_ratio
from migraine_platform.simulator.checks.resemblance import share_between, within_correlation, within_difference
from migraine_platform.simulator.checks.weather_figures import WIDTH, site_figures
from migraine_platform.simulator.generative.profiles import DAYS_A_MONTH, STRATUM
from migraine_platform.simulator.random.quantiles import LATEST_RISE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

GROUPS = 10

CHRONIC_FROM = 15
DAILY = (
    "has_migraine",
    "total_sleep_hours",
    "stress_level",
    "rmssd",
    "resting_heart_rate",
    "steps",
    "prodrome",
    "onset",
    "cycle_day",
)

SATURDAY = 6
"""Of days counted from Monday, 1."""

ENTRY_COLUMN, DEVICE_COLUMN = RECORDED = ("stress_level", "total_sleep_hours")
"""A column that every diary entry has, and one that every day with the device has."""


class RealismError(UserError):
    """A configured figure that nobody knows how to measure."""


@dataclass(frozen=True)
class View:
    """A cohort as the figures read it: [P, K] arrays by column, and its attacks."""

    days: Mapping[str, Array]
    forecast: Array
    """[P, K] truth.patient_days.migraine_probability."""
    announced: NDArray[np.bool_]
    """[P, K] a sign of the next day's attack was there at 20:00."""
    is_weekend: NDArray[np.bool_]
    """[K]"""
    attack_patient: NDArray[np.int64]
    """[A] row of each attack's patient."""
    attack_hour: Array
    """[A] hour of the day at which the headache began."""
    attack_weekend: NDArray[np.bool_]
    """[A] whether it began at a weekend."""
    attack_duration: Array
    attack_treated: NDArray[np.bool_]
    attack_severity: Array
    wrote: Array
    """[P, K] whether the evening has a diary entry."""
    worn: Array
    """[P, K] whether the device was worn."""

    def of(self, patients: NDArray[np.int64]) -> View:
        """Some of the patients.

        Args:
            patients: [N] the patient that each day is of.
        """
        chosen = np.isin(self.attack_patient, patients)
        return View(
            {name: values[patients] for name, values in self.days.items()},
            self.forecast[patients],
            self.announced[patients],
            self.is_weekend,
            self.attack_patient[chosen],
            self.attack_hour[chosen],
            self.attack_weekend[chosen],
            self.attack_duration[chosen],
            self.attack_treated[chosen],
            self.attack_severity[chosen],
            self.wrote[patients],
            self.worn[patients],
        )


def view(
    patient_days: pl.DataFrame, truth_days: pl.DataFrame, attacks: pl.DataFrame, measured_days: pl.DataFrame
) -> View:
    """The figures' view of some patients' rows: patient by patient, day by day.

    Args:
        patient_days: rows of `cohort.patient_days`.
        truth_days: rows of `truth.patient_days`, in the same order.
        attacks: rows of `cohort.attacks`.
        measured_days: RECORDED of `measured.patient_days`, in the same order.
    """

    ids = patient_days["patient_id"].unique(maintain_order=True)
    shape = (len(ids), patient_days.height // len(ids))
    rows = pl.DataFrame({"patient_id": ids, "row": np.arange(len(ids))})
    began = attacks.filter(pl.col("attack_id") >= 0).join(rows, on="patient_id")
    hours = began["headache_start"].dt.hour() + began["headache_start"].dt.minute() / 60
    return View(
        days={name: patient_days[name].cast(pl.Float64).to_numpy().reshape(shape) for name in DAILY},
        forecast=truth_days["migraine_probability"].to_numpy().reshape(shape),
        announced=truth_days["announced"].to_numpy().reshape(shape),
        is_weekend=(patient_days["date"].head(shape[1]).dt.weekday() >= SATURDAY).to_numpy(),
        attack_patient=began["row"].to_numpy(),
        attack_hour=hours.to_numpy(),
        attack_weekend=(began["headache_start"].dt.weekday() >= SATURDAY).to_numpy(),
        attack_duration=began["duration_hours"].to_numpy(),
        attack_treated=began["treated"].to_numpy(),
        attack_severity=began["severity"].to_numpy(),
        wrote=measured_days[ENTRY_COLUMN].is_not_null().cast(pl.Float64).to_numpy().reshape(shape),
        worn=measured_days[DEVICE_COLUMN].is_not_null().cast(pl.Float64).to_numpy().reshape(shape),
    )


def realism_frame(settings: RealismSettings, cohort: View, site_days: pl.DataFrame) -> pl.DataFrame:
    """Rows of `realism.figures`.

    Raises:
        RealismError: if the configuration asks for a figure that is not known.
    """

    unknown = sorted(set(settings.figures) - set(FIGURES) - set(site_figures(site_days)))
    if unknown:
        raise RealismError(f"realism.figures: no figure is called {', '.join(unknown)}; known: {', '.join(FIGURES)}")
    measured = {**_patient_figures(cohort, settings), **site_figures(site_days)}
    rows = []
    for name, reference in settings.figures.items():
        value, margin = measured[name]
        low, high = reference.literature
        rows.append((name, value, margin, low, high, reference.source, verdict(reference, value, margin)))
    names = ["figure", "simulated", "margin", "low", "high", "reference", "verdict"]
    return pl.DataFrame(rows, schema=names, orient="row")


def verdict(reference: Reference, value: float, margin: float) -> str:
    """Whether a figure is where it should be."""

    def reached(bounds: tuple[float, float] | None) -> bool:
        return bounds is not None and value + margin >= bounds[0] and value - margin <= bounds[1]

    if reached(reference.literature):
        return "within"
    return "specification" if reached(reference.specification) else "outside"


def auc(labels: Array, scores: Array) -> float:
    """Area under the ROC curve: the chance that a positive scores above a negative; NaN without both."""
    from scipy.stats import rankdata

    positive = labels > 0
    count, rest = int(positive.sum()), int((~positive).sum())
    if not count or not rest:
        return np.nan
    return float((rankdata(scores)[positive].sum() - count * (count + 1) / 2) / (count * rest))


def within_person_lag1(values: Array) -> float:
    """Correlation of a person's days with the day before, pooled over persons, each around his own mean.

    The sample mean's own error pulls it down by about 1 / days; that is added back.
    """
    centred = values - values.mean(axis=1, keepdims=True)
    raw = (centred[:, 1:] * centred[:, :-1]).sum() / max((centred**2).sum(), 1e-300)
    days = values.shape[1]
    return float((raw * days + 1) / (days - 1)) if days > 2 else np.nan


def spreads(values: Array) -> tuple[float, float]:
    """Standard deviations between persons' means and within persons."""
    within = values.var(axis=1, ddof=1).mean()
    between = values.mean(axis=1).var(ddof=1) - within / values.shape[1]
    return float(np.sqrt(max(between, 0.0))), float(np.sqrt(within))


def _within_auc(cohort: View) -> float:
    labels = cohort.days["has_migraine"]
    return float(np.nanmean([auc(row, p) for row, p in zip(labels, cohort.forecast, strict=True)]))


def _conversion(cohort: View) -> float:
    """Of days with signs but the last, the share with the onset that they announced: of the day, or of the next."""
    signs, onset = (cohort.days[name][:, :-1] > 0 for name in ("prodrome", "onset"))
    outcome = onset | ((cohort.days["onset"][:, 1:] > 0) & cohort.announced[:, :-1])
    return float(outcome[signs].mean()) if signs.any() else np.nan


def _weekend(cohort: View) -> float:
    labels = cohort.days["has_migraine"]
    return float(labels[:, cohort.is_weekend].mean() - labels[:, ~cohort.is_weekend].mean())


def _early_at_weekends(cohort: View) -> float:
    """Share of the attacks that begin before people who sleep on are up, at weekends less that on workdays."""
    early = cohort.attack_hour < LATEST_RISE
    free, work = early[cohort.attack_weekend], early[~cohort.attack_weekend]
    return float(free.mean() - work.mean()) if len(free) and len(work) else np.nan


def _untreated_median(cohort: View) -> float:
    durations = cohort.attack_duration[~cohort.attack_treated]
    return float(np.median(durations)) if len(durations) else np.nan


def _with_length(cohort: View) -> float:
    untreated = ~cohort.attack_treated
    length = np.log(cohort.attack_duration[untreated])
    return within_correlation(cohort.attack_severity[untreated], length, cohort.attack_patient[untreated])


def _one_duration(cohort: View) -> float:
    """Share of the headaches that last as long as most others do, to the minute."""
    counts = np.unique(np.round(60 * cohort.attack_duration), return_counts=True)[1]
    return float(counts.max() / counts.sum()) if len(counts) else np.nan


FIGURES: dict[str, Callable[[View], float]] = {
    "sleep_mean_hours": lambda c: float(c.days["total_sleep_hours"].mean()),
    "sleep_between_sd_hours": lambda c: spreads(c.days["total_sleep_hours"])[0],
    "sleep_within_sd_hours": lambda c: spreads(c.days["total_sleep_hours"])[1],
    "sleep_lag1": lambda c: within_person_lag1(c.days["total_sleep_hours"]),
    "stress_lag1": lambda c: within_person_lag1(c.days["stress_level"]),
    "rmssd_between_sd_ms": lambda c: spreads(c.days["rmssd"])[0],
    "rmssd_within_sd_ms": lambda c: spreads(c.days["rmssd"])[1],
    "rmssd_lag1": lambda c: within_person_lag1(c.days["rmssd"]),
    "resting_hr_between_sd_bpm": lambda c: spreads(c.days["resting_heart_rate"])[0],
    "resting_hr_within_sd_bpm": lambda c: spreads(c.days["resting_heart_rate"])[1],
    "resting_hr_lag1": lambda c: within_person_lag1(c.days["resting_heart_rate"]),
    "steps_between_sd": lambda c: spreads(c.days["steps"])[0],
    "steps_within_sd": lambda c: spreads(c.days["steps"])[1],
    "steps_lag1": lambda c: within_person_lag1(c.days["steps"]),
    "untreated_duration_median_h": _untreated_median,
    "one_duration_share": _one_duration,
    "onsets_06_to_12_share": lambda c: float(((c.attack_hour >= 6) & (c.attack_hour < 12)).mean()),
    "weekend_minus_workday_early_onsets": _early_at_weekends,
    "migraine_lag1": lambda c: within_person_lag1(c.days["has_migraine"]),
    "weekend_minus_workday_share": _weekend,
    "perfect_auc_pooled": lambda c: auc(c.days["has_migraine"].ravel(), c.forecast.ravel()),
    "perfect_auc_within": _within_auc,
    "chronic_share_realised": lambda c: float(
        (DAYS_A_MONTH * c.days["has_migraine"].mean(axis=1) >= CHRONIC_FROM).mean()
    ),
    "prodrome_conversion": _conversion,
    "menses_onset_ratio": lambda c: menses_ratio(c.days["onset"], c.days["cycle_day"]),
    "before_menses_onset_ratio": lambda c: before_menses_ratio(c.days["onset"], c.days["cycle_day"]),
    "let_down_odds_ratio": lambda c: let_down_odds(c.days["onset"], c.days["stress_level"]),
    "severity_between_share": lambda c: share_between(c.attack_severity, c.attack_patient),
    "severity_length_correlation": _with_length,
    "treated_more_severe_points": lambda c: within_difference(c.attack_severity, c.attack_treated, c.attack_patient),
    "entry_lag1": lambda c: within_person_lag1(c.wrote),
    "late_minus_early_entries": lambda c: tiring(c.wrote),
    "device_gap_odds_ratio": lambda c: gap_odds(c.wrote, c.worn),
}
"""Figure -> how it is measured on a cohort."""


def _patient_figures(cohort: View, settings: RealismSettings) -> dict[str, tuple[float, float]]:
    """Each figure over all patients, and its margin from random groups of them."""
    count = len(cohort.forecast)
    groups = [cohort.of(members) for members in _groups(count)]
    out = {}
    for name, measure in FIGURES.items():
        if name in settings.figures:
            parts = np.array([measure(group) for group in groups])
            margin = WIDTH * np.nanstd(parts, ddof=1) / np.sqrt(len(parts)) if len(parts) > 1 else np.inf
            out[name] = (measure(cohort), float(margin))
    return out


def _groups(count: int) -> list[NDArray[np.int64]]:
    """Random groups of patients; of whole strata where there are enough, because classes are exact within each."""
    size = STRATUM if count >= GROUPS * STRATUM else 1
    strata = np.random.default_rng(0).permutation(count // size)
    parts = np.array_split(strata, min(GROUPS, max(count // 2, 1)))
    return [(part[:, None] * size + np.arange(size)).ravel() for part in parts]
