"""The UI as a person opens it: real webserver and daemon, real clicks' requests, a real browser where there is one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migraine_platform.config import load_settings
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.browser import CHROMIUM, page
from migraine_platform_tests.conftest import Finished, environment
from migraine_platform_tests.defs.lived import lake_files
from migraine_platform_tests.defs.test_definitions import GRAPH, GROUPS

pytestmark = pytest.mark.slow

LAUNCH = """
mutation($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""
RUNS = "{ runsOrError { ... on Runs { results { runId } } } }"
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
ASSETS = """
{ assetNodes { assetKey { path } groupName isPartitioned hasMaterializePermission
    latestMaterializationByPartition(partitions: ["batch-000"]) { timestamp } } }"""


@pytest.fixture(scope="module")
def ui(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a running UI, and the project it works on, on which the platform has run once."""
    root = finished.copy(tmp_path_factory.mktemp("ui") / "project")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "ui", "--port", str(port)]
    with (root / "ui.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment(root), cwd=root, stdout=log, stderr=log, start_new_session=True
        )
        address = f"http://127.0.0.1:{port}"
        try:
            _wait(lambda: _reachable(address), 600, lambda: (root / "ui.log").read_text())
            yield address, root
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=60)
            except subprocess.TimeoutExpired:  # a busy machine: nothing may outlive the test
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=600)


def _wait(condition, seconds: float, explain) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.5)


def _reachable(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def ask(address: str, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
    request = urllib.request.Request(
        f"{address}/graphql",
        data=json.dumps({"query": query, "variables": variables or {}}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        content = json.loads(answer.read())
    assert "errors" not in content, content
    return content["data"]


def test_every_asset_is_loaded(ui) -> None:
    nodes = ask(ui[0], ASSETS)["assetNodes"]
    assert {node["assetKey"]["path"][-1] for node in nodes} == set(GRAPH)
    assert {node["groupName"] for node in nodes} == GROUPS
    assert all(node["hasMaterializePermission"] for node in nodes)


def test_the_ui_listens_on_this_machine_only(ui) -> None:
    port = int(ui[0].rsplit(":", 1)[1])
    listening = f"{port:04X}"
    sockets = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {address for address, _, state in sockets if state == "0A" and address.endswith(f":{listening}")}
    assert addresses == {f"0100007F:{listening}"}


def _runs(address: str) -> set[str]:
    return {run["runId"] for run in ask(address, RUNS)["runsOrError"]["results"]}


def _clicked(address: str, folder: Path) -> str:
    """What a person does in a browser, one click after the other; the run that comes of it."""
    before = _runs(address)
    with page(folder) as seen:
        seen.open(f"{address}/locations/migraine_platform.definitions/jobs/platform")
        for words in ("Materialize all", "All", "Launch backfill"):
            seen.click(words)
        _wait(lambda: _runs(address) - before, 900, lambda: "no run began")
    (new,) = _runs(address) - before
    return new


def _launched(address: str) -> str:
    """The same by the request that the UI's launchpad sends."""
    selector = {
        "repositoryLocationName": "migraine_platform.definitions",
        "repositoryName": "__repository__",
        "jobName": "platform",
    }
    launched = ask(address, LAUNCH, {"params": {"selector": selector, "mode": "default"}})["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def test_a_click_on_the_job_runs_everything_again(ui, tmp_path: Path) -> None:
    """In a browser where there is one."""
    address, root = ui
    settings = load_settings("tiny", root)
    before, warehouse = lake_files(settings), Places.of(settings.platform).warehouse
    warehouse.unlink()
    clicked = time.time()
    run = _launched(address) if CHROMIUM is None else _clicked(address, tmp_path)

    def status() -> str:
        return str(ask(address, STATUS, {"id": run})["runOrError"]["status"])

    _wait(lambda: status() in ("SUCCESS", "FAILURE"), 1800, status)
    assert status() == "SUCCESS"
    assert warehouse.is_file()
    after = lake_files(settings)
    assert after.keys() == before.keys()
    scored = ("aline/", "evaluation/", "twin/")  # sums whose last bits are not those of every process
    assert [name for name in after if after[name] != before[name] and not name.startswith(scored)] == []
    made = {
        node["assetKey"]["path"][-1]: node["latestMaterializationByPartition"]
        for node in ask(address, ASSETS)["assetNodes"]
    }
    by_batch = [events[0] for name, events in made.items() if name.endswith("_days") and name != "site_days"]
    assert all(float(event["timestamp"]) / 1000 > clicked for event in by_batch)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: the page is not looked at")
def test_a_browser_shows_the_graph(ui, tmp_path: Path) -> None:
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path}", "--virtual-time-budget=30000", "--dump-dom",
    ]  # fmt: skip
    result = subprocess.run(
        [
            "chromium",
            *flags,
            f"{ui[0]}/locations/__repository__@migraine_platform.definitions/asset-groups/priors/list",
        ],
        capture_output=True,
        text=True,
        timeout=600,
    )
    for name in ("feature_table", "feature_priors", "mock_distribution"):
        assert name in result.stdout
