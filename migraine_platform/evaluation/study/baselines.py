"""What one would forecast a study's headaches by else; treatment and time are in every model that has covariates.

    base_rate              the study's share of headache days
    yesterday              that share after a day with headache, without, without entry
    personal_climatology   the person's own share so far, shrunk to the study's
    shared_logistic        one regression: yesterday, own share so far, last week's share, treatment, time, person
    mixed_logistic         the same without own share, with a level for each person: u_i ~ N(0, sigma^2), learned by
                           maximum likelihood (Gauss-Hermite quadrature); the person's level is inferred anew every day

Belongs here: fitting and forecasting. Does not: the twins (twins.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.evaluation.forecasts.baselines import BASE_RATE, CLIMATOLOGY, LOGISTIC, SMALLEST, YESTERDAY
from migraine_platform.evaluation.forecasts.models import MIXED
from migraine_platform.evaluation.study.panel import Panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRIOR_DAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Days that the study's share may count among a person's own; the likeliest is chosen."""

NODES = 49
"""Of the quadrature over a person's level."""

RIDGE = 0.1
WEEK = 7


class Mixed(NamedTuple):
    """A fitted mixed-effects logistic regression."""

    weights: NDArray[np.float64]
    """[C + 1] the constant last."""
    sd: float
    """Of the persons' levels."""


def study_forecasts(panel: Panel, lesson: NDArray[np.bool_], newness_days: float) -> dict[str, NDArray[np.float64]]:
    """[P, K] what each baseline says of each day on the evening before, by name.

    Args:
        lesson: [P, K] recorded days that may be learned from.
    """
    from sklearn.linear_model import LogisticRegression

    y = panel.headache
    base = float((y & lesson).sum() + 1) / float(lesson.sum() + 2)
    usual = _climatology(panel, lesson, base)
    x = covariates(panel, newness_days, base, lesson)
    rich = np.concatenate([with_last_week(x, panel, usual), np.log(usual / (1 - usual))[..., None]], axis=-1)
    levelled = with_last_week(x, panel, np.full_like(usual, base))  # the person's level is the model's own to find
    shared = LogisticRegression(max_iter=2000).fit(rich[lesson], y[lesson])
    flat = shared.predict_proba(rich.reshape(-1, rich.shape[-1]))[:, 1]
    said = {
        BASE_RATE: np.full(y.shape, base),
        YESTERDAY: _by_yesterday(panel, lesson, base),
        CLIMATOLOGY: usual,
        LOGISTIC: flat.reshape(y.shape),
        MIXED: mixed_forecast(fit_mixed(levelled, y, lesson), levelled, y, panel.recorded),
    }
    return {name: np.clip(p, SMALLEST, 1 - SMALLEST) for name, p in said.items()}


