from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from migraine_platform.config.simulator.settings import batch_name, batch_number
from migraine_platform.simulator.checks.completeness import holes
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.generative.drift import LABEL, NEVER, draw_changes
from migraine_platform.simulator.generative.profiles import draw_batch
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit


def with_cohort(simulator: CohortSimulator, features, **changes: object) -> CohortSimulator:
    cohort = simulator.settings.cohort.model_copy(update=changes)
    settings = simulator.settings.model_copy(update={"cohort": cohort})
    return CohortSimulator(settings, features, simulator.calibration)


def whole(simulator: CohortSimulator, order: int = 1) -> dict[str, pl.DataFrame]:
    """All batches, simulated in one order or the other, put together in the same."""
    numbers = range(simulator.settings.cohort.batches)
    batches = {number: simulator.batch(number) for number in list(numbers)[::order]}
    return {name: pl.concat([batches[number][name] for number in numbers]) for name in batches[0]}


@pytest.fixture(scope="module")
def cohort(simulator: CohortSimulator) -> dict[str, pl.DataFrame]:
    return whole(simulator)


def test_every_table_keeps_its_contract(cohort) -> None:
    declared = {table.name: table for table in tables.ALL}
    for name, frame in cohort.items():
        result = audit(declared[name], frame.select([column.name for column in declared[name].columns]))
        assert result.passed, result.summary()


@pytest.mark.parametrize(("size", "order"), [(1, 1), (7, -1), (60, 1)])
def test_patients_are_bit_identical_whatever_the_batches(simulator, features, cohort, size: int, order: int) -> None:
    other = whole(with_cohort(simulator, features, batch_size=size), order)
    for name, frame in cohort.items():
        assert_frame_equal(
            other[name].drop("patient_batch", strict=False), frame.drop("patient_batch", strict=False), check_exact=True
        )


@pytest.mark.parametrize("longer", [1, 7, 365])
def test_a_longer_horizon_rewrites_no_day(simulator, features, cohort, longer: int) -> None:
    days = simulator.settings.cohort.days
    other = whole(with_cohort(simulator, features, days=days + longer))
    last = simulator.settings.cohort.last_date
    for name, frame in cohort.items():
        kept = other[name]
        if "date" in kept.columns:
            kept = kept.filter(pl.col("date") <= last)
        if name == "cohort.attacks":
            kept = kept.filter(pl.col("attack_id") < days)
        assert_frame_equal(kept, frame, check_exact=True)


def test_another_seed_is_another_cohort(simulator, features, cohort) -> None:
    other = whole(with_cohort(simulator, features, seed=43))
    assert not other["cohort.patient_days"].equals(cohort["cohort.patient_days"])


def test_patient_days_join_what_the_other_tables_say(cohort) -> None:
    days = cohort["cohort.patient_days"]
    for name in ("cohort.weather_days", "cohort.sleep_days", "cohort.diary_days", "cohort.wearable_days"):
        assert_frame_equal(days.select(cohort[name].columns), cohort[name])


def test_triggers_are_read_off_the_realised_values(cohort) -> None:
    days = cohort["cohort.patient_days"].sort("patient_id", "date")
    recomputed = days.select(
        weather_trigger=pl.col("pressure_change_24h") <= -5,
        sleep_trigger=(pl.col("total_sleep_hours") < 5) | (pl.col("total_sleep_hours") > 9),
        stress_trigger=pl.col("stress_level").diff().over("patient_id") >= 3,
        diet_trigger=pl.sum_horizontal("alcohol_consumed", "caffeine_consumed", "chocolate_consumed") >= 2,
        first=pl.int_range(pl.len()).over("patient_id") == 0,
    )
    for name in ("weather_trigger", "sleep_trigger", "diet_trigger"):
        assert recomputed[name].to_list() == days[name].to_list()
    later = ~recomputed["first"]
    assert recomputed["stress_trigger"].filter(later).to_list() == days["stress_trigger"].filter(later).to_list()
    assert all(0.02 < days[f"{name}_trigger"].mean() < 0.4 for name in ("weather", "sleep", "stress", "diet"))


def test_stress_and_diet_triggers_are_two_things(cohort) -> None:
    days = cohort["cohort.patient_days"]
    assert (days["stress_trigger"] != days["diet_trigger"]).any()


