"""The health page on a real Dagster instance: what failed is on it, people are told, and nobody's name leaves."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from migraine_platform.config import Settings, load_settings
from migraine_platform.defs.context import RANGE_END_TAG, RANGE_START_TAG, all_batches_tags, patient_batches
from migraine_platform.defs.freshness import with_freshness
from migraine_platform.defs.health import HEALTH_JOB, HealthConfig, health_definitions
from migraine_platform.defs.runs.launch import prepare_home
from migraine_platform.defs.runs.logging import console_lines
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import environment
from migraine_platform_tests.operations.receivers import webhook

WAYS = {"well": None, "plain": "P0042 lacks days; ask again", "foreign": "sleep of P0042 is 37.5\nand more"}


LOCATION = """
import dagster as dg
from migraine_platform.config import load_settings
from migraine_platform.defs.health import health_definitions
from migraine_platform.warehouse.lake.places import Places

@dg.asset
def nightly():
    raise dg.Failure("P0042 lacks days", allow_retries=False)

settings = load_settings()
night = dg.define_asset_job("night", selection=["nightly"])
health = health_definitions(settings, [nightly], [], ["night"], {"nightly": False})
defs = dg.Definitions(
    assets=[nightly, health.asset], jobs=[night, health.job], sensors=list(health.sensors),
    resources={"settings": settings, "places": Places.of(settings.platform)},
)
"""


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        yield instance


@pytest.fixture
def own(project: Path) -> Settings:
    return load_settings("tiny", project)


class Platform:
    """A small platform: an asset that may fail, one by batches with checks, and the health page."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        self.settings, self.instance = settings, instance
        self.way, self.failing = "well", set[str]()
        self.places = Places.of(settings.platform)
        assets, checks, jobs = self._definitions()
        assets = with_freshness(assets, settings, {"nightly"}, set())
        health = health_definitions(settings, assets, checks, [job.name for job in jobs], {"nightly": False})
        self.sensors = {sensor.name: sensor for sensor in health.sensors}
        self.schedule = health.schedule
        self.defs = dg.Definitions(
            assets=[*assets, health.asset],
            asset_checks=checks,
            jobs=[*jobs, health.job],
            sensors=list(health.sensors),
            schedules=[health.schedule],
            loggers={"console": console_lines},
            resources={"settings": settings, "places": self.places},
        )

    def _definitions(self):
        @dg.asset(group_name="g")
        def nightly() -> None:
            if self.way == "plain":
                raise dg.Failure(WAYS["plain"], allow_retries=False)
            if self.way == "foreign":
                raise ValueError(WAYS["foreign"])

        batches = patient_batches(self.settings)

        @dg.asset(partitions_def=batches, backfill_policy=dg.BackfillPolicy.single_run(), group_name="g")
        def by_batch() -> None: ...

        @dg.asset_check(asset=by_batch, name="contract", blocking=True)
        def contract() -> dg.AssetCheckResult:
            return dg.AssetCheckResult(
                passed="contract" not in self.failing,
                description="twin of P0042 has no days",
                metadata={"patients": ["P0042", "P0043"]},
            )

        @dg.asset_check(asset=nightly, name="realistic")
        def realistic() -> dg.AssetCheckResult:
            severity = dg.AssetCheckSeverity.WARN
            return dg.AssetCheckResult(passed="realistic" not in self.failing, severity=severity)

        jobs = [
            dg.define_asset_job("night", selection=["nightly"]),
            dg.define_asset_job("cohort", selection=["by_batch"], tags=all_batches_tags(self.settings)),
        ]
        return [nightly, by_batch], [contract, realistic], jobs

    def run(self, job: str, tags: dict[str, str] | None = None, **more) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance, raise_on_error=False, tags=tags, **more
        )

    def report(self, tell: bool = False) -> tuple[dict, str]:
        """Make the page; its facts, and all that left: page, JSON and metadata."""
        config = dg.RunConfig(ops={"health_report": HealthConfig(tell=tell)})
        assert self.run(HEALTH_JOB, run_config=config).success
        event = self.instance.get_latest_materialization_event(dg.AssetKey("health_report"))
        metadata = event.asset_materialization.metadata
        page, facts = (self.places.report(name).read_text() for name in ("health.html", "health.json"))
        return json.loads(facts), page + facts + metadata["summary"].value

    def tick(self, name: str, cursor: str | None) -> Any:
        context = dg.build_sensor_context(
            instance=self.instance, cursor=cursor, repository_def=self.defs.get_repository_def(), sensor_name=name
        )
        return self.sensors[name].evaluate_tick(context)


