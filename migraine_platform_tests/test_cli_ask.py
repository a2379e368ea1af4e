"""`migraine ask`, as a user runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from migraine_platform.cli import main
from migraine_platform_tests.conftest import Finished, environment, migraine


@pytest.fixture(scope="module")
def published(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a project on which `migraine run` has run once."""
    return finished.copy(tmp_path_factory.mktemp("asked") / "project")


def test_it_prints_questions_with_what_each_is_expected_to_tell(published: Path) -> None:
    result = migraine(published, "ask", "P0001")
    assert result.returncode == 0, result.stderr
    assert "P0001, evening of 2024-02-10, nothing asked yet" in result.stdout
    assert re.search(r"migraine the day after: \d+ % \(90 % interval \d+ to \d+ %\)", result.stdout)
    assert len(re.findall(r"^\d  \d\d:00-\d\d:00  \w+ +\d\.\d\d nats$", result.stdout, re.M)) == 3


def test_the_questions_are_those_of_the_warehouse(published: Path) -> None:
    asked = migraine(published, "ask", "P0007")
    listed = migraine(
        published,
        *(
            "sql",
            "SELECT hour, question FROM aline.questions WHERE patient_id = 'P0007' ORDER BY rank",
            "--format",
            "csv",
        ),
    )
    rows = [line.split(",") for line in listed.stdout.splitlines()[1:]]
    found = re.findall(r"^\d  (\d\d):00-\d\d:00  (\w+)", asked.stdout, re.M)
    assert [(int(hour), question) for hour, question in found] == [(int(hour), question) for hour, question in rows]


def test_answers_are_taken_and_not_asked_for_again(published: Path) -> None:
    answers = (
        *("--answer", "19 sleep fatigue=10 sleep_hours=3"),
        *("--answer", "19 stress_and_mood stress=10 mood=0 stress_rise=8"),
    )
    after = migraine(published, "ask", "P0001", "--questions", "8", *answers)
    assert after.returncode == 0, after.stderr
    assert "2 answered" in after.stdout
    asked = re.findall(r"^\d  (\d\d):00-\d\d:00  (\w+)", after.stdout, re.M)
    assert len(asked) == 8
    assert ("19", "sleep") not in asked
    assert ("19", "stress_and_mood") not in asked


def test_an_interview_asks_and_takes_answers(published: Path) -> None:
    """Numbers for ratings, no for the rest; what cannot be an answer is asked again."""
    first = migraine(published, "ask", "P0002", "--questions", "1").stdout
    wordings = re.findall(r"^     (.+)$", first, re.M)
    good = ["no" if wording.endswith("(yes or no)") else "5" for wording in wordings]
    bad = ["never", *good[1:]]
    command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "ask", "P0002", "--interview"]
    result = subprocess.run(
        [*command, "--questions", "1"],
        input="\n".join([*bad, *good]) + "\n",
        env=environment(published),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert result.returncode == 0, result.stderr
    assert '"never"; expected' in result.stderr
    assert "1 answered" in result.stdout


def test_an_empty_line_ends_an_interview(published: Path) -> None:
    command = [sys.executable, "-c", "from migraine_platform.cli import main; main()", "ask", "P0002", "--interview"]
    result = subprocess.run(
        command, input="\n", env=environment(published), capture_output=True, text=True, timeout=600
    )
    assert result.returncode == 0
    assert result.stdout.count("evening of") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("P9999",), 'patient "P9999" is not in the warehouse, which has 60 patients'),
        (("x'; DROP",), "expected a name as in P0001"),
        (("P0001", "--answer", "18 sleep"), "answered nothing; expected fatigue, sleep_hours"),
        (("P0001", "--answer", "18 sleep fatigue=12 sleep_hours=6"), "expected a number from 0 to 10"),
        (("P0001", "--answer", "3 sleep fatigue=1 sleep_hours=6"), "sleep at 3:00 cannot be asked"),
        (("P0001", "--answer", "18 dreams a=1"), 'question "dreams"; expected one of: stress_and_mood'),
        (("P0001", "--answer", "later"), "expected HOUR QUESTION value=answer"),
    ],
)
def test_bad_input_is_one_sentence(published: Path, arguments: tuple[str, ...], sentence: str) -> None:
    result = CliRunner().invoke(main, ["ask", *arguments], env=environment(published))
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith("error: ")
    assert sentence in line


def test_an_unpublished_warehouse_is_named(project: Path) -> None:
    result = migraine(project, "ask", "P0001")
    assert result.returncode == 1
    assert "nothing is published yet" in result.stderr


def test_a_lost_checkpoint_is_one_sentence(published: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(published, root)
    for path in (root / "data" / "checkpoints").iterdir():
        os.truncate(path, 50)
    result = migraine(root, "ask", "P0001")
    assert result.returncode == 1
    assert "not a file of safetensors; train again" in result.stderr