def covariates(panel: Panel, newness_days: float, base: float, lesson: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[P, K, C] what is known of each day on the evening before: yesterday, its air, treatment, time, person.

    Air is counted in standard deviations of the lesson's days from their mean; 0 where it is not known.

    Args:
        lesson: [P, K] recorded days that may be learned from.
    """
    ill, known = _yesterday(panel)
    air, measured = np.zeros_like(panel.air), panel.air[lesson & np.isfinite(panel.air)]
    if len(measured):
        air[:, 1:] = np.nan_to_num((panel.air[:, :-1] - measured.mean()) / max(float(measured.std()), 1e-9))
    lag = np.stack([np.where(known, ill - base, 0.0), ~known, air], axis=-1)
    return np.concatenate([lag, panel.treatment(newness_days), panel.person()], axis=-1)


def with_last_week(x: NDArray[np.float64], panel: Panel, usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, K, C + 1] covariates and, last, the share of headache days in the week before.

    Args:
        usual: [P, K] share of which one day is added.
        x: [P, K, covariates] inputs so far.
    """
    return np.concatenate([x, _last_week(panel, usual)[..., None]], axis=-1)


def fit_mixed(x: NDArray[np.float64], y: NDArray[np.bool_], lesson: NDArray[np.bool_]) -> Mixed:
    """Maximise the marginal likelihood of the lesson's days, with a weak ridge on the weights.

    Args:
        x: [P, K, C]
        y: [P, K]
        lesson: [P, K] days that count.
    """
    from scipy.optimize import minimize

    nodes, weight = np.polynomial.hermite_e.hermegauss(NODES)
    log_weight = np.log(weight / weight.sum())
    rows, days = np.nonzero(lesson)
    own, came = np.hstack([x[rows, days], np.ones((len(rows), 1))]), y[rows, days]
    sign = np.where(came, 1.0, -1.0)[:, None]
    patients, size = len(y), own.shape[1]

    def loss(parameters: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        w, sd = parameters[:-1], np.exp(parameters[-1])
        logit = sign * ((own @ w)[:, None] + sd * nodes)
        each = np.zeros((patients, NODES))
        np.add.at(each, rows, -np.logaddexp(0, -logit))
        each += log_weight
        top = each.max(axis=1, keepdims=True)
        share = np.exp(each - top)
        total = share.sum(axis=1, keepdims=True)
        slope = (share / total)[rows] * sign / (1 + np.exp(logit))
        gradient = np.append(own.T @ slope.sum(axis=1), sd * (slope @ nodes).sum())
        penalty = np.append(RIDGE * w[:-1], [0.0, 0.0])
        return -float((np.log(total) + top).sum()) + 0.5 * RIDGE * float(w[:-1] @ w[:-1]), penalty - gradient

    found = minimize(loss, np.zeros(size + 1), jac=True, method="L-BFGS-B").x
    return Mixed(found[:-1], float(np.exp(found[-1])))


def mixed_forecast(
    model: Mixed, x: NDArray[np.float64], y: NDArray[np.bool_], recorded: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """[P, K] the regression's forecasts, each person's level weighed by all recorded days before.

    Args:
        x: [N, covariates] inputs.
        y: [N] headache or none.
        recorded: [P, K] days whose outcome is known.
    """
    nodes, weight = np.polynomial.hermite_e.hermegauss(NODES)
    logit = (x @ model.weights[:-1] + model.weights[-1])[..., None] + model.sd * nodes
    log_likelihood = -np.logaddexp(0, np.where(y[..., None], -logit, logit)) * recorded[..., None]
    before = np.pad(np.cumsum(log_likelihood, axis=1), [(0, 0), (1, 0), (0, 0)])[:, :-1] + np.log(weight)
    share = np.exp(before - before.max(axis=-1, keepdims=True))
    share /= share.sum(axis=-1, keepdims=True)
    return np.asarray((share / (1 + np.exp(-logit))).sum(axis=-1))


def _yesterday(panel: Panel) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[P, K] whether the day before was one with headache, and whether that is known."""
    ill, known = np.zeros(panel.headache.shape), np.zeros_like(panel.recorded)
    ill[:, 1:], known[:, 1:] = panel.headache[:, :-1], panel.recorded[:, :-1]
    return ill, known


def _by_yesterday(panel: Panel, lesson: NDArray[np.bool_], base: float) -> NDArray[np.float64]:
    ill, known = _yesterday(panel)

    def share(days: NDArray[np.bool_]) -> float:
        days = days & lesson
        return float(((panel.headache & days).sum() + base) / (days.sum() + 1))

    after, free = share(known & (ill > 0)), share(known & (ill == 0))
    return np.where(known, np.where(ill > 0, after, free), share(~known))


def _climatology(panel: Panel, lesson: NDArray[np.bool_], base: float) -> NDArray[np.float64]:
    """[P, K] (found + w base) / (seen + w), w the likeliest of PRIOR_DAYS."""
    found: NDArray[np.int64] = np.cumsum(panel.headache, axis=1) - panel.headache

    def usual(w: float) -> NDArray[np.float64]:
        return np.asarray(np.clip((found + w * base) / (panel.history + w), SMALLEST, 1 - SMALLEST))

    def loss(w: float) -> float:
        p = usual(w)[lesson]
        return float(-np.log(np.where(panel.headache[lesson], p, 1 - p)).sum())

    return usual(min(PRIOR_DAYS, key=loss))


def _last_week(panel: Panel, usual: NDArray[np.float64]) -> NDArray[np.float64]:
    """[P, K] share of headache days among those recorded in the week before, one usual day added."""

    def last(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        total = np.pad(np.cumsum(flags, axis=1), [(0, 0), (WEEK + 1, 0)])[:, :-1]
        return np.asarray(total[:, WEEK:] - total[:, : -WEEK or None][:, : flags.shape[1]])

    return np.asarray((last(panel.headache) + usual) / (last(panel.recorded) + 1))
