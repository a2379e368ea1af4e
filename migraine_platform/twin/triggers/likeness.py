"""Triggers that a person's days cannot tell apart, as they were there on the same ones.

If a trigger is there whenever another one is, only what both do together can be learned. How alike they were is the
correlation r of their days; what is told of each alone has 1 / (1 - r^2) times the variance that it would have apart
(the variance inflation factor of regression, Belsley, Kuh and Welsch 1980). From ALIKE on the pair is reported.

Belongs here: which pairs, and what the two do together. Does not: what they do beyond both apart (interactions.py).
"""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from migraine_platform.priors.vocabulary import TRIGGER_COUNT, TRIGGER_NAMES
from migraine_platform.twin.hazard.hypotheses import Effects, FilterState, Points
from migraine_platform.twin.triggers.interactions import pairs_of
from migraine_platform.twin.triggers.sensitivity import quantiles

PLACES = pairs_of(range(TRIGGER_COUNT))

ALIKE = 0.9
"""Least correlation of the days of a pair that is reported: five times the variance of each effect alone."""

LEAST_DAYS = 3
"""Days on which both were there, below which their coming together may be chance."""

SCHEMA = {
    "patient_id": pl.String, "trigger": pl.String, "other": pl.String, "correlation": pl.Float64, "days": pl.Int64,
    "mean": pl.Float64, "lower": pl.Float64, "upper": pl.Float64,
}  # fmt: skip


def correlations(trigger: NDArray[np.bool_], known: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Correlation of every pair over a person's days on which both are known, and the days with both.

    Args:
        trigger, known: [K, triggers].

    Returns:
        [pairs] correlations, 0 where one of the two was never or always there; [pairs] days.
    """
    there, seen = (trigger & known).astype(np.float64), known.astype(np.float64)
    days = seen.T @ seen
    both, first = there.T @ there, there.T @ seen  # days with a and b; with a, of those on which b is known
    second = first.T
    covariance = days * both - first * second
    spread = np.sqrt(first * (days - first) * second * (days - second))
    r = np.divide(covariance, spread, out=np.zeros_like(spread), where=spread > 0)
    a, b = ([pair[end] for pair in PLACES] for end in (0, 1))
    return r[a, b], both[a, b].astype(np.int64)


def alike_frame(
    points: Points,
    effects: Effects,
    filter_state: FilterState,
    trigger: NDArray[np.bool_],
    known: NDArray[np.bool_],
    patient_ids: tuple[str, ...],
) -> pl.DataFrame:
    """Rows of `twin.alike_triggers`: pairs that a person's days do not tell apart, with what the two do together.

    Args:
        trigger, known: [P, K, triggers] whether each was there on an evening, and whether that is known.
    """
    rows: list[tuple[str | float | int, ...]] = []
    effect, share = points.susceptibility * effects.trigger, np.exp(filter_state.log_weight)
    for i, patient in enumerate(patient_ids):
        r, days = correlations(trigger[i], known[i])
        for place in np.flatnonzero((r >= ALIKE) & (days >= LEAST_DAYS)):
            first, second = PLACES[place]
            together = effect[:, first] + effect[:, second]
            lower, upper = quantiles(together, share[i : i + 1])[0]
            names = TRIGGER_NAMES[first], TRIGGER_NAMES[second]
            mean = float(share[i] @ together)
            rows.append((patient, *names, float(r[place]), int(days[place]), mean, float(lower), float(upper)))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
