"""From a warning to other twins and back: checks warn, sensors ask, challengers are tried, replaced twins come back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from migraine_platform.config import Settings
from migraine_platform.defs.automation import PLATFORM_JOB, night_tags
from migraine_platform.defs.checks.drift import OPEN, SEEN
from migraine_platform.defs.context import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG, RETRAIN_TAG, PopulationView
from migraine_platform.defs.runs.launch import RunFailedError, run_rollback
from migraine_platform.defs.sensors.retraining import (
    ALINE_CHECK_JOB,
    ALINE_JOB,
    RELEARN_JOB,
    RETRAIN_JOB,
    BatchFinding,
    held_back,
    open_findings,
)
from migraine_platform.warehouse import tables
from migraine_platform_tests.conftest import change, migraine
from migraine_platform_tests.defs.lived import (
    BATCHES,
    FIRST,
    begin,
    defs_of,
    execute,
    follow,
    grown,
    lake_files,
    lake_of,
    last_day,
    live,
    reload,
    rows,
    small_project,
    tick,
)

pytestmark = pytest.mark.slow

TWINS, ALINE = "retrain_twins_that_need_it", "retrain_aline_that_misses"
DRIFT_CHECK = dg.AssetCheckKey(dg.AssetKey("drift"), tables.NO_DRIFT)
DUE_CHECK = dg.AssetCheckKey(dg.AssetKey("twins"), tables.NOT_DUE)
FRESH_CHECK = dg.AssetCheckKey(dg.AssetKey("checkpoint"), tables.HOLDS_ON_FRESH)
TRIAL, COOLDOWN = 3, 5
START = FIRST + timedelta(days=1)
"""The night as of which every test begins: twins were made the night before."""


def night(number: int) -> date:
    return START + timedelta(days=number)


@pytest.fixture(scope="module")
def born(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project as of its first night, with a checkpoint of ALINE; trials are short, and nobody changes by himself."""
    root = small_project(tmp_path_factory.mktemp("retraining") / "project")
    change(root, "simulator.yaml", "drift", "share", to=0.0)
    for name, days in (("trial_nights", TRIAL), ("cooldown_days", COOLDOWN), ("after_days", 300)):
        change(root, "twin.yaml", "retraining", name, to=days)
    change(root, "twin.yaml", "drift", "false_alarms_a_year", to=0.05)
    settings = reload(root)
    with dg.instance_for_test() as instance:
        begin(settings, instance)
        aline = ["training_run", "checkpoint"]
        assert execute(settings, instance, PLATFORM_JOB, night_tags(settings, FIRST), assets=aline).success
        live(settings, instance, START)
    assert rows(settings, tables.Drift).is_empty()
    return root


@pytest.fixture
def settings(born: Path, tmp_path: Path) -> Settings:
    return reload(Path(shutil.copytree(born, tmp_path / "project")))


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    with dg.instance_for_test(temp_dir=str(tmp_path / "dagster")) as instance:
        yield instance


def notice(settings: Settings, patient: str, kind: str = "label") -> None:
    """Somebody is found to have changed on the last evening, as a night would have found it."""
    population = PopulationView.of(grown(settings), lake_of(settings))
    batch = rows(settings, tables.Twins).filter(pl.col("patient_id") == patient)["patient_batch"].item()
    found = population.read(tables.Drift, [batch])
    last = last_day(settings)
    new = pl.DataFrame(
        {
            "patient_id": [patient], "detected_on": [last], "since": [last - timedelta(days=9)], "shape": ["sudden"],
            "kind": [kind], "target": ["hazard" if kind == "label" else "stress_level"], "size": [1.0],
            "statistic": [4.5], "detector": ["likelihood_ratio"], "withdrawn_on": [None], "way_level": [1.0],
            "way_weather": [0.0], "way_sleep": [0.0], "way_stress": [0.0], "way_diet": [0.0],
        },
        schema=found.schema,
    )  # fmt: skip
    population.write(tables.Drift, batch, pl.concat([found, new]))


def look(
    settings: Settings, instance: dg.DagsterInstance, *checks: dg.AssetCheckKey, tags: dict[str, str] | None = None
) -> dict[dg.AssetCheckKey, dg.AssetCheckEvaluation]:
    """Evaluate some checks alone."""
    keys = checks or (DRIFT_CHECK, DUE_CHECK)
    job = dg.define_asset_job("look", selection=dg.AssetSelection.checks(*keys))
    merged = dg.Definitions.merge(defs_of(settings), dg.Definitions(jobs=[job]))
    result = merged.resolve_job_def("look").execute_in_process(instance=instance, tags=tags)
    return {dg.AssetCheckKey(one.asset_key, one.check_name): one for one in result.get_asset_check_evaluations()}


