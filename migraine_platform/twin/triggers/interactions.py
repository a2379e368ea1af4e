"""Do two triggers on one day do more, or less, than both apart: pairwise interactions, shrunk twice.

    logit P(y[i, t] = 1) = o[i, t] + x[i, t] . g_i        x: the products, o: log-odds with the main effects
    g_i = m + d_i,   d_i ~ N(0, s^2 I),   m ~ N(0, r^2 I)

Each pair of s, between persons, and r, between the pairs, on a grid counts by its marginal likelihood: one best pair
alone would be too sure of itself. Given them, the joint mode of (m, d_1, ..., d_P) is found by Newton's method; with
A_i = sum_t w x x', w = p (1 - p), at the mode

    B_i = (I + s^2 A_i)^-1,   S = sum_i A_i B_i,   log p(y) = height - 1/2 sum_i log|I + s^2 A_i| - 1/2 log|I + r^2 S|
    cov m = (S + I / r^2)^-1,   cov g_i = s^2 B_i + B_i cov(m) B_i'                                          (Laplace)

which stays sound as s and r go to 0. Posteriors are told as normals with the mixture's moments. Only days with a
product count, so only these are kept: padded rows [P, R, pairs]. Laplace takes s for a little smaller than it is, by a
tenth where persons differ by 0.4 and have six days to a pair, and personal intervals of 90 % then hold 86 %.

Belongs here: products of triggers. Does not: their main effects, which come in the offset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations, product
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from migraine_platform.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Thing = TypeVar("Thing")

BETWEEN_PAIRS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.45, 0.7, 1.0)
"""Candidates for r, log-odds. The least is as good as none."""

BETWEEN_PERSONS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.85, 1.0)
"""Candidates for s. Many persons tell neighbours apart: a coarser grid would miss what lies between."""

STEPS, CLOSE = 30, 1e-8
"""Newton steps at most, and the squared length of the last, in posterior standard deviations."""

HALVINGS = 20
"""At most, of a step that goes too far; usually none."""


class InteractionError(UserError):
    """Days that no interaction can be read from."""


def pairs_of(things: Iterable[Thing]) -> list[tuple[Thing, Thing]]:
    """All pairs, in the order of every array of pairs of triggers."""
    return list(combinations(things, 2))


@dataclass(frozen=True)
class Interactions:
    """Posterior of the interactions, log-odds, in the order of `pairs_of`."""

    between_pairs: float
    """r of the greatest marginal likelihood"""
    between_persons: float
    """s of the greatest marginal likelihood"""
    mean: NDArray[np.float64]
    """[pairs] of m"""
    sd: NDArray[np.float64]
    """[pairs] of m"""
    personal_mean: NDArray[np.float64]
    """[P, pairs] of g_i"""
    personal_sd: NDArray[np.float64]
    """[P, pairs] of g_i"""
    days: NDArray[np.int64]
    """[P, pairs] days that had both triggers"""

    def interval(self, level: float = 0.9) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[pairs], [pairs] ends of the population's credible intervals."""
        return _interval(self.mean, self.sd, level)

    def personal_interval(self, level: float = 0.9) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """[P, pairs], [P, pairs] ends of each person's credible intervals."""
        return _interval(self.personal_mean, self.personal_sd, level)

    def probability_positive(self) -> NDArray[np.float64]:
        """[pairs] that the pair does more than its triggers apart, in the population."""
        return _above_zero(self.mean, self.sd)

    def personal_probability_positive(self) -> NDArray[np.float64]:
        """[P, pairs] likewise, for each person."""
        return _above_zero(self.personal_mean, self.personal_sd)


class _Rows(NamedTuple):
    """The days that count, padded."""

    x: NDArray[np.float64]
    """[P, R, pairs]; 0 where there is no day."""
    offset: NDArray[np.float64]
    """[P, R]"""
    y: NDArray[np.float64]
    """[P, R]"""


class _Fit(NamedTuple):
    """The joint mode for one (r, s), and what Laplace makes of it."""

    evidence: float
    m: NDArray[np.float64]
    """[pairs]"""
    d: NDArray[np.float64]
    """[P, pairs]"""
    variance: NDArray[np.float64]
    """[pairs] of m"""
    personal: NDArray[np.float64]
    """[P, pairs] variance of g_i"""


def interactions(
    outcome: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    offset: NDArray[np.float64],
    triggers: NDArray[np.bool_],
    seen: NDArray[np.bool_],
) -> Interactions:
    """Interactions of the triggers in the population and in each person.

    A day is left out if a trigger is unknown whose product is not known to be zero by the other.

    Args:
        outcome: [P, K] an onset on the day after.
        usable: [P, K] the outcome is known and could have happened.
        offset: [P, K] log-odds with the main effects.
        triggers: [P, K, triggers] whether each was there.
        seen: [P, K, triggers] the trigger is known.

    Raises:
        InteractionError: if shapes differ, or a used day's offset is not finite.
    """
    rows, days = _rows(outcome, usable, offset, triggers, seen)
    grid = list(product(BETWEEN_PAIRS, BETWEEN_PERSONS))
    pairs = rows.x.shape[-1]
    m, d = np.zeros(pairs), np.zeros((len(outcome), pairs))
    fits: list[_Fit] = []
    for r, s in grid:
        fits.append(_fit(rows, r, s, m, d))
        m, d = fits[-1].m, fits[-1].d
    evidence = np.array([fit.evidence for fit in fits])
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    mean, sd = _mixed(weight, [fit.m for fit in fits], [fit.variance for fit in fits])
    own, own_sd = _mixed(weight, [fit.m + fit.d for fit in fits], [fit.personal for fit in fits])
    return Interactions(*grid[int(weight.argmax())], mean, sd, own, own_sd, days)


