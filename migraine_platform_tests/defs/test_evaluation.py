"""What models are worth, from a run of the platform to its report, and what must be shown before anything is published.

One run of the platform; every test that changes something works on a copy of its project.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from migraine_platform.config import Settings
from migraine_platform.defs.assets.evaluated import EVALUATION, JUDGES_A_POPULATION
from migraine_platform.defs.automation import EVALUATION_JOB, NIGHTLY_JOB, PLATFORM_JOB, night_tags
from migraine_platform.defs.build import build_defs
from migraine_platform.evaluation.scoring.provenance import IN_USE, TWIN_POPULATION
from migraine_platform.ingest.sources.kostecki_dillon import KosteckiDillon
from migraine_platform.ingest.sources.study import StudyError
from migraine_platform.twin.core.model import TwinModel, newest
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.places import EVALUATION_NUMBERS, EVALUATION_PAGE, Places
from migraine_platform.warehouse.query import query
from migraine_platform.warehouse.tables.evaluation import REAL_CHRONOLOGICAL, REAL_UNSEEN
from migraine_platform_tests.conftest import make_project
from migraine_platform_tests.defs.lived import BY_NIGHT, FIRST, execute, grown, lake_of, nights, reload, rows

pytestmark = pytest.mark.slow

GATES = "gates: {calibration_error: 1.0, ahead_of: [], not_behind: []}"
IMPOSSIBLE = "gates: {calibration_error: 0.0, ahead_of: [full_state], not_behind: []}"
JUDGED_BY = [tables.EvaluatedModels, tables.EvaluatedDays, tables.EvaluatedForecasts, tables.Metrics]
KEY = ["model", "split", "patient_id", "for_date"]
REAL = {REAL_CHRONOLOGICAL, REAL_UNSEEN}


def study_is_installed() -> bool:
    try:
        KosteckiDillon().read()
    except StudyError:
        return False
    return True


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A project after its first run; nothing may change it."""
    root = make_project(tmp_path_factory.mktemp("evaluation") / "project")
    (root / "data" / "clinician_triggers.csv").write_text("patient_id,trigger\nP0001,stress\nP0001,sleep\nP0002,\n")
    settings = reload(root)
    with dg.instance_for_test() as instance:
        assert execute(settings, instance, PLATFORM_JOB, night_tags(settings, FIRST)).success
    return settings


@pytest.fixture
def settings(ran: Settings, tmp_path: Path) -> Settings:
    """A copy of it."""
    return reload(Path(shutil.copytree(ran.platform.data_dir.parent, tmp_path / "project")))


def redo(settings: Settings, assets: Iterable[str], job: str = PLATFORM_JOB) -> dg.ExecuteInProcessResult:
    """Make some assets again, with all of their checks."""
    chosen = list(assets)
    declared = build_defs(settings).resolve_job_def(job).asset_layer.asset_graph.asset_check_keys
    checks = {key for key in declared if key.asset_key.to_user_string() in chosen}
    with dg.instance_for_test() as instance:
        return execute(settings, instance, job, assets=chosen, checks=checks)


def look(settings: Settings) -> dg.AssetCheckEvaluation:
    """The promotion's check alone."""
    key = dg.AssetCheckKey(dg.AssetKey("promotion_gates"), tables.EVALUATED)
    with dg.instance_for_test() as instance:
        result = execute(settings, instance, EVALUATION_JOB, assets=[], checks={key})
    (found,) = result.get_asset_check_evaluations()
    return found


def with_preset(settings: Settings, old: str, new: str) -> Settings:
    """The same project with another line in its preset."""
    root = settings.platform.data_dir.parent
    preset = root / "configs" / "presets" / "tiny.yaml"
    assert preset.read_text().count(old) == 1
    preset.write_text(preset.read_text().replace(old, new))
    return reload(root)


def reasons(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Failed steps' own sentences."""
    failed = [event for event in result.all_events if event.is_step_failure]
    return {str(one.step_key): str(one.step_failure_data.user_failure_data.description) for one in failed}


def numbers(settings: Settings) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Places.of(settings.platform).report(EVALUATION_NUMBERS).read_text())
    return found