def decide(settings: Settings, batch: str, gain: float) -> None:
    """The challengers of a batch have made what came that much more likely."""
    population = PopulationView.of(grown(settings), lake_of(settings))
    trial = population.read(tables.Challengers, [batch])
    far = (pl.col("champion_log_likelihood") + gain).alias("challenger_log_likelihood")
    population.write(tables.Challengers, batch, trial.with_columns(far))


def files(settings: Settings, batch: str) -> str:
    found: str = rows(settings, tables.Twins, [batch])["file_version"][0]
    return found


def test_detected_changes_warn_by_batch_and_block_nothing(settings, instance) -> None:
    notice(settings, "P0011")
    notice(settings, "P0014", "covariate")
    found = look(settings, instance)[DRIFT_CHECK]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert not found.blocking
    assert found.description is not None
    assert found.description.startswith("batch-001: 1 covariate, 1 label")
    assert found.metadata[SEEN].value == BATCHES
    assert found.metadata[OPEN].value == {"batch-001": "1 covariate, 1 label"}
    last = last_day(settings)
    patients = found.metadata["patients"]
    assert isinstance(patients, dg.TableMetadataValue)
    (covariate, label) = sorted((record.data for record in patients.records), key=lambda row: row["kind"])
    assert label["patient_id"] == "P0011"
    assert covariate["patient_id"] == "P0014"
    assert (label["since"], label["detected_on"]) == (str(last - timedelta(days=9)), str(last))
    assert float(label["statistic"]) == 4.5
    result = live(settings, instance, night(1))  # a night with a warning is a success
    assert {one.check_name: one.passed for one in result.get_asset_check_evaluations()} == {
        tables.NO_DRIFT: False,
        tables.NOT_DUE: True,
    }


def test_twins_that_grow_old_are_due(settings, instance) -> None:
    root = settings.platform.data_dir.parent
    live(settings, instance, night(1))
    assert look(settings, instance)[DUE_CHECK].passed
    change(root, "twin.yaml", "retraining", "after_days", to=2)
    found = look(reload(root), instance)[DUE_CHECK]
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert found.metadata[OPEN].value == dict.fromkeys(BATCHES, "made 2 days ago (limit 2)")


def test_the_newest_evaluation_that_looked_at_a_batch_counts(settings, instance) -> None:
    """What Dagster's execution history holds of ranges and of single partitions, which sensors lean on."""
    assert open_findings(instance, DRIFT_CHECK) == {}
    notice(settings, "P0001")
    notice(settings, "P0021")
    everybody = {RANGE_START_TAG: BATCHES[0], RANGE_END_TAG: BATCHES[-1]}
    look(settings, instance, tags=everybody)
    first = open_findings(instance, DRIFT_CHECK)
    assert {batch: finding.reason for batch, finding in first.items()} == dict.fromkeys(
        ("batch-000", "batch-002"), "1 label"
    )
    (run,) = {finding.run_id for finding in first.values()}
    assert instance.get_run_by_id(run) is not None
    look(
        settings, instance, tags={PARTITION_TAG: "batch-001"}
    )  # looks at another batch alone: nothing is settled by it
    assert open_findings(instance, DRIFT_CHECK) == first
    notice(settings, "P0012")
    look(settings, instance, tags={PARTITION_TAG: "batch-001"})
    second = open_findings(instance, DRIFT_CHECK)
    assert second.keys() == {"batch-000", "batch-001", "batch-002"}
    assert second["batch-000"] == BatchFinding("1 label", run)
    assert second["batch-001"].run_id != run


