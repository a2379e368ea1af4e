"""Twins in Dagster: made in one run, held to their checks, one batch or all of them, with a trail that only grows."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from migraine_platform.config import Settings, load_settings, resized
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.build import build_defs
from migraine_platform.defs.context import RANGE_END_TAG, RANGE_START_TAG, REMAKE_TAG, all_batches_tags
from migraine_platform.twin.core.model import TwinModel
from migraine_platform.twin.updating.storage import load_state
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import change, make_project

pytestmark = pytest.mark.slow

COHORT = ["feature_table", "feature_priors", "calibration", "calendar", "site_days", *SIMULATED]
TWINS = ["observations", "recorded_days", "twin_population", "drift_thresholds", *SAID]
BATCHES = ["batch-000", "batch-001", "batch-002"]


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture(scope="module")
def settings(tmp_path_factory, instance) -> Settings:
    """A project whose cohort and twins lie in the lake."""
    settings = load_settings("tiny", make_project(tmp_path_factory.mktemp("twins") / "project"))
    assert run(settings, instance, COHORT + TWINS).success
    return settings


def run(
    settings: Settings, instance: dg.DagsterInstance, assets: list[str], tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    selection = dg.AssetSelection.assets(*assets)
    job = dg.define_asset_job("some", selection=selection, tags=tags or all_batches_tags(settings))
    merged = dg.Definitions.merge(build_defs(settings), dg.Definitions(jobs=[job]))
    return merged.resolve_job_def("some").execute_in_process(
        instance=instance, raise_on_error=False, run_config={"loggers": {"console": {}}}
    )


def lake_of(settings: Settings) -> Lake:
    return Lake(Places.of(settings.platform).lake_url)


def test_everybody_has_a_twin_that_can_be_loaded(settings) -> None:
    lake, places = lake_of(settings), Places.of(settings.platform)
    population = TwinModel.from_frame(lake.read(tables.TwinPopulation))
    for batch in BATCHES:
        rows = lake.read(tables.Twins, [batch])
        patients = lake.read(tables.Patients, [batch])
        assert rows["patient_id"].to_list() == patients["patient_id"].to_list()
        state = load_state(places.twins(rows["file_version"][0])).twins
        assert state.patient_ids == tuple(rows["patient_id"])
        assert state.versions() == rows["twin_version"].to_list()
        assert state.population == population.version == rows["population_version"][0]
        assert lake.sealed(tables.Twins, batch)
        assert lake.sealed(tables.Predictions, batch)


def test_reasons_add_up_and_forecasts_reach_back_to_the_validation_days(settings) -> None:
    lake = lake_of(settings)
    last = settings.simulator.cohort.last_date
    said = lake.read(tables.Predictions, BATCHES)
    assert said.group_by("patient_id").len()["len"].unique().to_list() == [settings.twin.validation_days]
    tonight = said.filter(pl.col("made_on") == last).sort("patient_id")
    sums = lake.read(tables.Contributions, BATCHES).group_by("patient_id").agg(pl.col("log_odds").sum())
    p = tonight["probability"]
    assert (sums.sort("patient_id")["log_odds"] - (p / (1 - p)).log()).abs().max() < 1e-9


@pytest.mark.parametrize("more", [{}, {REMAKE_TAG: "to see whether they are the same"}], ids=["kept", "made anew"])
def test_one_batch_alone_gives_the_same_bytes(settings, instance, more: dict[str, str]) -> None:
    lake = lake_of(settings)
    written = [table for said in SAID.values() for table in said]
    before = {table: lake.content_hash(table, "batch-001") for table in written}
    tags = {RANGE_START_TAG: "batch-001", RANGE_END_TAG: "batch-001", **more}
    assert run(settings, instance, list(SAID), tags).success
    assert {table: lake.content_hash(table, "batch-001") for table in written} == before


def test_the_ui_shows_a_twin_and_how_true_forecasts_came(settings, instance) -> None:
    for asset, picture in (("twins", "a twin"), ("predictions", "reliability")):
        event = instance.get_latest_materialization_event(dg.AssetKey(asset))
        shown = str(event.asset_materialization.metadata[picture].value)
        assert "data:image/png;base64," in shown
        assert "P00" not in shown.split("base64,")[0]


def test_the_audit_trail_only_grows(settings, instance) -> None:
    before = lake_of(settings).read(tables.Audit, BATCHES)
    later = resized(settings, days=settings.simulator.cohort.days + 1)
    assert run(later, instance, COHORT + TWINS).success
    after = lake_of(later).read(tables.Audit, BATCHES)
    again = after.join(before, on=list(tables.Audit.key), how="semi").sort(tables.Audit.key)
    assert again.equals(before.sort(tables.Audit.key))
    added = after.join(before, on=list(tables.Audit.key), how="anti")
    last = later.simulator.cohort.last_date
    forecasts, outcomes = (added.filter(pl.col("event") == event) for event in ("forecast", "outcome"))
    assert forecasts["made_on"].unique().to_list() == [last]
    assert forecasts.height == 60
    # An outcome is complete on the evening after its day, and told only by a diary of that day: none can be there yet.
    assert outcomes.is_empty()


def test_onsets_are_shrunk_to_the_cohort_whichever_batches_a_night_is_of(settings, instance) -> None:
    """Given a day without one, which the twin's own forecast decides, the next onset is as if made anew."""
    later = resized(settings, days=settings.simulator.cohort.days + 2)
    alone = {RANGE_START_TAG: "batch-001", RANGE_END_TAG: "batch-001"}
    anew = {**all_batches_tags(later), REMAKE_TAG: "to see whether they are the same"}
    assert run(later, instance, [*COHORT, "observations", "recorded_days"]).success

    def told(tags: dict[str, str], updates: int) -> pl.DataFrame:
        assert run(later, instance, list(SAID), tags).success
        assert set(lake_of(later).read(tables.Twins, ["batch-001"])["updates"]) == {updates}
        rows = lake_of(later).read(tables.OnsetTimes, ["batch-001"])
        none_yet = 1 - rows["within_1_day"]
        return rows.select("patient_id", *((1 - rows[f"within_{days}_days"]) / none_yet for days in (2, 3, 7)))

    assert_frame_equal(told(alone, updates=2), told(anew, updates=0))


def test_forecasts_that_miss_a_demand_are_not_promoted(settings, instance) -> None:
    root = settings.platform.data_dir.parent
    change(root, "presets/tiny.yaml", "twin", "promotion", "coverage_90", to=[1.0, 1.0])
    strict = load_settings("tiny", root)
    assert run(strict, instance, COHORT + TWINS).success is False
    lake = lake_of(strict)
    assert not lake.sealed(tables.Predictions, "batch-000")
    assert lake.sealed(tables.Twins, "batch-000")


def test_without_the_populations_experts_the_step_says_what_is_missing(settings, instance) -> None:
    places = Places.of(settings.platform)
    for path in places.twins("x").parent.glob("experts-*.safetensors"):
        path.unlink()
    result = run(settings, instance, list(SAID), {**all_batches_tags(settings), REMAKE_TAG: "to see what it needs"})
    assert not result.success
    failure = next(event for event in result.all_events if event.is_step_failure)
    assert "experts-" in str(failure.step_failure_data.user_failure_data.description)