def warehouse(settings: Settings) -> Path:
    return Places.of(settings.platform).warehouse


def sealed(settings: Settings) -> bool:
    return lake_of(settings).sealed(tables.TwinPopulation, "all")


def test_a_run_evaluates_everybody_writes_the_report_and_publishes(ran: Settings) -> None:
    for written in EVALUATION.values():
        for table in written:
            assert lake_of(ran).sealed(table, "all"), table.name
            assert query(warehouse(ran), f"SELECT count(*) FROM {table.name}").item() == rows(ran, table).height
            assert rows(ran, table).height or table is tables.Gates
    page = Places.of(ran.platform).report(EVALUATION_PAGE).read_text()
    assert "<html" in page
    assert "Digital twins" in page
    splits = {*rows(ran, tables.EvaluatedModels)["split"]}
    assert splits == {tables.CHRONOLOGICAL, tables.UNSEEN} | (REAL if study_is_installed() else set())
    assert sealed(ran)


def test_headline_figures_are_what_sql_makes_of_the_published_forecasts(ran: Settings) -> None:
    scores = query(warehouse(ran), "FROM marts.model_scores")
    mine = {(row["split"], row["model"]): row for row in scores.iter_rows(named=True)}
    headline = numbers(ran)["headline"]
    assert {(one["split"], one["model"]) for one in headline} == set(mine)
    compared = 0
    for one in headline:
        row = mine[one["split"], one["model"]]
        for name in set(one["metrics"]) & set(row):
            found = one["metrics"][name]["value"]
            if found is None or row[name] is None:
                assert found == row[name], (one["split"], one["model"], name)
            else:
                assert found == pytest.approx(row[name], abs=1e-9), (one["split"], one["model"], name)
                compared += 1
    assert compared >= 4 * len(headline)


def test_nobody_who_was_learned_from_is_unseen_and_no_day_either(ran: Settings) -> None:
    model = TwinModel.from_frame(rows(ran, tables.TwinPopulation))
    days = rows(ran, tables.EvaluatedDays)
    who = {split: {*days.filter(pl.col("split") == split)["patient_id"]} for split in days["split"].unique()}
    assert who[tables.CHRONOLOGICAL] == set(model.patients)
    assert len(who[tables.UNSEEN]) == ran.evaluation.unseen_patients
    assert not who[tables.UNSEEN] & set(model.patients)
    first = rows(ran, tables.PatientDays)["date"].min()
    later = days.filter(pl.col("split") == tables.CHRONOLOGICAL)["for_date"]
    assert (later.min() - first).days == model.days + 1
    said = rows(ran, tables.EvaluatedForecasts)
    assert not said.select(KEY).is_duplicated().any()
    counts = said.group_by("model", "split").len().join(days.group_by("split").len("days"), on="split")
    everywhere = counts.filter(~pl.col("model").is_in(["aline", "known_parameters"]))
    assert (everywhere["len"] == everywhere["days"]).all()


def test_baselines_learn_from_every_day_that_the_population_learned_from(ran: Settings) -> None:
    model = TwinModel.from_frame(rows(ran, tables.TwinPopulation))
    days = rows(ran, tables.MeasuredDays).filter(pl.col("patient_id").is_in(list(model.patients)))
    number = (pl.col("date") - days["date"].min()).dt.total_days()
    told = days.filter(number.is_between(1, model.days - 1))["has_migraine"].drop_nulls()
    share = (told.sum() + 1) / (len(told) + 2)
    simulated = rows(ran, tables.EvaluatedModels).filter(~pl.col("split").is_in(list(REAL)))
    assert simulated["threshold"].to_list() == pytest.approx([share] * simulated.height, abs=1e-12)
    base = rows(ran, tables.EvaluatedForecasts).filter(
        pl.col("model") == "base_rate", ~pl.col("split").is_in(list(REAL))
    )
    assert base["probability"].unique().to_list() == pytest.approx([share], abs=1e-12)


