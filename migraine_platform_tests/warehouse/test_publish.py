from __future__ import annotations

import json
import multiprocessing
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from migraine_platform.config import Settings
from migraine_platform.defs.context import partitions_of
from migraine_platform.ingest.recorded import recorded_days
from migraine_platform.priors import mock
from migraine_platform.priors.distributions import distribution_frame
from migraine_platform.priors.features import to_frame
from migraine_platform.priors.triggers import trigger_frame
from migraine_platform.simulator.checks import realism
from migraine_platform.simulator.cohort import effects, fitted_parameters
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.contracts import audit_partition, polars_type
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import WHOLE, Lake, LakeError, Stamp
from migraine_platform.warehouse.marts import MARTS, read_mart
from migraine_platform.warehouse.publish import Plan, PublishError, publish
from migraine_platform.warehouse.query import EXAMPLES, QueryError, query, query_text, row_counts


def fill(lake: Lake, settings: Settings, simulator, features, calibration, stamp: Stamp) -> None:
    """Everything the platform writes, audited, without the orchestrator."""
    built = mock.build_mock(features, settings.priors.mock)
    whole = {
        tables.Features: to_frame(features),
        tables.Distributions: distribution_frame(features),
        tables.Triggers: trigger_frame(simulator.settings.triggers),
        tables.MockSamples: mock.sample_frame(built),
        tables.MockMoments: mock.moment_frame(built),
        tables.MockCorrelations: mock.correlation_frame(built),
        tables.CalibrationTerms: fitted_parameters.to_frame(calibration),
        tables.SiteDays: simulator.site_days(),
        tables.TruthInterventions: effects.true_effects(simulator),
    }
    for table, frame in whole.items():
        lake.write(table, WHOLE, frame, stamp)
        seal(lake, table, WHOLE)
    declared = {table.name: table for table in tables.ALL}
    batches = {batch: simulator.batch(number) for number, batch in enumerate(settings.simulator.cohort.batch_names)}
    for batch, frames in batches.items():
        measured = frames[tables.MeasuredDays.name]
        nothing = pl.DataFrame(schema={column.name: polars_type(column) for column in tables.Observations.columns})
        recorded = {tables.RecordedDays.name: recorded_days(measured, nothing)}
        for name, frame in (frames | recorded).items():
            table = declared[name]
            lake.write(table, batch, frame, stamp)
            seal(lake, table, batch)
    cohort = realism.view(
        *(
            pl.concat([frames[table.name] for frames in batches.values()])
            for table in (tables.PatientDays, tables.TruthPatientDays, tables.Attacks, tables.MeasuredDays)
        )
    )
    for table, frame in learned(settings).items():
        for batch, rows in frame.items():
            lake.write(table, batch, rows, stamp)
            seal(lake, table, batch)
    lake.write(tables.Realism, WHOLE, realism.realism_frame(settings.realism, cohort, whole[tables.SiteDays]), stamp)
    seal(lake, tables.Realism, WHOLE)


def learned(settings: Settings) -> dict[type[Table], dict[str, pl.DataFrame]]:
    """Rows of what ALINE writes, by partition: one of each, as its steps would make them."""
    version, last = "0123456789ab", settings.simulator.cohort.last_date
    log = {"run": "a-b", "step": 1, "phase": "random", "loss": 1.0, "l_post": 1.0, "policy_loss": 0.0, "gain_loss": 0.0}
    score = {"version": version, "model": "aline", "subset": "complete_day", "metric": "log_loss"}
    row = {"version": version, "task": "migraine_window", "step": 1, "width": 32, "layers": 2, "parameters": 1}
    hashes = {"configuration": "0" * 16, "data": "1" * 16}
    questions = {
        batch: pl.DataFrame(
            {
                "patient_id": f"P{first + 1:04d}",
                "patient_batch": batch,
                "for_date": last + timedelta(days=1),
                "rank": 1,
                "hour": 19,
                "question": "sleep",
                "expected_gain": 0.5,
                "version": version,
            }
        )
        for first, batch in zip((0, 25, 50), settings.simulator.cohort.batch_names, strict=True)
    }
    return {
        tables.TrainingLog: {WHOLE: pl.DataFrame({**log, "auc": 0.5, "brier": 0.2, "validation_log_score": -1.0})},
        tables.Scores: {WHOLE: pl.DataFrame({**score, "value": 0.5, "lower": 0.4, "upper": 0.6})},
        tables.Checkpoints: {WHOLE: pl.DataFrame({**row, **hashes, "validation_log_score": -1.0, "torch": "2.13.0"})},
        tables.Questions: questions,
        **observed(settings),
        **twins(settings),
        **evaluated(settings),
    }


