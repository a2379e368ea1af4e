"""What is measured of forecasts, declared once: name, title, unit, which way is better, meaning, formula.

    brier ~ brier_reliability - brier_resolution + brier_uncertainty      (Murphy 1973; on bins, up to what is in them)

Every formula is one of totals, so that the same code makes a figure of the days as they are and of each replicate of
the bootstrap. Belongs here: the declarations and formulas. Does not: how totals are summed over patients (totals.py),
or how sure a figure is (bootstrap.py). What the days do not tell is NaN here and null in tables.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from migraine_platform.forecast_scores import error_of_bins

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

FALSE_ALARM_RATE = 0.2
"""Share of days without migraine that are warned of, at which the lead time of warnings is measured."""


class Totals(NamedTuple):
    """What R weighings of the same days sum to; weighing 0 is the days as they are."""

    days: Values
    """[R] days, as all others but the bins."""
    came: Values
    """Migraine days."""
    log_loss: Values
    brier: Values
    known: Values
    """Days whose full_state is known."""
    expected_loss: Values
    """Cross-entropy against it, on those."""
    hits: Values
    """Migraine days that were warned of."""
    false_alarms: Values
    """Other days that were warned of."""
    attacks: Values
    """Days on which an attack began, at an hour that is known."""
    own_area: Values
    """Areas under patients' own ROC curves."""
    own_curves: Values
    """Patients who have one: those with migraine days and others."""
    bin_days: Values
    """[R, BINS]"""
    bin_said: Values
    bin_came: Values
    auc: Values
    """Area under the ROC curve of all days together; no sum."""
    average_precision: Values
    hours_warned: Values
    """From warnings to the attacks, added up, where warnings are as many as make FALSE_ALARM_RATE; no sum of days."""
    threshold: float
    """From which on a forecast is a warning."""

    @property
    def others(self) -> Values:
        """Days without migraine."""
        return self.days - self.came

    @property
    def misses(self) -> Values:
        """Migraine days that were not warned of."""
        return self.came - self.hits

    @property
    def quiet(self) -> Values:
        """Other days that were not warned of."""
        return self.others - self.false_alarms

    @property
    def warnings(self) -> Values:
        """Days that were warned of."""
        return self.hits + self.false_alarms


