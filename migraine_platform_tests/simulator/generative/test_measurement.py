from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from migraine_platform.priors.vocabulary import TRIGGER_FLAGS
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.exogenous.calendar import Calendar
from migraine_platform.simulator.generative.measurement import BY_DEVICE, BY_DIARY, adherence, entry_chances, record
from migraine_platform.simulator.generative.profiles import first_patients
from migraine_platform.warehouse.tables import MeasuredDays, PatientDays
from migraine_platform_tests.conftest import trigger_rule

PERSONS, DAYS = 2000, 200
CALENDAR = Calendar(date(2024, 1, 1), 28, DAYS)


@pytest.fixture(scope="module")
def migraine() -> np.ndarray:
    return np.random.default_rng(1).random((PERSONS, DAYS)) < 0.3


@pytest.fixture(scope="module")
def recorded(settings, migraine):
    return record(settings.simulator.measurement, np.arange(PERSONS), migraine, CALENDAR, 5)


@pytest.fixture(scope="module")
def tables(settings, features, calibration) -> dict[str, pl.DataFrame]:
    cohort = settings.simulator.cohort.model_copy(update={"patients": 300, "batch_size": 300, "days": 90})
    simulator = CohortSimulator(settings.simulator.model_copy(update={"cohort": cohort}), features, calibration)
    return simulator.batch(0)


def test_adherence_differs_by_person_over_the_configured_range(recorded, migraine) -> None:
    per_person = np.array([row[~sick].mean() for row, sick in zip(recorded.diary, migraine, strict=True)])
    assert_allclose(per_person.mean(), (0.50 + 0.98) / 2, atol=0.02)
    assert 0.12 < per_person.std() < 0.16  # uniform over 0.48 has 0.139, and 140 days add a little
    assert per_person.min() < 0.55
    assert per_person.max() > 0.95


def test_the_stated_adherence_is_the_one_that_records(settings, recorded, migraine) -> None:
    """Per person, entries on evenings without and with migraine; five standard errors over all persons."""
    usual = adherence(settings.simulator.measurement, np.arange(PERSONS), 5)
    with_migraine = usual / (usual + (1 - usual) * np.exp(0.7))
    for stated, evenings in ((usual, ~migraine), (with_migraine, migraine)):
        counts, expected = (recorded.diary & evenings).sum(axis=1), evenings.sum(axis=1) * stated
        error = np.sqrt((expected * (1 - stated)).sum())
        assert abs(counts.sum() - expected.sum()) < 5 * error


REAL = {"diary_streaks": 0.6, "diary_fatigue": 0.5, "diary_stop": 0.002, "device_gap_odds": 4.0}


def test_entries_come_as_often_as_their_chances_say(settings, migraine) -> None:
    """By what the evening before brought, by migraine, early and late; five standard errors of each count."""
    real = settings.simulator.measurement.model_copy(update=REAL)
    index = np.arange(PERSONS)
    diary = record(real, index, migraine, CALENDAR, 5).diary
    chances = entry_chances(real, index, DAYS, 5)
    for days in (slice(1, 60), slice(140, DAYS)):
        before, now = diary[:, days.start - 1 : days.stop - 1], diary[:, days]
        for wrote in (False, True):
            for ill in (False, True):
                these = (before == wrote) & (migraine[:, days] == ill)
                p = chances[:, days, int(wrote), int(ill)][these]
                assert these.sum() > 1000
                assert abs(now[these].sum() - p.sum()) < 5 * np.sqrt((p * (1 - p)).sum())


def test_streaks_leave_adherence_what_it_is(settings) -> None:
    """No migraine, nobody tires: shares of evenings are the stated ones, lag-1 correlation is the configured."""
    streaky = settings.simulator.measurement.model_copy(update={"diary_streaks": 0.6})
    index = np.arange(PERSONS)
    diary = record(streaky, index, np.zeros((PERSONS, DAYS), dtype=np.bool_), CALENDAR, 5).diary.astype(float)
    usual = adherence(streaky, index, 5)
    assert_allclose(diary[:, 20:].mean(), usual.mean(), atol=0.01)
    centred = diary - usual[:, None]
    later = slice(20, None)
    assert_allclose((centred[:, 20:] * centred[:, 19:-1]).sum() / (centred[:, later] ** 2).sum(), 0.6, atol=0.02)


