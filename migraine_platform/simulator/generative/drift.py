"""Persons who change: who, when, in which way, how much.

    level(t)   sudden      1 from the onset on
               gradual     rises to 1 over `gradual_days`
               recurring   1 in the first half of each period since the onset, else 0

A covariate change moves an exposure, a concept change a susceptibility, a label change the hazard itself. Onsets come
from a daily hazard that starts with the first day kept, never uniformly over the horizon: a longer history adds
changes and moves none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.compiled import njit
from migraine_platform.config.simulator.change import DriftSettings
from migraine_platform.domain.changes import CHANGE_KINDS, CHANGE_SHAPES
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.exogenous.features import FEATURES
from migraine_platform.simulator.random.streams import Stream, uniforms

if TYPE_CHECKING:
    from numpy.typing import NDArray

NONE, COVARIATE, CONCEPT, LABEL = range(4)
SUDDEN, GRADUAL, RECURRING = range(3)
NEVER = 2**40
MOVABLE = 0.5
"""A susceptibility below this rises when it changes; another one falls."""


class TrueChanges(NamedTuple):
    """What changes in each of P patients."""

    kind: NDArray[np.int64]
    """[P] NONE, COVARIATE, CONCEPT or LABEL"""
    shape: NDArray[np.int64]
    onset: NDArray[np.int64]
    """[P] simulated day of the onset; NEVER for those who stay as they are."""
    target: NDArray[np.int64]
    """[P] position among FEATURES of a covariate change, among the triggers of a concept change; else -1."""
    strength: NDArray[np.float64]
    """[P] z units, susceptibility, or log-odds."""
    gradual_days: float
    recurring_days: float


def draw_changes(
    settings: DriftSettings, index: NDArray[np.int64], susceptibility: NDArray[np.float64], burn_in: int, seed: int
) -> TrueChanges:
    """The changes of these patients.

    Args:
        susceptibility: [P, 4]
        index: [P] patients' indices.
    """
    u = uniforms(seed, Stream.DRIFT, index, 1, 8)[:, 0]
    changes = u[:, 0] < settings.share
    waiting = np.floor(np.log(u[:, 1]) / np.log1p(-settings.daily_hazard)).astype(np.int64)
    triggers = susceptibility.shape[1]
    weights = [settings.kinds[name] if triggers or name != "concept" else 0.0 for name in CHANGE_KINDS]
    kind = np.where(changes, 1 + _weighted(u[:, 2], weights), NONE)
    trigger = np.floor(u[:, 4] * triggers).astype(np.int64)
    movable = np.array([FEATURES.index(name) for name in settings.covariate_features])
    feature = movable[np.floor(u[:, 4] * len(movable)).astype(np.int64)]
    signs = np.zeros(len(FEATURES))
    for name, sign in settings.covariate_features.items():
        signs[FEATURES.index(name)] = sign
    own = susceptibility[np.arange(len(index)), trigger] if triggers else np.zeros(len(index))
    moved = np.where(own < MOVABLE, 1, -1) * _between(settings.concept_change, u[:, 5])
    strengths = [
        np.zeros(len(index)),
        signs[feature] * _between(settings.covariate_shift, u[:, 5]),
        np.clip(own + moved, 0, 1) - own,  # as far as a susceptibility can go
        _between(settings.label_log_odds, u[:, 5]),
    ]
    return TrueChanges(
        kind=kind,
        shape=_weighted(u[:, 3], [settings.shapes[name] for name in CHANGE_SHAPES]),
        onset=np.where(changes, burn_in + waiting, NEVER),
        target=np.select([kind == COVARIATE, kind == CONCEPT], [feature, trigger], -1),
        strength=np.choose(kind, strengths),
        gradual_days=settings.gradual_days,
        recurring_days=settings.recurring_days,
    )


@njit(cache=True)
def level_at(change: TrueChanges, i: int, t: int) -> float:
    """How much of patient i's change is there on day t, 0-1."""
    since = t - change.onset[i]
    if since < 0:
        return 0.0
    if change.shape[i] == GRADUAL:
        return float(min(1.0, (since + 1) / change.gradual_days))
    if change.shape[i] == RECURRING:
        return 1.0 if since % change.recurring_days < change.recurring_days / 2 else 0.0
    return 1.0


def drift_frame(change: TrueChanges, ids: list[str], triggers: tuple[str, ...], calendar: Calendar) -> pl.DataFrame:
    """Rows of `truth.drift`: the changes that have begun."""

    begun = np.flatnonzero(change.onset < calendar.total)
    targets = {COVARIATE: FEATURES, CONCEPT: triggers}
    kinds, target = change.kind[begun].tolist(), change.target[begun].tolist()
    dates = calendar.dates()[change.onset[begun]] if len(begun) else np.array([], dtype="datetime64[D]")
    return pl.DataFrame(
        {
            "patient_id": pl.Series([ids[i] for i in begun.tolist()], dtype=pl.String),
            "date": pl.Series(dates, dtype=pl.Date),
            "shape": pl.Series([CHANGE_SHAPES[number] for number in change.shape[begun].tolist()], dtype=pl.String),
            "kind": pl.Series([CHANGE_KINDS[number - 1] for number in kinds], dtype=pl.String),
            "target": pl.Series(
                [targets[k][n] if k in targets else "hazard" for k, n in zip(kinds, target, strict=True)],
                dtype=pl.String,
            ),
            "strength": pl.Series(change.strength[begun], dtype=pl.Float64),
        }
    )


def _weighted(u: NDArray[np.float64], weights: list[float]) -> NDArray[np.int64]:
    """Categories from uniform deviates."""
    edges = np.cumsum(weights) / sum(weights)
    return np.minimum(np.searchsorted(edges, u, side="right"), len(weights) - 1)


def _between(bounds: tuple[float, float], u: NDArray[np.float64]) -> NDArray[np.float64]:
    return bounds[0] + u * (bounds[1] - bounds[0])
