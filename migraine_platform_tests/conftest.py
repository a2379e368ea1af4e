"""Shared inputs: a small project of its own, its settings, its features, its calibration."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
import sqlalchemy
import yaml

from migraine_platform.config import Settings, load_settings, population_hash
from migraine_platform.config.hashing import code_version
from migraine_platform.config.simulator.triggers import TriggerRule
from migraine_platform.priors.features import Feature, to_frame
from migraine_platform.priors.vocabulary import TRIGGER_NAMES, TRIGGERS
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.fitted_parameters import FittedParameters
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.warehouse.lake.lake import Stamp

hypothesis.settings.register_profile("platform", deadline=None)  # compiled code is compiled in the first example
hypothesis.settings.load_profile("platform")

REPOSITORY = Path(__file__).resolve().parents[1]
FIRST = [
    "defs/test_forty_nights.py",
    "research/test_location_finding.py",
    "research/test_logistic.py",
    "research/test_psychometric.py",
    "ingest/test_overlay.py",
    "priors",
    "ingest",
    "defs/test_runs.py",
    "priors/test_more_triggers.py",
    "priors/test_no_triggers.py",
    "defs/test_nights.py",
    "defs/test_ui.py",
    "defs/sensors/test_retraining.py",
    "defs/test_evaluation.py",
    "defs/runs/test_executors.py",
    "defs/test_platform_job.py",
    "twin/hazard/test_population.py",
    "test_cli.py",
    "warehouse/test_publish.py",
    "test_cli_ask.py",
    "research/ideal_learner/test_learner.py",
]
"""Files and folders that begin first, in this order, a file by its own place before its folder's: those that take
longest, as one that began last would leave all workers but one idle. The first compiles what nearly all need; meanwhile
others run that need little of it, or each worker would compile the same."""
TINY = (REPOSITORY / "migraine_platform_tests" / "tiny.yaml").read_text(encoding="utf-8")


def make_project(root: Path) -> Path:
    """A project of its own: the repository's inputs, and a preset `tiny` that runs in seconds."""
    shutil.copytree(REPOSITORY / "configs", root / "configs")
    (root / "data" / "stations").mkdir(parents=True)
    shutil.copy(REPOSITORY / "data" / "migraine_prediction.xlsx", root / "data")
    shutil.copy(REPOSITORY / "data" / "stations" / "new_york_2013.csv", root / "data" / "stations")
    shutil.copy(REPOSITORY / "workspace.yaml", root)
    (root / "configs" / "presets" / "tiny.yaml").write_text(TINY)
    return root


def environment(root: Path, preset: str = "tiny") -> dict[str, str]:
    """The environment of a process that works on that project."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MIGRAINE_", "DAGSTER_"))}
    return {**kept, "MIGRAINE_ROOT": str(root), "MIGRAINE_PRESET": preset}


def migraine(root: Path, *arguments: str, preset: str = "tiny") -> subprocess.CompletedProcess[str]:
    """Run the `migraine` command on that project, as a user would."""
    command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", *arguments]
    return subprocess.run(command, env=environment(root, preset), capture_output=True, text=True, timeout=1800)


def change(project: Path, name: str, *keys: str, to: object) -> None:
    """Change one value in a configuration file of a project."""
    path = project / "configs" / name
    content = yaml.safe_load(path.read_text())
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    path.write_text(yaml.safe_dump(content, sort_keys=False))  # triggers are arrays in the order of their rows


def trigger_rule(name: str, rule: str, threshold: Any = None, **said: Any) -> TriggerRule:
    """A row of settings for one of the triggers, by another rule."""
    trigger = TRIGGERS[TRIGGER_NAMES.index(name)]
    unit = {} if rule == "flag" else {"unit": trigger.unit, "threshold": threshold}
    row = {"label": trigger.label, "reads": trigger.exposures, "rule": rule, "effect": 0.1, **unit, **said}
    return TriggerRule.model_validate(row)


class Finished(NamedTuple):
    """A project on which `migraine run` has run once, and what that printed."""

    root: Path
    out: str
    err: str

    def copy(self, to: Path) -> Path:
        """The same, to be changed; its configuration still names no place but its own."""
        return Path(shutil.copytree(self.root, to))


def restored(root: Path, to: Path) -> Path:
    """A copy of a project whose data folder came out of a backup, made and unpacked as the docs say."""
    text = (REPOSITORY / "docs" / "operations.md").read_text()
    pack, unpack = re.findall(r"^tar [^#\n]+", text, flags=re.MULTILINE)
    copy = Path(shutil.copytree(root, to))
    subprocess.run(["sh", "-c", pack], cwd=copy, check=True)
    shutil.rmtree(copy / "data")
    (copy / "data").mkdir()
    subprocess.run(["sh", "-c", unpack], cwd=copy, check=True)
    return copy


@sqlalchemy.event.listens_for(sqlalchemy.Engine, "connect")
def _not_for_ever(connection: object, record: object) -> None:
    """What tests record need not outlive a machine that goes down: nothing waits for the disk."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous = OFF")


def pytest_configure(config: pytest.Config) -> None:
    """Workers take files in the order of their collection; by default those of many tests would come first."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """FIRST first, all others in their order; what waits for a run of the whole platform is slow."""
    here = Path(__file__).parent
    places = {here / name: place for place, name in reversed([*enumerate(FIRST)])}

    def place(item: pytest.Item) -> int:
        return next((places[path] for path in (item.path, *item.path.parents) if path in places), len(FIRST))

    for item in items:
        if "finished" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    items.sort(key=place)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Made by whichever worker asks first, for all of them; nothing may change it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    root, said = folder / "finished", folder / "finished.json"
    with (folder / "finished.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            shutil.rmtree(root, ignore_errors=True)
            done = migraine(make_project(root), "run")
            assert done.returncode == 0, done.stderr[-3000:]
            said.write_text(json.dumps([done.stdout, done.stderr]))
    return Finished(root, *json.loads(said.read_text()))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that tests read and do not change."""
    return make_project(tmp_path_factory.mktemp("shared") / "project")


@pytest.fixture(scope="session")
def settings(shared_project: Path) -> Settings:
    return load_settings("tiny", shared_project)


@pytest.fixture(scope="session")
def features(settings: Settings) -> tuple[Feature, ...]:
    return configured_features(settings.priors)


@pytest.fixture(scope="session")
def calibration(settings: Settings, features: tuple[Feature, ...]) -> FittedParameters:
    return fit_parameters(settings.simulator, features)


@pytest.fixture(scope="session")
def simulator(settings: Settings, features: tuple[Feature, ...], calibration: FittedParameters) -> CohortSimulator:
    return CohortSimulator(settings.simulator, features, calibration)


@pytest.fixture(scope="session")
def stamp(settings: Settings, features: tuple[Feature, ...]) -> Stamp:
    rows = to_frame(features).sort("variable").to_dicts()
    return Stamp(population_hash(settings, rows), code_version())


@pytest.fixture(autouse=True)
def _no_inherited_configuration(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith(("MIGRAINE_", "DAGSTER_")):
            monkeypatch.delenv(name)
    return
