"""What days sum to under many weighings of their patients at once: the work behind every figure and every replicate.

A replicate of the bootstrap gives each patient a weight, how often he was drawn, and his days all have it. A sum over
days is then the weights times the patients' own sums: one matrix product makes all replicates. What ranks days against
those of other patients is no such sum: it takes one pass over the days in order of their forecasts, with all
replicates at once. Belongs here: sums and ranks. Does not: the formulas (metrics.py), or the draws (bootstrap.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from migraine_platform.compiled import njit
from migraine_platform.evaluation.scoring.metrics import FALSE_ALARM_RATE, Totals
from migraine_platform.forecast_scores import BINS, bins_of, log_loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 64
"""Replicates that are followed at once: their weights stay in the processor's cache."""


class Cases(NamedTuple):
    """Forecasts by one model of N days that came."""

    patient: NDArray[np.int64]
    """[N] row of the patient in the weights."""
    came: NDArray[np.bool_]
    """[N] it was a migraine day."""
    full: NDArray[np.float64]
    """[N] probability given the whole state; NaN where nobody knows it."""
    hours: NDArray[np.float64]
    """[N] from the forecast to the headache; NaN where no attack began."""
    said: NDArray[np.float64]
    """[N] the forecast."""
    threshold: float
    """From here on a forecast is a warning."""

    def of(self, chosen: NDArray[np.bool_]) -> Cases:
        """Some of the days.

        Args:
            chosen: [N] which of them.
        """
        patient, came, full, hours, said, threshold = self
        return Cases(patient[chosen], came[chosen], full[chosen], hours[chosen], said[chosen], threshold)

    @property
    def patients(self) -> int:
        """How many patients the days are of."""
        return len(np.unique(self.patient))


def totals(cases: Cases, weights: NDArray[np.float64]) -> Totals:
    """What the days sum to under each weighing.

    Args:
        weights: [P, R] how often each patient counts: whole numbers, not negative.
    """
    people = len(weights)
    order = np.argsort(-cases.said, kind="stable")
    patient, came, said = cases.patient[order], cases.came[order], cases.said[order]
    hours = np.nan_to_num(cases.hours[order])
    area, precision, warned = areas(patient, came, said, weights, hours)
    own = own_areas(patient, came, said, people)
    plain = {**_sums(cases, people), "own_area": own[:, 0], "own_curves": own[:, 1]}
    binned = _binned(cases, people)
    parts = weights.T @ np.concatenate([np.stack([*plain.values()], axis=1), *binned.values()], axis=1)
    bins = np.split(parts[:, len(plain) :], len(binned), axis=1)
    return Totals(
        **dict(zip(plain, parts.T, strict=False)),
        **dict(zip(binned, bins, strict=True)),
        auc=area,
        average_precision=precision,
        hours_warned=warned,
        threshold=cases.threshold,
    )


