from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from polars.testing import assert_frame_equal

from migraine_platform.domain.events import EVENTS
from migraine_platform.twin.cohort.build import NO_VERSION, Built
from migraine_platform.twin.cohort.inputs import FittedCohort, batch_frames, read_histories
from migraine_platform.twin.data.features import COLUMNS
from migraine_platform.twin.data.histories import NEEDED
from migraine_platform.twin.drift.alarms import AlarmThresholds
from migraine_platform.twin.dynamics.transition import STATE_SPACE
from migraine_platform.twin.updating.storage import load_state
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit, polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.twin.conftest import DAYS, NO_ALARM, PATIENTS

TWICE, NOBODY, SILENT, WELL, ILL, IMPOSSIBLE, DEVICE = (f"P{number:04d}" for number in range(1, 8))
"""Days twice; no day; nothing recorded; never a migraine; always one; an impossible value; no diary, but a device."""

BATCHES = ("batch-000", "batch-001")

SAID = ["patient_id", "made_on", "for_date", "probability", "lower", "upper", "confidence", "aleatoric", "epistemic"]

EASILY = 5.0
"""Log-odds of a change; most people's are below 4 all the time."""

UNEVENTFUL = {tables.AlikeTriggers, tables.Drift, tables.Challengers, tables.Retrainings, tables.AppliedObservations}
"""Tables without a row as long as nobody changes and nobody is on trial."""


class Odd(NamedTuple):
    """A cohort some of whose patients are odd, in two batches, and what is kept of it."""

    made: FittedCohort
    frames: dict[str, dict[type[Table], pl.DataFrame]]
    places: Places
    measured: pl.DataFrame

    def row(self, table: type[Table], patient: str) -> dict[str, object]:
        rows = pl.concat([frames[table] for frames in self.frames.values()]).filter(pl.col("patient_id") == patient)
        return rows.row(0, named=True)


def made_odd(days: pl.DataFrame) -> pl.DataFrame:
    """The same days, of which some patients' are not as they should be."""
    recorded = [name for name in NEEDED if name not in ("patient_id", "date")]
    who = pl.col("patient_id")

    def blank(patient: str, names: list[str]) -> list[pl.Expr]:
        return [pl.when(who != patient).then(pl.col(name)).alias(name) for name in names]

    def always(patient: str, value: bool) -> list[pl.Expr]:
        names = ["has_migraine", "onset", "migraine_by_evening", "prodrome"]
        return [pl.when(who == patient).then(pl.lit(value)).otherwise(name).alias(name) for name in names]

    by_diary = [*EVENTS, "stress_level", "water_consumed_liters", *(name for name in COLUMNS if "consumed" in name)]
    days = days.filter(who != NOBODY).with_columns(blank(SILENT, recorded))
    days = days.with_columns(blank(DEVICE, list(dict.fromkeys(by_diary))))
    days = days.with_columns(always(WELL, False)).with_columns(always(ILL, True))
    early = days["date"].min()
    steps = pl.when((who == IMPOSSIBLE) & (pl.col("date") == early)).then(-5.0).otherwise("steps")
    days = days.with_columns(steps.cast(days.schema["steps"]).alias("steps"))
    return pl.concat([days, days.filter((who == TWICE) & (pl.col("date") == early))])


@pytest.fixture(scope="module")
def odd(tmp_path_factory, make_twins, model, settings, lives_truth) -> Odd:
    cohort = settings.simulator.cohort.model_copy(update={"patients": PATIENTS, "batch_size": 16, "days": DAYS})
    changed = settings.model_copy(update={"simulator": settings.simulator.model_copy(update={"cohort": cohort})})
    patients = lives_truth["cohort.patients"].sort("patient_id")
    batches = [BATCHES[0]] * 16 + [BATCHES[1]] * (PATIENTS - 16)
    lake = {
        tables.Patients: patients.with_columns(patient_batch=pl.Series(batches)),
        tables.RecordedDays: made_odd(lives_truth["measured.patient_days"]).with_columns(reported=pl.lit(False)),
        tables.Observations: rows_of(tables.Observations),
    }

    def read(table, partitions=(), columns=None) -> pl.DataFrame:
        assert tuple(partitions) == (BATCHES if table.by_batch else ())
        return lake[table].select(columns or pl.all())

    found = read_histories(read, changed)
    made = FittedCohort(make_twins(found.histories), found, model)
    places = Places(tmp_path_factory.mktemp("odd"), "nowhere")
    days = lake[tables.RecordedDays].select("patient_id", "date", "has_migraine")
    observed = lake[tables.Observations]
    frames = {batch: batch_frames(made, batch, places, nothing, days, observed) for batch in BATCHES}
    return Odd(made, frames, places, lake[tables.RecordedDays])


