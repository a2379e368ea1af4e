"""The platform lives: forty nights, one after the other, with nobody at the keyboard.

Every night the schedule is asked, what it asks for is run, the sensor is asked, what it asks for is run. Some of the
patients change on the way. The instance lives in memory, as forty nights on a disk would mostly wait for it; what twins
do not read, and the publication, are left out until the last night.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import numpy as np
import polars as pl
import pytest
from scipy.stats import poisson

from migraine_platform.config import Settings
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.automation import PLATFORM_JOB, night_tags
from migraine_platform.defs.context import PopulationView
from migraine_platform.defs.sensors.retraining import RETRAIN_JOB, held_back
from migraine_platform.twin.cohort.inputs import read_histories, updater_of
from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.drift.alarms import AlarmThresholds
from migraine_platform.twin.updating.evening_results import Past
from migraine_platform.twin.updating.evening_update import advance
from migraine_platform.twin.updating.storage import load_state
from migraine_platform.twin.updating.trials import unanswered
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.query import query
from migraine_platform_tests.conftest import make_project
from migraine_platform_tests.defs.lived import (
    BATCHES,
    FIRST,
    MADE_ONCE,
    WARNINGS,
    begin,
    defs_of,
    execute,
    follow,
    grown,
    lake_of,
    last_day,
    nights,
    reload,
    rows,
    tick,
)

pytestmark = pytest.mark.slow

WHAT_TWINS_READ = ["calendar", "attacks", "measured_days", "observations", "recorded_days", *SAID]
DAYS, NIGHTS = 90, 40
LAST_NIGHTS = 15
TIME_TO_NOTICE = 20
CHANGES = """
  drift:
    share: 0.8
    daily_hazard: 0.007
    shapes: {sudden: 1, gradual: 0, recurring: 0}
    kinds: {covariate: 1, concept: 0, label: 1}
    covariate_shift: [1.5, 2.0]
    label_log_odds: [2.0, 2.5]
realism: {patients: 60}
"""
"""Strong changes, a few of which come on the forty nights."""

WATCH = (
    "  drift: {no_change_patients: 150, no_change_days: 220, false_alarms_a_year: 0.4}\n"
    "  retraining: {after_days: 300}\n"
)
LEARNED = "{patients: 60, state_space_patients: 60, state_space_steps: 10, points: 256, steps: 9}"
"""A state-space model that fits: a poor one finds everybody's days strange, and who does not change as well."""

CHANCE = 1e-3
"""That a statement about chance fails by chance."""


@dataclass
class Diary:
    """What happened on the nights."""

    settings: Settings
    first: date
    """Last day that was known when the twins were made."""
    requests: list[tuple[date, dg.RunRequest]] = field(default_factory=list)
    skipped: list[tuple[date, str]] = field(default_factory=list)
    without: pl.DataFrame | None = None
    """Forecasts of the first night's twins, had nobody looked after them."""


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Diary]:
    root = make_project(tmp_path_factory.mktemp("forty") / "project")
    preset = root / "configs" / "presets" / "tiny.yaml"
    told = preset.read_text()
    for old, new in (
        ("{patients: 60, days: 40, batch_size: 25}", f"{{patients: 60, days: {DAYS}, batch_size: 20}}"),
        ("realism: {patients: 60}\n", CHANGES.lstrip("\n")),
        ("points: 64\n", "points: 128\n"),
        ("{patients: 40, state_space_patients: 12, state_space_steps: 2, points: 32, steps: 2}", LEARNED),
        ("  drift: {no_change_patients: 40, no_change_days: 140}\n", WATCH),
        ("  gates: {", "  gates: {splits: [chronological], "),  # everybody is learned from
    ):
        assert told.count(old) == 1
        told = told.replace(old, new)
    preset.write_text(told)
    settings = reload(root)
    with dg.DagsterInstance.ephemeral() as instance:
        begin(settings, instance)
        diary = Diary(settings, last_day(settings))
        first_files = {batch: rows(settings, tables.Twins, [batch])["file_version"][0] for batch in BATCHES}
        places = Places.of(settings.platform)
        first_twins = {batch: load_state(places.twins(name)) for batch, name in first_files.items()}
        live_through(diary, instance)
        publish(settings, instance)
        diary.without = unattended(settings, first_twins)
        yield diary


