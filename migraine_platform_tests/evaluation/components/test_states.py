from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from numpy.typing import NDArray
from scipy.stats import binom, norm

from migraine_platform.domain.events import EVENTS
from migraine_platform.evaluation.components.states import (
    OWN_MEAN,
    SHRINKAGE,
    YESTERDAY,
    baselines,
    errors_of,
    in_units,
    normal_nodes,
    state_errors,
)
from migraine_platform.twin.cohort.inputs import updater_of
from migraine_platform.twin.core.model import Clinical, learn_model
from migraine_platform.twin.core.twins import create
from migraine_platform.twin.data.channels import CHANNELS, GRID, PLACES, Scales, StandardDays, grid
from migraine_platform.twin.data.features import FEATURES
from migraine_platform.twin.data.histories import Histories
from migraine_platform.twin.dynamics.experts.network import ExpertNet, Experts, ExpertSettings
from migraine_platform.twin.dynamics.transition import EXPERTS, STATE_SPACE, StateSpace
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit
from migraine_platform_tests.twin.conftest import NO_ALARM, everybody, simulated

FALSE_ALARM = 1e-3
COUNT = len(CHANNELS)


@dataclass(frozen=True)
class Says:
    """A model that says what it was told to."""

    mean: NDArray[np.float64] | float
    variance: NDArray[np.float64] | float = 1.0

    def predict(self, days: StandardDays) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.broadcast_to(self.mean, days.z.shape), np.broadcast_to(self.variance, days.z.shape)


def result(values: NDArray[np.float64], seen: NDArray[np.bool_] | None = None) -> Histories:
    """Histories of channels [P, K, C] and nothing else."""
    shape = values.shape[:2]
    reported = np.ones(values.shape, bool) if seen is None else seen
    whole, present = np.zeros((*shape, len(FEATURES))), np.zeros((*shape, len(FEATURES)), bool)
    whole[..., PLACES], present[..., PLACES] = np.where(reported, values, 0.0), reported
    none = np.zeros(shape, bool)
    return Histories(
        patient_ids=tuple(f"P{n:04d}" for n in range(shape[0])),
        first=date(2024, 1, 1),
        values=whole,
        present=present,
        diary=none,
        device=none,
        events=np.zeros((*shape, len(EVENTS)), bool),
        begun=np.zeros(shape[0], np.int64),
        discarded=np.zeros(shape, np.int64),
    )


def straight() -> Scales:
    """A standard unit is two units, and none are seven."""
    return Scales(np.tile(7 + 2 * grid(), (COUNT, 1)))


def bent() -> Scales:
    """Scales of a lognormal, of whole numbers, and of everything in between."""
    tables_ = [np.exp(0.5 * grid()) if c % 2 else np.round(5 + 2 * grid()) for c in range(COUNT)]
    return Scales(np.stack(tables_))


def row(frame: pl.DataFrame, feature: str, model: str) -> dict[str, float]:
    return frame.row(by_predicate=(pl.col("feature") == feature) & (pl.col("model") == model), named=True)


def random_lives(seed: int, patients: int = 7, days: int = 23) -> tuple[Histories, Scales, Says]:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(patients, 1, COUNT)) + rng.normal(size=(patients, days, COUNT))
    scales = bent()
    seen = rng.random(z.shape) < 0.6
    seen[1] = False
    seen[2, :-3] = False
    seen[..., 4] = False
    said = Says(z + rng.normal(size=z.shape), rng.uniform(0.3, 2.0, z.shape))
    return result(scales.units(z), seen), scales, said