def test_exactly_the_batches_that_changed_are_asked_for_and_only_once(settings, instance) -> None:
    assert tick(settings, instance, TWINS) == "nobody changed, and no twins are due"
    notice(settings, "P0011")
    look(settings, instance)
    (request,) = tick(settings, instance, TWINS)
    assert (request.job_name, request.partition_key) == (RETRAIN_JOB, "batch-001")
    assert request.tags[RETRAIN_TAG] == "1 label"
    (again,) = tick(settings, instance, TWINS)
    assert again.run_key == request.run_key
    (found,) = open_findings(instance, DRIFT_CHECK).values()
    assert request.run_key == f"retrain:batch-001:{found.run_id}"

    job = defs_of(settings).resolve_job_def(RETRAIN_JOB)
    waits = instance.create_run_for_job(job, tags={PARTITION_TAG: "batch-001"}, status=dg.DagsterRunStatus.STARTED)
    assert tick(settings, instance, TWINS) == "batch-001: a run is under way"
    instance.report_run_canceled(waits)

    before = lake_files(settings)
    assert follow(settings, instance, request).success
    changed = {name for name, content in lake_files(settings).items() if before.get(name) != content}
    assert {Path(name).name.partition(".")[0] for name in changed} == {"batch-001"}
    trial = rows(settings, tables.Challengers)
    assert trial["patient_id"].to_list() == rows(settings, tables.Twins, ["batch-001"])["patient_id"].to_list()
    prior = dict(trial.select("patient_id", "prior").iter_rows())
    assert prior.pop("P0011") == settings.twin.retraining.prior
    assert set(prior.values()) == {settings.twin.drift.change_probability}
    (row,) = rows(settings, tables.Retrainings).iter_rows(named=True)
    assert (row["patient_batch"], row["decision"], row["reasons"]) == ("batch-001", "on trial", "1 label")

    notice(settings, "P0012")  # another one of the same batch: it waits for the trial's end
    look(settings, instance)
    assert tick(settings, instance, TWINS) in (
        "nobody changed, and no twins are due",  # noticed on the evening of the request, so its challengers know of it
        f"batch-001: challengers are on trial since {last_day(settings)}",
    )


def test_nights_decide_and_the_batch_is_left_alone_for_a_while(settings, instance) -> None:
    born_on = last_day(settings)
    for patient in ("P0001", "P0011"):
        notice(settings, patient)
    look(settings, instance)
    for request in tick(settings, instance, TWINS):
        assert follow(settings, instance, request).success
    champions = {batch: files(settings, batch) for batch in BATCHES}
    decide(settings, "batch-000", -1000.0)
    decide(settings, "batch-001", 1000.0)
    live(settings, instance, night(2))
    notice(settings, "P0011")
    notice(settings, "P0021")
    look(settings, instance)
    (only,) = tick(settings, instance, TWINS)
    assert only.partition_key == "batch-002"
    assert held_back(lake_of(settings), "batch-001", last_day(settings), settings) == (
        f"challengers are on trial since {born_on}"
    )
    live(settings, instance, night(TRIAL))
    told = rows(settings, tables.Retrainings).sort("patient_batch", "decided_on")
    expected = [
        ("batch-000", "on trial", born_on, 0),
        ("batch-000", "dropped", born_on + timedelta(days=TRIAL), TRIAL),
        ("batch-001", "on trial", born_on, 0),
        ("batch-001", "promoted", born_on + timedelta(days=TRIAL), TRIAL),
    ]
    assert told.select("patient_batch", "decision", "decided_on", "nights").rows() == expected
    assert rows(settings, tables.Challengers).is_empty()
    twins = rows(settings, tables.Twins)
    made = dict(twins.select("patient_batch", "trained_on").unique().iter_rows())
    assert made["batch-001"] == born_on
    assert twins.filter(pl.col("patient_batch") == "batch-001")["previous_file_version"].null_count() == 0
    assert champions.keys() == made.keys()
    wait = settings.twin.retraining.cooldown_days
    assert held_back(lake_of(settings), "batch-001", last_day(settings), settings) == (
        f"was asked for on {born_on}, less than {wait} days ago"
    )
    live(settings, instance, night(COOLDOWN))
    assert held_back(lake_of(settings), "batch-001", last_day(settings), settings) is None
    asked = tick(settings, instance, TWINS)
    assert {request.partition_key for request in asked} == {"batch-001", "batch-002"}


