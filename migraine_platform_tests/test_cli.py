"""The `migraine` command, run as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from migraine_platform.cli import main
from migraine_platform.priors.vocabulary import TRIGGER_NAMES
from migraine_platform_tests.conftest import REPOSITORY, Finished, change, migraine


@pytest.fixture(scope="module")
def published(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of a project on which `migraine run` has run once."""
    return finished.copy(tmp_path_factory.mktemp("published") / "project")


def test_run_prints_what_it_made_and_where_to_look(finished: Finished) -> None:
    root, out, err = finished
    assert str(root / "data" / "warehouse.duckdb") in out
    assert "cohort.patient_days               2,400" in out
    assert out.count("SELECT") >= 4
    assert "batch-002 (3 of 3): 400 patient-days" in err
    assert (root / "data" / "feature_normalizer.json").is_file()
    assert (root / "data" / "mock_distribution.csv").is_file()
    assert (root / "data" / "mock_distribution.pkl").is_file()


def test_git_ignores_whatever_a_run_makes(finished: Finished) -> None:
    if shutil.which("git") is None:
        pytest.skip("there is no git here")
    made = [path.relative_to(finished.root).as_posix() for path in (finished.root / "data").rglob("*")]
    tracked = subprocess.run(["git", "ls-files", "data"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    known = set(tracked.stdout.splitlines())
    made = [name for name in made if (finished.root / name).is_file() and name not in known]
    given = "\n".join([*made, "data/inbox/a.csv", "data/not-made.csv"])
    command = ["git", "check-ignore", "--no-index", "--stdin"]
    told = subprocess.run(command, cwd=REPOSITORY, input=given, capture_output=True, text=True, check=True)
    ignored = set(told.stdout.split("\n"))
    assert len(made) > 50
    assert [name for name in made if name not in ignored] == []
    assert "data/not-made.csv" not in ignored


def test_logs_hold_no_patient_data(finished: Finished) -> None:
    root, out, err = finished
    assert "P0001" not in out + err
    for path in (root / "data" / "dagster").rglob("*"):
        if path.is_file():
            assert b"P0001" not in path.read_bytes(), path


def test_triggers_are_shown_with_their_rules_and_figures(published: Path) -> None:
    """The shares and areas are those of the tables that they are taken from."""
    out = migraine(published, "triggers").stdout.splitlines()
    assert len(out) == 2 + len(TRIGGER_NAMES)
    shown = {line.split()[0]: line for line in out[2:]}
    assert set(shown) == set(TRIGGER_NAMES)
    assert "below 5 or above 9 h" in shown["sleep"]
    sql = """SELECT round(100 * avg(sleep_trigger::INT), 1) AS days,
        (SELECT round(value, 2) FROM evaluation.trigger_recovery WHERE trigger = 'sleep' AND metric = 'auc') AS auc
        FROM cohort.patient_days"""
    (row,) = json.loads(migraine(published, "sql", sql, "--format", "json").stdout)
    cells = shown["sleep"].split()
    assert (cells[-5], cells[-1]) == (str(row["days"]), str(row["auc"]))


@pytest.mark.parametrize("shape", ["table", "csv", "json"])
def test_sql_answers_in_three_shapes(published: Path, shape: str) -> None:
    result = migraine(published, "sql", "SELECT 42 AS answer, 'x' AS name", "--format", shape)
    assert result.returncode == 0
    if shape == "json":
        assert json.loads(result.stdout) == [{"answer": 42, "name": "x"}]
    elif shape == "csv":
        assert result.stdout == "answer,name\n42,x\n"
    else:
        assert "answer" in result.stdout
        assert "42" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sql", "SELEC 1"), "syntax error"),
        (("run", "--preset", "huge"), 'preset "huge" does not exist'),
        (("features", "nowhere.xlsx"), "no such file"),
        (("night", "--date", "soon"), '--date is "soon"; expected a day, as in 2026-11-21'),
        (("twin", "rollback", "batch-9"), 'there is no batch "batch-9"; expected one of batch-000 to batch-002'),
        (("twin", "rollback", "batch-001"), "nothing was replaced yet, so there is nothing to roll back to"),
    ],
)
def test_a_users_error_is_one_sentence_and_exit_code_one(
    published: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = migraine(published, *arguments)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ") or "\nerror: " in result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_sql_before_anything_is_published_says_so(project: Path) -> None:
    result = migraine(project, "sql", "SELECT 1")
    assert result.returncode == 1
    assert "nothing is published yet; `make run` publishes the warehouse" in result.stderr


def test_a_bad_workbook_stops_the_run_and_leaves_the_warehouse(tmp_path: Path, published: Path) -> None:
    from openpyxl import load_workbook

    root = tmp_path / "copy"
    shutil.copytree(published, root)
    before = (root / "data" / "warehouse.duckdb").read_bytes()
    lake = {path: path.read_bytes() for path in (root / "data" / "lake").rglob("*.parquet")}
    book = load_workbook(root / "data" / "migraine_prediction.xlsx")
    book["features"]["F3"] = "1000 to"
    book["features"]["E4"] = 7
    book.save(root / "data" / "migraine_prediction.xlsx")
    result = migraine(root, "run")
    assert result.returncode == 1
    assert 'row 3 ("sleep_deviation_hours"), column "Typical Range": "1000 to" has no upper end' in result.stderr
    assert 'row 4 ("sleep_efficiency"), column "Weight": "7" is not a number from 0 to 1' in result.stderr
    assert "Traceback" not in result.stderr
    assert (root / "data" / "warehouse.duckdb").read_bytes() == before
    assert all(path.read_bytes() == content for path, content in lake.items())


def test_a_bad_setting_stops_before_anything_is_written(project: Path) -> None:
    change(project, "simulator.yaml", "population", "chronic_share", to=15)
    result = migraine(project, "run")
    assert result.returncode == 1
    assert (
        "configs/simulator.yaml, simulator.population.chronic_share: 15: expected less than or equal to 1"
        in result.stderr
    )
    assert not (project / "data" / "lake").exists()
    assert not (project / "data" / "warehouse.duckdb").exists()


@pytest.mark.slow
def test_switching_the_preset_replaces_the_population_whole(tmp_path: Path, published: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(published, root)
    other = root / "configs" / "presets" / "other.yaml"
    smaller = (root / "configs" / "presets" / "tiny.yaml").read_text().replace("patients: 60", "patients: 30")
    # So few that the population is learned from everybody: nobody is left unseen to judge it by.
    other.write_text(smaller.replace("gates: {", "gates: {splits: [chronological], "))
    result = migraine(root, "run", preset="other")
    assert result.returncode == 0, result.stderr
    count = migraine(root, "sql", "SELECT count(*) AS n FROM cohort.patients", "--format", "csv", preset="other")
    assert count.stdout == "n\n30\n"


def test_features_shows_the_workbook() -> None:
    result = CliRunner().invoke(main, ["features"])
    assert result.exit_code == 0
    assert "37 features in 7 categories, 0 triggers of its own, all valid" in result.output


def test_mock_writes_its_artifacts(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["mock", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert {path.name for path in tmp_path.iterdir()} == {
        "feature_normalizer.json",
        "feature_normalizer.pkl",
        "mock_distribution.csv",
        "mock_distribution.pkl",
    }
    assert result.output.count("passed: ") == 3


def test_mock_fails_when_its_checklist_fails(project: Path) -> None:
    change(project, "priors.yaml", "mock", "logit_per_point", to=0.0001)
    result = migraine(project, "mock")
    assert result.returncode == 1
    assert "FAILED: largest shift" in result.stdout
    assert "error: the mock distribution contradicts what clinicians say" in result.stderr


@pytest.mark.parametrize("command", [("run",), ("mock", "--out", "/proc/nowhere")])
def test_a_place_that_cannot_be_written_is_one_sentence(project: Path, command: tuple[str, ...]) -> None:
    change(project, "platform.yaml", "data_dir", to="/proc/nowhere")
    result = migraine(project, *command)
    assert result.returncode == 1
    assert "error: /proc/nowhere" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_command_and_the_asset_write_the_same_mock(tmp_path: Path, published: Path) -> None:
    assert migraine(published, "mock", "--out", str(tmp_path)).returncode == 0
    for name in ("mock_distribution.csv", "feature_normalizer.json"):
        assert (tmp_path / name).read_bytes() == (published / "data" / name).read_bytes()


def test_a_lake_that_cannot_be_opened_is_one_sentence(project: Path) -> None:
    change(project, "platform.yaml", "lake_url", to="foo://nowhere")
    result = migraine(project, "run")
    assert result.returncode == 1
    assert 'error: lake_url "foo://nowhere" cannot be opened' in result.stderr
    assert "Traceback" not in result.stderr


def test_simulate_writes_csv_without_the_orchestrator(project: Path, tmp_path: Path) -> None:
    result = migraine(project, "simulate", "--out", str(tmp_path / "csv"), "--patients", "30", "--days", "20")
    assert result.returncode == 0, result.stderr
    days = pl.read_csv(tmp_path / "csv" / "combined_data.csv")
    assert days.height == 600
    assert days["patient_id"].n_unique() == 30
    assert [path for path in (tmp_path / "csv").iterdir() if path.name.startswith(".")] == []


COMMANDS = (
    "run",
    "night",
    "clock",
    "health",
    "sql",
    "features",
    "triggers",
    "mock",
    "simulate",
    "train",
    "ask",
    "twin",
    "tables",
    "report",
    "ui",
)


@pytest.mark.parametrize("command", [*COMMANDS, "twin show", "twin rollback"])
def test_everything_a_user_types_has_help(command: str) -> None:
    assert set(main.commands) == set(COMMANDS)
    result = CliRunner().invoke(main, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.output


def test_the_page_of_tables_is_up_to_date() -> None:
    assert CliRunner().invoke(main, ["tables", "--check"]).exit_code == 0
    assert (REPOSITORY / "docs" / "tables.md").is_file()