def observed(settings: Settings) -> dict[type[Table], dict[str, pl.DataFrame]]:
    """Rows of what files from outside say: one file, of whose two rows one is not believed."""
    digest, last = "0123456789abcdef", settings.simulator.cohort.last_date
    rows: dict[type[Table], dict[str, object]] = {
        tables.Files: {
            **{"digest": digest, "file_name": "observations.csv", "arrival": 1, "status": "accepted", "reason": None},
            "received_at": datetime(2026, 11, 21, 12),
            **{"rows": 2, "accepted_rows": 1, "quarantined_rows": 1},
        },
        tables.Observations: {"patient_id": "P0001", "date": last, "digest": digest, "stress_level": 5},
        tables.Quarantine: {
            **{"digest": digest, "row": 3, "column_name": "stress_level", "rule": "range", "expected": "1 to 10"}
        },
    }
    return {table: {WHOLE: frame_of(table, row)} for table, row in rows.items()}


def evaluated(settings: Settings) -> dict[type[Table], dict[str, pl.DataFrame]]:
    """Rows of what an evaluation writes: one model's one forecast, and what is made of it."""
    tomorrow = settings.simulator.cohort.last_date + timedelta(days=1)
    said = {"model": "twins", "split": "chronological"}
    of_day = {"split": "chronological", "patient_id": "P0001", "for_date": tomorrow}
    between = {"value": 0.5, "lower": 0.4, "upper": 0.6}
    compared = {"difference": -0.1, "lower": -0.2, "upper": 0.0, "p_value": 0.04, "p_adjusted": 0.08}
    warned = {"sensitivity": 1.0, "specificity": 0.0, "net_benefit": 0.2, "warn_always": 0.2}
    rows: dict[type[Table], dict[str, object]] = {
        tables.StudyPatients: {"patient_id": "K001", "sex": "F", "age": 40, "aura": "aura", "medication": "none"},
        tables.StudyDays: {"patient_id": "K001", "study_day": 700, "treatment_day": 1, "headache": True},
        tables.EvaluatedModels: {**said, "title": "Twins", "kind": "learned", "about": "A model.", "threshold": 0.25},
        tables.EvaluatedDays: {
            **of_day,
            **{"migraine": True, "recorded": True, "after_migraine": False, "after_signs": True},
            **{"history_days": 40, "full_state": 0.4},
            **{"hours_ahead": 9.5, "sex": "F", "course": "episodic", "aura": "aura", "adherence_quartile": 4},
        },
        tables.EvaluatedForecasts: {**of_day, "model": "twins", "probability": 0.6},
        tables.Metrics: {**said, "subset": "all", "metric": "log_loss", **between, "days": 1, "patients": 1},
        tables.Differences: {**said, "baseline": "base_rate", "subset": "all", "metric": "log_loss", **compared},
        tables.CalibrationCurve: {
            **said, "bin": 6, "days": 1, "said": 0.6, "came": 1.0, "lower": 0.2, "upper": 1.0,
        },
        tables.WarningThresholds: {**said, "threshold": 0.5, **warned},
        tables.StateErrors: {"feature": "stress_level", "unit": "points", "model": "experts", "days": 1, "mae": 1.0},
        tables.SymptomRecovery: {
            **{"symptom": "severity", "unit": "points", "metric": "mae", "patients": 40, "value": 0.5},
            **{"lower": 0.4, "upper": 0.6},
        },
        tables.TriggerRecovery: {"trigger": "all", "metric": "precision", **between},
        tables.TriggerAgreement: {
            **{"patient_id": "P0001", "trigger": "sleep", "probability": 0.6, "found": True, "listed": True},
            "verdict": "agreed",
        },
        tables.QuestionCurve: {
            "rule": "aline", "questions": 0, "information": 0.0, "lower": 0.0, "upper": 0.0, "windows": 1,
        },
        tables.Gates: {"gate": "calibration error", "value": 0.01, "limit": 0.05, "passed": True},
        tables.Provenance: {"item": "population of twins", "value": "0123456789ab"},
    }  # fmt: skip
    return {table: {WHOLE: frame_of(table, row)} for table, row in rows.items()}