@pytest.fixture
def platform(own: Settings, instance: dg.DagsterInstance) -> Platform:
    return Platform(own, instance)


def texts(facts: dict) -> list[str]:
    return [reason["text"] for reason in facts["reasons"]]


def test_before_anything_ran_the_page_says_what_is_missing(platform: Platform) -> None:
    facts, _ = platform.report()
    assert facts["verdict"] == "needs a look"
    assert texts(facts)[:2] == ["never made: nightly, by_batch", "warehouse: nothing is published yet"]


def test_runs_and_assets_are_on_the_page(platform: Platform) -> None:
    platform.run("night")
    platform.run("cohort")
    facts, told = platform.report()
    assert texts(facts)[0] == "warehouse: nothing is published yet"
    assert [(run["job"], run["status"]) for run in facts["runs"]] == [("night", "succeeded"), ("cohort", "succeeded")]
    assert {asset["name"]: asset["state"] for asset in facts["assets"]} == {"nightly": "fresh", "by_batch": "fresh"}
    assert "expected by 06:30 (Europe/Berlin)" in told


@pytest.mark.parametrize(
    ("way", "reason"),
    [("plain", "P… lacks days; ask again"), ("foreign", "ValueError: sleep of … is …")],
)
def test_a_failed_run_says_where_and_why_without_values(way: str, reason: str, platform: Platform) -> None:
    platform.way = way
    assert not platform.run("night").success
    facts, told = platform.report()
    assert facts["verdict"] == "failed"
    assert texts(facts)[0] == f"night failed at nightly: {reason}"
    assert not re.search(r"P\d{4,}|37\.5", told)
    platform.way = "well"
    platform.run("night")
    assert platform.report()[0]["verdict"] == "needs a look"


def test_a_blocking_check_is_named_once_and_by_its_own_words(platform: Platform) -> None:
    platform.failing = {"contract"}
    assert not platform.run("cohort").success
    facts, told = platform.report()
    (run,) = facts["runs"]
    reason = "check contract does not pass: twin of P… has no days"
    assert run["failed"] == [{"step": "by_batch", "reason": reason}]
    (check,) = facts["failing_checks"]
    assert (check["asset"], check["name"], check["severity"]) == ("by_batch", "contract", "error")
    assert check["description"] == "twin of P… has no days"
    assert not re.search(r"P\d{4,}", told)


def test_a_warning_that_leaves_the_run_green_is_on_the_page_with_its_beginning(platform: Platform) -> None:
    assert platform.run("night").success
    platform.failing = {"realistic"}
    for _ in range(3):
        assert platform.run("night").success
    facts, _ = platform.report()
    (check,) = facts["failing_checks"]
    assert (check["severity"], check["since_earlier"]) == ("warning", False)
    assert check["since"] < check["evaluated_at"]
    begun = platform.instance.get_run_records(dg.RunsFilter(job_name="night"))[2].start_time
    assert abs(datetime.fromisoformat(check["since"]).timestamp() - begun) < 60
    platform.failing = set()
    platform.run("night")
    assert platform.report()[0]["failing_checks"] == []


def test_a_batch_that_passes_does_not_hide_one_that_failed(platform: Platform) -> None:
    def one(batch: str) -> None:
        platform.run("cohort", {RANGE_START_TAG: batch, RANGE_END_TAG: batch})

    platform.failing = {"contract"}
    one("batch-001")
    platform.failing = set()
    one("batch-002")
    (check,) = platform.report()[0]["failing_checks"]
    assert check["selection"] == "batch-001"
    platform.run("cohort")
    assert platform.report()[0]["failing_checks"] == []


def test_a_failed_run_asks_for_the_page_and_tells_the_webhook(platform: Platform, monkeypatch) -> None:
    cursor = platform.tick("tell_of_failures", None).cursor
    platform.way = "plain"
    run_id = platform.run("night").run_id
    with webhook() as server:
        monkeypatch.setenv("MIGRAINE_WEBHOOK_URL", server.url)
        result = platform.tick("tell_of_failures", cursor)
    (request,) = result.run_requests
    assert platform.sensors["tell_of_failures"].job_name == HEALTH_JOB
    assert request.run_key == f"health:{run_id}"
    ((_, body),) = server.posts
    text = json.loads(body)["text"]
    for part in (
        "night failed",
        run_id,
        "nightly: P… lacks days; ask again",
        str(platform.places.report("health.html")),
    ):
        assert part in text
    assert "P0042" not in text
    platform.run(HEALTH_JOB)
    assert "nightly</b>: P… lacks days; ask again" in platform.places.report("health.html").read_text()
    assert platform.tick("tell_of_failures", result.cursor).run_requests == []


