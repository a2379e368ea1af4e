"""The week ahead: the chance of a migraine day on each of the next days, and what those days may be like.

The twin's own filters go on over days of which nothing is recorded yet: what a day will bring is integrated out, and
no gap in the diary tells anything. Tomorrow's row is therefore the forecast of tonight. Of the weather nothing is
known ahead: a fall of pressure is as likely as is usual for the person.

    state of tomorrow     by the model of the next day that fits the person better: linear-Gaussian, or the experts
    of the days after it  by the linear-Gaussian one: the experts forecast one day

Belongs here: forecasts of several days and their rows. Does not: tomorrow's (prediction.py), scores (evaluation/).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.core.model import Clinical, TwinModel
from migraine_platform.twin.core.prediction import ForecastSpread, TwinForecasts, say
from migraine_platform.twin.core.twins import TwinArrays
from migraine_platform.twin.data.channels import CHANNELS, WEEKEND_SHARE, Scales
from migraine_platform.twin.data.features import FEATURES, POSITION
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.data.writing import ENTRIES_YES
from migraine_platform.twin.dynamics.state_space import ahead, filter_histories
from migraine_platform.twin.dynamics.transition import EXPERTS, STATE_SPACE
from migraine_platform.twin.hazard.filter import follow
from migraine_platform.twin.hazard.hypotheses import TOLD, WRITTEN, AttackEvidence, Points
from migraine_platform.twin.updating.evening_update import TwinUpdater
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from migraine_platform.twin.dynamics.experts.network import Experts

WEEK = 7
"""Days that are told."""

HALF_WIDTH = 1.6448536269514722
"""Standard deviations from the middle of a normal to an end of its central 90 %."""


@dataclass(frozen=True)
class ForecastStates:
    """What P patients' next S days may be like, on the standard scale."""

    mean: NDArray[np.float64]
    """[P, S, C]"""
    variance: NDArray[np.float64]
    usual: NDArray[np.float64]
    """[P, C] the person's mean day, of pain and weekends as often as is usual."""
    by_experts: NDArray[np.bool_]
    """[P] whose tomorrow the experts forecast."""


def migraine_ahead(
    model: TwinModel, clinical: Clinical, points: Points, twins: TwinArrays, histories: Histories,
    tonight: TwinForecasts, days: int = WEEK,
) -> ForecastSpread:  # fmt: skip
    """Probabilities [P, days] of a migraine day, with their intervals.

    Args:
        histories: the same patients' days until tonight.
        tonight: the twins' forecast of tomorrow.
    """
    empty = _nothing_recorded(twins, histories, days)
    standard = model.scales.standard(empty)
    channels = filter_histories(model.dynamics, standard, twins.beliefs, 1)
    to_come = replace(empty, begun=np.where(twins.started, 1, days)).since(1)
    covariates, _ = model.reader(clinical).read(to_come, standard.since(1), channels, twins.ledger)
    forecasts, _ = follow(
        points,
        model.effects,
        covariates,
        AttackEvidence.of(to_come, channels),
        _silent(twins).filter_state,
        with_spread=True,
    )
    later = say(model, clinical, forecasts, covariates)
    first = [getattr(tonight, name)[:, None] for name in ForecastSpread._fields]
    return ForecastSpread(*(np.concatenate(parts, axis=1) for parts in zip(first, later, strict=True)))


def states_ahead(
    model: TwinModel,
    experts: Experts | None,
    twins: TwinArrays,
    histories: Histories,
    chosen: NDArray[np.bool_],
    days: int = WEEK,
) -> ForecastStates:
    """What the next days may be like, tomorrow by each person's model.

    Args:
        experts: None if they are not there any more; then the linear-Gaussian model speaks for everybody.
        histories: the same patients' days until tonight.
        chosen: [P] whose tomorrow the experts forecast.
    """
    weekend = _weekends(twins.as_of, days)
    pain = model.dynamics.pain
    inputs = np.stack([np.full(days, pain), np.full(days, pain), weekend.astype(np.float64)], axis=-1)
    today = model.scales.standard(histories.since(histories.days - 1))
    known = today.context_seen[:, -1, 0]
    inputs = np.repeat(inputs[None], histories.count, axis=0)
    inputs[:, 0, 1] = np.where(known, today.context[:, -1, 0], pain)
    mean, variance = ahead(model.dynamics, twins.beliefs, inputs)
    unsure = pain * (1 - pain) * model.dynamics.effect**2
    variance += unsure[:, 0]  # whether a day is one of pain, and whether the day before it was
    variance[:, 1:] += unsure[:, 1]
    variance[:, 0] += np.where(known[:, None], 0.0, unsure[:, 1])
    by_experts = chosen & (experts is not None)
    if experts is not None and by_experts.any():
        rows = np.flatnonzero(by_experts)
        mean[rows, 0], variance[rows, 0] = experts.tomorrow(model.scales.standard(histories.of(rows)))
    usual = twins.beliefs.mean[:, : len(CHANNELS)] + model.dynamics.effect @ np.array([pain, pain, WEEKEND_SHARE])
    return ForecastStates(mean, variance, usual, by_experts)