def live_through(diary: Diary, instance: dg.DagsterInstance) -> None:
    """Schedule and sensor, night by night, as the daemon asks them; a run key that was used is not used again."""
    settings = diary.settings
    defs = defs_of(settings)
    schedule = defs.resolve_schedule_def("nightly")
    keys = {dg.AssetKey(name) for name in WHAT_TWINS_READ}
    night_job = defs.resolve_job_def(schedule.job_name).get_subset(asset_selection=keys, asset_check_selection=WARNINGS)
    used: set[str | None] = set()
    zone = ZoneInfo(settings.platform.time_zone)
    for night in nights(NIGHTS):
        moment = datetime(night.year, night.month, night.day, 3, 30, tzinfo=zone)
        (request,) = schedule.evaluate_tick(
            dg.build_schedule_context(instance=instance, scheduled_execution_time=moment)
        ).run_requests
        assert request.run_key not in used
        used.add(request.run_key)
        assert night_job.execute_in_process(instance=instance, tags=dict(request.tags)).success
        asked = tick(settings, instance, "retrain_twins_that_need_it")
        if isinstance(asked, str):
            diary.skipped.append((last_day(settings), asked))
            continue
        for request in asked:
            if request.run_key not in used:
                used.add(request.run_key)
                diary.requests.append((last_day(settings), request))
                assert follow(settings, instance, request).success


def publish(settings: Settings, instance: dg.DagsterInstance) -> None:
    """The rest of the platform, every check, and the warehouse, on the last night; what was made once stays."""
    layer = defs_of(settings).resolve_job_def(PLATFORM_JOB).asset_layer
    assets = {key.to_user_string() for key in layer.executable_asset_keys} - set(MADE_ONCE)
    every = layer.asset_graph.asset_check_keys
    tags = night_tags(settings, nights(NIGHTS)[-1])
    assert execute(settings, instance, PLATFORM_JOB, tags, assets=assets, checks=every).success


def unattended(settings: Settings, first_twins: dict) -> pl.DataFrame:
    """What the first night's twins would have said, updated every evening, had no change ever been noticed."""
    own, lake = grown(settings), lake_of(settings)
    population = PopulationView.of(own, lake)
    found = read_histories(population.read, own)
    rows_of = {patient: row for row, patient in enumerate(found.histories.patient_ids)}
    frames = []
    for state in first_twins.values():
        model = TwinModel.from_frame(population.read(tables.TwinPopulation), state.twins.population)
        updater = updater_of(model, own, population.features, AlarmThresholds(np.inf, {}, {}))
        patients = state.twins.patient_ids
        whole = found.histories.of(np.array([rows_of[patient] for patient in patients]))
        evenings = advance(updater, state, whole, Past.nothing(len(patients))).evenings
        said = evenings.said.probability
        days = [evenings.first + timedelta(days=number + 1) for number in range(evenings.days)]
        frames.append(
            pl.DataFrame(
                {
                    "patient_id": np.repeat(np.asarray(patients), len(days)),
                    "for_date": days * len(patients),
                    "unattended": said.ravel(),
                }
            )
        )
    return pl.concat(frames)


def changed(diary: Diary) -> pl.DataFrame:
    """Patients who changed on the nights, early enough to be noticed."""
    truth = rows(diary.settings, tables.TruthDrift)
    last = last_day(diary.settings) - timedelta(days=TIME_TO_NOTICE)
    return truth.filter(pl.col("date").is_between(diary.first, last, closed="right"))


def test_changes_are_detected_and_false_alarms_stay_within_their_rate(result: Diary) -> None:
    settings = result.settings
    found = rows(settings, tables.Drift).filter(pl.col("detected_on") > result.first)
    truth = rows(settings, tables.TruthDrift)
    theirs = changed(result)
    assert theirs.height >= 5
    after = found.join(theirs.select("patient_id", began="date"), on="patient_id").filter(
        pl.col("detected_on") >= pl.col("began")
    )
    assert after["patient_id"].n_unique() > theirs.height / 2
    delay = after.group_by("patient_id").agg((pl.col("detected_on") - pl.col("began")).dt.total_days().min())
    assert delay["detected_on"].median() <= TIME_TO_NOTICE
    usual = rows(settings, tables.Twins).filter(~pl.col("patient_id").is_in(truth["patient_id"].to_list()))
    alarms = found.filter(pl.col("patient_id").is_in(usual["patient_id"].to_list())).height
    expected = usual.height * NIGHTS / 365.25 * settings.twin.drift.false_alarms_a_year
    assert alarms <= poisson.ppf(1 - CHANCE, expected)


