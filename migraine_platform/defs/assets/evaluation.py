"""What models are worth: forecasts side by side, their figures, and what a population of twins must show."""

from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.aline import network_in_use
from migraine_platform.defs.assets.cohort import simulator_of
from migraine_platform.defs.context import Population, failing_plainly
from migraine_platform.defs.describe import table_metadata, written
from migraine_platform.defs.promotion import judge_population
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake import WHOLE, Lake
from migraine_platform.warehouse.places import Places

if TYPE_CHECKING:
    import polars as pl

    from migraine_platform.evaluation.forecasts import Comparison, Materials
    from migraine_platform.twin.lifecycle import Keeper

GROUP = "evaluation"
BY_BATCH = {
    "patients", "patient_days", "recorded_days", "truth_patients", "truth_patient_days", "truth_drift", "attacks",
    "twins", "predictions", "trigger_sensitivity", "drift", "retrainings",
}  # fmt: skip
"""Upstream assets of which every batch is read."""

EVALUATION: dict[str, tuple[type[Table], ...]] = {
    "compared_forecasts": (
        tables.EvaluatedForecasts,
        tables.EvaluatedDays,
        tables.EvaluatedModels,
        tables.Provenance,
    ),
    "metrics": (tables.Metrics, tables.Differences, tables.CalibrationCurve, tables.WarningThresholds),
    "state_errors": (tables.StateErrors,),
    "trigger_recovery": (tables.TriggerRecovery, tables.TriggerAgreement),
    "policy_comparison": (tables.QuestionCurve,),
    "promotion_gates": (tables.Gates,),
}
"""Asset -> the tables that it writes."""

JUDGES_A_POPULATION = ("compared_forecasts", "metrics", "promotion_gates")
"""What must be made before a new population of twins is published."""


def evaluation_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""
    return [
        _compared_forecasts(owner),
        _metrics(owner),
        _state_errors(owner),
        _trigger_recovery(owner),
        _policy_comparison(owner),
        _promotion_gates(owner),
    ]


def upstream(*names: str) -> list[dg.AssetDep]:
    """Dependencies on whole assets, whatever they are partitioned by."""
    return [
        dg.AssetDep(name, partition_mapping=dg.AllPartitionMapping() if name in BY_BATCH else None) for name in names
    ]


