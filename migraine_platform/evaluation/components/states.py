"""How far forecasts of the next day's state are off, feature by feature, in the features' own units.

    state_space, experts    the two models of how days follow each other (twin/dynamics/transition.py)
    yesterday               the value that was recorded last
    own_mean                the person's mean so far, drawn to everybody's while few values are there

All four forecast the same recorded values of the last days, each on the evening before. A model says N(m, v) on the
standard scale; a feature's unit is f(z), which nowhere falls and is straight between the points of a table. So the
median is f(m) and the interval goes from f of one end to f of the other, exactly; the mean E f(z) is taken over NODES
equally likely points of the normal. Medians are held against what came by their absolute error, means by their
squared one, as these are the forecasts that each of the two errors is smallest for. A baseline is one number.

Belongs here: the baselines and the errors. Does not: the models, or forecasts of migraine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.core.twins import Replay
from migraine_platform.twin.data.channels import CHANNELS, PLACES, Scales, grid
from migraine_platform.twin.data.features import FEATURES
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.transition import EXPERTS, STATE_SPACE, StateSpace, Transition
from migraine_platform.twin.updating.days_ahead import HALF_WIDTH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.twin.dynamics.experts.network import Experts

YESTERDAY, OWN_MEAN = "yesterday", "own_mean"

SHRINKAGE = 3.0
"""Values of everybody's that a person's own mean starts with."""

NODES = 40
"""Points that stand for a normal; their variance is made one, so that the mean of a cubic would be exact."""


class StateForecasts(NamedTuple):
    """Forecasts of N recorded values of one feature, in its unit."""

    median: NDArray[np.float64]
    mean: NDArray[np.float64]
    interval: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    """Ends of the central 90 %, where they are stated."""


def state_errors(
    model: TwinModel, experts: Experts, replay: Replay, histories: Histories, validation_days: int
) -> pl.DataFrame:
    """Rows of `evaluation.state_errors`.

    Args:
        replay: what the filters said on every evening of the histories.
        validation_days: the last so many days are forecast, the very first of a history never.
    """
    models: dict[str, Transition] = {STATE_SPACE: StateSpace(model.dynamics, replay.channels), EXPERTS: experts}
    return errors_of(models, model.scales, histories, validation_days)


def errors_of(
    models: Mapping[str, Transition], scales: Scales, histories: Histories, validation_days: int
) -> pl.DataFrame:
    """The same for any models of the standard scale, and the two baselines."""

    first = max(1, histories.days - validation_days)
    days = scales.standard(histories)
    moments = {name: [part[:, first - 1 : -1] for part in model.predict(days)] for name, model in models.items()}
    plain = {name: part[:, first:] for name, part in baselines(histories, scales).items()}
    values, seen = histories.values[:, first:, PLACES], days.seen[:, first:]
    rows = []
    for c, feature in enumerate(CHANNELS):
        reported = seen[..., c]
        outcome = values[..., c][reported]
        said = {
            name: in_units(scales.table[c], mean[..., c][reported], np.sqrt(variance[..., c][reported]))
            for name, (mean, variance) in moments.items()
        }
        said |= {
            name: StateForecasts(part[..., c][reported], part[..., c][reported], None) for name, part in plain.items()
        }
        usual = _mean((said[OWN_MEAN].mean - outcome) ** 2)
        for name, forecast in said.items():
            squared = _mean((forecast.mean - outcome) ** 2)
            rows.append(
                {
                    "feature": feature,
                    "unit": FEATURES[PLACES[c]].column.unit,
                    "model": name,
                    "days": len(outcome),
                    "mae": _mean(np.abs(forecast.median - outcome)),
                    "mse": squared,
                    "skill": 1 - squared / usual if usual > 0 else np.nan,
                    "coverage_90": _share_within(forecast, outcome),
                }
            )
    types = {"feature": pl.String, "unit": pl.String, "model": pl.String, "days": pl.Int64}
    figures = ("mae", "mse", "skill", "coverage_90")
    frame = pl.DataFrame(rows, schema={**types, **dict.fromkeys(figures, pl.Float64)})
    return frame.with_columns(pl.col(figures).fill_nan(None))


def in_units(table: NDArray[np.float64], mean: NDArray[np.float64], sd: NDArray[np.float64]) -> StateForecasts:
    """Normal forecasts of the standard scale in a feature's unit.

    Args:
        table: [GRID] the feature's values at the points of `channels.grid`.
        mean: [N]
        sd: [N]
    """

    def units(z: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.interp(z, grid(), table))

    expected = sum((units(mean + sd * node) for node in normal_nodes().tolist()), np.zeros(len(mean))) / NODES
    return StateForecasts(units(mean), expected, (units(mean - HALF_WIDTH * sd), units(mean + HALF_WIDTH * sd)))


def normal_nodes() -> NDArray[np.float64]:
    """[NODES] equally likely points of a standard normal: the middles of so many equal parts."""
    from scipy.special import ndtri

    points = ndtri((np.arange(NODES) + 0.5) / NODES)
    return np.asarray(points / points.std())


def baselines(histories: Histories, scales: Scales) -> dict[str, NDArray[np.float64]]:
    """[P, K, C] what a person's own earlier days alone say of each day, in the features' units.

    Everybody's mean counts the values of all patients on earlier days, and the population's median once. Until a
    person has recorded a value, the mean stands for it.
    """
    values, seen = histories.values[..., PLACES], histories.present[..., PLACES]
    values = np.where(seen, values, 0.0)
    count = np.cumsum(seen, axis=1, dtype=np.int64) - seen
    total = np.cumsum(values, axis=1) - values
    everybody = (total.sum(axis=0) + scales.units(np.zeros(len(CHANNELS)))) / (count.sum(axis=0) + 1)
    own = (total + SHRINKAGE * everybody) / (count + SHRINKAGE)
    day = np.arange(histories.days)[:, None]
    latest = np.maximum.accumulate(np.where(seen, day, -1), axis=1)
    latest = np.concatenate([np.full_like(latest[:, :1], -1), latest[:, :-1]], axis=1)
    last = np.take_along_axis(values, np.maximum(latest, 0), axis=1)
    return {YESTERDAY: np.where(latest >= 0, last, own), OWN_MEAN: own}


def _share_within(said: StateForecasts, outcome: NDArray[np.float64]) -> float:
    if said.interval is None:
        return np.nan
    low, high = said.interval
    return _mean(((low <= outcome) & (outcome <= high)).astype(np.float64))


def _mean(values: NDArray[np.float64]) -> float:
    """NaN of nothing."""
    return float(values.mean()) if len(values) else np.nan
