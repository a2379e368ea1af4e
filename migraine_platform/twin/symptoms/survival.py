"""The time to a person's next onset, from how long he has been free of migraine.

    P(onset on a day | g days since the last migraine day) = 1 - exp(-theta_i lambda_b(g)),   theta_i ~ Gamma(a, a)

The population's hazards lambda, by band of g, and a are fitted together by marginal likelihood, theta integrated out
on a grid. A gap in the diary censors: after it g is hidden until the next migraine day, and known only to be at least
one more than the entries since. Such a day has the hazard of a stationary person's days of that kind, at every theta:
it says nothing of the shape of lambda, but leaving it out would make the rare look like the usual, because whoever has
few attacks stays hidden for longer. On the day after a migraine day without an onset the headache may go on, with a
share that all persons have in common; then g is 1 again. Where a gap hides a person's state tonight, it is a
distribution, propagated through the gap.

The last day's migraine is known by its evening only, and its onset not at all. Belongs here: onsets from the diary
alone. Does not: what triggers them, or tomorrow's forecast, which replaces the first day's hazard (`given_tomorrow`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.twin.symptoms.shrinkage import totals

if TYPE_CHECKING:
    from numpy.typing import NDArray

BANDS = (1, 2, 3, 4, 7, 14)
"""First day of each band of days since the last migraine day."""

STATES = BANDS[-1]
"""Days since the last migraine day, the last state being all later ones."""

BAND = np.searchsorted(BANDS, np.arange(1, STATES + 1), side="right") - 1
"""[STATES] the band of every state."""

LOG_THETA = np.linspace(-4.0, 3.0, 57)
"""Grid of the personal multiplier's logarithm."""

HAZARD = (np.log(0.15), 1.0)
"""Prior mean and sd of log lambda, per day: an attack a week where there is no evidence."""

SHAPE = (np.log(2.0), 1.0)
"""Prior mean and sd of log a."""

CONTINUATION = (1.0, 3.0)
"""Beta prior of the share of days after a migraine day, without onset, on which it goes on."""

HORIZON = 365
"""Days; beyond, the last band's hazard goes on."""

WITHIN = (1, 2, 3, 7)
"""Days for which probabilities are told."""


@dataclass(frozen=True)
class Onsets:
    """P patients' next onsets, counted from tomorrow = day 1."""

    hazard: NDArray[np.float64]
    """[6] the population's lambda by band, per day."""
    shape: float
    """a; the multipliers' variance is 1/a."""
    continuation: float
    multiplier: NDArray[np.float64]
    """[P] posterior mean of theta."""
    survival: NDArray[np.float64]
    """[P, HORIZON + 1] probability of no onset within so many days."""
    expected_days: NDArray[np.float64]
    """[P]"""
    days: NDArray[np.int64]
    """[P] days with an entry, but for the last."""

    @property
    def median_days(self) -> NDArray[np.float64]:
        """[P] the first day by which an onset is at least as likely as not; HORIZON where it is later."""
        below = self.survival <= 0.5
        return np.where(below.any(axis=1), below.argmax(axis=1), HORIZON).astype(np.float64)

    def within(self, days: int) -> NDArray[np.float64]:
        """[P] probability of an onset within so many days, at most HORIZON."""
        return 1 - self.survival[:, days]

    def of(self, rows: NDArray[np.int64]) -> Onsets:
        """Some of the patients; the population is the same.

        Args:
            rows: [N] places of those wanted.
        """
        return replace(
            self,
            multiplier=self.multiplier[rows],
            survival=self.survival[rows],
            expected_days=self.expected_days[rows],
            days=self.days[rows],
        )

    def given_tomorrow(self, probability: NDArray[np.float64]) -> Onsets:
        """The same with another probability of an onset tomorrow; what follows a day without one stays.

        Args:
            probability: [P] of an onset on day 1.
        """
        ratio = (1 - probability) / self.survival[:, 1]
        survival = self.survival * ratio[:, None]
        survival[:, 0] = 1.0
        return replace(self, survival=survival, expected_days=1 + (self.expected_days - 1) * ratio)

    def population_survival(self) -> NDArray[np.float64]:
        """[HORIZON + 1] probability of no onset within so many days of a migraine day, in the population."""
        prior = np.exp(_log_prior(self.shape))
        return np.asarray(prior @ _survival(self.hazard, self.continuation)[0][:, 0])