@pytest.mark.slow
def test_replaced_twins_come_back_as_if_they_had_never_left(settings, instance, tmp_path: Path) -> None:
    root = settings.platform.data_dir.parent
    notice(settings, "P0011")
    look(settings, instance)
    (request,) = tick(settings, instance, TWINS)
    assert follow(settings, instance, request).success
    other = reload(Path(shutil.copytree(root, tmp_path / "other")))
    decide(settings, "batch-001", 1000.0)
    decide(other, "batch-001", -1000.0)
    for kept in (settings, other):
        live(kept, instance, night(TRIAL))
        live(kept, instance, night(TRIAL + 1))
    replaced, stayed = files(settings, "batch-001"), files(other, "batch-001")
    assert replaced != stayed
    with pytest.raises(RunFailedError, match="nothing was replaced yet, so there is nothing to roll back to"):
        run_rollback(settings, "batch-000")
    with pytest.raises(RunFailedError, match='there is no batch "batch-007"; expected one of batch-000 to batch-002'):
        run_rollback(settings, "batch-007")
    run_rollback(settings, "batch-001")
    assert files(settings, "batch-001") == stayed
    newest = rows(settings, tables.Retrainings).filter(pl.col("decision") == "rolled back")
    assert newest.select("champion_version", "challenger_version").rows() == [(replaced, stayed)]
    said = migraine(root, "twin", "rollback", "batch-001")
    assert said.returncode == 0, said.stderr[-2000:]
    assert files(settings, "batch-001") == replaced
    live(settings, instance, night(TRIAL + 2))  # and goes on from there


def test_when_every_batch_is_due_the_population_is_learned_anew(settings, instance) -> None:
    root = settings.platform.data_dir.parent
    change(root, "twin.yaml", "retraining", "after_days", to=2)
    settings = reload(root)
    old = rows(settings, tables.Twins)["population_version"][0]
    live(settings, instance, night(1))
    job = defs_of(settings).resolve_job_def(RETRAIN_JOB)
    works = instance.create_run_for_job(job, tags={PARTITION_TAG: "batch-001"}, status=dg.DagsterRunStatus.STARTED)
    alone = tick(settings, instance, TWINS)  # nobody's population is learned anew while a batch's twins are made
    assert [(one.job_name, one.partition_key) for one in alone] == [
        (RETRAIN_JOB, "batch-000"),
        (RETRAIN_JOB, "batch-002"),
    ]
    instance.report_run_canceled(works)
    (request,) = tick(settings, instance, TWINS)
    assert (request.job_name, request.partition_key) == (RELEARN_JOB, None)
    assert request.tags[RETRAIN_TAG] == "every batch is due: made 2 days ago (limit 2)"
    assert (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]) == (BATCHES[0], BATCHES[-1])
    (again,) = tick(settings, instance, TWINS)
    assert again.run_key == request.run_key
    assert follow(settings, instance, request).success
    versions = set(rows(settings, tables.TwinPopulation)["version"])
    (new,) = versions - {old}
    assert rows(settings, tables.Challengers).height == 30
    told = rows(settings, tables.Retrainings)
    assert set(told["challenger_population"]) == {new}
    assert set(told["champion_population"]) == {old}
    last = last_day(settings)
    assert tick(settings, instance, TWINS) == "; ".join(
        f"{batch}: challengers are on trial since {last}" for batch in BATCHES
    )
    decide(settings, "batch-000", 1000.0)
    decide(settings, "batch-001", -1000.0)
    live(settings, instance, night(1 + TRIAL))
    twins = rows(settings, tables.Twins)
    own = dict(twins.select("patient_batch", "population_version").unique().iter_rows())
    assert (own["batch-000"], own["batch-001"]) == (new, old)


@pytest.mark.slow
def test_aline_is_trained_from_another_start_when_its_intervals_miss(settings, instance) -> None:
    root = settings.platform.data_dir.parent
    assert tick(settings, instance, ALINE) == "its intervals hold on fresh patients, or nobody has looked"
    assert execute(settings, instance, ALINE_CHECK_JOB).success
    assert open_findings(instance, FRESH_CHECK) == {}
    change(root, "presets/tiny.yaml", "train", "promotion", "coverage_90", to=[0.999, 1.0])
    result = execute(reload(root), instance, ALINE_CHECK_JOB)
    assert result.success  # it warns, and stops nothing
    (found,) = result.get_asset_check_evaluations()
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    (request,) = tick(settings, instance, ALINE)
    assert request.job_name in (ALINE_JOB, None)
    assert request.run_key == f"aline:{result.run_id}"
    seed = request.run_config["ops"]["training_run"]["config"]["seed"]
    assert seed != settings.train.seed
    (again,) = tick(settings, instance, ALINE)
    assert again.run_key == request.run_key
    before = rows(settings, tables.Checkpoints)["version"].item()
    done = execute(settings, instance, ALINE_JOB, request.tags, **request.run_config)
    assert done.success
    assert rows(settings, tables.Checkpoints)["version"].item() != before
    assert (
        rows(settings, tables.Questions)["version"].unique().to_list()
        == rows(settings, tables.Checkpoints)["version"].to_list()
    )