def test_who_stops_writes_no_more_and_a_device_is_left_off_with_the_diary(settings, migraine) -> None:
    real = settings.simulator.measurement.model_copy(update={**REAL, "diary_streaks": 0.0, "diary_fatigue": 0.0})
    recorded = record(real, np.arange(PERSONS), migraine, CALENDAR, 5)
    silent = ~recorded.diary[:, -40:].any(axis=1)
    # Geometric: 1 - 0.998^160 stop by 40 days before the end; else 40 empty evenings in a row do not happen.
    assert_allclose(silent.mean(), 1 - 0.998 ** (DAYS - 40), atol=5 * np.sqrt(0.2 / PERSONS))
    begins = recorded.device[:, :-1] & ~recorded.device[:, 1:]
    rates = [begins[recorded.device[:, :-1] & (recorded.diary[:, :-1] == wrote)].mean() for wrote in (False, True)]
    odds = [rate / (1 - rate) for rate in rates]
    assert_allclose(odds[0] / odds[1], 4.0, rtol=0.1)


def test_a_filter_that_knows_the_person_knows_how_he_writes(simulator_of) -> None:
    """Forecasts of a diary in streaks are calibrated, also after evenings without an entry; five standard errors."""
    simulator = simulator_of(measurement=REAL, cohort={"patients": 200, "days": 60, "batch_size": 200})
    trajectories = simulator.trajectories(first_patients(simulator.settings, 200))
    forecast = simulator.filtered(trajectories, 64).forecast[:, 1:]
    came = trajectories.days.flag("has_migraine")[:, 1:].astype(float)
    silent = ~trajectories.recorded.diary[:, :-1]
    for evenings in (silent, ~silent):
        error = np.sqrt((forecast * (1 - forecast))[evenings].sum()) / evenings.sum()
        assert abs((came - forecast)[evenings].mean()) < 5 * error


def test_an_entrys_odds_halve_on_a_migraine_day(recorded, migraine) -> None:
    """Log-odds ratio per person, averaged; about 2,000 x 60 migraine days make its error 0.02."""
    ratios = []
    for row, sick in zip(recorded.diary, migraine, strict=True):
        ill, well = row[sick], row[~sick]
        counts = [ill.sum() + 0.5, (~ill).sum() + 0.5, well.sum() + 0.5, (~well).sum() + 0.5]
        ratios.append(np.log(counts[0] * counts[3] / (counts[1] * counts[2])))
    assert_allclose(np.mean(ratios), -0.7, atol=0.08)


def test_the_devices_gaps_come_in_blocks_of_the_stated_length(recorded) -> None:
    lengths, starts, worn_days = [], 0, 0
    for row in recorded.device:
        off = np.concatenate([[False], ~row, [False]])
        edges = np.flatnonzero(np.diff(off.astype(int)))
        begins, ends = edges[::2], edges[1::2]
        whole = ends < DAYS
        lengths += (ends - begins)[whole].tolist()
        starts += len(begins)
        worn_days += row.sum()
    # Two gaps may touch: the apparent length grows by a share of 0.02 or so.
    assert_allclose(np.mean(lengths), 3.0, rtol=0.08)
    assert_allclose(starts / (worn_days + starts), 0.02, rtol=0.1)


def test_gaps_of_one_day_are_possible(settings, migraine) -> None:
    single = settings.simulator.measurement.model_copy(update={"device_gap_days": 1.0, "device_gap_start": 0.1})
    device = record(single, np.arange(PERSONS), migraine, CALENDAR, 5).device
    assert_allclose((~device).mean(), 0.1, atol=0.005)


def test_recorded_values_equal_the_truth(tables) -> None:
    truth, measured = tables["cohort.patient_days"], tables["measured.patient_days"]
    assert measured.select("patient_id", "date").equals(truth.select("patient_id", "date"))
    for column in (column.name for column in MeasuredDays.columns):
        known = measured[column].is_not_null()
        if column != "stress_trigger":  # on a first day it is known to nobody
            assert measured.filter(known)[column].equals(truth.filter(known)[column]), column


def test_a_day_is_missing_by_diary_or_by_device_as_a_whole(tables) -> None:
    measured = tables["measured.patient_days"]
    # A man's cycle day is missing on every day.
    for group in ([name for name in BY_DIARY if name != "cycle_day"], BY_DEVICE):
        missing = measured.select(pl.col(name).is_null() for name in group)
        assert missing.select((pl.min_horizontal(group) == pl.max_horizontal(group)).all()).item()
        assert 0.01 < missing[group[0]].mean() < 0.5
    always = ("temperature", "humidity", "pressure", "pressure_change_24h", "weather_trigger")
    assert all(measured[name].null_count() == 0 for name in always)
    named = {*BY_DIARY, *BY_DEVICE, *always, *TRIGGER_FLAGS, "patient_id", "patient_batch", "date"}
    assert named == {column.name for column in PatientDays.columns}