class _Evidence(NamedTuple):
    onsets: NDArray[np.float64]
    """[P, 6] days with an onset, by band."""
    free: NDArray[np.float64]
    """[P, 6] days without."""
    hidden_onsets: NDArray[np.float64]
    """[P, STATES - 1] hidden days with an onset, by the least that g can be."""
    hidden_free: NDArray[np.float64]
    """[P, STATES - 1] hidden days without."""
    after: NDArray[np.float64]
    """[2] days after a migraine day without an onset: on which it went on, and not."""


def fit_onsets(
    diary: NDArray[np.bool_],
    onset: NDArray[np.bool_],
    migraine: NDArray[np.bool_],
    by_evening: NDArray[np.bool_],
) -> Onsets:
    """Hazards of the population, each patient's multiplier, and the time to his next onset.

    Args:
        diary: [P, K] whether there is an entry; the last day's evening is now.
        onset: [P, K] whether an attack began; not read where there is no entry, nor on the last day.
        migraine: [P, K] whether the day was a migraine day; likewise.
        by_evening: [P, K] whether it was one by the evening; read on the last day only.
    """
    migraine = np.where(np.arange(diary.shape[1]) == diary.shape[1] - 1, by_evening, migraine) & diary
    evidence = _evidence(diary[:, :-1], onset[:, :-1], migraine[:, :-1])
    more, less = evidence.after + CONTINUATION
    continuation = float(more / (more + less))
    hazard, shape = _fit(evidence, continuation)
    posterior, _ = _posterior(evidence, hazard, shape, continuation)
    multiplier = posterior @ np.exp(LOG_THETA)
    state = _state(diary, migraine, multiplier, hazard, continuation)
    table, expected = _survival(hazard, continuation)
    joint = (posterior[:, :, None] * state[:, None, :]).reshape(len(diary), -1)
    survival = np.minimum(joint @ table.reshape(-1, HORIZON + 1), 1.0)  # which sums exceed in the last digit
    survival[:, 0] = 1.0
    return Onsets(
        hazard=hazard,
        shape=shape,
        continuation=continuation,
        multiplier=multiplier,
        survival=survival,
        expected_days=joint @ expected.reshape(-1),
        days=diary[:, :-1].sum(axis=1),
    )