def areas(
    patient: NDArray[np.int64],
    came: NDArray[np.bool_],
    said: NDArray[np.float64],
    weights: NDArray[np.float64],
    hours: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """[R] area under the ROC curve, [R] average precision and [R] hours of warning under each weighing.

    The first two are NaN where they are not defined.

    Args:
        patient, came, said: [N] cases, from the highest score to the lowest.
        weights: [P, R] whole numbers.
        hours: [N] that a warning of the case would give.
    """
    area, precision, warned = (np.empty(weights.shape[1]) for _ in range(3))
    others = FALSE_ALARM_RATE * (_by(patient, ~came, len(weights)) @ weights)
    given = np.zeros(len(came)) if hours is None else hours
    ranks(patient, came, np.append(said[1:] == said[:-1], False), given, weights, others, (area, precision, warned))
    return area, precision, warned


def _sums(cases: Cases, people: int) -> dict[str, NDArray[np.float64]]:
    """[P] each: patients' own sums, by the name of their total."""
    came, warned = cases.came, cases.said >= cases.threshold
    known = ~np.isnan(cases.full)
    columns = {
        "days": np.ones(len(came)),
        "came": came,
        "log_loss": log_loss(cases.said, came.astype(float)),
        "brier": (cases.said - came) ** 2,
        "known": known,
        "expected_loss": np.where(known, log_loss(cases.said, cases.full), 0),
        "hits": warned & came,
        "false_alarms": warned & ~came,
        "attacks": ~np.isnan(cases.hours),
    }
    return {name: _by(cases.patient, days, people) for name, days in columns.items()}


def _binned(cases: Cases, people: int) -> dict[str, NDArray[np.float64]]:
    """[P, BINS] each: patients' own sums by tenths of the forecast, by the name of their total."""
    place = cases.patient * BINS + bins_of(cases.said)
    columns = {"bin_days": np.ones(len(place)), "bin_said": cases.said, "bin_came": cases.came}
    return {name: _by(place, days, people * BINS).reshape(people, BINS) for name, days in columns.items()}


def _by(place: NDArray[np.int64], days: NDArray[Any], places: int) -> NDArray[np.float64]:
    """[places] sums of the days at each place."""
    return np.bincount(place, weights=days, minlength=places).astype(float, copy=False)


@njit(cache=True, nogil=True)
def own_areas(
    patient: NDArray[np.int64], came: NDArray[np.bool_], said: NDArray[np.float64], people: int
) -> NDArray[np.float64]:
    """[P, 2] the area under each patient's own ROC curve, and whether there is one; 0 and 0 where there is none.

    Args:
        patient, came, said: [N] days, from the highest forecast to the lowest.
    """
    counts = np.zeros((people, 4))  # migraine days above, others above, and the same at the forecast just seen
    area, last = np.zeros(people), np.full(people, -1.0)
    for k in range(len(patient)):
        i = patient[k]
        if said[k] != last[i]:
            _close(counts[i], area, i)
            last[i] = said[k]
        counts[i, 2 if came[k] else 3] += 1
    found = np.zeros((people, 2))
    for i in range(people):
        _close(counts[i], area, i)
        pairs = counts[i, 0] * counts[i, 1]
        if pairs > 0:
            found[i, 0] = area[i] / pairs
            found[i, 1] = 1
    return found


@njit(cache=True, nogil=True)
def _close(counts: NDArray[np.float64], area: NDArray[np.float64], i: int) -> None:
    """Nothing more comes at the forecast just seen: pairs with higher migraine days are ordered, ties count half."""
    area[i] += counts[3] * (counts[0] + counts[2] / 2)
    counts[0] += counts[2]
    counts[1] += counts[3]
    counts[2] = counts[3] = 0


@njit(cache=True, nogil=True)
def _share_warned(before: float, now: float, most: float) -> float:
    """Of days with equal forecasts, how many are warned of: other days before them, among them, and allowed in all."""
    if before + now <= most:
        return 1.0
    return (most - before) / now if before < most else 0.0


@njit(cache=True, nogil=True)
def ranks(
    patient: NDArray[np.int64],
    came: NDArray[np.bool_],
    goes_on: NDArray[np.bool_],
    hours: NDArray[np.float64],
    weights: NDArray[np.float64],
    most: NDArray[np.float64],
    found: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
) -> None:
    """Area under the ROC curve, average precision, hours of warning, of all weighings; NaN where an outcome is absent.

    area = sum_g n[g] (M[g-1] + m[g] / 2) / (M N);  precision = sum_g (m[g] / M) M[g] / (M[g] + N[g])
    warned = sum_g f[g] h[g],  f[g] = 1 if N[g] <= most, else (most - N[g-1]) / n[g], or 0 if that is negative

    over groups g of equal forecasts from the highest on; m and n are migraine days and others in one, M and N up to it,
    h the hours that warnings of its days would give.

    Args:
        patient, came: [N] days, from the highest forecast to the lowest.
        goes_on: [N] the next day has the same forecast.
        hours: [N] h of each day.
        weights: [P, R] whole numbers.
        most: [R] other days that may be warned of.
        found: [R] each, filled.
    """
    area, precision, warned = found
    for first in range(0, weights.shape[1], BLOCK):
        own = slice(first, min(first + BLOCK, weights.shape[1]))
        _rank_block(
            patient, came, goes_on, hours, weights[:, own].copy(), most[own], area[own], precision[own], warned[own]
        )


@njit(cache=True, nogil=True)
def _rank_block(
    patient: NDArray[np.int64],
    came: NDArray[np.bool_],
    goes_on: NDArray[np.bool_],
    hours: NDArray[np.float64],
    weights: NDArray[np.float64],
    most: NDArray[np.float64],
    area: NDArray[np.float64],
    precision: NDArray[np.float64],
    warned: NDArray[np.float64],
) -> None:
    width = weights.shape[1]
    hits, others, new_hits, new_others = np.zeros(width), np.zeros(width), np.zeros(width), np.zeros(width)
    new_hours = np.zeros(width)
    area[:] = 0
    precision[:] = 0
    warned[:] = 0
    within = False
    for k in range(len(patient)):
        weight = weights[patient[k]]
        if within or goes_on[k]:
            new_hours += weight * hours[k]
            if came[k]:
                new_hits += weight
            else:
                new_others += weight
            within = goes_on[k]
            if not within:
                for r in range(width):
                    area[r] += new_others[r] * (hits[r] + new_hits[r] / 2)
                    warned[r] += new_hours[r] * _share_warned(others[r], new_others[r], most[r])
                    hits[r] += new_hits[r]
                    others[r] += new_others[r]
                    precision[r] += new_hits[r] * hits[r] / max(hits[r] + others[r], 1.0)
                    new_hits[r] = new_others[r] = new_hours[r] = 0
        elif came[k]:
            for r in range(width):
                hits[r] += weight[r]
                warned[r] += weight[r] * hours[k] * _share_warned(others[r], 0.0, most[r])
                precision[r] += weight[r] * hits[r] / max(hits[r] + others[r], 1.0)
        else:
            for r in range(width):
                area[r] += weight[r] * hits[r]
                warned[r] += weight[r] * hours[k] * _share_warned(others[r], weight[r], most[r])
                others[r] += weight[r]
    for r in range(width):
        area[r] = area[r] / (hits[r] * others[r]) if hits[r] * others[r] > 0 else np.nan
        precision[r] = precision[r] / hits[r] if hits[r] > 0 else np.nan
