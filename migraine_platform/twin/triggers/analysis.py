"""Thresholds and interactions of a cohort's triggers, given what its twins know.

A step or a product is looked for in what the twins' hazard (contributions.py) leaves unexplained: the log-odds of every
recorded day without the trigger in question is held. Belongs here: the exposures that are looked through, and from
twins to rows. Does not: the estimators (thresholds.py, interactions.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.domain.triggers import TRIGGER_NAMES, TRIGGERS
from migraine_platform.twin.core.twins import Replay
from migraine_platform.twin.data.features import EVENTS, POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.hazard.contributions import FIRST_TRIGGER, PersonParameters, onset_terms
from migraine_platform.twin.hazard.hypotheses import Effects, FilterState, Points
from migraine_platform.twin.triggers.interactions import PAIRS, interactions
from migraine_platform.twin.triggers.thresholds import StepPrior, thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray


class ContinuousExposure(NamedTuple):
    """A continuous exposure whose threshold is looked for."""

    name: str
    trigger: str
    unit: str
    side: Literal["above", "below"]
    grid: tuple[float, float, float]
    """First and last candidate, and the step between them."""
    between: float
    """Standard deviation of persons' thresholds; assumed."""
    within: tuple[float, float]
    """Values that are looked at; beyond them another step may lie."""


EXPOSURES_OF = {trigger.name: trigger.exposures for trigger in TRIGGERS}
EXPOSURES = (
    ContinuousExposure("pressure change in 24 h", "weather", "hPa", "below", (-10.0, -1.0, 0.5), 1.0, (-100.0, 100.0)),
    ContinuousExposure("time asleep, too short", "sleep", "h", "below", (3.5, 6.5, 0.25), 0.4, (0.0, 8.5)),
    ContinuousExposure("time asleep, too long", "sleep", "h", "above", (7.5, 10.5, 0.25), 0.4, (5.5, 24.0)),
    ContinuousExposure(
        "rise of stress since yesterday", "stress", "points", "above", (1.0, 6.0, 0.5), 0.6, (-10.0, 10.0)
    ),
)


class TriggerDays(NamedTuple):
    """P patients' K evenings, and what came of the day that followed."""

    onset: NDArray[np.bool_]
    """[P, K] an attack began on the day that followed."""
    usable: NDArray[np.bool_]
    """[P, K] both evenings have an entry, and no attack went on."""
    terms: NDArray[np.float64]
    """[P, K, terms] of the log-odds."""
    trigger: NDArray[np.float64]
    """[P, K, 4]"""


def days_of(
    points: Points, effects: Effects, filter_state: FilterState, replay: Replay, histories: Histories
) -> TriggerDays:
    """What a cohort's days tell of onsets."""
    complete, began, evening = (
        histories.events[..., EVENTS.index(name)] for name in ("has_migraine", "onset", "migraine_by_evening")
    )
    onset, usable = np.zeros_like(complete), np.zeros_like(complete)
    onset[:, :-1] = (complete & began)[:, 1:]
    goes_on = (evening & ~began)[:, 1:]
    usable[:, :-1] = histories.diary[:, 1:] & histories.diary[:, :-1] & ~goes_on
    usable[:, -2:] = False  # what came of the last day is complete only tomorrow
    terms = onset_terms(PersonParameters.of(points, filter_state), effects, replay.covariates, replay.forecasts)
    return TriggerDays(onset, usable, terms, replay.covariates.trigger)


def threshold_frame(days: TriggerDays, histories: Histories) -> pl.DataFrame:
    """Rows of `twin.trigger_thresholds`."""

    frames = []
    for one in EXPOSURES:
        value, seen = _exposure(one.trigger, histories)
        term = days.terms[..., FIRST_TRIGGER + TRIGGER_NAMES.index(one.trigger)]
        seen &= (value >= one.within[0]) & (value <= one.within[1])
        first, last, step = one.grid
        grid = np.arange(first, last + step / 2, step)
        offset = days.terms.sum(axis=-1) - term
        found = thresholds(days.onset, days.usable, offset, value, seen, grid, StepPrior(one.between), one.side)
        lower, upper = found.interval()
        keys = {"patient_id": histories.patient_ids, "exposure": [one.name] * histories.count}
        values = {"mean": found.mean(), "lower": lower, "upper": upper, "unit": [one.unit] * histories.count}
        values["supported"] = np.full(histories.count, 1 / (1 + np.exp(-found.log_bayes_factor)))
        frames.append(pl.DataFrame({**keys, **values}))
    return pl.concat(frames)


def interaction_frame(days: TriggerDays, histories: Histories) -> pl.DataFrame:
    """Rows of `twin.trigger_interactions`."""

    known = np.abs(days.trigger - 0.5) > 0.5 - 1e-6
    found = interactions(days.onset, days.usable, days.terms.sum(axis=-1), days.trigger > 0.5, known)
    lower, upper = found.personal_interval()
    pairs = [" and ".join(name.removeprefix("trigger_") for name in pair) for pair in PAIRS]
    values = {
        "mean": found.personal_mean,
        "lower": lower,
        "upper": upper,
        "probability_positive": found.personal_probability_positive(),
        "days": found.days,
    }
    keys = {
        "patient_id": np.repeat(histories.patient_ids, len(pairs)),
        "pair": np.tile(pairs, histories.count),
    }
    return pl.DataFrame({**keys, **{name: part.ravel() for name, part in values.items()}})


def _exposure(trigger: str, histories: Histories) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """[P, K] a trigger's exposure in its unit, and whether it was recorded."""
    (column,) = EXPOSURES_OF[trigger]
    value, seen = histories.values[..., POSITION[column]].copy(), histories.present[..., POSITION[column]].copy()
    if trigger == "stress":
        value[:, 1:] -= histories.values[:, :-1, POSITION[column]]
        seen[:, 1:] &= histories.present[:, :-1, POSITION[column]]
        seen[:, 0] = False
    return value, seen
