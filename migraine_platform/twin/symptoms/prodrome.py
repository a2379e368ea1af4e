"""Which early signs announce a person's attacks, and how long before.

    logit P(onset on day t + lag | sign x on day t) = a_ic + b_i x,      b_i ~ N(mu, tau^2) by sign and lag

Days compared are those of the same person and of the same kind c: with a migraine in the days before, or without. He
is free of migraine from the sign's evening until the onset, all days between being known. Within the day of the sign
(lag 0) the prodrome counts before any onset of that day, because it comes first by its meaning; other signs are
measured all day, and pain changes them, so that theirs is an onset in the night after an evening without. The last
day's onset and whole-day migraine are not read.

Belongs here: which days are compared, and what is announced. Does not: the likelihoods (effects.py), nor whether a sign
causes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from migraine_platform.errors import UserError
from migraine_platform.twin.symptoms.effects import DaysAtRisk, flag_effects, number_effects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LAGS = (0, 1, 2)
"""Days from a sign to an onset."""

RECENT = 3
"""Days before the sign on which a migraine makes the day one of another kind."""

LEVEL = 0.9
"""Of the intervals that are told."""

FALSE_ALARM = 0.05
"""At most so often is anything at all announced where nothing announces; shared among signs and lags."""


class SignsError(UserError):
    """Signs that do not fit the diary."""


@dataclass(frozen=True)
class SignLags:
    """P patients' S signs at L lags."""

    names: tuple[str, ...]
    log_odds: NDArray[np.float64]
    """[P, S, L] posterior mean of the log odds ratio of an onset; of a number, by one standard deviation."""
    sd: NDArray[np.float64]
    """[P, S, L] its posterior sd, the uncertainty of the population included."""

    @property
    def interval(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P, S, L] twice: central credible interval of LEVEL."""
        half = _quantile((1 + LEVEL) / 2) * self.sd
        return self.log_odds - half, self.log_odds + half

    @property
    def probability_positive(self) -> NDArray[np.float64]:
        """[P, S, L]"""
        from scipy.special import ndtr

        return np.asarray(ndtr(self.log_odds / self.sd))

    @property
    def announces(self) -> NDArray[np.bool_]:
        """[P, S, L] whether zero is outside of the interval that leaves FALSE_ALARM to all signs and lags together."""
        comparisons = len(self.names) * len(LAGS)
        return np.abs(self.log_odds) > _quantile(1 - FALSE_ALARM / comparisons / 2) * self.sd

    @property
    def lead_days(self) -> NDArray[np.float64]:
        """[P, S] mean lag, weighted by the evidence (z squared) of those that point the way of the strongest."""
        z = self.log_odds / self.sd
        strongest = np.take_along_axis(z, np.abs(z).argmax(axis=2)[:, :, None], axis=2)
        weight = np.where(z * strongest > 0, z**2, 0) + 1e-12
        return np.asarray((weight @ np.array(LAGS, dtype=np.float64)) / weight.sum(axis=2))


class SignDiary(NamedTuple):
    """[P, K] each; the last day's evening is now."""

    entry: NDArray[np.bool_]
    onset: NDArray[np.bool_]
    migraine: NDArray[np.bool_]
    by_evening: NDArray[np.bool_]


def fit_signs(
    diary: SignDiary,
    prodrome: NDArray[np.bool_],
    z: NDArray[np.float64],
    seen: NDArray[np.bool_],
    names: Sequence[str],
) -> SignLags:
    """Log odds ratios of every patient, sign and lag, each drawn to the population's.

    Args:
        diary: onsets and migraines; what an entry of the last day says of the whole day is not read.
        prodrome: [P, K] whether signs of a coming attack were noted; read where there is an entry.
        z: [P, K, S] other signs, standardised; read where seen.
        seen: [P, K, S] whether they were recorded.
        names: S names.

    Raises:
        SignsError: if the shapes do not fit.
    """
    shape = (*diary.entry.shape, len(names))
    if z.shape != shape or seen.shape != shape:
        raise SignsError(f"signs are {z.shape} and {seen.shape}; expected patients x days x signs, {shape}")
    persons = len(diary.entry)
    log_odds, sd = np.empty((2, persons, len(names) + 1, len(LAGS)))
    for lag in LAGS:
        days = _days(diary, _at_risk(diary, lag, all_day=True), lag, prodrome)
        log_odds[:, 0, lag], sd[:, 0, lag] = flag_effects(days, persons)
        risk = _at_risk(diary, lag, all_day=False)
        for place in range(len(names)):
            days = _days(diary, risk & seen[:, :, place], lag, z[:, :, place])
            log_odds[:, place + 1, lag], sd[:, place + 1, lag] = number_effects(days, persons)
    return SignLags(("prodrome", *names), log_odds, sd)


def _quantile(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))


def _recent(diary: SignDiary) -> NDArray[np.int64]:
    """[P, K] 1 where a migraine was recorded in the RECENT days before."""
    ill = diary.migraine & diary.entry
    out = np.zeros(ill.shape, dtype=np.int64)
    for back in range(1, RECENT + 1):
        out[:, back:] |= ill[:, :-back]
    return out


def _at_risk(diary: SignDiary, lag: int, all_day: bool) -> NDArray[np.bool_]:
    """[P, K] days whose sign may announce an onset `lag` days later.

    Args:
        all_day: whether the onset may be any time of the sign's own day; else that day is free of migraine by the
            evening.
    """
    free = ~diary.by_evening if lag or not all_day else diary.onset | ~diary.migraine
    risk = diary.entry & free
    risk[:, max(risk.shape[1] - lag - 1, 0) :] = False  # the last day's onset is not known
    for ahead in range(1, lag + 1):
        risk[:, :-ahead] &= ~diary.migraine[:, ahead - 1 : -1] & diary.entry[:, ahead:]
    return risk


def _days(diary: SignDiary, risk: NDArray[np.bool_], lag: int, sign: NDArray[np.generic]) -> DaysAtRisk:
    who, when = np.nonzero(risk)
    onset = diary.onset[who, when + lag].astype(np.float64)
    return DaysAtRisk(2 * who + _recent(diary)[who, when], sign[who, when].astype(np.float64), onset)