STEPS = {
    "sleep": trigger_rule("sleep", "fall", 1),
    "stress": trigger_rule("stress", "above", 7),
}


def test_a_trigger_is_recorded_where_its_rule_can_be_read(simulator_of) -> None:
    """A fall of sleep needs the device on both days, a stress above a threshold the diary of one."""
    simulator = simulator_of(triggers=STEPS, cohort={"patients": 20, "days": 40, "batch_size": 20})
    days = simulator.batch(0)["measured.patient_days"].sort("patient_id", "date")
    slept = pl.col("total_sleep_hours").is_not_null()
    both = slept & slept.shift(1).over("patient_id")
    assert days.select((pl.col("sleep_trigger").is_not_null() == both.fill_null(False)).all()).item()
    wrote = pl.col("stress_level").is_not_null()
    assert days.select((pl.col("stress_trigger").is_not_null() == wrote).all()).item()
    assert days.select((pl.col("stress_trigger") == (pl.col("stress_level") >= 7)).all()).item()


def test_a_trigger_that_acts_later_is_recorded_where_all_its_days_are(simulator_of) -> None:
    """Of yesterday's short night and that before; of a rise of stress of yesterday, three days of the diary."""
    later = {
        "sleep": trigger_rule("sleep", "below", 6, lag=[1, 2]),
        "stress": trigger_rule("stress", "rise", 2, lag=[0, 1]),
    }
    simulator = simulator_of(triggers=later, cohort={"patients": 20, "days": 40, "batch_size": 20})
    days = simulator.batch(0)["measured.patient_days"].sort("patient_id", "date")
    for flag, column, before in (
        ("sleep_trigger", "total_sleep_hours", (1, 2)),
        ("stress_trigger", "stress_level", (0, 1, 2)),
    ):
        known = [pl.col(column).is_not_null().shift(day).over("patient_id").fill_null(False) for day in before]
        assert days.select((pl.col(flag).is_not_null() == pl.all_horizontal(known)).all()).item()
        assert 0.1 < days[flag].null_count() / len(days) < 0.7
    short = pl.any_horizontal((pl.col("total_sleep_hours") <= 6).shift(day).over("patient_id") for day in (1, 2))
    assert days.filter(pl.col("sleep_trigger").is_not_null()).select("sleep_trigger").height > 100
    assert (
        days.select(short=short, flag="sleep_trigger")
        .drop_nulls()
        .select((pl.col("short") == pl.col("flag")).all())
        .item()
    )


def test_the_tables_gaps_are_the_recorded_ones(tables, settings) -> None:
    """Entries are rarer on the very evenings of the truth's migraines, and gaps lie where they were drawn."""
    days = tables["cohort.patient_days"].with_columns(
        entry=tables["measured.patient_days"]["stress_level"].is_not_null()
    )
    rates = dict(days.group_by("migraine_by_evening").agg(pl.col("entry").mean()).iter_rows())
    assert 0.08 < rates[False] - rates[True] < 0.2
    cohort = settings.simulator.cohort
    calendar = Calendar(cohort.start_date, cohort.burn_in_days, 90)
    evenings = tables["cohort.patient_days"]["migraine_by_evening"].to_numpy().reshape(300, 90)
    expected = record(settings.simulator.measurement, np.arange(300), evenings, calendar, cohort.seed)
    for column, recorded in (("total_sleep_hours", expected.device), ("stress_level", expected.diary)):
        there = tables["measured.patient_days"][column].is_not_null().to_numpy().reshape(300, 90)
        assert np.array_equal(there, recorded)


def test_a_rise_of_stress_needs_the_diary_of_both_days(tables) -> None:
    measured = tables["measured.patient_days"].with_columns(
        both=pl.col("stress_level").is_not_null() & pl.col("stress_level").shift(1).over("patient_id").is_not_null(),
        rise=pl.col("stress_level").diff().over("patient_id") >= 3,
    )
    assert (measured["stress_trigger"].is_not_null() == measured["both"]).all()
    known = measured.filter("both")
    assert known["stress_trigger"].to_list() == known["rise"].to_list()