def test_errors_are_those_of_a_slow_loop() -> None:
    """Value by value, the day, the evening before it, and the earlier days as the docstrings say."""
    reported, scales, said = random_lives(1)
    last, nodes = 6, normal_nodes()
    frame = errors_of({"model": said}, scales, reported, last)
    assert audit(tables.StateErrors, frame).passed
    assert set(frame["model"]) == {"model", YESTERDAY, OWN_MEAN}
    for c, feature in enumerate(CHANNELS):
        values, seen = reported.values[..., PLACES[c]], reported.present[..., PLACES[c]]

        def units(z: float, c: int = c) -> float:
            return float(np.interp(z, grid(), scales.table[c]))

        off: dict[str, list[tuple[float, float]]] = {"model": [], YESTERDAY: [], OWN_MEAN: []}
        held = []
        for p in range(reported.count):
            for t in range(reported.days - last, reported.days):
                if not seen[p, t]:
                    continue
                outcome, m, sd = values[p, t], said.mean[p, t - 1, c], said.variance[p, t - 1, c] ** 0.5
                mean = np.mean([units(m + sd * node) for node in nodes])
                off["model"].append((abs(units(m) - outcome), (mean - outcome) ** 2))
                held.append(units(m + sd * norm.ppf(0.05)) <= outcome <= units(m + sd * norm.ppf(0.95)))
                everybody_ = [values[q, d] for q in range(reported.count) for d in range(t) if seen[q, d]] + [
                    units(0.0)
                ]
                own = [values[p, d] for d in range(t) if seen[p, d]]
                usual = (sum(own) + SHRINKAGE * np.mean(everybody_)) / (len(own) + SHRINKAGE)
                before = own[-1] if own else usual
                off[OWN_MEAN].append((abs(usual - outcome), (usual - outcome) ** 2))
                off[YESTERDAY].append((abs(before - outcome), (before - outcome) ** 2))
        for name, pairs in off.items():
            found = row(frame, feature, name)
            assert found["days"] == len(pairs)
            if not pairs:
                assert found["mae"] is found["mse"] is found["skill"] is found["coverage_90"] is None
                continue
            mae, mse = np.mean(pairs, axis=0)
            assert_allclose([found["mae"], found["mse"]], [mae, mse], rtol=1e-9)
            assert_allclose(found["skill"], 1 - mse / np.mean(off[OWN_MEAN], axis=0)[1], rtol=1e-9, atol=1e-12)
            assert found["coverage_90"] == (pytest.approx(np.mean(held)) if name == "model" else None)
    assert row(frame, CHANNELS[4], "model")["days"] == 0


def test_the_future_is_not_looked_at() -> None:
    """What baselines say of a day is the same whatever that day and later ones bring."""
    reported, scales, _ = random_lives(2)
    before = baselines(reported, scales)
    changed = replace(reported, values=reported.values.copy(), present=reported.present.copy())
    changed.values[:, 15:], changed.present[:, 15:] = 1e6, True
    after = baselines(changed, scales)
    for name in (YESTERDAY, OWN_MEAN):
        assert_allclose(after[name][:, :16], before[name][:, :16])
        assert (np.abs(after[name][:, 16:] - before[name][:, 16:]) > 1).all()


def test_on_straight_scales_mean_and_median_are_the_same_and_in_units() -> None:
    table = straight().table[0]
    mean, sd = np.array([-1.0, 0.0, 0.5]), np.array([0.3, 0.7, 0.9])
    said = in_units(table, mean, sd)
    assert_allclose(said.median, 7 + 2 * mean)
    assert_allclose(said.mean, 7 + 2 * mean, atol=1e-12)
    assert said.interval is not None
    assert_allclose(said.interval, 7 + 2 * np.array([norm.ppf(0.05, mean, sd), norm.ppf(0.95, mean, sd)]), rtol=1e-9)


@given(st.floats(-2, 2), st.floats(0.05, 1.2), st.integers(0, 2**32 - 1))
def test_the_mean_is_that_of_the_transformed_normal(mean: float, sd: float, seed: int) -> None:
    """Any table that does not fall, steps included, against 20,001 equally likely points; within a 40th of its span."""
    steps = np.random.default_rng(seed).exponential(size=GRID) * (np.random.default_rng(seed + 1).random(GRID) < 0.2)
    table = np.cumsum(steps)
    said = in_units(table, np.array([mean]), np.array([sd]))
    fine = norm.ppf((np.arange(20_001) + 0.5) / 20_001)
    exact = np.interp(mean + sd * fine, grid(), table).mean()
    assert abs(said.mean[0] - exact) <= np.ptp(table) / 40
    assert said.interval is not None
    assert said.interval[0][0] <= said.median[0] <= said.interval[1][0]