def test_a_webhook_that_is_down_does_not_break_the_sensor(platform: Platform, monkeypatch) -> None:
    monkeypatch.setenv("MIGRAINE_WEBHOOK_URL", "http://127.0.0.1:9/secret")
    monkeypatch.setenv("MIGRAINE_SMTP_URL", "smtp://u:secret@127.0.0.1:9")
    cursor = platform.tick("tell_of_failures", None).cursor
    platform.way = "foreign"
    platform.run("night")
    assert len(platform.tick("tell_of_failures", cursor).run_requests) == 1


def test_the_health_job_does_not_follow_itself(platform: Platform) -> None:
    cursors = {name: platform.tick(name, None).cursor for name in platform.sensors}
    platform.places.data.joinpath("reports").write_text("in the way of the folder")
    assert not platform.run(HEALTH_JOB).success
    for name, cursor in cursors.items():
        assert platform.tick(name, cursor).run_requests == []


def test_a_mended_platform_gets_a_new_page_but_no_second_one_while_one_waits(platform: Platform) -> None:
    cursor = platform.tick("renew_health_page", None).cursor
    platform.run("night")
    platform.run("cohort")
    first = platform.tick("renew_health_page", cursor)
    assert len(first.run_requests) == 1
    job = platform.defs.resolve_job_def(HEALTH_JOB)
    platform.instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED)
    second = platform.tick("renew_health_page", first.cursor)
    assert second.run_requests == []
    assert "waiting already" in second.skip_message


def test_the_daily_page_tells_if_the_platform_is_not_well(platform: Platform, monkeypatch) -> None:
    with webhook() as server:
        monkeypatch.setenv("MIGRAINE_WEBHOOK_URL", server.url)
        platform.report(tell=False)
        assert server.posts == []
        platform.report(tell=True)
    ((_, body),) = server.posts
    assert "Migraine platform: needs a look\n- needs a look: never made: nightly, by_batch" in json.loads(body)["text"]


def test_the_daily_page_is_asked_for_once_a_day(platform: Platform) -> None:
    moment = datetime(2026, 11, 21, 5, 45, tzinfo=UTC)
    context = dg.build_schedule_context(scheduled_execution_time=moment)
    (request,) = platform.schedule.evaluate_tick(context).run_requests
    assert request.run_config["ops"] == {"health_report": {"config": {"tell": True}}}
    assert platform.schedule.execution_timezone == "Europe/Berlin"
    assert request.run_key == "health:2026-11-21T05:45:00+00:00"


def test_a_run_that_died_says_so_without_a_step(platform: Platform) -> None:
    run = platform.instance.create_run_for_job(platform.defs.resolve_job_def("night"))
    platform.instance.report_run_failed(run, "Run worker of P0042 vanished after 12.5 s")
    facts, _ = platform.report()
    assert texts(facts)[0] == "night failed at the run itself: Run worker of … vanished after … s"


def test_the_page_reads_no_more_than_it_shows(platform: Platform) -> None:
    for _ in range(platform.settings.operations.runs_shown + 2):
        platform.run("night")
    assert len(platform.report()[0]["runs"]) == platform.settings.operations.runs_shown


@pytest.mark.slow
def test_the_real_daemon_hears_of_a_run_from_a_terminal(project: Path) -> None:
    """It belongs to no code location, so that a sensor of its own location alone would never see it."""
    settings = load_settings("tiny", project)
    places = Places.of(settings.platform)
    (project / "location.py").write_text(LOCATION)
    home = prepare_home(settings)
    with webhook() as server:
        known = {**environment(project), "DAGSTER_HOME": str(home), "MIGRAINE_WEBHOOK_URL": server.url}
        dagster = [sys.executable, "-m", "dagster"]
        with (project / "daemon.log").open("w") as log:
            command = [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-f", "location.py"]
            daemon = subprocess.Popen(command, env=known, cwd=project, stdout=log, stderr=log, start_new_session=True)
        try:
            said = (project / "daemon.log").read_text
            wait(lambda: "Initiating tell_of_failures" in said(), 900, said)
            failed = [*dagster, "job", "execute", "-f", "location.py", "-j", "night"]
            subprocess.run(failed, env=known, cwd=project, capture_output=True, timeout=600)
            wait(places.report("health.html").is_file, 900, said)
        finally:
            os.killpg(daemon.pid, signal.SIGTERM)
            daemon.wait(timeout=600)
    page = places.report("health.html").read_text()
    assert "The platform has failed" in page
    assert "nightly</b>: P… lacks days" in page
    assert ["night failed" in body.decode() for _, body in server.posts] == [True]


def wait(done, seconds: float, explain) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, explain()
        time.sleep(1)