def frame_of(table: type[Table], *rows: dict[str, object]) -> pl.DataFrame:
    """Rows with the declared types; null where they say nothing."""
    types = {column.name: polars_type(column) for column in table.columns}
    return pl.DataFrame([{name: row.get(name) for name in types} for row in rows], schema=types)


def twins(settings: Settings) -> dict[type[Table], dict[str, pl.DataFrame]]:
    """Rows of what twins say, by partition: one of each, of the batch's first patient."""
    version, last = "0123456789ab", settings.simulator.cohort.last_date
    tomorrow = last + timedelta(days=1)
    spans = {"probability": 0.3, "lower": 0.2, "upper": 0.4}
    effect = {"mean": 0.5, "lower": 0.2, "upper": 0.9}
    threshold = {"detector": "likelihood_ratio", "stream": "surprise", "threshold": 9.0, "scale": 1.0}
    whole = {
        tables.TwinPopulation: {
            WHOLE: pl.DataFrame({"version": version, "parameter": "format", "place": 0, "value": 1.0})
        },
        tables.Thresholds: {WHOLE: pl.DataFrame({**threshold, "false_alarms_a_year": 0.05})},
    }
    rows: dict[type[Table], dict[str, object]] = {
        tables.Twins: {
            **{"patient_batch": "", "status": "fitted", "reason": None, "as_of": last, "twin_version": version},
            **{"population_version": version, "file_version": version, "in_population": True},
            **{"entries": 30, "silent_evenings": 0},
            **{"discarded_values": 0, "adherence": 0.8, "level": -1.0, "transition_model": "experts"},
            **{"state_space_log_likelihood": -1.0, "experts_log_likelihood": -1.0, "horizon_days": 2},
            **{"state_error": 1.0, "validation_days": 10, "validation_log_loss": 0.5, "validation_brier": 0.2},
            **{
                "climatology_log_loss": 0.6,
                "severity": 6.0,
                "severity_sd": 1.5,
                "weekend": 0.1,
                "weekend_sd": 0.2,
                "trained_on": last,
                "updates": 0,
            },
            **{"recent_state_error": 1.0, "state_error_p": 0.4, "drift_adaptations": 0, "last_drift_adaptation": last},
            **{"recent_adaptations": 0},
            **{"drift_kind": "label", "previous_file_version": None},
        },
        tables.TwinStates: {"as_of": last, "file_version": version},
        tables.AppliedObservations: {"date": last, "content_hash": version},
        tables.Predictions: {
            **{"made_on": last, "for_date": tomorrow, "confidence": 0.8, "aleatoric": 0.2, "epistemic": 0.01},
            **{**spans, "model": "hazard filter", "twin_version": version},
        },
        tables.DaysAhead: {"made_on": last, "for_date": tomorrow, "probability": 0.3, "lower": 0.2, "upper": 0.4},
        tables.StatesAhead: {
            **{"for_date": tomorrow, "feature": "steps", "unit": "steps", "model": "experts", "median": 6_000.0},
            **{"lower": 3_000.0, "upper": 9_000.0, "usual": 7_000.0},
        },
        tables.Contributions: {
            **{
                "for_date": tomorrow,
                "factor": "trigger: sleep",
                "log_odds": 0.5,
                "sd": 0.1,
                "observed": 4.5,
                "unit": "h",
            }
        },
        tables.TriggerSensitivity: {
            **{"trigger": "sleep", **effect, "probability_positive": 1.0, "probability_strong": 0.5, "confidence": 0.1},
            "probability_above_usual": 0.4,
            "effect": "direct",
        },
        tables.TriggerThresholds: {"exposure": "time asleep, too short", **effect, "unit": "h", "supported": 0.9},
        tables.TriggerInteractions: {"pair": "sleep and diet", **effect, "probability_positive": 0.9, "days": 3},
        tables.AlikeTriggers: {"trigger": "sleep", "other": "diet", **effect, "correlation": 0.95, "days": 9},
        tables.SymptomPhases: {
            **{"phase": "aura", "probability": 0.3, "typical_hours": 0.5, "low_hours": 0.2, "high_hours": 1.0},
            "attacks": 4,
        },
        tables.OnsetTimes: {
            **{"median_days": 3.0, "expected_days": 4.0, "within_1_day": 0.2, "within_2_days": 0.3},
            **{"within_3_days": 0.5, "within_7_days": 0.8},
        },
        tables.Signs: {
            **{"sign": "prodrome", "lag_days": 0, "log_odds": 1.0, "lower": 0.2, "upper": 1.8},
            **{"probability_positive": 0.9, "announces": True, "lead_days": 0.1, "lead_hours": 2.0},
        },
        tables.Audit: {
            **{"population": "0" * 16, "for_date": tomorrow, "event": "outcome", "twin_version": version},
            "made_on": last,
            **{"inputs_hash": version, **spans, "outcome": 1},
        },
        tables.Watch: {
            **{"date": last, "covariate": 0.1, "concept": 0.2, "label": 0.3, "log_odds": -0.5, "state_error": 1.0},
            "surprise": None,
        },
        tables.Drift: {
            **{"detected_on": last, "since": last, "shape": "sudden", "kind": "label", "target": "hazard", "size": 1.0},
            **{"statistic": 9.5, "detector": "likelihood_ratio", "way_level": 0.6},
            **{f"way_{trigger}": 0.1 for trigger in ("weather", "sleep", "stress", "diet")},
        },
        tables.Challengers: {
            **{"file_version": "f" * 12, "born_on": last, "prior": 0.5, "champion_log_likelihood": 0.0},
            **{"challenger_log_likelihood": 0.0, "weight": 0.5},
        },
        tables.Retrainings: {
            **{"patient_batch": "", "requested_on": last, "decided_on": last, "decision": "on trial", "reasons": "old"},
            **{"champion_version": version, "challenger_version": "f" * 12, "champion_population": version},
            **{"challenger_population": version, "patients": 25, "nights": 0, "log_likelihood_gain": 0.0},
        },
    }
    batches = list(zip((0, 25, 50), settings.simulator.cohort.batch_names, strict=True))
    return whole | {
        table: {batch: one_row(table, f"P{first + 1:04d}", batch, row) for first, batch in batches}
        for table, row in rows.items()
    }


