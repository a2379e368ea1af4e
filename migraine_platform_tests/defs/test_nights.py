"""Nights: a day at a time or a week at once, once or twice, killed half-way or not, the same lives come of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import polars as pl
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator
from polars.testing import assert_frame_equal

from migraine_platform.config import Settings
from migraine_platform.defs.automation import NIGHTLY_JOB, PLATFORM_JOB, night_tags
from migraine_platform.defs.context import NIGHT_TAG, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG, RETRAIN_TAG
from migraine_platform.defs.runs.launch import run_job, run_night
from migraine_platform.defs.sensors.retraining import RETRAIN_JOB
from migraine_platform.operations.clock import Clock, read_clock, write_clock
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.query import query
from migraine_platform_tests.conftest import Finished, environment, migraine, restored
from migraine_platform_tests.defs.lived import (
    BATCHES,
    BY_NIGHT,
    FIRST,
    OF_TWINS,
    defs_of,
    execute,
    lake_files,
    last_day,
    live,
    nights,
    reload,
    rows,
    tables_by_days,
    twin_files,
)

NEXT = FIRST + timedelta(days=1)
DYING = """
import os, signal, sys
from pathlib import Path
from migraine_platform.cli import main

last, move = sys.argv.pop(1), Path.replace

def replace(path, target):
    if str(target).endswith(last):
        os.kill(os.getpid(), signal.SIGKILL)
    return move(path, target)

Path.replace = replace
main()
"""
"""The `migraine` command in a process that is killed before a certain file comes into its place."""


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture(scope="module")
def born(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as of its first night, published, with challengers on trial in its second batch."""
    root = finished.copy(tmp_path_factory.mktemp("nights") / "project")
    settings = reload(root)
    write_clock(Places.of(settings.platform), settings, Clock(FIRST, settings.simulator.cohort.last_date))
    run_job(settings, RETRAIN_JOB, {PARTITION_TAG: "batch-001", RETRAIN_TAG: "asked for"}, "batch-001")
    assert rows(settings, tables.Challengers)["born_on"].unique().to_list() == [last_day(settings)]
    return root


@pytest.fixture(scope="module")
def lived(born: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, str]:
    """The same a night later, lived undisturbed from a terminal, and what that printed."""
    settings = copied(born, tmp_path_factory.mktemp("older") / "project")
    done = migraine(settings.platform.data_dir.parent, "night", "--date", NEXT.isoformat())
    assert done.returncode == 0, done.stderr[-2000:]
    return settings, done.stdout


@pytest.fixture(scope="module")
def older(lived: tuple[Settings, str]) -> Settings:
    """The same a night later; nothing may change it."""
    return lived[0]


@pytest.fixture(scope="module")
def was(older: Settings) -> dict[str, pl.DataFrame]:
    """What it published."""
    return published(older)


def copied(born: Path, to: Path) -> Settings:
    return reload(Path(shutil.copytree(born, to)))


def published(settings: Settings) -> dict[str, pl.DataFrame]:
    """Every table of the warehouse."""
    path = Places.of(settings.platform).warehouse
    return {table.name: query(path, f"FROM {table.name} ORDER BY {', '.join(table.key)}") for table in tables.ALL}


def published_until(settings: Settings) -> date:
    found: date = query(Places.of(settings.platform).warehouse, "FROM lineage.publication")["last_date"].item()
    return found


def named_files(settings: Settings) -> set[str]:
    """Files of twins that rows name."""
    twins, trial = rows(settings, tables.Twins), rows(settings, tables.Challengers)
    states = rows(settings, tables.TwinStates)["file_version"]
    names = {*twins["file_version"], *twins["previous_file_version"].drop_nulls(), *trial["file_version"], *states}
    return {f"{name}.safetensors" for name in names}