def _compared_forecasts(owner: str) -> dg.AssetsDefinition:
    name = "compared_forecasts"

    @dg.asset(
        name=name,
        group_name=GROUP,
        owners=[owner],
        kinds={"scikitlearn", "torch", "parquet"},
        deps=upstream(
            "feature_table", "calibration", "patients", "patient_days", "recorded_days", "truth_patient_days",
            "attacks", "checkpoint", "twin_population", "drift_thresholds", "twins", "predictions",
            "retrainings", "study_diaries",
        ),
        metadata=table_metadata(*EVALUATION[name]),
    )  # fmt: skip
    def compared_forecasts(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """What every model said of the same days the evening before: days never seen, patients never seen, a study."""
        from migraine_platform.evaluation.forecasts import compare, stacked
        from migraine_platform.evaluation.provenance import provenance_frame
        from migraine_platform.evaluation.study.forecasts import compare_study
        from migraine_platform.evaluation.study.panel import panel_of

        with failing_plainly():
            population = Population.of(settings, lake)
            materials = _materials(population, settings, places)
            compared = [compare(materials, context.log.info)]
            patients, days = population.read(tables.StudyPatients), population.read(tables.StudyDays)
            if patients.height:
                compared.append(compare_study(panel_of(patients, days), settings, context.log.info))
            found: Comparison = stacked(compared)
            frames = {
                tables.EvaluatedModels: found.models,
                tables.EvaluatedDays: found.days,
                tables.EvaluatedForecasts: found.forecasts,
                tables.Provenance: provenance_frame(
                    settings, population.stamp, population.read, asked=materials.net is not None
                ),
            }
            population.write_many(frames, WHOLE)
        return dg.MaterializeResult(
            metadata=written(
                lake, tables.EvaluatedForecasts, [WHOLE], days=found.days.height, models=found.models.height
            )
        )

    return compared_forecasts


def _metrics(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "parquet"},
        deps=["compared_forecasts"],
        metadata=table_metadata(*EVALUATION["metrics"]),
    )
    def metrics(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        """Figures of all forecasts, with intervals by bootstrap of patients; differences, calibration, decisions."""
        from migraine_platform.evaluation.scores import score

        with failing_plainly():
            population = Population.of(settings, lake)
            found = score(
                population.read(tables.EvaluatedDays),
                population.read(tables.EvaluatedForecasts),
                population.read(tables.EvaluatedModels),
                settings.evaluation,
                context.log.info,
            )
            frames = dict(zip(EVALUATION["metrics"], found, strict=True))
            population.write_many(frames, WHOLE)
        return dg.MaterializeResult(
            metadata=written(lake, tables.Metrics, [WHOLE], **{"log loss": _losses(found.metrics)})
        )

    return metrics


def _losses(metrics: "pl.DataFrame") -> dg.MarkdownMetadataValue:
    """Log loss on all days, the best first; without an interval where there are too few patients for one."""
    rows = metrics.filter((metrics["subset"] == "all") & (metrics["metric"] == "log_loss")).drop_nulls("value")
    lines = ["| split | model | log loss | 95 % interval |", "|---|---|---:|---|"]
    for row in rows.sort("split", "value").iter_rows(named=True):
        sure = "" if row["lower"] is None else f"{row['lower']:.4f} to {row['upper']:.4f}"
        lines.append(f"| {row['split']} | {row['model']} | {row['value']:.4f} | {sure} |")
    return dg.MetadataValue.md("\n".join(lines))


def _state_errors(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numpy", "parquet"},
        deps=upstream("feature_table", "patients", "recorded_days", "twin_population"),
        metadata=table_metadata(tables.StateErrors),
    )
    def state_errors(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        """How far forecasts of the next day's state are off, feature by feature."""
        from migraine_platform.evaluation.cohort_states import cohort_state_errors

        with failing_plainly():
            population = Population.of(settings, lake)
            frame = cohort_state_errors(population.read, settings, places, population.features)
            population.write(tables.StateErrors, WHOLE, frame)
        return dg.MaterializeResult(metadata=written(lake, tables.StateErrors, [WHOLE]))

    return state_errors


def _trigger_recovery(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numpy", "parquet"},
        deps=upstream("feature_table", "trigger_sensitivity", "truth_patients", "recorded_days"),
        metadata=table_metadata(*EVALUATION["trigger_recovery"]),
    )
    def trigger_recovery(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        """Whose triggers twins find, against the truth, and beside a clinician's list where there is one."""
        from migraine_platform.evaluation.agreement import agreement, agreement_figures
        from migraine_platform.evaluation.triggers import recovery
        from migraine_platform.ingest.clinicians import trigger_list
        from migraine_platform.ingest.recorded import before_reports

        own = settings.evaluation
        batches = settings.simulator.cohort.batch_names
        with failing_plainly():
            population = Population.of(settings, lake)
            truth = population.read(tables.TruthPatients, batches)
            recorded = population.read(tables.RecordedDays, batches, ["patient_id", "date", "reported"])
            found = population.read(tables.TriggerSensitivity, batches)
            listed = trigger_list(places.clinician_list, set(truth["patient_id"]))
            agreed = agreement(found, listed)
            lived = before_reports(found.with_columns(date=recorded["date"].max()), recorded).drop("date")
            frames = {
                tables.TriggerRecovery: recovery(lived, truth, own.replicates, own.seed),
                tables.TriggerAgreement: agreed,
            }
            population.write_many(frames, WHOLE)
        return dg.MaterializeResult(
            metadata=written(
                lake, tables.TriggerRecovery, [WHOLE], agreement=dg.MetadataValue.json(agreement_figures(agreed))
            )
        )

    return trigger_recovery


def _policy_comparison(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"torch", "parquet"},
        deps=["checkpoint", "calibration", "feature_table"],
        metadata=table_metadata(tables.QuestionCurve),
    )
    def policy_comparison(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """Information gained by each rule of asking, question by question, with patients nobody learned from."""
        from migraine_platform.aline.strangers import Strangers
        from migraine_platform.evaluation.questions import question_curve

        with failing_plainly():
            population = Population.of(settings, lake)
            net, card = network_in_use(population, settings, places)
            strangers = Strangers(
                settings, population.features, simulator_of(population, settings).calibration, context.log.info
            )
            frame = question_curve(net, card, strangers, settings, context.log.info)
            population.write(tables.QuestionCurve, WHOLE, frame)
        return dg.MaterializeResult(metadata=written(lake, tables.QuestionCurve, [WHOLE], checkpoint=card.version))

    return policy_comparison


def _promotion_gates(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"parquet"},
        deps=upstream("metrics", "twin_population", "feature_table", "recorded_days"),
        metadata=table_metadata(tables.Gates),
    )
    def promotion_gates(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        """What a population of twins must show before it is published, and what it showed."""
        from migraine_platform.evaluation.gates import gates
        from migraine_platform.ingest.recorded import somebody_is_simulated

        with failing_plainly():
            population = Population.of(settings, lake)
            metrics, differences = population.read(tables.Metrics), population.read(tables.Differences)
            days = population.read(
                tables.RecordedDays, settings.simulator.cohort.batch_names, ["patient_id", "date", "reported"]
            )
            frame = gates(metrics, differences, settings.evaluation.gates, somebody_is_simulated(days))
            population.write(tables.Gates, WHOLE, frame)
            judge_population(population, settings)
        return dg.MaterializeResult(
            metadata=written(lake, tables.Gates, [WHOLE], passed=int(frame["passed"].sum()), of=frame.height)
        )

    return promotion_gates


def _materials(population: Population, settings: Settings, places: Places) -> "Materials":
    """What forecasts are made with: the newest population's twins, the promoted checkpoint."""
    from migraine_platform.evaluation.forecasts import Materials

    promoted = population.lake.sealed(tables.Checkpoints, WHOLE)
    return Materials(
        population.read,
        settings,
        population.features,
        simulator_of(population, settings).calibration,
        _keeper(population, settings),
        network_in_use(population, settings, places)[0] if promoted else None,
    )


def _keeper(population: Population, settings: Settings) -> "Keeper":
    from migraine_platform.twin.drift.alarms import Thresholds
    from migraine_platform.twin.inputs import keeper_of
    from migraine_platform.twin.model import Model

    model = Model.from_frame(population.read(tables.TwinPopulation))
    return keeper_of(model, settings, population.features, Thresholds.from_frame(population.read(tables.Thresholds)))
