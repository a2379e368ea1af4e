"""What changed, when, and in which shape, once an alarm has gone off.

The log-likelihood of a change of size d that began on day s is, to second order around no change,

    d sum_t v[t] level(t - s) - d^2 / 2 sum_t i[t] level(t - s)^2        v: score, i: information of day t

    covariate   v = e,                   i = 1                     e: normalised innovation of the channel
    label       v = y - p,               i = p (1 - p)             y: migraine day, p: its forecast
    concept     v = (y - p) beta x,      i = p (1 - p) (beta x)^2  x: the trigger against the usual day

with `level` of a sudden, a gradual and a recurring change as in simulator/generative/drift.py; d is the likeliest one.
A recurring change is looked for only in histories of more than a year.

Belongs here: dates, shapes and sizes. Does not: whether there is a change at all (watch.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform.twin.core.twins import Replay
from migraine_platform.twin.data.channels import CHANNELS
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.drift.watch import CONCEPT, COVARIATE, LABEL, Suspicion
from migraine_platform.twin.hazard.hypotheses import Effects

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUDDEN, GRADUAL, RECURRING = CHANGE_SHAPES
YEAR = 365
HAZARD = "hazard"
"""What a label change changes; names of channels and triggers elsewhere."""

LEAST_INFORMATION = 1e-9


@dataclass(frozen=True)
class ChangeCourse:
    """How changes go, as clinicians expect them."""

    gradual_days: float
    recurring_days: float
    oldest_days: int
    """How long ago a change may have begun."""


@dataclass(frozen=True)
class DetectedChange:
    """A change of one person, as far as it can be told."""

    since: date
    shape: str
    kind: str
    target: str
    """Channel, trigger, or HAZARD."""
    size: float
    """Standard deviations of an innovation, or log-odds of a migraine day."""
    ways: tuple[float, ...]
    """If it is the hazard's: probabilities that it is its level's, or the susceptibility's to each trigger."""


def examine(
    suspicion: Suspicion, effects: Effects, replay: Replay, own: Histories, course: ChangeCourse
) -> DetectedChange:
    """The likeliest change of one patient whose alarm goes off on the last of the days.

    Args:
        suspicion: [1, any, ...] of which the last evening counts.
        replay: of the patient's whole history.
        own: that history.
    """
    odds = suspicion.by_kind()[0, -1]
    kind = int(np.argmax(odds))
    hazard = np.concatenate([suspicion.level[0, -1:], suspicion.trigger[0, -1]])
    ways = tuple((hazard / hazard.sum()).tolist())
    if kind == COVARIATE:
        channel = int(np.argmax(suspicion.channel[0, -1]))
        innovation = replay.channels.innovation[0, :, channel]
        return _dated(innovation, (innovation != 0).astype(np.float64), own, course, kind, CHANNELS[channel], ways)
    score, information = _surprise(replay, own)
    if kind == LABEL:
        return _dated(score, information, own, course, kind, HAZARD, ways)
    trigger = int(np.argmax(suspicion.trigger[0, -1]))
    strength = effects.trigger[trigger] * (replay.covariates.trigger - replay.covariates.baseline)[0, :, trigger]
    before = np.concatenate([[0.0], strength[:-1]])
    return _dated(score * before, information * before**2, own, course, CONCEPT, TRIGGER_NAMES[trigger], ways)


def _surprise(replay: Replay, own: Histories) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[K] score and [K] information of the recorded days, each as forecast the evening before."""
    forecast = np.concatenate([[0.5], replay.forecasts.probability[0, :-1]])
    reported = own.diary[0] & (np.arange(own.days) > own.begun[0])
    return np.where(reported, own.events[0, :, 0] - forecast, 0.0), np.where(reported, forecast * (1 - forecast), 0.0)


def levels(shape: str, starts: NDArray[np.int64], days: int, course: ChangeCourse) -> NDArray[np.float64]:
    """[S, days] how much of a change there is, 0-1, for changes that begin on each of the days.

    Args:
        starts: [S] days on which a change may have begun.
    """
    since = np.arange(days) - starts[:, None]
    if shape == GRADUAL:
        return np.asarray(np.clip((since + 1) / course.gradual_days, 0.0, 1.0))
    if shape == RECURRING:
        return np.asarray((since >= 0) & (since % course.recurring_days < course.recurring_days / 2), dtype=np.float64)
    return np.asarray(since >= 0, dtype=np.float64)


def _dated(
    score: NDArray[np.float64],
    information: NDArray[np.float64],
    own: Histories,
    course: ChangeCourse,
    kind: int,
    target: str,
    ways: tuple[float, ...],
) -> DetectedChange:
    days = own.days
    found: list[tuple[float, int, str, float]] = []
    for shape in CHANGE_SHAPES:
        if shape == RECURRING and days <= YEAR:
            continue
        oldest = 0 if shape == RECURRING else max(0, days - course.oldest_days)
        starts = np.arange(oldest, days)
        level = levels(shape, starts, days, course)
        slope, bend = level @ score, np.maximum(level**2 @ information, LEAST_INFORMATION)
        gain = slope**2 / (2 * bend)
        best = int(np.argmax(gain))
        found.append((float(gain[best]), int(starts[best]), shape, float(slope[best] / bend[best])))
    _, start, shape, size = max(found)
    return DetectedChange(own.first + timedelta(days=start), shape, CHANGE_KINDS[kind], target, size, ways)
