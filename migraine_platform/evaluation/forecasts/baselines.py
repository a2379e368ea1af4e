"""Models that a twin has to beat: what one can say of tomorrow without a model of the person.

    base_rate              the population's share of migraine days
    yesterday              that share after a migraine day, after a day without, after a day without an entry
    personal_climatology   the person's own share so far, shrunk to the population's
    shared_logistic        one logistic regression for everybody, on all that is known of an evening
    gradient_boosting      boosted trees on the same

All learn from the same evenings of the same patients as the twins' population does, and only from days with an entry:
of the others nobody could have told them. Belongs here: fitting and forecasting. Does not: their inputs (origins.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from migraine_platform.evaluation.forecasts.origins import ForecastOrigins

if TYPE_CHECKING:
    from numpy.typing import NDArray

BASE_RATE, YESTERDAY, CLIMATOLOGY = "base_rate", "yesterday", "personal_climatology"
LOGISTIC, BOOSTING = "shared_logistic", "gradient_boosting"

PENALTY = 0.1
"""Inverse strength of the logistic regression's ridge, as scikit-learn counts it."""

SMALLEST = 1e-4
"""Forecasts stay this far off 0 and 1."""


@dataclass(frozen=True)
class BaselineTraining:
    """What may be learned from."""

    rows: NDArray[np.int64]
    """Patients."""
    days: slice
    """Evenings whose tomorrow may be known."""


def share_learned(outcome: NDArray[np.bool_], reported: NDArray[np.bool_], lesson: BaselineTraining) -> float:
    """Share of migraine days among the recorded ones of a lesson.

    Args:
        outcome: [P, K] whether the day after each evening was a migraine day.
        reported: [P, K] whether the diary says so.
    """
    seen = reported[lesson.rows, lesson.days]
    return float((outcome[lesson.rows, lesson.days] & seen).sum() + 1) / float(seen.sum() + 2)


def forecasts(
    known: ForecastOrigins, outcome: NDArray[np.bool_], reported: NDArray[np.bool_], lesson: BaselineTraining, seed: int
) -> dict[str, NDArray[np.float64]]:
    """[P, K] what each baseline says on every evening of the day that follows, by name.

    Args:
        outcome: [P, K] whether that day was a migraine day.
        reported: [P, K] whether its diary has an entry.
    """
    base = share_learned(outcome, reported, lesson)
    seen = reported[lesson.rows, lesson.days]
    y = outcome[lesson.rows, lesson.days][seen]
    x = known.values[lesson.rows, lesson.days][seen]
    said = {
        BASE_RATE: np.full(known.ill.shape, base),
        YESTERDAY: _by_status(known.ill, known.ill[lesson.rows, lesson.days][seen], y, base),
        CLIMATOLOGY: known.climatology,
    }
    if 0 < y.sum() < len(y):
        flat = known.values.reshape(-1, known.values.shape[-1])
        for name, model in ((LOGISTIC, _logistic()), (BOOSTING, _boosting(seed))):
            said[name] = model.fit(x, y).predict_proba(flat)[:, 1].reshape(known.ill.shape)
    return {name: np.clip(p, SMALLEST, 1 - SMALLEST) for name, p in said.items()}


def _by_status(
    ill: NDArray[np.float64], learned: NDArray[np.float64], y: NDArray[np.bool_], base: float
) -> NDArray[np.float64]:
    """[P, K] share of migraine days after each status of the evening, one day at the base rate added."""

    def share(after: NDArray[np.bool_]) -> float:
        return float((y[after].sum() + base) / (after.sum() + 1))

    silent = np.isnan(learned)
    return np.where(np.isnan(ill), share(silent), np.where(ill > 0, share(learned == 1), share(learned == 0)))


def _logistic() -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(add_indicator=True, keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(C=PENALTY, max_iter=1000),
    )


def _boosting(seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.05,
        max_iter=150,
        max_leaf_nodes=15,
        min_samples_leaf=40,
        l2_regularization=1.0,
        random_state=seed,
    )