def test_of_a_lognormal_the_mean_lies_above_the_median() -> None:
    """exp(Z / 2) of a normal: mean exp(m / 2 + s2 / 8), within a thousandth as far as the table reaches."""
    said = in_units(np.exp(0.5 * grid()), np.array([0.0, -0.5]), np.array([0.8, 0.5]))
    assert_allclose(said.median, np.exp([0.0, -0.25]), rtol=1e-12)
    assert_allclose(said.mean, np.exp(np.array([0.0, -0.5]) / 2 + np.array([0.64, 0.25]) / 8), rtol=1e-3)


def test_a_perfect_forecast_has_no_error_and_the_true_law_covers_nine_tenths() -> None:
    """20 patients' 30 days of 13 channels are 7,800 values, of which a true 90 % interval holds what a binomial may."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=(20, 60, COUNT))
    tomorrow = np.concatenate([z[:, 1:], z[:, :1]], axis=1)
    scales = straight()
    models = {"knows": Says(tomorrow, 1e-12), "law": Says(0.0, 1.0), "late": Says(z, 1e-12)}
    frame = errors_of(models, scales, result(scales.units(z)), 30)
    assert frame["days"].to_list() == [600] * (5 * COUNT)
    by_model = {str(name): part for (name,), part in frame.group_by("model")}
    assert by_model["knows"]["mae"].max() < 1e-5
    assert by_model["knows"]["skill"].min() > 1 - 1e-9
    assert_allclose(by_model["late"].sort("feature")["mse"], by_model[YESTERDAY].sort("feature")["mse"], rtol=1e-4)
    held = round(600 * by_model["law"]["coverage_90"].sum())
    low, high = binom.ppf([FALSE_ALARM / 2, 1 - FALSE_ALARM / 2], 600 * COUNT, 0.9)
    assert low <= held <= high


@pytest.mark.parametrize("days", [1, 2])
def test_a_history_of_a_day_or_two_is_enough_to_be_asked(days: int) -> None:
    frame = errors_of({"model": Says(0.0)}, straight(), result(np.full((3, days, COUNT), 7.0)), 30)
    assert frame["days"].to_list() == [3 * (days - 1)] * (3 * COUNT)
    assert audit(tables.StateErrors, frame).passed


def test_a_cohort_is_forecast_by_its_two_models(settings, features, calibration) -> None:
    """On recorded values of a simulated cohort: units, equal days, and the very forecasts of the two models."""
    cohort = simulated(settings, features, calibration, 12, 50)
    reported = everybody(cohort["measured.patient_days"])
    few = settings.twin.population.model_copy(update={"points": 16, "steps": 1, "state_space_steps": 3})
    clinical = Clinical.of(settings.simulator, features)
    model = learn_model(reported, clinical, settings.twin.model_copy(update={"population": few}))
    _, replay = create(model, clinical, updater_of(model, settings, features, NO_ALARM).points, reported)
    size = ExpertSettings(width=4)
    experts = Experts(ExpertNet(size), size, 0.0, 0)
    frame = state_errors(model, experts, replay, reported, 10)
    assert audit(tables.StateErrors, frame).passed
    assert frame.height == 4 * COUNT
    assert frame.group_by("feature").agg(pl.col("days").n_unique())["days"].to_list() == [1] * COUNT
    assert row(frame, "total_sleep_hours", YESTERDAY)["unit"] == "h"
    models = {STATE_SPACE: StateSpace(model.dynamics, replay.channels), EXPERTS: experts}
    assert frame.equals(errors_of(models, model.scales, reported, 10))
    skill = frame.filter(pl.col("model") == STATE_SPACE)["skill"].mean()
    assert skill > frame.filter(pl.col("model") == YESTERDAY)["skill"].mean()
