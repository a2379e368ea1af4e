"""Every check that guards a publication, seen to fail on the fault that it is for, in a copy of a finished platform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from migraine_platform.config import Settings
from migraine_platform.defs.automation import PLATFORM_JOB, night_tags
from migraine_platform.operations.clock import tonight
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import WHOLE
from migraine_platform.warehouse.lake.places import Places
from migraine_platform_tests.conftest import Finished, change
from migraine_platform_tests.defs.lived import BATCHES, execute, lake_of, reload

FIRST = "batch-000"
Fault = Callable[[Settings], None]


def rewritten(table: type[Table], spoil: Callable[[pl.DataFrame], pl.DataFrame], *parts: str) -> Fault:
    """Partitions of the lake with other rows, under the stamps that they had."""

    def plant(settings: Settings) -> None:
        lake = lake_of(settings)
        for part in parts:
            stamp = lake.stamp(table, part)
            made_by = ".".join(stamp.code.split(".")[:3])  # what a table adds to it is added again
            lake.write(table, part, spoil(lake.read(table, [part])), replace(stamp, code=made_by))

    return plant


def without_a_row(frame: pl.DataFrame) -> pl.DataFrame:
    return frame[1:]


def in_the_warehouse(settings: Settings) -> None:
    with duckdb.connect(str(Places.of(settings.platform).warehouse)) as connection:
        connection.execute("DELETE FROM cohort.patients WHERE patient_id = 'P0001'")


TOGETHER = {
    "patient_days": (tables.COMPLETE, *tables.VALIDATION),
    "predictions": (tables.TRUE_PROBABILITIES, tables.COVERS),
    "checkpoint": (tables.CALIBRATED, tables.BEATS_BASELINES, tables.ASKS_WELL),
}
"""Checks that are made in one step, and cannot be chosen one by one."""

SURE = pl.lit(0.99)


def behind(metric: str) -> Fault:
    """Scores in which every rival is ahead of the network."""

    def worse(rows: pl.DataFrame) -> pl.DataFrame:
        rival = pl.col("metric") == metric
        return rows.with_columns(
            pl.when(rival).then(pl.lit(-bound)).otherwise(pl.col(name)).alias(name)
            for name, bound in (("value", 0.2), ("lower", 0.3), ("upper", 0.1))
        )

    return rewritten(tables.Scores, worse, WHOLE)


FAULTS: dict[str, tuple[str, str, Fault, str]] = {
    "an age is impossible": (
        "patients",
        "contract",
        rewritten(tables.Patients, lambda rows: rows.with_columns(age=pl.lit(200, rows["age"].dtype)), FIRST),
        "cohort.patients batch-000: of 25 rows, contract broken by: age|max: 25 rows",
    ),
    "everybody sleeps three hours more": (
        "patient_days",
        "distributions",
        rewritten(
            tables.PatientDays,
            lambda rows: rows.with_columns(pl.col("total_sleep_hours") + pl.lit(3, rows["total_sleep_hours"].dtype)),
            *BATCHES,
        ),
        "total_sleep_hours has mean",
    ),
    "migraine keeps away after a fall of pressure": (
        "patient_days",
        "correlations",
        rewritten(
            tables.PatientDays,
            lambda rows: rows.sort("patient_id", "date").with_columns(
                has_migraine=~pl.col("weather_trigger").shift(1, fill_value=False).over("patient_id")
            ),
            *BATCHES,
        ),
        "weather: migraine is -",
    ),
    "there are no women": (
        "patient_days",
        "proportions",
        rewritten(tables.Patients, lambda rows: rows.with_columns(sex=pl.lit("M")), *BATCHES),
        "female share 0.0%",
    ),
    "an attack is missing": (
        "patient_days",
        "temporal_consistency",
        rewritten(tables.Attacks, lambda rows: rows.filter(pl.col("attack_id") != pl.col("attack_id").max()), FIRST),
        "onsets without an attack",
    ),
    "clinicians' directions are the wrong way round": (
        "mock_distribution",
        "clinical_directions",
        rewritten(tables.MockSamples, lambda rows: rows.with_columns(p_migraine=1 - pl.col("p_migraine")), WHOLE),
        "wrong way round",
    ),
    "migraine is of one kind or the other": (
        "mock_distribution",
        "probabilities_unimodal",
        rewritten(
            tables.MockSamples,
            lambda rows: rows.with_columns(p_migraine=0.1 + 0.8 * (pl.col("sample") % 2)),
            WHOLE,
        ),
        "2 modes",
    ),
    "migraine days are days like any other": (
        "mock_distribution",
        "posterior_shifted",
        rewritten(tables.MockMoments, lambda rows: rows.with_columns(mu_post="mu_prior"), WHOLE),
        "largest shift +0.00 sd",
    ),
    "a baseline is ahead of the network": (
        "checkpoint",
        tables.BEATS_BASELINES,
        behind("log_loss_behind_aline"),
        "base_rate is behind by -0.2000 nats (-0.3000 to -0.1000); expected more than chance",
    ),
    "questions at random tell more": (
        "checkpoint",
        tables.ASKS_WELL,
        behind("information_behind_aline"),
        "random is behind by -0.2000 nats",
    ),
    "a day is missing": (
        "patient_days",
        tables.COMPLETE,
        rewritten(tables.PatientDays, without_a_row, FIRST),
        "1 patients lack days",
    ),
    "a patient has no twin": (
        "twins",
        tables.EVERY_TWIN,
        rewritten(tables.Twins, without_a_row, FIRST),
        "1 patients without a twin",
    ),
    "forecasts are too sure": (
        "predictions",
        tables.TRUE_PROBABILITIES,
        rewritten(
            tables.Predictions, lambda rows: rows.with_columns(probability=SURE, lower=SURE, upper=SURE), *BATCHES
        ),
        "calibration error",
    ),
    "intervals are too narrow": (
        "predictions",
        tables.COVERS,
        rewritten(
            tables.Predictions, lambda rows: rows.with_columns(lower="probability", upper="probability"), *BATCHES
        ),
        "90 % intervals hold",
    ),
    "a figure lies outside of its reference": (
        "realism",
        "realistic",
        rewritten(tables.Realism, lambda rows: rows.with_columns(verdict=pl.lit("outside")), WHOLE),
        "outside of their references",
    ),
    "triggers do three times what they should": (
        "calibration",
        tables.TARGETS,
        rewritten(
            tables.CalibrationTerms,
            lambda rows: rows.with_columns(
                value=pl.when(pl.col("parameter") == "beta").then(3 * pl.col("value")).otherwise("value")
            ),
            WHOLE,
        ),
        "weather",
    ),
    "a row is missing in the published file": (
        "warehouse",
        "opens_with_all_rows",
        in_the_warehouse,
        "cohort.patients",
    ),
    "the network's intervals are too narrow": (
        "checkpoint",
        tables.CALIBRATED,
        rewritten(
            tables.Scores,
            lambda rows: rows.with_columns(
                value=pl.when(pl.col("metric").str.starts_with("coverage")).then(pl.lit(0.1)).otherwise("value")
            ),
            WHOLE,
        ),
        "expected",
    ),
}


@pytest.fixture
def settings(finished: Finished, tmp_path: Path) -> Settings:
    """A copy of the finished platform, with the limits of the default preset."""
    root = finished.copy(tmp_path / "project")
    change(root, "presets/tiny.yaml", "twin", "promotion", to={"calibration_error": 0.3, "coverage_90": [0.5, 1.0]})
    for rivals, named in (("must_beat", "base_rate"), ("must_ask_better_than", "random")):
        change(root, "presets/tiny.yaml", "train", "promotion", rivals, to=[named])
    return reload(root)


def judged(settings: Settings, asset: str, check: str) -> dg.AssetCheckEvaluation:
    key = dg.AssetCheckKey(dg.AssetKey(asset), check)
    together = {dg.AssetCheckKey(dg.AssetKey(asset), name) for name in TOGETHER.get(asset, (check,))}
    night = tonight(Places.of(settings.platform), settings, None).night
    with dg.instance_for_test() as instance:
        result = execute(
            settings, instance, PLATFORM_JOB, night_tags(settings, night), assets=[], checks=together or {key}
        )
    (found,) = [one for one in result.get_asset_check_evaluations() if one.asset_check_key == key]
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_a_check_fails_on_the_fault_that_it_is_for(settings: Settings, fault: str) -> None:
    asset, check, plant, told = FAULTS[fault]
    plant(settings)
    found = judged(settings, asset, check)
    assert not found.passed
    assert told in (found.description or "")