def test_twins_are_scored_by_their_published_forecasts(ran: Settings) -> None:
    said = rows(ran, tables.Predictions).select("patient_id", "for_date", told="probability")
    scored = rows(ran, tables.EvaluatedForecasts).filter(
        (pl.col("model") == "twins") & (pl.col("split") == tables.CHRONOLOGICAL)
    )
    both = scored.join(said, on=["patient_id", "for_date"])
    assert both.height == scored.height > 0
    assert (both["probability"] == both["told"]).all()


def test_a_population_that_fails_a_gate_is_reported_and_not_published(settings: Settings) -> None:
    was = warehouse(settings).read_bytes()
    stricter = with_preset(settings, GATES, IMPOSSIBLE)
    assert "gates are of other figures or limits" in str(look(stricter).description)
    again = ["promotion_gates", "report", "warehouse"]
    result = redo(stricter, again)
    assert not result.success
    (check,) = [one for one in result.get_asset_check_evaluations() if one.check_name == tables.EVALUATED]
    assert not check.passed
    assert check.severity == dg.AssetCheckSeverity.ERROR
    for split in (tables.CHRONOLOGICAL, tables.UNSEEN):
        assert f"{split}: calibration error: " in str(check.description)
        assert f"{split}: ahead of full_state: " in str(check.description)
    assert set(reasons(result)) == {"warehouse"}
    assert "twin.population: not audited, or an audit failed: all" in reasons(result)["warehouse"]
    assert not any(gate["passed"] for gate in numbers(stricter)["gates"])
    assert "not passed" in Places.of(stricter.platform).report(EVALUATION_PAGE).read_text()
    assert warehouse(stricter).read_bytes() == was
    assert not sealed(stricter)

    lenient = with_preset(stricter, IMPOSSIBLE, GATES)
    assert redo(lenient, again).success
    assert sealed(lenient)
    assert query(warehouse(lenient), "FROM evaluation.gates")["passed"].all()
    assert_frame_equal(
        query(warehouse(lenient), "FROM marts.model_scores ORDER BY ALL"),
        query(ran_before(was, lenient), "FROM marts.model_scores ORDER BY ALL"),
    )


def ran_before(content: bytes, settings: Settings) -> Path:
    """A former warehouse beside the new one."""
    place = warehouse(settings).with_name("former.duckdb")
    place.write_bytes(content)
    return place


def test_the_gates_are_judged_before_anything_can_be_published(settings: Settings) -> None:
    """Nothing waits for a check that does not block: the asset alone, its check not run, must have taken the seal."""
    stricter = with_preset(settings, GATES, IMPOSSIBLE)
    assert sealed(stricter)
    with dg.instance_for_test() as instance:
        contract = {dg.AssetCheckKey(dg.AssetKey("promotion_gates"), "contract")}
        result = execute(stricter, instance, EVALUATION_JOB, assets=["promotion_gates"], checks=contract)
    assert result.success
    assert not sealed(stricter)


def test_a_population_learned_anew_is_judged_by_its_own_forecasts(settings: Settings) -> None:
    """Its twins are not in use yet: what those in use said says nothing of it."""
    before = str(newest(rows(settings, tables.TwinPopulation)))
    other = with_preset(settings, "points: 32, steps: 2}", "points: 32, steps: 3}")
    assert redo(other, ["twin_population"]).success
    now = str(newest(rows(other, tables.TwinPopulation)))
    assert now != before
    assert not sealed(other)
    found = look(other)
    assert not found.passed
    assert f"population {now} has not been evaluated, but {before}" in str(found.description)
    assert not sealed(other)

    said = rows(other, tables.EvaluatedForecasts)
    assert redo(other, ["compared_forecasts"]).success
    found = look(other)
    assert not found.passed
    assert "figures are of other forecasts (chronological: twins)" in str(found.description)
    twins = (pl.col("model") == "twins") & (pl.col("split") == tables.CHRONOLOGICAL)
    both = rows(other, tables.EvaluatedForecasts).filter(twins).join(said.filter(twins), on=KEY, suffix="_before")
    assert both.height == said.filter(twins).height > 0
    assert (both["probability"] != both["probability_before"]).all()
    assert (both["probability"] - both["probability_before"]).abs().max() < 0.5  # the same people, the same days

    assert redo(other, JUDGES_A_POPULATION[1:]).success
    assert look(other).passed
    assert sealed(other)
    made_from = dict(rows(other, tables.Provenance).iter_rows())
    assert (made_from[TWIN_POPULATION], made_from[IN_USE]) == (now, before)
    assert redo(other, ["warehouse"]).success