def test_every_night_of_a_year_is_asked_for_once_in_the_configured_zone(settings) -> None:
    """Clocks are put forward and back meanwhile; the run key is the night, so that no restart runs it twice."""
    schedule = defs_of(settings).resolve_schedule_def("nightly")
    assert schedule.execution_timezone == "Europe/Berlin"
    zone = ZoneInfo("Europe/Berlin")
    asked = []
    since = time.mktime((2026, 1, 1, 0, 0, 0, 0, 0, 0))
    for moment in schedule_execution_time_iterator(since, str(schedule.cron_schedule), "Europe/Berlin"):
        asked.append(moment)
        if len(asked) == 365:
            break
    assert {moment.astimezone(zone).strftime("%H:%M") for moment in asked} == {"03:30"}
    keys = []
    for moment in asked:
        context = dg.build_schedule_context(scheduled_execution_time=moment)
        (request,) = schedule.evaluate_tick(context).run_requests
        assert request.tags[NIGHT_TAG] == moment.astimezone(zone).date().isoformat()
        assert (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]) == ("batch-000", "batch-002")
        keys.append(request.run_key)
    days = [asked[0].astimezone(zone).date() + timedelta(days=number) for number in range(365)]
    assert keys == [f"nightly:{day}" for day in days]


@pytest.mark.slow
def test_a_night_adds_a_day_and_changes_no_earlier_one(born: Path, older: Settings) -> None:
    before, last = reload(born), last_day(reload(born))
    assert last_day(older) == last + timedelta(days=1) == published_until(older)
    for table in tables_by_days():
        dated = next((name for name in ("date", "made_on", "detected_on", "decided_on") if name in table.key), None)
        if dated is None or table in (tables.Audit, tables.Thresholds):
            continue
        was, now = rows(before, table), rows(older, table)
        same = now.filter(pl.col(dated) <= last)
        moved = ["twin_version"] if "twin_version" in now.columns else []
        assert_frame_equal(same.drop(moved).sort(table.key), was.drop(moved).sort(table.key), check_exact=True)
        if "patient_id" in table.key and table not in (tables.Drift, tables.TruthDrift):
            assert now.filter(pl.col(dated) > last).height == was["patient_id"].n_unique()
    trail, longer = rows(before, tables.Audit), rows(older, tables.Audit)
    assert (
        longer.join(trail, on=list(tables.Audit.key), how="semi")
        .sort(tables.Audit.key)
        .equals(trail.sort(tables.Audit.key))
    )


@pytest.mark.slow
def test_the_best_forecasts_of_earlier_days_stay_and_tonights_are_left_out(born: Path, older: Settings) -> None:
    last = last_day(reload(born))
    column = pl.col("oracle_probability")
    truth = rows(older, tables.TruthPatientDays)
    best = older.simulator.ceilings.oracle_patients
    assert truth.filter(pl.col("date") > last)["oracle_probability"].is_null().all()
    forecast = truth.filter(pl.col("date") < last, column.is_not_null())
    assert forecast.group_by("patient_id").len()["len"].to_list() == [older.simulator.cohort.days - 1] * best


@pytest.mark.slow
def test_the_same_night_again_changes_no_byte(older: Settings, was, tmp_path: Path) -> None:
    settings = copied(older.platform.data_dir.parent, tmp_path / "again")
    run_night(settings, NEXT)
    assert lake_files(settings) == lake_files(older)
    assert (
        twin_files(settings)
        == twin_files(older)
        == named_files(older) | {name for name in twin_files(older) if name.startswith("experts-")}
    )
    assert Places.of(settings.platform).clock.read_bytes() == Places.of(older.platform).clock.read_bytes()
    assert all(frame.equals(was[name]) for name, frame in published(settings).items())


@pytest.mark.slow
def test_an_earlier_night_does_not_turn_back_the_clock(born: Path, older: Settings, tmp_path: Path, instance) -> None:
    settings = copied(older.platform.data_dir.parent, tmp_path / "early")
    tags = night_tags(settings, FIRST - timedelta(days=3))
    result = execute(settings, instance, NIGHTLY_JOB, tags, assets=BY_NIGHT)
    assert not result.success
    (failure,) = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert "is before the last night" in failure.user_failure_data.description
    assert last_day(settings) == last_day(older)
    twins = [f"{table.schema_name()}/{table.table_name()}/{batch}.parquet" for table in OF_TWINS for batch in BATCHES]
    was, now = lake_files(older), lake_files(settings)
    assert [name for name in twins if was[name] != now[name]] == []