def one_row(table: type[Table], patient: str, batch: str, row: dict[str, object]) -> pl.DataFrame:
    """A frame of one row."""
    return frame_of(table, {**row, "patient_id": patient, "patient_batch": batch})


def seal(lake: Lake, table: type[Table], partition: str) -> None:
    """Audit the contract, and take the table's other checks as passed."""
    assert audit_partition(lake, table, partition).passed
    for check in table.audits[1:]:
        lake.seal(table, partition, lake.content_hash(table, partition), check)


@pytest.fixture(scope="module")
def dated(settings: Settings, stamp: Stamp) -> Stamp:
    return replace(stamp, last_date=settings.simulator.cohort.last_date)


@pytest.fixture(scope="module")
def plan(settings: Settings) -> Plan:
    return {table: partitions_of(table, settings.simulator.cohort.batch_names) for table in tables.ALL}


@pytest.fixture(scope="module")
def filled(tmp_path_factory, settings, simulator, features, calibration, dated) -> Path:
    """A lake of everything; nothing may change it."""
    folder = tmp_path_factory.mktemp("filled") / "lake"
    fill(Lake(str(folder)), settings, simulator, features, calibration, dated)
    return folder


@pytest.fixture
def lake(filled: Path, tmp_path: Path) -> Lake:
    """A copy of it."""
    return Lake(str(shutil.copytree(filled, tmp_path / "lake")))


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def test_everything_is_published_with_its_rows_comments_and_keys(lake, plan, target, dated) -> None:
    published = publish(lake, plan, target, dated)
    counts = {name: rows for name, rows, _ in row_counts(target)}
    for table, partitions in plan.items():
        assert counts[table.name] == lake.rows(table, partitions) == published.rows[table.name]
    comments = query(
        target, "SELECT schema_name || '.' || table_name AS name, column_name, comment, data_type FROM duckdb_columns()"
    )
    for table in tables.ALL:
        shown = comments.filter(pl.col("name") == table.name)
        assert shown["column_name"].to_list() == [column.name for column in table.columns]
        assert shown["comment"].to_list() == [column.comment for column in table.columns]
        assert shown["data_type"].to_list() == [column.sql_type for column in table.columns]
    publication = query(target, "SELECT * FROM lineage.publication").row(0, named=True)
    assert (publication["population"], publication["last_date"]) == (dated.population, dated.last_date)
    assert list(target.parent.glob("*.tmp*")) == []


