"""The `migraine` command among real terminals, pipes, other programs and mistakes."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from migraine_platform.config import load_settings
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.health import HEALTH_JOB
from migraine_platform.defs.sensors.inbox import INGEST_JOB
from migraine_platform.operations.storage import warehouse_of
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import REPOSITORY, Finished, environment, migraine, restored

COMMAND = [sys.executable, "-c", "from migraine_platform.cli import main; main()"]


def readme_queries() -> list[str]:
    """Every query of the README, with its comment, as somebody copies it."""
    (block,) = re.findall(r"```sql\n(.*?)```", (REPOSITORY / "README.md").read_text(), flags=re.DOTALL)
    return [query for query in block.strip().split("\n\n") if query]


@pytest.fixture(scope="module")
def copy(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished project that tests here may change."""
    return finished.copy(tmp_path_factory.mktemp("surroundings") / "project")


def test_every_query_of_the_readme_is_answered_as_it_is_pasted(finished: Finished) -> None:
    queries = readme_queries()
    assert len(queries) >= 11
    assert all(query.startswith("--") for query in queries)
    joined = "\n\n".join(queries)
    assert joined.count(";") == len(queries)
    for query in queries[:2]:
        done = migraine(finished.root, "sql", query)
        assert done.returncode == 0, done.stderr
    with duckdb.connect(str(finished.root / "data" / "warehouse.duckdb"), read_only=True) as connection:
        for query in queries:
            connection.execute(query).fetchall()


ON_A_FULL_DISK = ["bash", "-c", 'ulimit -f 64; exec "$@"', "bash"]


def test_a_full_disk_is_one_sentence_and_nothing_is_lost(copy: Path) -> None:
    """Files cannot grow beyond 64 KB, so that Dagster cannot write down that a run begins."""
    warehouse = copy / "data" / "warehouse.duckdb"
    before = warehouse.read_bytes()
    night = (date.today() + timedelta(days=1)).isoformat()
    done = subprocess.run(
        [*ON_A_FULL_DISK, *COMMAND, "night", "--ahead", "--date", night],
        env=environment(copy),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Dagster cannot keep its records" in done.stderr.splitlines()[-1]
    assert "is there room on the disk" in done.stderr.splitlines()[-1]
    assert warehouse.read_bytes() == before


def test_what_a_run_leaves_is_readable_by_its_owner_alone(finished: Finished) -> None:
    """Twins, lake, warehouse, reports, and what Dagster remembers of the run; the inputs are as they were."""
    data = finished.root / "data"
    made = [
        path for path in data.rglob("*") if path.is_file() and path.suffix != ".xlsx" and "stations" not in path.parts
    ]
    assert {path.relative_to(data).parts[0] for path in made} >= {"lake", "twins", "reports", "dagster"}
    assert [path for path in made if path.stat().st_mode & 0o077] == []


def test_the_user_interface_and_its_runs_make_private_files(finished: Finished) -> None:
    """Whoever loads the code location: webserver, daemon, and every run that they start."""
    said = subprocess.run(
        [sys.executable, "-c", "import os, migraine_platform.definitions; print(oct(os.umask(0)))"],
        env=environment(finished.root),
        capture_output=True,
        text=True,
    )
    assert said.stdout.strip() == "0o77", said.stderr


@pytest.mark.parametrize("arguments", [["-"], []])
def test_a_query_may_come_by_standard_input(finished: Finished, arguments: list[str]) -> None:
    done = subprocess.run(
        [*COMMAND, "sql", *arguments, "--format", "csv"],
        input="-- how many?\nSELECT count(*) AS n FROM cohort.patients;\n",
        env=environment(finished.root),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "n\n60\n")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_text('/etc/hostname')",
        "ATTACH '/tmp/other.duckdb' AS other",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '1GB'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '/tmp/out.csv'",
        "SELECT 1; SELECT * FROM read_csv('/etc/passwd')",
        "DELETE FROM cohort.patients",
    ],
)
def test_a_query_reads_the_warehouse_and_nothing_else(finished: Finished, query: str) -> None:
    from migraine_platform.warehouse.query import QueryError, query_text

    with pytest.raises(QueryError):
        query_text(finished.root / "data" / "warehouse.duckdb", query, "csv")


def test_keys_of_maps_are_texts_in_json(finished: Finished) -> None:
    from migraine_platform.warehouse.query import query_text

    query = (
        "SELECT map([1.5], [2.5]) AS m, map([DATE '2024-01-01'], [1]) AS d, [1.5::DECIMAL(3, 1), 'nan'::DOUBLE] AS n"
    )
    told = query_text(finished.root / "data" / "warehouse.duckdb", query, "json")
    assert told == '[{"m": {"1.5": 2.5}, "d": {"2024-01-01": 1}, "n": [1.5, null]}]'


