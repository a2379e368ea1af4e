"""Curves over the probability: what was said and what came, and what warnings from each threshold on would come to.

The interval of a realised share is Wilson's, at the number of independent days that the days are worth: came (1 - came)
over the variance of the share between patients, at most the days there are (Korn and Graubard 1998; Franco et al.
2019). Unlike percentiles of a bootstrap it holds the share, and is no point in a bin that saw but one outcome, where
each patient counts as a single day. Belongs here: these curves. Does not: single figures (metrics.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.evaluation.scoring.totals import Cases
from migraine_platform.forecast_scores import BINS, bins_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

NORMAL_95 = 1.959963984540054
"""97.5 % quantile of the standard normal."""

THRESHOLDS = tuple(step / 100 for step in range(1, 100))


class Bin(NamedTuple):
    """What was said and what came where forecasts lie in a tenth."""

    bin: int
    days: int
    said: float
    came: float
    lower: float
    upper: float


class WarningThreshold(NamedTuple):
    """Warnings from a probability on."""

    threshold: float
    sensitivity: float
    specificity: float
    net_benefit: float
    warn_always: float


def calibration(cases: Cases) -> list[Bin]:
    """The calibration curve: every tenth that holds a forecast."""
    people = int(cases.patient.max(initial=-1)) + 1
    place = cases.patient * BINS + bins_of(cases.said)
    days, said, came = (
        np.bincount(place, weights=part, minlength=people * BINS).reshape(people, BINS).astype(float)
        for part in (np.ones(len(place)), cases.said, cases.came)
    )
    rows = []
    for k in np.flatnonzero(days.sum(axis=0)):
        count, share = days[:, k].sum(), came[:, k].sum() / days[:, k].sum()
        lower, upper = wilson(share, effective_days(days[:, k], came[:, k]))
        rows.append(Bin(int(k), int(count), min(said[:, k].sum() / count, 1.0), share, lower, upper))
    return rows


def effective_days(days: NDArray[np.float64], came: NDArray[np.float64]) -> float:
    """How many independent days tell a share as surely as these, at most as many as there are.

    Args:
        days, came: [P] patients' days, and migraine days among them.
    """
    count, patients = days.sum(), np.count_nonzero(days)
    share = came.sum() / count
    if patients == 1 or share in (0, 1):
        return float(patients)
    residual = ((came - share * days) ** 2).sum()
    variance = patients / (patients - 1) * residual / count**2
    return float(min(count, share * (1 - share) / variance)) if variance > 0 else float(count)


def wilson(share: float, count: float) -> tuple[float, float]:
    """Ends of the 95 % interval of a share that was seen in so many independent cases (Wilson 1927)."""
    z2 = NORMAL_95**2 / count
    middle = (share + z2 / 2) / (1 + z2)
    half = np.sqrt(z2 * share * (1 - share) + z2**2 / 4) / (1 + z2)
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)


def thresholds(cases: Cases) -> list[WarningThreshold]:
    """ROC curve and decision curve at 1 % to 99 %; nothing where only one outcome came, since it has no such curve.

    Net benefit of warnings from t on, per day: hits / N - false alarms / N t / (1 - t) (Vickers and Elkin 2006).
    """
    said = np.sort(cases.said[cases.came]), np.sort(cases.said[~cases.came])
    came, others = len(said[0]), len(said[1])
    if not came or not others:
        return []
    rows = []
    for t in THRESHOLDS:
        hits, alarms = came - np.searchsorted(said[0], t), others - np.searchsorted(said[1], t)
        odds, days = t / (1 - t), came + others
        benefit, always = (hits - alarms * odds) / days, (came - others * odds) / days
        rows.append(WarningThreshold(t, float(hits / came), float(1 - alarms / others), float(benefit), float(always)))
    return rows
