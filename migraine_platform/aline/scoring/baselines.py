"""Forecasts that the network has to beat on complete days: fitted on the training patients' days, from their labels.

base rate             one number for everybody
personal climatology  the share of migraine days among patients whose card counts as many in four weeks
logistic regression   on every channel: the card, the day's mean and its last hours of each reading and answer
gradient boosting     on the same columns
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from migraine_platform.simulator.hourly.windows import CARD_SIZES, HourlyWindows

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAST_HOURS = 6
BASE_RATE, CLIMATOLOGY = "base_rate", "personal_climatology"
LOGISTIC, BOOSTING = "logistic_regression", "gradient_boosting"


def day_columns(windows: HourlyWindows) -> NDArray[np.float64]:
    """[W, F] complete days as columns: classes of the card one by one, then every channel's mean and last hours."""
    classes = [np.eye(size)[windows.card[:, column]] for column, size in enumerate(CARD_SIZES)]
    hourly = np.concatenate([windows.passive, windows.answers], axis=2)
    return np.hstack(
        [
            *classes,
            windows.goes_on[:, None],
            windows.slept[:, None],
            hourly.mean(axis=1),
            hourly[:, -LAST_HOURS:].mean(axis=1),
            windows.answers.max(axis=1),
        ]
    )


def fit_baselines(windows: HourlyWindows, seed: int) -> dict[str, Any]:
    """Functions [W] forecast of complete windows, by name."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns, labels = day_columns(windows), windows.migraine
    rate = float(labels.mean())
    count = windows.card[:, 0]
    seen = np.bincount(count, minlength=CARD_SIZES[0])
    own = (np.bincount(count, weights=labels, minlength=CARD_SIZES[0]) + rate) / (seen + 1)
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(columns, labels)
    boosting = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=15, l2_regularization=1.0, random_state=seed
    ).fit(columns, labels)
    return {
        BASE_RATE: lambda other: np.full(len(other.now), rate),
        CLIMATOLOGY: lambda other: own[other.card[:, 0]],
        LOGISTIC: lambda other: logistic.predict_proba(day_columns(other))[:, 1],
        BOOSTING: lambda other: boosting.predict_proba(day_columns(other))[:, 1],
    }