def test_without_the_study_everything_else_is_evaluated(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the package that carries it is not installed."""
    package, *others = KosteckiDillon.__init__.__defaults__
    monkeypatch.setattr(KosteckiDillon.__init__, "__defaults__", (f"{package}-that-nobody-has", *others))
    assert not study_is_installed()
    before = rows(settings, tables.EvaluatedForecasts)
    result = redo(settings, ["study_diaries", *JUDGES_A_POPULATION, "report", "warehouse"])
    assert result.success
    for table in (tables.StudyPatients, tables.StudyDays):
        assert query(warehouse(settings), f"SELECT count(*) FROM {table.name}").item() == 0
    for table in JUDGED_BY:
        published = query(warehouse(settings), f"FROM {table.name}")
        assert {*published["split"]} == {tables.CHRONOLOGICAL, tables.UNSEEN}
    simulated = before.filter(~pl.col("split").is_in(list(REAL)))
    assert_frame_equal(rows(settings, tables.EvaluatedForecasts).sort(KEY), simulated.sort(KEY))
    told = "No real diaries were evaluated here"
    assert told in numbers(settings)["summary"]
    assert told in Places.of(settings.platform).report(EVALUATION_PAGE).read_text()
    assert {one["split"] for one in numbers(settings)["headline"]} == {tables.CHRONOLOGICAL, tables.UNSEEN}
    assert numbers(settings)["provenance"]["diaries of the study"] == "none"


@pytest.mark.slow
def test_the_weekly_evaluation_runs_alone_says_the_same_and_publishes(settings: Settings) -> None:
    lake = lake_of(settings)
    hashes = {table: lake.content_hash(table, "all") for written in EVALUATION.values() for table in written}
    told = numbers(settings)
    warehouse(settings).unlink()
    Places.of(settings.platform).report(EVALUATION_NUMBERS).unlink()
    with dg.instance_for_test() as instance:
        assert execute(settings, instance, EVALUATION_JOB).success
    assert {table: lake.content_hash(table, "all") for table in hashes} == hashes
    assert numbers(settings) == told
    assert (
        query(warehouse(settings), "SELECT count(*) FROM evaluation.gates").item()
        == rows(settings, tables.Gates).height
    )


@pytest.mark.slow
def test_a_night_later_there_is_a_day_more_and_no_earlier_one_changed(settings: Settings) -> None:
    before = {table: rows(settings, table) for table in (tables.EvaluatedDays, tables.EvaluatedForecasts)}
    (night,) = nights(1)
    with dg.instance_for_test() as instance:
        assert execute(settings, instance, NIGHTLY_JOB, night_tags(settings, night), assets=BY_NIGHT).success
    assert redo(settings, ["compared_forecasts"], EVALUATION_JOB).success
    last = grown(settings).simulator.cohort.last_date
    days, was = rows(settings, tables.EvaluatedDays), before[tables.EvaluatedDays]
    real = pl.col("split").is_in(list(REAL))
    assert_frame_equal(days.filter(real), was.filter(real))
    new = days.filter(~real, pl.col("for_date") == last)
    assert new.height == was.filter(~real).select("split", "patient_id").unique().height > 0
    still = ["split", "patient_id", "for_date", "migraine", "recorded", "after_migraine", "after_signs", "full_state"]
    still += ["hours_ahead"]
    earlier = days.filter(~real, pl.col("for_date") <= last - timedelta(days=1)).select(still)
    known = was.filter(~real).select(still)
    assert_frame_equal(earlier.sort(still[:3]), known.sort(still[:3]))
    said = rows(settings, tables.EvaluatedForecasts)
    both = said.filter(pl.col("model") != "aline").join(before[tables.EvaluatedForecasts], on=KEY, suffix="_before")
    assert (
        both.filter(~real).height == before[tables.EvaluatedForecasts].filter(~real, pl.col("model") != "aline").height
    )
    assert (both["probability"] - both["probability_before"]).abs().max() < 1e-9
