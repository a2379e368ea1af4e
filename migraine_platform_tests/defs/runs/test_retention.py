"""Records of old runs are forgotten, and nothing that the UI shows of the newest is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from migraine_platform.defs.observed import Watched, switched_off
from migraine_platform.defs.runs.retention import forget_old_runs
from migraine_platform.warehouse.lake.places import Places

LATER = datetime.now(UTC) + timedelta(days=100)


@dg.asset
def often() -> None:
    """Made by every run."""


@dg.asset
def once() -> None:
    """Made by the first run alone."""


@dg.schedule(cron_schedule="0 3 * * *", job_name="frequent", default_status=dg.DefaultScheduleStatus.STOPPED)
def nightly() -> dg.RunRequest:
    return dg.RunRequest()


DEFS = dg.Definitions(
    assets=[often, once],
    jobs=[dg.define_asset_job("first", [often, once]), dg.define_asset_job("frequent", [often])],
    schedules=[nightly],
)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        for job in ("first", *["frequent"] * 6):
            assert DEFS.resolve_job_def(job).execute_in_process(instance=instance).success
        yield instance


def runs(instance: dg.DagsterInstance) -> list[str]:
    return [run.job_name for run in instance.get_runs()]


def test_old_runs_go_and_the_newest_of_each_job_and_asset_stay(instance, tmp_path: Path) -> None:
    gone = forget_old_runs(instance, Places(tmp_path, "nowhere"), ["frequent"], keep_days=60, keep_runs=2, now=LATER)
    assert gone == 4
    assert runs(instance) == ["frequent", "frequent", "first"]  # the first made `once` last
    for asset in ("often", "once"):
        assert instance.get_latest_materialization_event(dg.AssetKey(asset)) is not None
    kept = {run.run_id for run in instance.get_runs()}
    assert {path.stem for path in (tmp_path / "dagster" / "history" / "runs").glob("*-*.db")} <= kept
    assert (
        forget_old_runs(instance, Places(tmp_path, "nowhere"), ["frequent"], keep_days=60, keep_runs=2, now=LATER) == 0
    )


def test_young_runs_stay(instance, tmp_path: Path) -> None:
    assert (
        forget_old_runs(instance, Places(tmp_path, "nowhere"), [], keep_days=60, keep_runs=0, now=datetime.now(UTC))
        == 0
    )
    assert len(runs(instance)) == 7


def test_switched_off_schedules_are_listed_until_switched_on(instance) -> None:
    watched = Watched.of([often, once], [], [], [], {"nightly": False, "tell": True})
    assert switched_off(instance, watched) == ("nightly",)
    schedule = DEFS.get_repository_def().get_schedule_def("nightly")
    with dg.build_schedule_context(instance=instance):
        assert schedule.name == "nightly"