class Metric(NamedTuple):
    """One figure of forecasts."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher", "neither"]
    about: str
    """Its definition in a sentence."""
    formula: Callable[[Totals], Values]
    """[R] of totals."""


def ratio(above: Values, below: Values) -> Values:
    """Quotients; NaN where the denominator is 0."""
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below != 0))


def _reliability(t: Totals) -> Values:
    apart = np.where(t.bin_days > 0, ratio((t.bin_said - t.bin_came) ** 2, t.bin_days), 0)
    return ratio(apart.sum(axis=1), t.days)


def _resolution(t: Totals) -> Values:
    apart = np.where(t.bin_days > 0, ratio(t.bin_came, t.bin_days) - ratio(t.came, t.days)[:, None], 0)
    return ratio((t.bin_days * apart**2).sum(axis=1), t.days)


def _uncertainty(t: Totals) -> Values:
    return ratio(t.came, t.days) * ratio(t.others, t.days)


def _of_warnings(t: Totals) -> Values:
    return ratio(t.hits, t.warnings)


def _of_migraine_days(t: Totals) -> Values:
    return ratio(t.hits, t.came)


def _odds_ratio(t: Totals) -> Values:
    """With an empty margin the added halves alone would make a figure, and a wrong one: then there is none."""
    margins = (t.came > 0) & (t.others > 0) & (t.warnings > 0) & (t.warnings < t.days)
    odds = (t.hits + 0.5) * (t.quiet + 0.5) / ((t.false_alarms + 0.5) * (t.misses + 0.5))
    return np.where(margins, odds, np.nan)


def _net_benefit(t: Totals) -> Values:
    if t.threshold >= 1:
        return np.full_like(t.days, np.nan)
    return ratio(t.hits - t.false_alarms * (t.threshold / (1 - t.threshold)), t.days)


METRICS: tuple[Metric, ...] = (
    Metric(
        "log_loss", "Log loss", "nats", "lower",
        "Mean of -ln of the probability given to what came; probabilities are kept 1e-6 away from 0 and 1.",
        lambda t: ratio(t.log_loss, t.days),
    ),
    Metric(
        "expected_log_loss", "Expected log loss", "nats", "lower",
        "The log loss that is expected given the simulation's whole state, on days where that is known.",
        lambda t: ratio(t.expected_loss, t.known),
    ),
    Metric(
        "brier", "Brier score", "", "lower",
        "Mean squared distance between forecast and outcome (Brier 1950).",
        lambda t: ratio(t.brier, t.days),
    ),
    Metric(
        "brier_reliability", "Brier: reliability", "", "lower",
        "Mean squared distance between said and realised shares, over tenths of the probability (Murphy 1973).",
        _reliability,
    ),
    Metric(
        "brier_resolution", "Brier: resolution", "", "higher",
        "Mean squared distance of the tenths' realised shares from the overall one (Murphy 1973).",
        _resolution,
    ),
    Metric(
        "brier_uncertainty", "Brier: uncertainty", "", "neither",
        "Share of migraine days times share of the others: the Brier score of who knows only that share (Murphy 1973).",
        _uncertainty,
    ),
    Metric(
        "ece", "Calibration error", "share", "lower",
        "Mean distance between said and realised shares, over tenths of the probability, weighted by days.",
        lambda t: error_of_bins(t.bin_said - t.bin_came, t.days),
    ),
    Metric(
        "auc_roc", "AUC", "", "higher",
        "Probability that a migraine day was given more than another day, ties by half; over all patients together.",
        lambda t: t.auc,
    ),
    Metric(
        "auc_within", "AUC within patients", "", "higher",
        "Mean of the patients' own AUC, over those with migraine days and others: which days, not which people.",
        lambda t: ratio(t.own_area, t.own_curves),
    ),
    Metric(
        "pr_auc", "Average precision", "", "higher",
        "Precision at each forecast level, weighted by the migraine days that the level adds; no interpolation.",
        lambda t: t.average_precision,
    ),
    Metric(
        "precision", "Precision", "share", "higher",
        "Of the days that were warned of, how many were migraine days; the same as the positive predictive value.",
        _of_warnings,
    ),
    Metric(
        "recall", "Recall", "share", "higher",
        "Of the migraine days, how many were warned of; the same as sensitivity.",
        _of_migraine_days,
    ),
    Metric(
        "f1", "F1", "", "higher",
        "Harmonic mean of precision and recall.",
        lambda t: ratio(2 * t.hits, t.came + t.warnings),
    ),
    Metric(
        "sensitivity", "Sensitivity", "share", "higher",
        "Of the migraine days, how many were warned of.",
        _of_migraine_days,
    ),
    Metric(
        "specificity", "Specificity", "share", "higher",
        "Of the other days, how many were not warned of.",
        lambda t: ratio(t.quiet, t.others),
    ),
    Metric(
        "ppv", "Positive predictive value", "share", "higher",
        "Of the days that were warned of, how many were migraine days.",
        _of_warnings,
    ),
    Metric(
        "npv", "Negative predictive value", "share", "higher",
        "Of the days that were not warned of, how many were not migraine days.",
        lambda t: ratio(t.quiet, t.days - t.warnings),
    ),
    Metric(
        "diagnostic_odds_ratio", "Diagnostic odds ratio", "", "higher",
        "Odds of a warning on migraine days over those on others, a half added to each count (Haldane 1956).",
        _odds_ratio,
    ),
    Metric(
        "warning_rate", "Warning rate", "share", "neither",
        "Of all days, how many were warned of.",
        lambda t: ratio(t.warnings, t.days),
    ),
    Metric(
        "net_benefit", "Net benefit", "per day", "higher",
        "Migraine days warned of less false warnings at the threshold's odds, per day (Vickers and Elkin 2006).",
        _net_benefit,
    ),
    Metric(
        "lead_time", "Lead time", "h", "higher",
        "Mean time that an attack is warned of before its headache, where one in five days without migraine is warned "
        "of in vain; an attack without a warning counts 0, ties of forecasts by their share.",
        lambda t: ratio(t.hours_warned, t.attacks),
    ),
)  # fmt: skip
"""Every metric, in the order in which people read them."""

NAMES = tuple(metric.name for metric in METRICS)

BY_NAME = {metric.name: metric for metric in METRICS}


def figures(totals: Totals) -> Values:
    """[R, METRICS] every metric of every weighing; NaN where the days do not tell it."""
    return np.stack([metric.formula(totals) for metric in METRICS], axis=1)