def test_a_reader_that_has_seen_enough_is_no_error(finished: Finished) -> None:
    """As `| head -1` is."""
    process = subprocess.Popen(
        [*COMMAND, "sql", "SELECT * FROM cohort.patient_days", "--format", "csv"],
        env=environment(finished.root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline().startswith("patient_id,")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0


def test_a_terminal_that_cannot_show_a_character_sees_a_question_mark(finished: Finished) -> None:
    done = subprocess.run(
        [*COMMAND, "sql", "SELECT typical_range FROM priors.features", "--format", "csv"],
        env={**environment(finished.root), "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
    assert b"980?1040 hPa" in done.stdout


def test_a_used_port_is_told_before_anything_starts(finished: Finished) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = migraine(finished.root, "ui", "--port", str(other.getsockname()[1]))
    assert done.returncode == 1
    assert re.fullmatch(r"error: port \d+ is in use, perhaps by another `migraine ui`; .*\n", done.stderr)


def test_an_interpreter_without_descriptions_is_one_sentence(finished: Finished) -> None:
    environ = {**environment(finished.root), "PYTHONOPTIMIZE": "2"}
    done = subprocess.run([*COMMAND, "--help"], env=environ, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: PYTHONOPTIMIZE=2 drops the descriptions")


def test_an_answer_given_twice_is_refused(finished: Finished) -> None:
    done = migraine(finished.root, "ask", "P0001", "--answer", "19 sleep fatigue=1 fatigue=9 sleep_hours=6")
    assert done.returncode == 1
    assert "fatigue is answered twice; expected each once" in done.stderr


def test_an_implausible_night_is_refused_and_leaves_the_clock(copy: Path) -> None:
    clock = copy / "data" / "clock.json"
    before = clock.read_bytes()
    for day in (date(2062, 12, 2), date.today() + timedelta(days=2)):
        done = migraine(copy, "night", "--date", str(day))
        assert done.returncode == 1
        assert f"error: {day} is later than today" in done.stderr
    done = migraine(copy, "night", "--date", "0026-11-28")
    assert "there is nothing to live until" in done.stderr
    assert clock.read_bytes() == before
    told = migraine(copy, "clock").stdout
    assert told.startswith("last night: ")


@pytest.fixture
def writer(copy: Path) -> Iterator[Places]:
    """Another program has the warehouse open for writing."""
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.readline()"
    path = copy / "data" / "warehouse.duckdb"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], **pipes)
    process.stdout.readline()
    yield Places(copy / "data", "nowhere")
    process.communicate("\n")


def test_a_warehouse_that_another_program_holds_is_told_as_that(copy: Path, writer: Places) -> None:
    done = migraine(copy, "sql", "SELECT 1")
    assert done.returncode == 1
    assert "another program has it open for writing" in done.stderr
    assert "another program has it open" in warehouse_of(writer).problem


def test_health_names_what_is_switched_off_and_where_the_page_is(copy: Path) -> None:
    done = migraine(copy, "health")
    assert done.returncode in (0, 1), done.stderr
    assert re.search(r"switched off: .*nightly", done.stdout)
    assert (copy / "data" / "reports" / "health.html").is_file()
    assert str(copy / "data" / "reports" / "health.html") in done.stdout


def test_a_failed_run_of_any_job_is_on_the_health_page(copy: Path) -> None:
    """Of those that the code location has, but the page's own."""
    defs = build_defs(load_settings("tiny", copy))
    names = {job.name for job in defs.jobs or ()} - {HEALTH_JOB}
    assert INGEST_JOB in names
    with dg.DagsterInstance.from_config(str(copy / "data" / "dagster")) as instance:
        for name in names:
            instance.report_run_failed(instance.create_run_for_job(defs.resolve_job_def(name)))
    assert migraine(copy, "health").returncode == 1
    page = (copy / "data" / "reports" / "health.html").read_text()
    assert [name for name in names if name not in page] == []


@pytest.mark.parametrize("name", ["generate_mock_distribution", "simulator", "train_aline"])
def test_the_specifications_scripts_are_the_commands(name: str) -> None:
    path = REPOSITORY / "scripts" / f"{name}.py"
    done = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout


def test_the_backup_of_the_docs_holds_what_a_night_needs(finished: Finished, tmp_path: Path) -> None:
    data = restored(finished.root, tmp_path / "project") / "data"
    assert {"lake", "twins", "checkpoints", "clock.json", "warehouse.duckdb"} <= {path.name for path in data.iterdir()}
    assert not list(data.glob(".*"))
    assert not (data / "dagster").exists()
    for path in (finished.root / "data" / "lake").rglob("*.parquet"):
        assert (data / path.relative_to(finished.root / "data")).read_bytes() == path.read_bytes()
