"""A project without triggers: attacks follow from the latent state alone, and everything else is there."""

from __future__ import annotations

import duckdb
import pytest

from migraine_platform_tests.conftest import Finished, change, make_project, migraine


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A whole platform without triggers."""
    root = make_project(tmp_path_factory.mktemp("bare") / "project")
    change(root, "simulator.yaml", "triggers", to={})
    done = migraine(root, "run")
    assert done.returncode == 0, done.stderr[-3000:]
    return Finished(root, done.stdout, done.stderr)


@pytest.mark.slow
def test_every_step_passes_and_no_table_names_a_trigger(bare: Finished) -> None:
    with duckdb.connect(bare.root / "data" / "warehouse.duckdb", read_only=True) as warehouse:
        columns = warehouse.sql(
            "SELECT count(*) FROM duckdb_columns() WHERE column_name LIKE '%\\_trigger' ESCAPE '\\'"
            " OR column_name LIKE 'susceptibility\\_%' ESCAPE '\\'"
        ).fetchall()
        assert columns == [(0,)]
        for table in (
            "priors.triggers",
            "marts.trigger_overview",
            "marts.day_after_trigger",
            "twin.trigger_sensitivity",
        ):
            assert warehouse.sql(f"SELECT count(*) FROM {table}").fetchall() == [(0,)], table
        assert warehouse.sql("SELECT count(*) > 0 FROM twin.predictions").fetchall() == [(True,)]
        assert warehouse.sql("SELECT count(*) FROM marts.patient_profiles").fetchall() == [(60,)]
        assert warehouse.sql("SELECT count(*) FROM truth.drift WHERE kind = 'concept'").fetchall() == [(0,)]


@pytest.mark.slow
def test_a_persons_page_and_the_commands_say_what_there_is(bare: Finished) -> None:
    assert migraine(bare.root, "triggers").returncode == 0
    assert "at weekends" in migraine(bare.root, "twin", "show", "P0001").stdout
    told = migraine(bare.root, "report", "P0001")
    assert told.returncode == 0, told.stderr
    assert (bare.root / "data" / "reports" / "P0001.html").exists()