def rows_of(table: type[Table]) -> pl.DataFrame:
    """No row."""
    return pl.DataFrame(schema={column.name: polars_type(column) for column in table.columns})


def nothing(table: type[Table], batch: str) -> None:
    """Of a lake in which no twins lie yet."""
    return


def assert_finite(frame: pl.DataFrame) -> None:
    numbers = frame.select(pl.col(pl.Float64))
    assert all(column.drop_nulls().is_finite().all() for column in numbers)


@pytest.mark.parametrize("batch", BATCHES)
def test_every_row_keeps_its_declared_contract(odd, batch: str) -> None:
    """Of odd patients too; a frame may hold more columns than are declared, and no number that is none."""
    frames = odd.frames[batch]
    declared = {table for table in tables.ALL if table.schema_name() == "twin"}
    assert set(frames) == declared - {tables.TwinPopulation, tables.Thresholds}
    for table, frame in frames.items():
        found = audit(table, frame.select([column.name for column in table.columns]))
        assert found.passed, (table.name, found.summary())
        assert_finite(frame)
        assert (frame.height == 0) == (table in UNEVENTFUL), table.name


def test_every_patient_has_a_row_in_one_batch_alone(odd) -> None:
    ids = [odd.frames[batch][tables.Twins]["patient_id"].to_list() for batch in BATCHES]
    assert sorted(ids[0] + ids[1]) == [f"P{number:04d}" for number in range(1, PATIENTS + 1)]
    for frames in odd.frames.values():
        twins = frames[tables.Twins].filter(pl.col("status") != "refused")
        for table, frame in frames.items():
            if table not in {tables.Twins, tables.TwinStates} | UNEVENTFUL:
                assert set(frame["patient_id"]) == set(twins["patient_id"]), table.name


def test_a_batch_s_twins_lie_in_the_file_that_its_rows_name(odd) -> None:
    for frames in odd.frames.values():
        version = frames[tables.Twins]["file_version"].unique().item()
        twins = load_state(odd.places.twins(version)).twins
        rows = frames[tables.Twins].filter(pl.col("status") != "refused")
        assert list(twins.patient_ids) == rows["patient_id"].to_list()
        assert twins.versions() == rows["twin_version"].to_list()


def test_a_patient_whose_days_are_there_twice_is_refused_with_the_reason(odd) -> None:
    row = odd.row(tables.Twins, TWICE)
    assert row["status"] == "refused"
    assert row["reason"] == "days that are there more than once: 1; expected one row per patient and day"
    assert row["twin_version"] == NO_VERSION
    assert not any(TWICE in frame["patient_id"] for frame in odd.made.built.frames.values())


def test_a_patient_without_a_day_has_the_population_s_twin(odd) -> None:
    row = odd.row(tables.Twins, NOBODY)
    assert (row["status"], row["entries"], row["validation_days"], row["horizon_days"]) == ("prior", 0, 0, 0)
    assert row["reason"] == "no day is there: the twin is the population's prior"
    assert row["transition_model"] == STATE_SPACE
    for name in ("adherence", "validation_log_loss", "climatology_log_loss", "state_error"):
        assert row[name] is None, name
    assert row["level"] == pytest.approx(odd.made.built.points.level.mean())
    assert odd.row(tables.TriggerSensitivity, NOBODY)["confidence"] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("patient", [SILENT, DEVICE])