def test_only_batches_with_a_detected_change_were_retrained(result: Diary) -> None:
    settings = result.settings
    drift = rows(settings, tables.Drift)
    told = rows(settings, tables.Retrainings)
    begun = told.filter(pl.col("decision") == "on trial")
    assert begun.height == len(result.requests) > 0
    wait = settings.twin.retraining.cooldown_days
    for batch in BATCHES:
        own = drift.filter(pl.col("patient_id").is_in(rows(settings, tables.Twins, [batch])["patient_id"].to_list()))
        asked = begun.filter(pl.col("patient_batch") == batch)["requested_on"].sort().to_list()
        for since, until in pairwise([result.first, *asked]):
            assert own.filter(pl.col("detected_on").is_between(since, until, closed="right")).height > 0
        assert all((later - earlier).days >= wait for earlier, later in pairwise(asked))
        lake = lake_of(settings)
        left = unanswered(*(lake.read(table, [batch]) for table in (tables.Drift, tables.Twins, tables.Retrainings)))
        assert left.is_empty() or held_back(lake, batch, last_day(settings), settings)
    for day, request in result.requests:
        assert request.job_name == RETRAIN_JOB
        assert begun.filter((pl.col("patient_batch") == request.partition_key) & (pl.col("requested_on") == day)).height
    last = last_day(settings) - timedelta(days=settings.twin.retraining.trial_nights)
    decided = told.filter(pl.col("decision") != "on trial")
    assert decided.height == begun.filter(pl.col("requested_on") <= last).height
    assert set(decided["nights"]) == {settings.twin.retraining.trial_nights}


def test_forecasts_recover_after_a_change(result: Diary) -> None:
    """Expected log loss of the last nights, against the same twins updated every evening but never adapted."""
    assert result.without is not None
    settings = result.settings
    truth = rows(settings, tables.TruthPatientDays).select("patient_id", "migraine_probability", for_date="date")
    told = rows(settings, tables.Predictions).select("patient_id", "for_date", "probability")
    until = last_day(settings) - timedelta(days=LAST_NIGHTS)
    loss = (
        told.join(truth, on=["patient_id", "for_date"])
        .join(result.without, on=["patient_id", "for_date"])
        .filter(pl.col("for_date") > until, pl.col("patient_id").is_in(changed(result)["patient_id"].to_list()))
        .with_columns(
            (
                -pl.col("migraine_probability") * (pl.col(name)).log()
                - (1 - pl.col("migraine_probability")) * (1 - pl.col(name)).log()
            ).alias(f"{name} loss")
            for name in ("probability", "unattended")
        )
        .group_by("patient_id")
        .agg((pl.col("probability loss") - pl.col("unattended loss")).mean().alias("worse by"))
    )
    worse = loss["worse by"].to_numpy()
    assert len(worse) == changed(result).height
    assert worse.mean() <= 2 * worse.std(ddof=1) / np.sqrt(len(worse))


def test_nothing_is_lost_and_nothing_doubled(result: Diary) -> None:
    settings = result.settings
    last = result.first + timedelta(days=NIGHTS)
    assert last_day(settings) == last
    for table, evening in ((tables.Predictions, "made_on"), (tables.Watch, "date"), (tables.MeasuredDays, "date")):
        found = rows(settings, table)
        assert not found.select(table.key).is_duplicated().any()
        of_nights = found.filter(pl.col(evening) > result.first)
        assert of_nights.group_by("patient_id").len()["len"].to_list() == [NIGHTS] * 60
        assert set(of_nights[evening]) == {result.first + timedelta(days=number) for number in range(1, NIGHTS + 1)}
    trail = rows(settings, tables.Audit)
    assert not trail.select(tables.Audit.key).is_duplicated().any()
    forecasts = trail.filter((pl.col("event") == "forecast") & (pl.col("made_on") > result.first))
    assert forecasts.group_by("patient_id").len()["len"].to_list() == [NIGHTS] * 60
    named = {path.stem for path in Places.of(settings.platform).twins("x").parent.iterdir()}
    twins, trial = rows(settings, tables.Twins), rows(settings, tables.Challengers)
    assert {name for name in named if not name.startswith("experts-")} == {
        *twins["file_version"],
        *twins["previous_file_version"].drop_nulls(),
        *trial["file_version"],
        *rows(settings, tables.TwinStates)["file_version"],
    }


def test_the_last_night_is_published(result: Diary) -> None:
    warehouse = Places.of(result.settings.platform).warehouse
    last = result.first + timedelta(days=NIGHTS)
    assert query(warehouse, "FROM lineage.publication")["last_date"].item() == last
    for name, evening in (("twin.predictions", "made_on"), ("twin.watch", "date"), ("cohort.patient_days", "date")):
        counted = query(warehouse, f"SELECT count(*) AS n FROM {name} WHERE {evening} = DATE '{last}'")
        assert counted["n"].item() == 60
    assert FIRST + timedelta(days=NIGHTS) == nights(NIGHTS)[-1]
