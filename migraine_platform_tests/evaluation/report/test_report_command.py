"""`migraine report`, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from migraine_platform.evaluation.report.facts import facts_of
from migraine_platform.evaluation.report.machine import headline
from migraine_platform.warehouse.query import QueryError, rows
from migraine_platform.warehouse.tables import clinical, evaluation, twin
from migraine_platform_tests.conftest import make_project, migraine
from migraine_platform_tests.evaluation.report.drawn import Frames, reader
from migraine_platform_tests.evaluation.report.personal.test_page import person_frames


def write(path: Path, frames: Frames, without: tuple[str, ...] = ()) -> None:
    """A warehouse of these tables, as publishing would leave it."""
    with duckdb.connect(str(path)) as connection:
        for name, content in frames.items():
            if name not in without:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")
                connection.register("content", content)
                connection.execute(f"CREATE TABLE {name} AS SELECT * FROM content")
                connection.unregister("content")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, frames: Frames) -> Path:
    root = make_project(tmp_path_factory.mktemp("reported") / "project")
    of_person = {name: content for name, content in person_frames().items() if content.height}
    write(root / "data" / "warehouse.duckdb", frames | of_person, without=("clinical.patients", "clinical.diary_days"))
    return root


def test_the_evaluation_is_written_and_its_headline_printed(published: Path, frames: Frames) -> None:
    result = migraine(published, "report")
    assert result.returncode == 0, result.stderr
    reports = published / "data" / "reports"
    assert result.stdout == f"{headline(facts_of(reader(frames)))}\n\n{reports / 'evaluation.html'}\n"
    assert "What the digital twins are worth" in (reports / "evaluation.html").read_text()
    assert json.loads((reports / "evaluation.json").read_text())["version"] == 1


def test_a_patient_has_a_page_of_his_own(published: Path) -> None:
    result = migraine(published, "report", "P0001")
    path = published / "data" / "reports" / "P0001.html"
    assert (result.returncode, result.stdout) == (0, f"{path}\n")
    assert "Woman, 41 years" in path.read_text()


@pytest.mark.parametrize(
    ("patient", "sentence"),
    [
        ("../P0001", 'error: patient "../P0001"; expected a name as in P0001\n'),
        ("P9999", 'error: patient "P9999" has no twin in the warehouse; expected one as in P0001\n'),
    ],
)
def test_an_unknown_patient_is_one_sentence(published: Path, patient: str, sentence: str) -> None:
    before = sorted((published / "data").rglob("*.html"))
    result = migraine(published, "report", patient)
    assert (result.returncode, result.stdout, result.stderr) == (1, "", sentence)
    assert sorted((published / "data").rglob("*.html")) == before


def test_an_unpublished_warehouse_is_an_error(project: Path) -> None:
    for arguments in ((), ("P0001",)):
        result = migraine(project, "report", *arguments)
        assert result.returncode == 1
        assert result.stderr.endswith("nothing is published yet; `make run` publishes the warehouse\n")
        assert len(result.stderr.splitlines()) == 1
    assert not (project / "data" / "reports").exists()


def test_rows_are_those_of_the_table_in_the_order_of_its_key(published: Path, frames: Frames, tmp_path: Path) -> None:
    path = published / "data" / "warehouse.duckdb"
    found = rows(path, evaluation.Metrics)
    assert found.equals(frames["evaluation.metrics"].sort(evaluation.Metrics.key))
    assert rows(path, twin.Twins, "P0002")["patient_id"].to_list() == ["P0002"]
    assert rows(path, twin.Twins, "P0002' OR '1'='1").is_empty()
    assert rows(path, evaluation.Gates, "P0002").height == frames["evaluation.gates"].height
    missing = rows(path, clinical.StudyDays)
    assert missing.is_empty()
    assert missing.schema == frames["clinical.diary_days"].schema
    with pytest.raises(QueryError, match="nothing is published yet"):
        rows(tmp_path / "none.duckdb", evaluation.Gates)


def test_a_warehouse_of_an_earlier_version_is_one_sentence(tmp_path: Path) -> None:
    """Of before a column was there: the page and `migraine twin show` say what to do."""
    root = make_project(tmp_path)
    earlier = {name: content for name, content in person_frames().items() if content.height}
    earlier[twin.Twins.name] = earlier[twin.Twins.name].drop("silent_evenings")
    write(root / "data" / "warehouse.duckdb", earlier)
    sentence = (
        "error: the published twin.twins has no column silent_evenings: an earlier version made it; expected one that "
        "`migraine run` makes anew\n"
    )
    for command in (("report", "P0001"), ("twin", "show", "P0001")):
        result = migraine(root, *command)
        assert (result.returncode, result.stderr) == (1, sentence)