def test_a_patient_who_wrote_nothing_is_known_by_weather_and_device_alone(odd, patient: str) -> None:
    row = odd.row(tables.Twins, patient)
    assert (row["status"], row["entries"], row["validation_days"]) == ("fitted", 0, 0)
    assert row["reason"] == "no diary entry: known by weather and device alone"
    assert row["adherence"] == 0
    assert (row["state_error"] is None) == (patient == SILENT)
    assert 0 < odd.row(tables.Predictions, patient)["probability"] < 1


def test_one_kind_of_day_alone_is_forecast_and_not_taken_for_certain(odd) -> None:
    said = odd.made.built.predictions
    well, ill = (said.probability[said.patient_ids.index(patient)] for patient in (WELL, ILL))
    assert 0 < well < np.median(said.probability) < ill < 1
    assert odd.row(tables.Twins, WELL)["status"] == odd.row(tables.Twins, ILL)["status"] == "fitted"


def test_an_impossible_value_is_discarded_and_counted_once(odd) -> None:
    row = odd.row(tables.Twins, IMPOSSIBLE)
    assert row["discarded_values"] == 1
    assert row["reason"] == "impossible values discarded: 1"


def test_refused_patients_change_no_other_twin(odd, built) -> None:
    ours = dict(zip(built.twins.patient_ids, built.twins.versions(), strict=True))
    theirs = dict(zip(odd.made.built.twins.patient_ids, odd.made.built.twins.versions(), strict=True))
    others = [patient for patient in theirs if patient > DEVICE]
    assert [ours[patient] for patient in others] == [theirs[patient] for patient in others]


@pytest.fixture(scope="module")
def easily() -> AlarmThresholds:
    """At which a few patients are taken for changed on the evenings of the validation."""
    return AlarmThresholds(EASILY, {}, {})


@pytest.fixture(scope="module")
def alarmed(make_twins, histories, easily) -> Built:
    """Everybody's twins, some of whom were adapted to a change."""
    return make_twins(histories, easily)


def test_an_alarm_changes_no_other_twin(built, alarmed) -> None:
    found = alarmed.frames[tables.Drift]
    assert audit(tables.Drift, found).passed
    changed = found["patient_id"].to_list()
    assert 0 < len(changed) < PATIENTS
    pairs = zip(built.twins.versions(), alarmed.twins.versions(), strict=True)
    others = [patient for patient, (one, other) in zip(built.twins.patient_ids, pairs, strict=True) if one == other]
    assert sorted([*others, *changed]) == sorted(built.twins.patient_ids)
    before = alarmed.frames[tables.Predictions].join(found, on="patient_id", how="left")
    before = before.filter(pl.col("detected_on").is_null() | (pl.col("made_on") < pl.col("detected_on")))
    said = built.frames[tables.Predictions].join(before, on=tables.Predictions.key, how="semi")
    assert_frame_equal(before.select(SAID), said.select(SAID))
    twins = alarmed.frames[tables.Twins].select("patient_id", "last_drift_adaptation", "drift_kind").drop_nulls()
    assert_frame_equal(twins, found.select("patient_id", last_drift_adaptation="detected_on", drift_kind="kind"))


@pytest.mark.parametrize("whole", ["built", "alarmed"])
def test_twins_do_not_depend_on_their_batch(whole, make_twins, histories, easily, request) -> None:
    """Bit for bit, alone and with some of the others, whoever of them is taken for changed."""
    everybody: Built = request.getfixturevalue(whole)
    for rows in (slice(3, 4), slice(0, 7), slice(5, 24, 3)):
        part = make_twins(histories.of(rows), easily if whole == "alarmed" else NO_ALARM)
        assert part.twins.versions() == everybody.twins.versions()[rows]
        assert_allclose(part.predictions.probability, everybody.predictions.probability[rows], rtol=1e-12)
        for table in (tables.Predictions, tables.TriggerSensitivity, tables.Watch, tables.Drift):
            expected = everybody.frames[table].filter(pl.col("patient_id").is_in(part.twins.patient_ids))
            assert_frame_equal(part.frames[table], expected, rel_tol=1e-9)