def days_since(diary: NDArray[np.bool_], migraine: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[P, K] days from the last migraine day before each day, at most STATES; negative where a gap hides it.

    Then its size is the least that it can be.

    Args:
        diary: [P, K] days with an entry.
        migraine: [P, K] migraine days.
    """
    since = np.zeros(diary.shape, dtype=np.int64)
    known, run = np.zeros(len(diary), dtype=np.bool_), np.zeros(len(diary), dtype=np.int64)
    for day in range(diary.shape[1]):
        least = np.minimum(run + 1, STATES)
        since[:, day] = np.where(known | (least == STATES), least, -least)
        there, again = diary[:, day], migraine[:, day] & diary[:, day]
        known = (known & there) | again
        run = np.where(there & ~again, run + 1, 0)
    return since


def _evidence(diary: NDArray[np.bool_], onset: NDArray[np.bool_], migraine: NDArray[np.bool_]) -> _Evidence:
    since = days_since(diary, migraine)
    known, began = diary & (since > 0), onset & diary
    after = diary & (since == 1) & ~began
    more = float((migraine & after).sum())
    return _Evidence(
        *_counts(known, began, np.append(0, BAND)[np.maximum(since, 0)], len(BANDS)),
        *_counts(diary & (since < 0), began, np.maximum(-since, 1) - 1, STATES - 1),
        np.array([more, after.sum() - more]),
    )


def _counts(
    which: NDArray[np.bool_], began: NDArray[np.bool_], kind: NDArray[np.int64], kinds: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P, kinds] days with and without an onset, by kind."""
    shape = (len(which), kinds)
    who, when = np.nonzero(which)
    place = who * kinds + kind[who, when]
    onsets = totals(place[began[who, when]], shape[0] * kinds).reshape(shape)
    return onsets, totals(place, shape[0] * kinds).reshape(shape) - onsets


def _hidden(evidence: _Evidence, hazard: NDArray[np.float64], continuation: float) -> NDArray[np.float64]:
    """[P, N] log likelihood of the hidden days by multiplier: a stationary person's, whose g is at least so much."""
    daily = _daily(np.exp(LOG_THETA), hazard)
    leaves = 1 - _ill(daily, continuation)
    age = np.cumprod(np.hstack([np.ones((len(daily), 1)), leaves[:, :-1]]), axis=1)
    age[:, -1] = age[:, -1] / (1 - leaves[:, -1])  # the last state keeps whom it has
    age = np.maximum(age, 1e-300)  # where everybody leaves at once
    older = np.cumsum((age * daily)[:, ::-1], axis=1) / np.cumsum(age[:, ::-1], axis=1)
    onset = np.clip(older[:, ::-1][:, :-1], 1e-12, 1 - 1e-12)
    return np.asarray(evidence.hidden_onsets @ np.log(onset).T + evidence.hidden_free @ np.log1p(-onset).T)


def _daily(multiplier: NDArray[np.float64], hazard: NDArray[np.float64]) -> NDArray[np.float64]:
    """[N, STATES] probability of an onset."""
    return -np.expm1(-np.outer(multiplier, hazard[BAND]))


def _ill(daily: NDArray[np.float64], continuation: float) -> NDArray[np.float64]:
    """[N, STATES] probability of a migraine day: an onset, or the headache of the day before."""
    ill = daily.copy()
    ill[:, 0] += (1 - daily[:, 0]) * continuation
    return ill


def _log_prior(shape: float) -> NDArray[np.float64]:
    """[N] log Gamma(a, a) of theta on the grid of its logarithm."""
    from scipy.special import logsumexp

    log = shape * (LOG_THETA - np.exp(LOG_THETA))
    return np.asarray(log - logsumexp(log))


def _posterior(
    evidence: _Evidence, hazard: NDArray[np.float64], shape: float, continuation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[P, N] posterior of the multiplier, and [P] log marginal likelihood."""
    from scipy.special import logsumexp

    x = np.outer(hazard, np.exp(LOG_THETA))
    log = evidence.onsets @ np.log(-np.expm1(-x)) - evidence.free @ x + _log_prior(shape)
    log += _hidden(evidence, hazard, continuation)
    total = logsumexp(log, axis=1)
    return np.exp(log - total[:, None]), total


def _fit(evidence: _Evidence, continuation: float) -> tuple[NDArray[np.float64], float]:
    """lambda [6] and a, at the highest marginal likelihood times their weak priors."""
    from scipy.optimize import minimize

    def loss(at: NDArray[np.float64]) -> float:
        off = np.append((at[:-1] - HAZARD[0]) / HAZARD[1], (at[-1] - SHAPE[0]) / SHAPE[1])
        total = _posterior(evidence, np.exp(at[:-1]), float(np.exp(at[-1])), continuation)[1]
        return float((off**2).sum() / 2 - total.sum())

    bounds = [(-9.0, 2.0)] * len(BANDS) + [(-1.5, 4.0)]
    start = np.array([*(HAZARD[0],) * len(BANDS), SHAPE[0]])
    found = minimize(loss, start, method="L-BFGS-B", bounds=bounds)
    return np.exp(found.x[:-1]), float(np.exp(found.x[-1]))


def _survival(hazard: NDArray[np.float64], continuation: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[N, STATES, HORIZON + 1] survival by multiplier and state tonight, and [N, STATES] expected days."""
    daily = _daily(np.exp(LOG_THETA), hazard)
    survival = np.ones((len(LOG_THETA), STATES, HORIZON + 1))
    later = np.append(np.arange(1, STATES), STATES - 1)
    for day in range(1, HORIZON + 1):  # the survivors of tomorrow have one day less before them
        after = survival[:, later, day - 1]
        after[:, 0] = continuation * survival[:, 0, day - 1] + (1 - continuation) * after[:, 0]
        survival[:, :, day] = (1 - daily) * after
    tail = survival[:, :, -1] * (1 / daily[:, -1:])
    return survival, survival[:, :, :-1].sum(axis=2) + tail


def _state(
    diary: NDArray[np.bool_],
    migraine: NDArray[np.bool_],
    multiplier: NDArray[np.float64],
    hazard: NDArray[np.float64],
    continuation: float,
) -> NDArray[np.float64]:
    """[P, STATES] days that tomorrow will be from the last migraine day: a filter over the diary.

    It starts STATES days before the first, as in a gap.
    """
    ill = _ill(_daily(multiplier, hazard), continuation)
    gap = np.zeros((len(diary), STATES), dtype=np.bool_)
    there, again = np.hstack([gap, diary]), np.hstack([gap, migraine])
    state = np.full((len(diary), STATES), 1 / STATES)
    for day in range(there.shape[1]):
        well = state * (1 - ill)
        moved = np.zeros_like(state)
        moved[:, 1:] = well[:, :-1]
        moved[:, -1] += well[:, -1]
        moved[:, 0] = np.where(there[:, day], 0, 1 - well.sum(axis=1))
        state = moved / moved.sum(axis=1, keepdims=True)
        state[again[:, day]] = np.eye(STATES)[0]
    return state