def ahead_frames(
    updater: TwinUpdater, experts: Experts | None, twins: TwinArrays, histories: Histories, tonight: TwinForecasts,
    transition_models: Sequence[str],
) -> dict[type[Table], pl.DataFrame]:  # fmt: skip
    """Rows of `twin.days_ahead` and `twin.states_ahead`, of the twins' last evening.

    Args:
        transition_models: [P] which model of the next day fits each person better.
    """
    said = migraine_ahead(updater.model, updater.clinical, updater.points, twins, histories, tonight)
    chosen = np.array([name == EXPERTS for name in transition_models], dtype=np.bool_)
    states = states_ahead(updater.model, experts, twins, histories, chosen)
    return {
        tables.DaysAhead: week_frame(twins.patient_ids, twins.as_of, said),
        tables.StatesAhead: states_frame(twins.patient_ids, twins.as_of, states, updater.model.scales),
    }


def week_frame(patient_ids: tuple[str, ...], as_of: date, said: ForecastSpread) -> pl.DataFrame:
    """Rows of `twin.days_ahead`."""

    patients, days = said.probability.shape
    ahead_by = np.tile(np.arange(1, days + 1), patients)
    return pl.DataFrame(
        {
            "patient_id": pl.Series(np.repeat(np.asarray(patient_ids, dtype=object), days), dtype=pl.String),
            "made_on": pl.Series([as_of] * (patients * days), dtype=pl.Date),
            "for_date": pl.Series([as_of + timedelta(days=int(step)) for step in ahead_by], dtype=pl.Date),
            **{name: getattr(said, name).ravel() for name in ("probability", "lower", "upper")},
        }
    )


def states_frame(patient_ids: tuple[str, ...], as_of: date, states: ForecastStates, scales: Scales) -> pl.DataFrame:
    """Rows of `twin.states_ahead`, in the features' units: medians, and ends of the central 90 %."""

    patients, days, channels = states.mean.shape
    sd = np.sqrt(states.variance)
    columns = {
        "median": scales.units(states.mean),
        "lower": scales.units(states.mean - HALF_WIDTH * sd),
        "upper": scales.units(states.mean + HALF_WIDTH * sd),
        "usual": np.repeat(scales.units(states.usual)[:, None], days, axis=1),
    }
    models = np.full((patients, days), STATE_SPACE, dtype=object)
    models[states.by_experts, 0] = EXPERTS
    units = [FEATURES[POSITION[name]].column.unit for name in CHANNELS]
    dates = [as_of + timedelta(days=step) for step in range(1, days + 1)]
    return pl.DataFrame(
        {
            "patient_id": pl.Series(np.repeat(np.asarray(patient_ids, dtype=object), days * channels), dtype=pl.String),
            "for_date": pl.Series([day for day in dates for _ in range(channels)] * patients, dtype=pl.Date),
            "feature": pl.Series(list(CHANNELS) * (patients * days), dtype=pl.String),
            "unit": pl.Series(units * (patients * days), dtype=pl.String),
            "model": pl.Series(np.repeat(models.ravel(), channels), dtype=pl.String),
            **{name: values.ravel() for name, values in columns.items()},
        }
    )


def _nothing_recorded(twins: TwinArrays, histories: Histories, days: int) -> Histories:
    """The last evening, of which only pain counts any more, and the days after it with nothing recorded."""
    shape = (len(twins.patient_ids), days)
    unseen = np.zeros(shape, dtype=np.bool_)
    diary, events = unseen.copy(), np.zeros((*shape, len(EVENTS)), dtype=np.bool_)
    diary[:, 0], events[:, 0] = histories.diary[:, -1], histories.events[:, -1]
    features = np.zeros((*shape, len(FEATURES)))
    return Histories(
        twins.patient_ids,
        twins.as_of,
        features,
        features.astype(np.bool_),
        diary,
        unseen,
        events,
        np.zeros(shape[0], dtype=np.int64),
        np.zeros(shape, dtype=np.int64),
    )


def _silent(twins: TwinArrays) -> TwinArrays:
    """The twins as of persons who do not write: neither a gap nor the entry of today tells of the night."""
    numbers = twins.filter_state.numbers.copy()
    numbers[:, TOLD], numbers[:, WRITTEN] = 0.0, -ENTRIES_YES
    return replace(twins, filter_state=twins.filter_state._replace(numbers=numbers))


def _weekends(as_of: date, days: int) -> NDArray[np.bool_]:
    return np.array([(as_of.weekday() + step) % 7 >= 5 for step in range(1, days + 1)])