@pytest.mark.parametrize("whole", ["built", "alarmed"])
def test_later_days_change_no_earlier_forecast(whole, make_twins, histories, settings, easily, request) -> None:
    """Cut off three evenings: what is left says what it said, the last of it as tonight's forecast."""
    built: Built = request.getfixturevalue(whole)
    wanted = settings.twin.validation_days
    thresholds = easily if whole == "alarmed" else NO_ALARM
    cut = make_twins(histories.until(DAYS - 3), thresholds, validation_days=wanted - 3)
    expected = built.frames[tables.Predictions].filter(pl.col("made_on") <= cut.twins.as_of).select(SAID)
    assert expected.height == PATIENTS * (wanted - 3)
    assert_frame_equal(cut.frames[tables.Predictions].select(SAID), expected, rel_tol=1e-9)
    for table, evening in ((tables.Watch, "date"), (tables.Drift, "detected_on")):
        known = built.frames[table].filter(pl.col(evening) <= cut.twins.as_of)
        assert_frame_equal(cut.frames[table], known, rel_tol=1e-9, abs_tol=1e-12)


def test_an_evening_is_forecast_as_tonight_is(built, model) -> None:
    """The filter's last evening and the forecast from where it left the twins."""
    raw = built.replay.forecasts.probability[:, -1]
    assert_allclose(built.predictions.probability, model.recalibration.apply(raw), rtol=1e-12)


def test_forecasts_are_of_the_last_evenings(built, histories, settings) -> None:
    frame = built.frames[tables.Predictions]
    assert frame.height == PATIENTS * settings.twin.validation_days
    assert frame["made_on"].max() == histories.last
    assert frame.n_unique("made_on") == settings.twin.validation_days
    assert frame["twin_version"].n_unique() == PATIENTS


@pytest.mark.parametrize(("days", "validation"), [(1, 10), (2, 10), (70, 1), (5, 70)])
def test_short_histories_and_short_validations_are_built(make_twins, histories, days: int, validation: int) -> None:
    made: Built = make_twins(histories.of(slice(0, 6)).until(days), validation_days=validation)
    assert made.frames[tables.Predictions].height == 6 * max(1, min(validation, days - 1))
    for frame in made.frames.values():
        assert_finite(frame)


def test_what_is_shown_beside_a_reason_was_recorded_today(built, histories) -> None:
    rows = built.frames[tables.Contributions].filter(pl.col("factor") == "trigger: sleep")
    place = COLUMNS.index("total_sleep_hours")
    seen = histories.present[:, -1, place]
    assert rows["observed"].is_not_null().to_list() == seen.tolist()
    assert_array_equal(rows["observed"].drop_nulls().to_numpy(), histories.values[seen, -1, place])
    assert rows["unit"].unique().to_list() == ["h"]


def earlier_trail(trail: pl.DataFrame | None, table: type[Table], batch: str) -> pl.DataFrame | None:
    """Of a lake in which nothing but the trail lies."""
    return trail if table is tables.Audit else None


def test_a_trail_goes_on_from_evening_to_evening(odd, make_twins, histories, measured, model) -> None:
    """The forecast of an evening is there, untouched, on the next; its outcome two evenings after it was made."""
    batch_of = dict.fromkeys(histories.patient_ids, BATCHES[0])
    days = measured.select("patient_id", "date", "has_migraine")
    trail = None
    for count in (DAYS - 2, DAYS - 1, DAYS):
        now = histories.until(count)
        aura = np.zeros(now.count, dtype=bool)
        made = FittedCohort(
            make_twins(now), replace(odd.made.found, histories=now, batch_of=batch_of, refused={}, has_aura=aura), model
        )
        known = days.filter(pl.col("date") <= now.last)
        earlier = partial(earlier_trail, trail)
        before, trail = (
            trail,
            batch_frames(made, BATCHES[0], odd.places, earlier, known, rows_of(tables.Observations))[tables.Audit],
        )
        if before is not None:
            assert_frame_equal(trail.join(before, on=list(tables.Audit.key), how="semi"), before)
    outcomes = trail.filter(pl.col("event") == "outcome")
    wrote = histories.diary[:, DAYS - 2]
    assert outcomes["patient_id"].to_list() == [
        patient for patient, yes in zip(histories.patient_ids, wrote, strict=True) if yes
    ]
    assert_array_equal(outcomes["outcome"].to_numpy(), histories.events[wrote, DAYS - 2, 0])