def _mixed(
    weight: NDArray[np.float64], means: list[NDArray[np.float64]], variances: list[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of a mixture, elementwise."""
    parts = list(zip(weight, means, variances, strict=True))
    mean = np.sum([w * centre for w, centre, _ in parts], axis=0)
    variance = np.sum([w * (spread + (centre - mean) ** 2) for w, centre, spread in parts], axis=0)
    return mean, np.sqrt(variance)


def _fit(rows: _Rows, r: float, s: float, m: NDArray[np.float64], d: NDArray[np.float64]) -> _Fit:
    """Newton's method on (m, d) at once; d is eliminated, so that only matrices of pairs x pairs are inverted."""
    eye = np.eye(len(m))
    height, gradient, A = _derivatives(rows, m, d, r, s)
    for _ in range(STEPS):
        to_m = gradient.sum(axis=0) - m / r**2
        to_d = gradient - d / s**2
        C = np.linalg.inv(A + eye / s**2)
        schur = eye / r**2 + (A - A @ C @ A).sum(axis=0)
        step_m = np.linalg.solve(schur, to_m - np.einsum("pij,pj->i", A @ C, to_d))
        step_d = np.einsum("pij,pj->pi", C, to_d - A @ step_m)
        length = float(step_m @ to_m + (step_d * to_d).sum())
        for _ in range(HALVINGS):
            reached = _derivatives(rows, m + step_m, d + step_d, r, s)
            if reached[0] >= height - CLOSE:
                break
            step_m, step_d = step_m / 2, step_d / 2
        m, d = m + step_m, d + step_d
        height, gradient, A = reached
        if length < CLOSE:
            break
    swollen = eye + s**2 * A
    B = np.linalg.inv(swollen)
    S = (A @ B).sum(axis=0)
    volume = np.linalg.slogdet(swollen)[1].sum() + np.linalg.slogdet(eye + r**2 * S)[1]
    covariance = np.linalg.inv(S + eye / r**2)
    own = s**2 * B + B @ covariance @ B.transpose(0, 2, 1)
    variances = np.diag(covariance), np.diagonal(own, axis1=1, axis2=2)
    return _Fit(float(height - 0.5 * volume), m, d, *variances)


def _derivatives(
    rows: _Rows, m: NDArray[np.float64], d: NDArray[np.float64], r: float, s: float
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Log joint density, the log-likelihood's gradient [P, pairs], and A [P, pairs, pairs]."""
    logit = rows.offset + (rows.x @ (m + d)[..., None])[..., 0]
    p = 1 / (1 + np.exp(-logit))
    counted = rows.x.any(axis=2)
    height = (rows.y * logit - np.logaddexp(0, logit))[counted].sum()
    height -= 0.5 * ((m / r) ** 2).sum() + 0.5 * ((d / s) ** 2).sum()
    turned = rows.x.transpose(0, 2, 1)
    gradient = (turned @ (rows.y - p)[..., None])[..., 0]
    return float(height), gradient, (turned * (p * (1 - p))[:, None]) @ rows.x


def _rows(
    outcome: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    offset: NDArray[np.float64],
    triggers: NDArray[np.bool_],
    seen: NDArray[np.bool_],
) -> tuple[_Rows, NDArray[np.int64]]:
    """Days with a product, first come first, and how many of each pair [P, pairs]."""
    if triggers.shape[:-1] != outcome.shape or triggers.shape != seen.shape:
        raise InteractionError(f"triggers are {triggers.shape}; expected {outcome.shape} and a place for each")
    if usable.shape != outcome.shape or offset.shape != outcome.shape:
        raise InteractionError(f"outcomes are {outcome.shape}, offsets {offset.shape}; expected the same days")
    on, off = triggers & seen, ~triggers & seen
    pairs = pairs_of(range(triggers.shape[-1]))
    first, second = ([pair[end] for pair in pairs] for end in (0, 1))
    both = on[..., first] & on[..., second]
    known = both | off[..., first] | off[..., second]
    kept = usable & known.all(axis=2) & both.any(axis=2)
    if not np.isfinite(offset[kept]).all():
        raise InteractionError("a day with two triggers has no finite offset")
    who, when = np.nonzero(kept)
    count = kept.sum(axis=1)
    place = np.arange(len(who)) - np.repeat(np.cumsum(count) - count, count)
    shape = (len(outcome), int(count.max(initial=0)))
    rows = _Rows(np.zeros((*shape, len(pairs))), np.zeros(shape), np.zeros(shape))
    rows.x[who, place] = both[who, when]
    rows.offset[who, place] = offset[who, when]
    rows.y[who, place] = outcome[who, when]
    return rows, rows.x.sum(axis=1).astype(np.int64)


def _interval(
    mean: NDArray[np.float64], sd: NDArray[np.float64], level: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends of normal intervals."""
    from scipy.special import ndtri

    half = float(ndtri((1 + level) / 2)) * sd
    return mean - half, mean + half


def _above_zero(mean: NDArray[np.float64], sd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mass of normals above zero."""
    from scipy.special import ndtr

    return np.asarray(ndtr(mean / sd))