def unwritten(settings: Settings, patient: str) -> list[date]:
    """Past days of which a patient's diary has no entry."""
    days = rows(settings, tables.RecordedDays).filter(pl.col("patient_id") == patient).sort("date")
    return days.filter(pl.col("migraine_by_evening").is_null())["date"].to_list()[:-1]


def drop(settings: Settings, name: str, patient: str, days: list[date], migraine: bool = True) -> None:
    """A file with what somebody reports of past days, as it lies in the inbox for a while."""
    told = str(migraine).lower()
    lines = [f"{patient},{day},{told},{told}" for day in days]
    inbox = Places.of(settings.platform).inbox
    inbox.path.mkdir(parents=True, exist_ok=True)
    path = inbox.path / name
    path.write_text("\n".join(["patient_id,date,has_migraine,migraine_by_evening", *lines]) + "\n")
    os.utime(path, (time.time() - 3600,) * 2)


@pytest.mark.slow
@pytest.mark.parametrize("nights", [0, 1])
def test_late_reports_are_in_the_twin_after_the_next_update(
    older: Settings, tmp_path: Path, instance, nights: int
) -> None:
    """On the night that follows, or on the same evening again; and in nobody else's twin."""
    settings = copied(older.platform.data_dir.parent, tmp_path / "told")
    patient = "P0003"
    days = unwritten(settings, patient)[:6]
    assert len(days) == 6
    drop(settings, "his.csv", patient, days)
    live(settings, instance, NEXT + timedelta(days=nights))
    before, after = (rows(one, tables.Twins).sort("patient_id") for one in (older, settings))
    gained = dict(zip(before["patient_id"], after["entries"] - before["entries"], strict=True))
    assert gained[patient] - 6 in ({0} if nights == 0 else {0, 1})
    if not nights:
        assert {other: more for other, more in gained.items() if more} == {patient: 6}
    known = rows(settings, tables.AppliedObservations)
    assert known["date"].sort().to_list() == days
    recorded = rows(settings, tables.RecordedDays).filter("reported")
    assert recorded["has_migraine"].to_list() == [True] * 6
    assert twin_files(settings) >= named_files(settings)


@pytest.mark.slow
def test_outcomes_are_what_was_reported_and_corrections_are_added(older: Settings, tmp_path: Path, instance) -> None:
    settings = copied(older.platform.data_dir.parent, tmp_path / "outcomes")
    live(settings, instance, NEXT + timedelta(days=1))  # the first outcomes are complete on the second evening
    trail = rows(settings, tables.Audit)
    said = trail.filter((pl.col("event") == "outcome") & (pl.col("outcome") == 0))
    assert said.height
    patient, day = said.row(0, named=True)["patient_id"], said.row(0, named=True)["for_date"]
    drop(settings, "his.csv", patient, [day])
    live(settings, instance, NEXT + timedelta(days=1))
    now = rows(settings, tables.Audit)
    assert trail.join(now, on=trail.columns, how="anti", nulls_equal=True).is_empty()  # rows are added, none is changed
    told = now.filter((pl.col("patient_id") == patient) & (pl.col("for_date") == day) & (pl.col("event") != "forecast"))
    assert dict(told.select("event", "outcome").iter_rows()) == {"outcome": 0, "correction": 1}