def test_migraine_days_are_the_days_of_the_attacks(cohort) -> None:
    """Every onset has its attack; every migraine day is an onset or lies at least 4 h inside one."""
    attacks = cohort["cohort.attacks"].sort("headache_start")
    days = cohort["cohort.patient_days"].with_columns(midnight=pl.col("date").cast(pl.Datetime("us"))).sort("midnight")
    pairs = days.join(attacks, on="patient_id").with_columns(
        begins=pl.col("headache_start").dt.date() == pl.col("date"),
        inside=pl.min_horizontal(pl.col("headache_end"), pl.col("midnight").dt.offset_by("1d")) - pl.col("midnight"),
        earlier=pl.col("headache_start") < pl.col("midnight"),
    )
    expected = (
        pairs.with_columns(counts=pl.col("begins") | (pl.col("earlier") & (pl.col("inside") >= pl.duration(hours=4))))
        .group_by("patient_id", "date")
        .agg(onset=pl.col("begins").any(), has_migraine=pl.col("counts").any())
    )
    joined = days.join(expected, on=["patient_id", "date"], how="left", suffix="_expected").fill_null(False)
    assert joined.filter(pl.col("onset") != pl.col("onset_expected")).height == 0
    assert joined.filter(pl.col("has_migraine") != pl.col("has_migraine_expected")).height == 0


def test_an_attack_from_before_the_first_day_is_kept(cohort, simulator) -> None:
    before = cohort["cohort.attacks"].filter(pl.col("attack_id") < 0)
    assert before.height > 0
    assert before.filter(pl.col("headache_end") <= pl.lit(simulator.settings.cohort.start_date)).height == 0


def test_weekends_bring_more_sleep_and_less_stress(simulator, features) -> None:
    """400 patients x 40 days; differences of several standard errors are expected."""
    many = whole(with_cohort(simulator, features, patients=400, batch_size=400))["cohort.patient_days"]
    by_day = (
        many.group_by(weekend=pl.col("date").dt.weekday() >= 6)
        .agg(pl.col("total_sleep_hours", "stress_level", "alcohol_consumed").mean())
        .sort("weekend")
    )
    difference = by_day[1].drop("weekend").to_numpy()[0] - by_day[0].drop("weekend").to_numpy()[0]
    np.testing.assert_allclose(difference, [0.75, -1.25, 0.2], atol=0.12)


def test_batches_cover_the_cohort_once(simulator, cohort) -> None:
    ids = cohort["cohort.patients"]["patient_id"].to_list()
    assert ids == [f"P{number:04d}" for number in range(1, 61)]
    assert all(batch_number(batch_name(number)) == number for number in (0, 9, 999, 1000))


def test_holes_are_counted(cohort, simulator) -> None:
    patients, days = cohort["cohort.patients"], cohort["cohort.patient_days"]
    settings = simulator.settings.cohort
    assert holes(patients, days, settings) == 0
    assert holes(patients, days.slice(1), settings) == 1
    assert holes(patients, pl.concat([days, days.head(1)]), settings) == 1
    assert holes(patients, days.filter(pl.col("patient_id") != "P0007"), settings) == 1
    assert holes(patients.slice(1), days, settings) == 1


def test_measured_days_of_trajectories_equal_those_of_the_batch(simulator, cohort) -> None:
    trajectories = simulator.trajectories(draw_batch(simulator.settings, 0))
    batch = cohort["measured.patient_days"].filter(pl.col("patient_id").is_in(trajectories.patients.ids))
    assert_frame_equal(simulator.measured(trajectories), batch, check_exact=True)


def test_a_change_that_is_given_takes_the_place_of_the_populations(simulator) -> None:
    """Given what the population would draw, the same lives; given none to some, theirs alone, from its day on."""
    settings, patients = simulator.settings, draw_batch(simulator.settings, 0)
    average = simulator.trajectories(patients)
    drift = settings.drift.model_copy(update={"share": 1.0})
    burn_in, seed = settings.cohort.burn_in_days, settings.cohort.seed
    drawn = draw_changes(settings.drift, patients.index, patients.susceptibility, burn_in, seed)
    same = simulator.trajectories(patients, change=drawn)
    assert np.array_equal(same.days.values, average.days.values)
    assert np.array_equal(same.days.flags, average.days.flags)

    planted = draw_changes(drift, patients.index, patients.susceptibility, burn_in, seed)
    some = np.arange(len(patients.index)) % 2 == 0
    never = planted._replace(onset=np.full(len(some), NEVER))
    changed = planted._replace(onset=np.where(some, burn_in + 15, NEVER))
    without, trajectories = (
        simulator.trajectories(patients, change=never),
        simulator.trajectories(patients, change=changed),
    )
    assert np.array_equal(trajectories.persons.change.onset, changed.onset)
    before, after = without.days.onset_probability, trajectories.days.onset_probability
    assert np.array_equal(before[~some], after[~some])
    assert np.array_equal(before[:, :15], after[:, :15])
    moved = (before != after).any(axis=1)
    assert np.all(moved[some & (planted.kind == LABEL)])
    assert np.array_equal(trajectories.persons.intercept, average.persons.intercept)
