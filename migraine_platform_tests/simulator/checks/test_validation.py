"""Each point passes a sound batch and finds a batch that was broken in its way."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from migraine_platform.priors.features import select
from migraine_platform.simulator.checks.validation import POINTS, SimulatedBatch
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.exogenous.features import FEATURES
from migraine_platform.warehouse.tables import VALIDATION


@pytest.fixture(scope="module")
def simulator(simulator_of) -> CohortSimulator:
    return simulator_of(cohort={"patients": 200, "batch_size": 200, "days": 90}, ceilings={"oracle_patients": 0})


@pytest.fixture(scope="module")
def batch(simulator: CohortSimulator) -> SimulatedBatch:
    frames = simulator.batch(0)
    return SimulatedBatch(frames["cohort.patients"], frames["cohort.patient_days"], frames["cohort.attacks"])


def problems(point: str, batch: SimulatedBatch, simulator: CohortSimulator) -> tuple[str, ...]:
    return POINTS[point](batch, select(simulator.features, FEATURES), simulator.settings.population).problems


def test_every_audit_of_the_table_is_a_point() -> None:
    assert tuple(POINTS) == VALIDATION


@pytest.mark.parametrize("point", POINTS)
def test_a_sound_batch_passes(batch: SimulatedBatch, simulator: CohortSimulator, point: str) -> None:
    assert problems(point, batch, simulator) == ()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_small_sound_batches_pass_too(simulator_of, point: str, seed: int) -> None:
    cohort = {"patients": 25, "batch_size": 25, "days": 14, "seed": seed}
    small = simulator_of(cohort=cohort, ceilings={"oracle_patients": 0})
    frames = small.batch(0)
    batch = SimulatedBatch(frames["cohort.patients"], frames["cohort.patient_days"], frames["cohort.attacks"])
    assert problems(point, batch, small) == ()


def days(change: pl.Expr) -> Callable[[SimulatedBatch], SimulatedBatch]:
    return lambda batch: SimulatedBatch(batch.patients, batch.days.with_columns(change), batch.attacks)


def patients(change: pl.Expr) -> Callable[[SimulatedBatch], SimulatedBatch]:
    return lambda batch: SimulatedBatch(batch.patients.with_columns(change), batch.days, batch.attacks)


def later_attacks(batch: SimulatedBatch) -> SimulatedBatch:
    moved = pl.col("headache_start", "headache_end", "onset_at").dt.offset_by("3d")
    return SimulatedBatch(batch.patients, batch.days, batch.attacks.with_columns(moved))


BROKEN: dict[str, tuple[str, Callable[[SimulatedBatch], SimulatedBatch], str]] = {
    "sleep in minutes": ("distributions", days(pl.col("total_sleep_hours") * 60), "total_sleep_hours has mean"),
    "a feature frozen": ("distributions", days(pl.lit(66.0).alias("resting_heart_rate")), "resting_heart_rate has sd"),
    "triggers protect": (
        "correlations",
        days((pl.col("diet_trigger") & ~pl.col("has_migraine").shift(-1).fill_null(False)).alias("diet_trigger")),
        "after a diet trigger migraine is",
    ),
    "pain lulls": (
        "correlations",
        days(pl.col("total_sleep_hours") + 2 * pl.col("has_migraine").shift(1).fill_null(False).cast(pl.Float32)),
        "nights after a migraine day are",
    ),
    "everybody chronic": ("proportions", patients(pl.lit(True).alias("is_chronic")), "100.0% are chronic"),
    "nobody has aura": ("proportions", patients(pl.lit(False).alias("has_aura")), "aura share 0.0%"),
    "more migraine than the profiles say": (
        "proportions",
        patients(pl.col("base_frequency") / 3),
        "a month off the profiles",
    ),
    "a day missing": (
        "temporal_consistency",
        lambda b: SimulatedBatch(b.patients, b.days.filter(pl.int_range(pl.len()) != 17), b.attacks),
        "1 days that do not follow the day before",
    ),
    "pressure shifted": ("temporal_consistency", days(pl.col("pressure_change_24h") + 1), "that are no difference"),
    "attacks on other days": ("temporal_consistency", later_attacks, "attacks whose day bears no onset"),
    "an attack lost": (
        "temporal_consistency",
        lambda b: SimulatedBatch(b.patients, b.days, b.attacks.filter(pl.col("attack_id") != 11)),
        "onsets without an attack",
    ),
    "attacks on top of each other": (
        "temporal_consistency",
        lambda b: SimulatedBatch(
            b.patients, b.days, b.attacks.with_columns(pl.col("headache_end").dt.offset_by("60d"))
        ),
        "begin before the last has ended",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_batch_is_found_out(batch: SimulatedBatch, simulator: CohortSimulator, name: str) -> None:
    point, damage, expected = BROKEN[name]
    found = problems(point, damage(batch), simulator)
    assert any(expected in problem for problem in found), found
