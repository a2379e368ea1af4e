"""Training, promotion and questions in real runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from migraine_platform.config import Settings, load_settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.context import all_batches_tags
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import change, make_project

pytestmark = pytest.mark.slow

UPSTREAM = [
    "feature_table", "feature_priors", "calibration", "site_days", *SIMULATED, "observations", "recorded_days",
]  # fmt: skip
ALINE = ["training_run", "checkpoint", "question_policy"]


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture(scope="module")
def settings(tmp_path_factory, instance) -> Settings:
    """A project whose cohort lies in the lake."""
    settings = load_settings("tiny", make_project(tmp_path_factory.mktemp("aline") / "project"))
    assert run(settings, instance, UPSTREAM).success
    return settings


def run(
    settings: Settings, instance: dg.DagsterInstance, assets: list[str], **config: object
) -> dg.ExecuteInProcessResult:
    selection = dg.AssetSelection.assets(*assets)
    job = dg.define_asset_job("some", selection=selection, tags=all_batches_tags(settings))
    merged = dg.Definitions.merge(build_defs(settings), dg.Definitions(jobs=[job]))
    ops = {"ops": {"training_run": {"config": config}}} if config else {}
    run_config = {"loggers": {"console": {}}, **ops}
    return merged.resolve_job_def("some").execute_in_process(
        instance=instance, raise_on_error=False, run_config=run_config
    )


def test_a_checkpoint_is_trained_promoted_and_asked(settings, instance) -> None:
    result = run(settings, instance, ALINE)
    assert result.success
    lake, places = Lake(Places.of(settings.platform).lake_url), Places.of(settings.platform)
    version = lake.read(tables.Checkpoints)["version"][0]
    assert places.checkpoint(version).with_suffix(".safetensors").is_file()
    questions = lake.read(tables.Questions, ["batch-000", "batch-001", "batch-002"])
    assert questions["patient_id"].n_unique() == 60
    assert questions["version"].unique().to_list() == [version]
    assert lake.read(tables.TrainingLog).height == settings.train.steps


def test_learning_curves_live_in_the_run(settings, instance) -> None:
    observed = instance.fetch_observations(dg.AssetKey("training_run"), limit=10).records
    steps = [record.event_log_entry.asset_observation.metadata["step"].value for record in observed]
    assert sorted(steps) == [8, 16, 24]
    event = instance.get_latest_materialization_event(dg.AssetKey("training_run"))
    assert "data:image/png;base64," in str(event.asset_materialization.metadata["curves"].value)


def test_the_launchpad_may_choose_seed_and_steps(settings, instance) -> None:
    before = Lake(Places.of(settings.platform).lake_url).read(tables.TrainingLog)
    result = run(settings, instance, ["training_run"], steps=9, seed=5)
    assert result.success
    after = Lake(Places.of(settings.platform).lake_url).read(tables.TrainingLog)
    assert after.height == 9
    assert after["run"][0] != before["run"][0]


def test_a_checkpoint_that_fails_a_check_is_not_promoted(settings, instance) -> None:
    """The real demand, on a network trained for a few steps: questions and warehouse stay what they were."""
    root = settings.platform.data_dir.parent
    lake = Lake(Places.of(settings.platform).lake_url)
    assert run(settings, instance, ALINE).success
    before = lake.content_hash(tables.Questions, "batch-000")
    change(root, "presets/tiny.yaml", "train", "promotion", "must_beat", to=["logistic_regression"])
    strict = load_settings("tiny", root)
    result = run(strict, instance, ALINE)
    assert not result.success
    failed = [found for found in result.get_asset_check_evaluations() if not found.passed]
    assert [found.check_name for found in failed] == [tables.BEATS_BASELINES]
    assert "logistic_regression is behind by" in (failed[0].description or "")
    assert not lake.sealed(tables.Checkpoints, WHOLE)
    assert lake.content_hash(tables.Questions, "batch-000") == before
    alone = run(strict, instance, ["question_policy"])
    assert not alone.success
    (event,) = [event for event in alone.all_events if event.is_step_failure]
    assert "not every check was passed" in str(event.step_failure_data.user_failure_data.description)
    change(root, "presets/tiny.yaml", "train", "promotion", "must_beat", to=[])


def test_questions_refuse_a_checkpoint_of_other_hours(settings, instance) -> None:
    """A checkpoint trained on hours of another kind says so."""
    root: Path = settings.platform.data_dir.parent
    assert run(settings, instance, ALINE).success
    change(root, "hours.yaml", "recall_hours", "intake", to=3)
    result = run(load_settings("tiny", root), instance, ["question_policy"])
    assert not result.success
    (event,) = [event for event in result.all_events if event.is_step_failure]
    assert "trained on data" in str(event.step_failure_data.user_failure_data.description)
    change(root, "hours.yaml", "recall_hours", "intake", to=settings.hours.recall_hours["intake"])
