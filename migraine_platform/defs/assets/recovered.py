"""What twins know of each person, held against the truth: the next day's state, triggers, symptoms."""

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.evaluated import EVALUATION, GROUP, upstream
from migraine_platform.defs.context import population_view
from migraine_platform.defs.describe import pictured, table_metadata
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places


def state_errors_asset(owner: str) -> dg.AssetsDefinition:
    """The next day's state."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numpy", "parquet"},
        deps=upstream("patients", "recorded_days", "twin_population"),
        metadata=table_metadata(tables.StateErrors),
    )
    def state_errors(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        """How far forecasts of the next day's state are off, feature by feature."""
        from migraine_platform.evaluation.components.cohort_states import cohort_state_errors

        with population_view(settings, lake) as population:
            frame = cohort_state_errors(population.read, settings, places, population.features)
            population.write(tables.StateErrors, WHOLE, frame)
        return dg.MaterializeResult(metadata=pictured(lake, tables.StateErrors, [WHOLE]))

    return state_errors


def recovery_asset(owner: str) -> dg.AssetsDefinition:
    """Triggers and symptoms."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numpy", "parquet"},
        deps=upstream("trigger_sensitivity", "symptom_models", "truth_patients", "recorded_days"),
        metadata=table_metadata(*EVALUATION["trigger_recovery"]),
    )
    def trigger_recovery(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        """Whose triggers and symptoms twins find, against the truth; triggers beside a clinician's list, too."""
        from migraine_platform.evaluation.components.agreement import agreement, agreement_figures
        from migraine_platform.evaluation.components.symptoms import symptom_recovery
        from migraine_platform.evaluation.components.triggers import recovery
        from migraine_platform.ingest.recorded import before_reports
        from migraine_platform.ingest.sources.clinicians import trigger_list

        own = settings.evaluation
        batches = settings.simulator.cohort.batch_names
        with population_view(settings, lake) as population:
            truth = population.read(tables.TruthPatients, batches)
            recorded = population.read(tables.RecordedDays, batches, ["patient_id", "date", "reported"])
            found = population.read(tables.TriggerSensitivity, batches)
            listed = trigger_list(places.clinician_list, set(truth["patient_id"]))
            agreed = agreement(found, listed)
            lived = before_reports(found.with_columns(date=recorded["date"].max()), recorded).drop("date")
            simulated = truth.filter(truth["patient_id"].is_in(lived["patient_id"].unique().implode()))
            frames = {
                tables.SymptomRecovery: symptom_recovery(
                    population.read(tables.Twins, batches),
                    population.read(tables.SymptomPhases, batches),
                    simulated,
                    own.replicates,
                    own.seed,
                ),
                tables.TriggerRecovery: recovery(lived, truth, own.replicates, own.seed),
                tables.TriggerAgreement: agreed,
            }
            population.write_many(frames, WHOLE)
        figures = {name: None if value != value else value for name, value in agreement_figures(agreed).items()}
        beside = {"agreement": dg.MetadataValue.json(figures)} if agreed.height else {}
        return dg.MaterializeResult(metadata=pictured(lake, tables.TriggerRecovery, [WHOLE], **beside))

    return trigger_recovery