@pytest.mark.slow
def test_a_missed_week_equals_its_seven_daily_updates(born: Path, tmp_path: Path, instance) -> None:
    """With a trial under way, and with whoever was found to change meanwhile."""
    one, seven = copied(born, tmp_path / "one"), copied(born, tmp_path / "seven")
    for night in nights(7):
        live(seven, instance, night)
    live(one, instance, nights(7)[-1])
    assert last_day(one) == last_day(seven) == last_day(reload(born)) + timedelta(days=7)
    hashed = {"file_version", "twin_version", "previous_file_version", "challenger_version", "champion_version"}
    for table in (tables.Predictions, tables.Watch, tables.Drift, tables.Twins, tables.Challengers):
        mine, other = rows(one, table), rows(seven, table)
        known = [name for name in mine.columns if name not in hashed]
        assert mine.height > 0 or table is tables.Drift
        assert_frame_equal(mine.select(known), other.select(known), rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.slow
def test_a_run_that_is_no_night_goes_by_the_clock(older: Settings, tmp_path: Path, instance) -> None:
    """`migraine run` a night later: days and twins stay, and the best forecasts of the new day come beside."""
    settings = copied(older.platform.data_dir.parent, tmp_path / "run")
    result = execute(settings, instance, PLATFORM_JOB, assets=BY_NIGHT)
    assert result.success
    was, now = lake_files(older), lake_files(settings)
    changed = {name for name in was if name.endswith(".parquet") and was[name] != now[name]}
    best = BATCHES[: -(-settings.simulator.ceilings.oracle_patients // settings.simulator.cohort.batch_size)]
    assert changed == {f"truth/patient_days/{batch}.parquet" for batch in best}
    truth = rows(settings, tables.TruthPatientDays)
    assert_frame_equal(
        truth.drop("oracle_probability"), rows(older, tables.TruthPatientDays).drop("oracle_probability")
    )
    assert last_day(settings) == last_day(older)


@pytest.mark.slow
@pytest.mark.parametrize(
    "moment",
    [
        "data/clock.json",
        "cohort/attacks/batch-001.parquet",
        "twin/challengers/batch-001.parquet",
        "twin/audit/batch-002.parquet",
        "data/warehouse.duckdb",
    ],
)
def test_a_killed_daily_update_is_repeated_without_loss(
    born: Path, older: Settings, was, tmp_path: Path, moment: str
) -> None:
    """SIGKILL just before a file comes into its place; meanwhile and afterwards the warehouse can be read."""
    settings = copied(born, tmp_path / "killed")
    root = settings.platform.data_dir.parent
    command = [sys.executable, "-c", DYING, moment, "night", "--date", NEXT.isoformat()]
    quiet, before = subprocess.DEVNULL, last_day(reload(born))
    process = subprocess.Popen(command, env=environment(root), stdout=quiet, stderr=quiet)
    while process.poll() is None:
        assert published_until(settings) == before
        time.sleep(0.25)
    assert process.returncode == -signal.SIGKILL
    assert published_until(settings) == before
    run_night(settings, NEXT)
    assert lake_files(settings) == lake_files(older)
    assert named_files(settings) == named_files(older) <= twin_files(settings)
    assert all(frame.equals(was[name]) for name, frame in published(settings).items())
    assert not [path for path in (root / "data").rglob("*") if path.suffix in (".tmp", ".next")]


@pytest.mark.slow
def test_a_night_from_a_terminal(born: Path, lived: tuple[Settings, str]) -> None:
    """It prints where its warehouse is; every other test holds what it made against nights lived otherwise."""
    assert "Warehouse: " in lived[1]
    wrong = migraine(born, "night", "--date", "tomorrow")
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr


@pytest.mark.slow
def test_a_backup_without_its_clock_lives_on_once_the_clock_is_recovered(older: Settings, tmp_path: Path) -> None:
    root = restored(older.platform.data_dir.parent, tmp_path / "project")
    (root / "data" / "clock.json").unlink()
    refused = migraine(root, "night")
    assert refused.returncode == 1
    assert "migraine clock --recover" in refused.stderr
    assert migraine(root, "clock", "--recover").returncode == 0
    settings = reload(root)
    clock, before = read_clock(Places.of(settings.platform), settings), published_until(settings)
    assert clock is not None
    done = migraine(root, "night", "--ahead", "--date", (clock.night + timedelta(days=1)).isoformat())
    assert done.returncode == 0, done.stderr[-2000:]
    assert published_until(reload(root)) == before + timedelta(days=1)


@pytest.mark.slow
def test_a_night_tag_that_is_no_day_is_one_sentence(born: Path, tmp_path: Path, instance) -> None:
    settings = copied(born, tmp_path / "wrong")
    result = execute(settings, instance, NIGHTLY_JOB, night_tags(settings, NEXT) | {NIGHT_TAG: "soon"}, assets=BY_NIGHT)
    assert not result.success
    said = " ".join(str(event.event_specific_data) for event in result.all_events if event.is_failure)
    assert 'run tag night is "soon"; expected a day, as in 2026-11-21' in said.replace('\\"', '"')
