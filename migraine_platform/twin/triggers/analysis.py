"""Thresholds and interactions of a cohort's triggers, given what its twins know.

A step or a product is looked for in what the twins' hazard (contributions.py) leaves unexplained: the log-odds of every
recorded day without the trigger in question is held. Belongs here: from twins to rows; which exposures are looked
through is a setting (config/simulator/triggers.py). Does not: the estimators (thresholds.py, interactions.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.domain.events import EVENTS
from migraine_platform.priors.vocabulary import TRIGGER_NAMES, TRIGGERS
from migraine_platform.twin.core.twins import Replay
from migraine_platform.twin.data.exposure_values import exposure_values
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.hazard.contributions import FIRST_TRIGGER, PersonParameters, onset_terms
from migraine_platform.twin.hazard.hypotheses import Effects, FilterState, Points
from migraine_platform.twin.triggers.interactions import interactions, pairs_of
from migraine_platform.twin.triggers.thresholds import StepPrior, thresholds

if TYPE_CHECKING:
    from numpy.typing import NDArray


THRESHOLD_SCHEMA = {
    "patient_id": pl.String, "exposure": pl.String, "mean": pl.Float64, "lower": pl.Float64, "upper": pl.Float64,
    "unit": pl.String, "supported": pl.Float64,
}  # fmt: skip


INTERACTION_SCHEMA = {
    "patient_id": pl.String, "pair": pl.String, "mean": pl.Float64, "lower": pl.Float64, "upper": pl.Float64,
    "probability_positive": pl.Float64, "days": pl.Int64,
}  # fmt: skip


INTERACTING = 12
"""Triggers whose pairs are looked at, as pairs grow with the square: with more, those that do most."""

SURE = 0.5 - 1e-6
"""Distance from even chances from which on a trigger's probability is taken for known."""


class TriggerDays(NamedTuple):
    """P patients' K evenings, and what came of the day that followed."""

    onset: NDArray[np.bool_]
    """[P, K] an attack began on the day that followed."""
    usable: NDArray[np.bool_]
    """[P, K] both evenings have an entry, and no attack went on."""
    terms: NDArray[np.float64]
    """[P, K, terms] of the log-odds."""
    there: NDArray[np.bool_]
    """[P, K, triggers] whether a trigger was there on the evening."""
    known: NDArray[np.bool_]
    """[P, K, triggers] whether that is recorded, or as sure."""


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
    trigger = replay.covariates.trigger
    return TriggerDays(onset, usable, terms, trigger > 0.5, np.abs(trigger - 0.5) > SURE)


def threshold_frame(days: TriggerDays, histories: Histories, rules: Mapping[str, TriggerRule]) -> pl.DataFrame:
    """Rows of `twin.trigger_thresholds`: of every exposure that the rules say to look through."""
    frames = [pl.DataFrame(schema=THRESHOLD_SCHEMA)]
    for place, trigger in enumerate(TRIGGERS):
        row = rules[trigger.name]
        value, recorded = exposure_values(trigger, row, histories)
        for one in row.searches(float(value[recorded].std()) if recorded.any() else 0.0):
            value, recorded = exposure_values(trigger, row, histories, one.side)
            seen = recorded & (value >= one.within[0]) & (value <= one.within[1])
            first, last, step = one.grid
            grid = np.arange(first, last + step / 2, step)
            offset = days.terms.sum(axis=-1) - days.terms[..., FIRST_TRIGGER + place]
            found = thresholds(days.onset, days.usable, offset, value, seen, grid, StepPrior(one.between), one.side)
            lower, upper = found.interval()
            keys = {"patient_id": histories.patient_ids, "exposure": [one.exposure] * histories.count}
            values = {"mean": found.mean(), "lower": lower, "upper": upper, "unit": [trigger.unit] * histories.count}
            values["supported"] = np.full(histories.count, 1 / (1 + np.exp(-found.log_bayes_factor)))
            frames.append(pl.DataFrame({**keys, **values}, schema=THRESHOLD_SCHEMA))
    return pl.concat(frames)


def interaction_frame(days: TriggerDays, histories: Histories, strength: NDArray[np.float64]) -> pl.DataFrame:
    """Rows of `twin.trigger_interactions`: of the pairs of the INTERACTING strongest triggers.

    Args:
        strength: [triggers] what each does to the hazard in the population.
    """
    strongest = np.sort(np.argsort(-strength, kind="stable")[:INTERACTING])
    there, known = days.there[..., strongest], days.known[..., strongest]
    found = interactions(days.onset, days.usable, days.terms.sum(axis=-1), there, known)
    lower, upper = found.personal_interval()
    pairs = [" and ".join(pair) for pair in pairs_of(TRIGGER_NAMES[place] for place in strongest)]
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
    return pl.DataFrame({**keys, **{name: part.ravel() for name, part in values.items()}}, schema=INTERACTION_SCHEMA)
