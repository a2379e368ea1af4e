"""How sure a figure is: percentile intervals and paired tests by bootstrap of patients.

Days of one patient are alike, so that patients are drawn, with replacement, and all days of one who is drawn come along
(cluster bootstrap: Davison and Hinkley 1997, section 3.8). All models of a split are weighed by the same draws: their
differences are paired. Belongs here: draws, intervals, p-values, Holm's correction. Does not: what is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95

FEWEST = 2
"""Patients below which chance between patients cannot be seen: there is no interval."""


def draws(patients: int, replicates: int, *seed: int) -> NDArray[np.float64]:
    """[P, 1 + replicates] how often each patient was drawn; column 0 has each once: the days as they are."""
    drawn = np.random.default_rng(seed).integers(0, patients, size=(replicates, patients))
    place = drawn + patients * np.arange(replicates)[:, None]
    counts = np.bincount(place.ravel(), minlength=replicates * patients).reshape(replicates, patients)
    return np.ascontiguousarray(np.concatenate([np.ones((1, patients)), counts]).T)


def interval(figures: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ends [M] of the 95 % percentile intervals of M figures.

    Replicates in which a figure is undefined, as a sensitivity without a migraine day, are left out of its interval. A
    figure that is undefined on the days as they are has none. What noise alone raises, as a calibration error, a
    replicate raises once more: its interval leans upward, and with few days may lie above the figure.

    Args:
        figures: [1 + B, M] the days as they are, then the replicates; NaN where undefined.
    """
    ordered = np.sort(figures[1:], axis=0)  # what is undefined comes last
    defined = np.count_nonzero(~np.isnan(ordered), axis=0)
    ends = []
    for share in ((1 - LEVEL) / 2, (1 + LEVEL) / 2):
        place = np.maximum(share * (defined - 1), 0)
        below = place.astype(np.int64)
        above = np.minimum(below + 1, np.maximum(defined - 1, 0))
        columns = np.arange(figures.shape[1])
        low, high = ordered[below, columns], ordered[above, columns]
        ends.append(np.where(np.isnan(figures[0]), np.nan, low + (high - low) * (place - below)))
    return ends[0], ends[1]


def p_values(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """[M] two-sided p-values of no difference, from where the replicates lie about zero.

    2 min(1 + #(d <= 0), 1 + #(d >= 0)) / (B + 1), at most 1: the level at which the percentile interval just reaches
    zero. What was computed counts as one of the B + 1, since B replicates cannot show a chance smaller than about
    1 / (B + 1), and never that there is none (Davison and Hinkley 1997, section 4.2).

    Args:
        differences: [1 + B, M] the days as they are, then the replicates; NaN where undefined, which is left out.
    """
    replicates = differences[1:]
    defined = np.count_nonzero(~np.isnan(replicates), axis=0)
    tail = np.minimum(np.count_nonzero(replicates <= 0, axis=0), np.count_nonzero(replicates >= 0, axis=0))
    p = np.minimum(2 * (1 + tail) / (1 + defined), 1)
    return np.asarray(np.where(np.isnan(differences[0]) | (defined == 0), np.nan, p))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n] p-values corrected for n comparisons (Holm 1979); those that are undefined are not counted.

    Args:
        p: [n]
    """
    adjusted = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")[: np.count_nonzero(~np.isnan(p))]
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)), 1)
    return adjusted
