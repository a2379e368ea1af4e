"""What models are worth: forecasts side by side, their figures, and what a population of twins must show."""

from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.aline import network_in_use, reference_cohort
from migraine_platform.defs.assets.cohort import simulator_of
from migraine_platform.defs.assets.evaluated import EVALUATION, GROUP, upstream
from migraine_platform.defs.assets.recovered import recovery_asset, state_errors_asset
from migraine_platform.defs.checks.promotion import check_population
from migraine_platform.defs.context import PopulationView, population_view
from migraine_platform.defs.describe import pictured, table_metadata
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    import polars as pl

    from migraine_platform.evaluation.forecasts.compared import Comparison, Materials
    from migraine_platform.twin.updating.evening_update import TwinUpdater


def evaluation_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""
    return [
        _compared_forecasts(owner),
        _metrics(owner),
        state_errors_asset(owner),
        recovery_asset(owner),
        _policy_comparison(owner),
        _promotion_gates(owner),
    ]


def _compared_forecasts(owner: str) -> dg.AssetsDefinition:
    name = "compared_forecasts"

    @dg.asset(
        name=name,
        group_name=GROUP,
        owners=[owner],
        kinds={"scikitlearn", "torch", "parquet"},
        deps=upstream(
            "patients", "patient_days", "recorded_days", "truth_patient_days",
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
        from migraine_platform.evaluation.forecasts.compared import compare, stacked
        from migraine_platform.evaluation.scoring.provenance import provenance_frame
        from migraine_platform.evaluation.study.forecasts import compare_study
        from migraine_platform.evaluation.study.panel import panel_of

        with population_view(settings, lake) as population:
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
            metadata=pictured(
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
        from migraine_platform.evaluation.scoring.scores import score

        with population_view(settings, lake) as population:
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
            metadata=pictured(lake, tables.Metrics, [WHOLE], **{"log loss": _losses(found.metrics)})
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


def _policy_comparison(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"torch", "parquet"},
        deps=["checkpoint"],
        metadata=table_metadata(tables.QuestionCurve),
    )
    def policy_comparison(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """Information gained by each rule of asking, question by question, with patients nobody learned from."""
        from migraine_platform.evaluation.questions.information import question_curve

        with population_view(settings, lake) as population:
            net, card = network_in_use(population, settings, places)
            reference = reference_cohort(settings, population, context.log.info)
            frame = question_curve(net, card, reference, settings, context.log.info)
            population.write(tables.QuestionCurve, WHOLE, frame)
        return dg.MaterializeResult(metadata=pictured(lake, tables.QuestionCurve, [WHOLE], checkpoint=card.version))

    return policy_comparison


def _promotion_gates(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"parquet"},
        deps=upstream("metrics", "twin_population", "recorded_days"),
        metadata=table_metadata(tables.Gates),
    )
    def promotion_gates(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        """What a population of twins must show before it is published, and what it showed."""
        from migraine_platform.evaluation.scoring.gates import gates
        from migraine_platform.ingest.recorded import somebody_is_simulated

        with population_view(settings, lake) as population:
            metrics, differences = population.read(tables.Metrics), population.read(tables.Differences)
            days = population.read(
                tables.RecordedDays, settings.simulator.cohort.batch_names, ["patient_id", "date", "reported"]
            )
            frame = gates(metrics, differences, settings.evaluation.gates, somebody_is_simulated(days))
            population.write(tables.Gates, WHOLE, frame)
            check_population(population, settings)
        return dg.MaterializeResult(
            metadata=pictured(lake, tables.Gates, [WHOLE], passed=int(frame["passed"].sum()), of=frame.height)
        )

    return promotion_gates


def _materials(population: PopulationView, settings: Settings, places: Places) -> "Materials":
    """What forecasts are made with: the newest population's twins, the promoted checkpoint."""
    from migraine_platform.evaluation.forecasts.compared import Materials

    promoted = population.lake.sealed(tables.Checkpoints, WHOLE)
    return Materials(
        population.read,
        settings,
        population.features,
        simulator_of(population, settings).calibration,
        _updater(population, settings),
        network_in_use(population, settings, places)[0] if promoted else None,
    )


def _updater(population: PopulationView, settings: Settings) -> "TwinUpdater":
    from migraine_platform.twin.cohort.inputs import updater_of
    from migraine_platform.twin.core.model import TwinModel
    from migraine_platform.twin.drift.alarms import AlarmThresholds

    model = TwinModel.from_frame(population.read(tables.TwinPopulation))
    return updater_of(
        model, settings, population.features, AlarmThresholds.from_frame(population.read(tables.Thresholds))
    )