def test_rows_arrive_unchanged(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    columns = [column.name for column in tables.PatientDays.columns]
    published = query(target, f"SELECT {', '.join(columns)} FROM cohort.patient_days ORDER BY patient_id, date")
    assert published.equals(lake.read(tables.PatientDays, plan[tables.PatientDays]).sort("patient_id", "date"))


def refused(lake: Lake, plan: Plan, target: Path, stamp: Stamp) -> str:
    """The refusal's message; whatever was published before must still be there, byte for byte."""
    before = target.read_bytes() if target.exists() else None
    with pytest.raises(PublishError) as error:
        publish(lake, plan, target, stamp)
    assert (target.read_bytes() if target.exists() else None) == before
    return str(error.value)


def test_a_missing_partition_is_refused(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    more = {**plan, tables.Patients: [*plan[tables.Patients], "batch-003"]}
    assert "cohort.patients: not in the lake: batch-003" in refused(lake, more, target, dated)


def test_a_partition_that_was_not_audited_is_refused(lake, plan, target, dated) -> None:
    frame = lake.read(tables.SleepDays, ["batch-001"])
    lake.write(tables.SleepDays, "batch-001", frame.with_columns(total_sleep_hours=99.0), dated)
    assert "cohort.sleep_days: not audited, or an audit failed: batch-001" in refused(lake, plan, target, dated)
    assert not audit_partition(lake, tables.SleepDays, "batch-001").passed
    assert "cohort.sleep_days: not audited" in refused(lake, plan, target, dated)


@pytest.mark.parametrize("table", [tables.DiaryDays, tables.Attacks], ids=lambda table: table.name)
@pytest.mark.parametrize("part", ["population", "code", "last_date"])
def test_a_mixture_of_populations_codes_or_days_is_refused(
    lake, plan, target, dated, part: str, table: type[Table]
) -> None:
    other = replace(dated, **{part: dated.last_date + timedelta(days=1) if part == "last_date" else "other"})
    lake.write(table, "batch-002", lake.read(table, ["batch-002"]), other)
    audit_partition(lake, table, "batch-002")
    message = refused(lake, plan, target, dated)
    assert f"{table.name}: of another population, code version or last day: batch-002" in message


def test_settings_that_the_lake_was_not_made_with_are_refused(lake, plan, target, dated) -> None:
    message = refused(lake, plan, target, replace(dated, population="0123456789abcdef"))
    assert all(table.name in message for table in tables.ALL)


def test_a_partition_rewritten_while_the_warehouse_is_built_is_refused(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    before = target.read_bytes()
    frame = lake.read(tables.Patients, ["batch-001"])

    def meddle(line: str) -> None:
        if line.startswith("cohort.patients"):
            lake.write(tables.Patients, "batch-001", frame.with_columns(age=pl.lit(17, pl.Int64)), dated)

    with pytest.raises(PublishError, match=r"rewritten by another run meanwhile: cohort\.patients batch-001"):
        publish(lake, plan, target, dated, meddle)
    assert target.read_bytes() == before


def test_answers_of_an_older_model_are_not_published_beside_a_newer_one(lake, plan, target, dated) -> None:
    batch = plan[tables.Questions][0]
    rows = lake.read(tables.Questions, [batch])
    lake.write(tables.Questions, batch, rows.with_columns(version=pl.lit("ffffffffffff")), dated)
    seal(lake, tables.Questions, batch)
    with pytest.raises(PublishError, match=r"aline\.questions: 1 rows whose version is not in aline\.checkpoints"):
        publish(lake, plan, target, dated)
    assert not target.exists()
    lake.write(tables.Questions, batch, rows, dated)
    seal(lake, tables.Questions, batch)


def test_what_a_client_wrote_into_the_old_file_does_not_reach_the_new_one(lake, plan, target, dated) -> None:
    """A client that opens the file to write and dies leaves a log that DuckDB would replay into its successor."""
    publish(lake, plan, target, dated)
    subprocess.run([sys.executable, "-c", VANDAL, str(target)], check=True)
    assert target.with_name(f"{target.name}.wal").exists()
    publish(lake, plan, target, dated)
    assert query(target, "SELECT max(age) FROM cohort.patients").item() < 99


VANDAL = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("UPDATE cohort.patients SET age = 99")
os._exit(0)
"""


def test_every_check_that_a_table_demands_must_have_passed(lake, plan, target, dated) -> None:
    frame = lake.read(tables.PatientDays, ["batch-000"])
    lake.write(tables.PatientDays, "batch-000", frame.with_columns(pl.col("sleep_quality") / 2), dated)
    assert audit_partition(lake, tables.PatientDays, "batch-000").passed
    assert "cohort.patient_days: not audited, or an audit failed: batch-000" in refused(lake, plan, target, dated)
    seal(lake, tables.PatientDays, "batch-000")
    publish(lake, plan, target, dated)


def test_a_seal_or_a_file_that_is_damaged_is_named(lake, plan, target, dated) -> None:
    seal_file = Path(lake.root) / "cohort" / "patients" / "batch-000.contract.audit.json"
    for content in (b"", b"{", b"[]", b"\xff", b'{"sha256": 1}'):
        seal_file.write_bytes(content)
        assert "cohort.patients: not audited" in refused(lake, plan, target, dated)
    seal(lake, tables.Patients, "batch-000")
    (Path(lake.root) / "cohort" / "patients" / "batch-001.parquet").write_bytes(b"PAR1 torn")
    with pytest.raises(LakeError, match=r"cohort\.patients, batch-001: the file is damaged"):
        lake.rows(tables.Patients, ["batch-001"])
    with pytest.raises(LakeError, match=r"cohort\.patients: not in the lake yet: batch-009"):
        lake.rows(tables.Patients, ["batch-009"])
    with pytest.raises(LakeError, match=r"cohort\.patients, batch-001: the file is damaged; materialise it again"):
        publish(lake, plan, target, dated)


def test_a_new_reader_sees_the_new_version(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    first = query(target, "SELECT published_at FROM lineage.publication").item()
    publish(lake, plan, target, dated)
    assert query(target, "SELECT published_at FROM lineage.publication").item() > first


def _publish_again(lake_root: str, plan: Plan, target: Path, stamp: Stamp, outcome) -> None:
    try:
        publish(Lake(lake_root), plan, target, stamp)
        outcome.put("published")
    except BaseException as error:
        outcome.put(repr(error))


@pytest.mark.slow
def test_publishers_wait_for_each_other(lake, plan, target, dated) -> None:
    context = multiprocessing.get_context("spawn")
    outcome = context.Queue()
    arguments = (lake.root, plan, target, dated, outcome)
    publishers = [context.Process(target=_publish_again, args=arguments) for _ in range(3)]
    for publisher in publishers:
        publisher.start()
    assert [outcome.get(timeout=600) for _ in publishers] == ["published"] * 3
    for publisher in publishers:
        publisher.join()
    assert query(target, "SELECT count(*) FROM lineage.publication").item() == 1


def test_a_plain_duckdb_client_opens_it(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    with duckdb.connect(str(target), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM cohort.patients").fetchone() == (60,)
        for mart in MARTS:
            assert connection.execute(f"SELECT count(*) FROM {mart.name}").fetchone() > (0,)


def test_example_queries_have_answers(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    for question, statement in EXAMPLES.items():
        assert query(target, statement).height > 1, question


def test_no_column_is_without_a_comment(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    named = "schema_name || '.' || table_name AS name, column_name, comment"
    columns = query(target, f"SELECT {named} FROM duckdb_columns() WHERE NOT internal ORDER BY name, column_index")
    assert columns.height > 600
    assert columns.filter(pl.col("comment").is_null()).rows() == []
    for mart in MARTS:
        assert sorted(columns.filter(pl.col("name") == mart.name)["column_name"]) == sorted(mart.columns), mart.name


def test_days_of_the_cycle_are_told_in_phases(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    days = query(target, "SELECT patient_id, date, cycle_day, cycle_phase FROM marts.diary_days")
    first = dict(days.group_by("cycle_phase").agg(pl.col("cycle_day").min()).iter_rows())
    assert {"perimenstrual", "menses", "follicular", "luteal", "late luteal"} <= set(first)
    assert (first["perimenstrual"], first["menses"], first["follicular"]) == (1, 4, 6)
    start = pl.col("date") - pl.duration(days=pl.col("cycle_day") - 1)
    last = days.filter(start == start.max().over("patient_id"))
    known = days.join(last, on=["patient_id", "date"], how="anti")
    assert known["cycle_day"].is_null().equals(known["cycle_phase"].is_null(), check_names=False)
    assert (
        last.filter(pl.col("cycle_day") > 13)["cycle_phase"].null_count()
        == last.filter(pl.col("cycle_day") > 13).height
    )  # when the next menses begin is not known


def test_marts_agree_with_counting_in_polars(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    days = lake.read(tables.PatientDays, plan[tables.PatientDays]).sort("patient_id", "date")
    after = days.with_columns(tomorrow=pl.col("onset").shift(-1).over("patient_id")).drop_nulls("tomorrow")
    mart = {row["trigger"]: row for row in query(target, "SELECT * FROM marts.day_after_trigger").to_dicts()}
    for name in ("weather", "sleep", "stress", "diet"):
        with_trigger = after.filter(pl.col(f"{name}_trigger"))
        assert mart[name]["days_with"] == with_trigger.height
        assert mart[name]["onset_share_after"] == pytest.approx(with_trigger["tomorrow"].mean())
    profile = query(target, "SELECT * FROM marts.patient_profiles WHERE patient_id = 'P0003'").row(0, named=True)
    assert profile["realised_days_a_month"] == pytest.approx(
        30 * days.filter(pl.col("patient_id") == "P0003")["has_migraine"].mean()
    )
    months = query(target, "SELECT sum(patient_days) FROM marts.migraine_by_month").item()
    assert months == days.height


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("DELETE FROM cohort.patients", "found DELETE; expected one query"),
        ("CREATE TABLE x (a INT)", "found CREATE; expected one query"),
        ("COPY cohort.patients TO '/dev/null'", "found COPY; expected one query"),
        ("SELECT 1; SELECT 2", "found SELECT, SELECT; expected one query"),
        ("PIVOT cohort.patients ON sex USING count(*)", "a PIVOT needs its values"),
        ("", "found nothing; expected one query"),
    ],
)
def test_a_query_that_cannot_be_answered_is_one_error(lake, plan, target, dated, statement: str, message: str) -> None:
    publish(lake, plan, target, dated)
    with pytest.raises(QueryError, match=message):
        query(target, statement)


@pytest.mark.parametrize(
    "statement", ["FROM cohort.patients LIMIT 1", "DESCRIBE cohort.patients", "SHOW ALL TABLES", "EXPLAIN SELECT 1"]
)
def test_other_ways_of_asking_are_understood(lake, plan, target, dated, statement: str) -> None:
    publish(lake, plan, target, dated)
    assert query(target, statement).height > 0


def test_every_value_has_a_text(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    odd = "SELECT date 'infinity' AS a, INTERVAL 1 MONTH AS b, [1, 2] AS c, 'x'::BLOB AS d, NULL AS e, 1.5 AS f"
    assert query_text(target, odd, "csv") == 'a,b,c,d,e,f\ninfinity,1 month,"[1, 2]",x,,1.5'
    assert query_text(target, odd, "table").splitlines()[2].split() == [
        "infinity",
        "1",
        "month",
        "[1,",
        "2]",
        "x",
        "·",
        "1.5",
    ]
    assert json.loads(query_text(target, odd, "json"))[0]["c"] == [1, 2]
    numbers = "SELECT 'nan'::DOUBLE AS a, 1.5 AS b, [1.5] AS c"
    assert json.loads(query_text(target, numbers, "json")) == [{"a": None, "b": 1.5, "c": [1.5]}]
    with pytest.raises(QueryError, match="two columns have one name"):
        query_text(target, "SELECT 1 AS a, 2 AS a", "json")
    assert query_text(target, "SELECT * FROM range(5)", "table", rows=2).endswith("(3 more rows)")


def test_an_unpublished_warehouse_is_an_error(target) -> None:
    with pytest.raises(QueryError, match="nothing is published yet"):
        query(target, "SELECT 1")


def test_a_mart_without_a_description_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nameless.sql"
    path.write_text("SELECT 1")
    with pytest.raises(ValueError, match=r"nameless\.sql: expected a comment that says what"):
        read_mart(path)


KILLED = """
import os, signal, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE TABLE mine (a INTEGER PRIMARY KEY); INSERT INTO mine VALUES (1)")
connection.execute("CREATE INDEX own ON mine (a)")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_log_that_a_killed_client_left_is_one_sentence_and_a_publication_ends_it(lake, plan, target, dated) -> None:
    publish(lake, plan, target, dated)
    subprocess.run([sys.executable, "-c", KILLED, str(target)], check=False)
    log = target.with_name(f"{target.name}.wal")
    assert log.exists()
    with pytest.raises(QueryError, match="was killed and left this log; delete it, or publish again"):
        query(target, "SELECT 1")
    publish(lake, plan, target, dated)
    assert not log.exists()
    assert query(target, "SELECT 1").item() == 1


def test_a_warehouse_that_is_a_link_stays_one(lake, plan, target, dated, tmp_path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    target.symlink_to(share / "warehouse.duckdb")
    publish(lake, plan, target, dated)
    assert target.is_symlink()
    assert not (share / "warehouse.duckdb").is_symlink()
    assert query(target, "SELECT count(*) FROM cohort.patients").item() > 0
