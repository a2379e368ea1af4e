"""Triggers that nobody thought of: a line of declaration each, a row of settings, and everything follows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from migraine_platform.domain.triggers import TRIGGER_NAMES
from migraine_platform_tests.conftest import REPOSITORY, environment, make_project


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process with six triggers said of the fifth, and of the diet's two."""
    root = make_project(tmp_path_factory.mktemp("six") / "project")
    path = root / "configs" / "simulator.yaml"
    content = yaml.safe_load(path.read_text())
    content["triggers"]["thirst"] = {"rule": "below", "threshold": 1.2, "effect": 0.175}
    content["triggers"]["coffee"] = {"rule": "at least", "threshold": 1, "effect": 0.1}
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    command = [sys.executable, "-W", "ignore", "-m", "migraine_platform_tests.domain.one_more", str(root)]
    uncompiled = {**environment(root), "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join([str(REPOSITORY)])}
    done = subprocess.run(command, env=uncompiled, capture_output=True, text=True, timeout=1200, cwd=REPOSITORY)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_the_cohort_has_its_column_and_follows_its_rule(found) -> None:
    assert found["columns"] == [f"{name}_trigger" for name in (*TRIGGER_NAMES, "thirst", "coffee")]
    assert found["follows the rule"]
    assert 0.1 < found["share of days"] < 0.5


@pytest.mark.slow
def test_every_table_keeps_its_contract(found) -> None:
    assert found["refused"] == []


@pytest.mark.slow
def test_it_has_a_label_a_factor_its_pairs_and_a_place_in_the_causal_graph(found) -> None:
    assert found["label"] == "Too little water"
    assert found["row"] == "1.2 L or less"
    assert "trigger: thirst" in found["factors"]
    assert [pair for pair in found["pairs"] if "trigger_thirst" in pair] == [
        *([f"trigger_{name}", "trigger_thirst"] for name in TRIGGER_NAMES),
        ["trigger_thirst", "trigger_coffee"],
    ]
    assert found["meaning"] == "direct"


@pytest.mark.slow
def test_its_reason_stands_beside_what_was_recorded(found) -> None:
    assert found["reason"] == "how little was drunk"
    assert found["unit"] == ["L"]
    wanted = [drunk if known else None for drunk, known in zip(found["drunk"], found["known"], strict=True)]
    assert found["observed"] == wanted
    assert any(found["known"])


@pytest.mark.slow
def test_twins_find_that_it_matters_most(found) -> None:
    """Its strength is four times the others'; their estimates are of 30 patients' 60 days."""
    others = [found["beta"][name] for name in TRIGGER_NAMES]
    assert found["beta"]["thirst"] > 1.3 * max(others)


@pytest.mark.slow
def test_two_triggers_of_the_diet_count_its_meals_once(found) -> None:
    assert found["habits"] == pytest.approx(found["recorded"], abs=1e-9)


def test_a_row_without_a_declaration_is_refused(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    path = root / "configs" / "simulator.yaml"
    content = yaml.safe_load(path.read_text())
    content["triggers"]["thirst"] = {"rule": "below", "threshold": 1.2, "effect": 0.175}
    path.write_text(yaml.safe_dump(content))
    command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "features"]
    done = subprocess.run(command, env=environment(root), capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "thirst: no such trigger; expected weather, sleep, stress, diet" in done.stderr
