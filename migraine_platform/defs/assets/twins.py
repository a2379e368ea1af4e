"""Digital twins: the population that they share, and by patient batch the twins and what they say."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import (
    REMAKE_TAG,
    RETRAIN_TAG,
    ROLLBACK_TAG,
    PopulationView,
    batches_of,
    population_view,
)
from migraine_platform.defs.describe import glance, image, pictured, provenance, table_metadata
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    import polars as pl

    from migraine_platform.twin.cohort.inputs import FittedCohort
    from migraine_platform.twin.core.model import TwinModel

GROUP = "twins"
SAID: dict[str, tuple[type[Table], ...]] = {
    "twins": (tables.Twins, tables.TwinStates, tables.AppliedObservations),
    "predictions": (
        tables.Predictions,
        tables.DaysAhead,
        tables.StatesAhead,
        tables.Contributions,
        tables.Audit,
    ),
    "trigger_sensitivity": (
        tables.TriggerSensitivity,
        tables.TriggerThresholds,
        tables.TriggerInteractions,
        tables.AlikeTriggers,
    ),
    "symptom_models": (tables.SymptomPhases, tables.OnsetTimes, tables.Signs),
    "drift": (tables.Drift, tables.Watch),
    "retrainings": (tables.Retrainings, tables.Challengers),
}
"""Asset -> the tables that one run of the twins writes for each batch."""

NAMES_POPULATIONS = (
    (tables.Twins, "population_version"),
    (tables.Retrainings, "challenger_population"),
    (tables.Retrainings, "champion_population"),
)
"""Columns that name populations to which twins on file belong; former ones may come into use again."""

JUDGED_BY = 200
"""Patients on whose last days, of which nobody learned, it is measured what each modality is worth to the experts."""

UPSTREAM = {
    "twins": [
        "twin_population",
        "drift_thresholds",
        "observations",
        "recorded_days",
        "checkpoint",
    ],
    "predictions": ["twins"],
    "trigger_sensitivity": ["twins"],
    "symptom_models": ["twins"],
    "drift": ["twins"],
    "retrainings": ["twins"],
}


def twins_assets(owner: str, batches: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "torch", "parquet"},
        deps=["recorded_days"],
        metadata=table_metadata(tables.TwinPopulation),
    )
    def twin_population(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """What all twins share, learned from the diaries of all but the last days: prior, effects, experts."""
        from migraine_platform.twin.cohort.inputs import clinical_of, learn_experts, read_histories
        from migraine_platform.twin.core.model import learn_model
        from migraine_platform.twin.dynamics.experts.storage import save_experts
        from migraine_platform.twin.reporting.figures import levels

        with population_view(settings, lake) as population:
            found = read_histories(population.read, settings)
            known = found.histories.until(max(1, found.histories.days - settings.twin.validation_days))
            model = learn_model(known, clinical_of(settings, population.features), settings.twin, context.log.info)
            experts = learn_experts(model, known, settings.twin, context.log.info)
            days = model.scales.standard(found.histories.of(slice(0, JUDGED_BY)))
            importance, usage = experts.importance(days, known.days), experts.usage(days)
            worth = {"rise of nats a value without it": importance, "share of the gate's weight": usage}
            save_experts(places.twins(f"experts-{model.version}"), experts)
            population.write(tables.TwinPopulation, WHOLE, _with_those_in_use(population, settings, model))
        return dg.MaterializeResult(
            metadata=pictured(
                lake,
                tables.TwinPopulation,
                [WHOLE],
                version=model.version,
                patients=len(model.patients),
                days=model.days,
                effects=dg.MetadataValue.json(model.summary()),
                modalities=dg.MetadataValue.json(worth),
                levels=image(levels(model), "Distribution of patients' levels"),
            )
        )

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "river", "parquet"},
        deps=["twin_population"],
        metadata=table_metadata(tables.Thresholds),
    )
    def drift_thresholds(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        """How much detectors of drift must see, so that they alarm of nothing as seldom as is wanted."""
        from migraine_platform.simulator.cohort.fitted_parameters import from_frame
        from migraine_platform.twin.cohort.inputs import find_thresholds
        from migraine_platform.twin.core.model import TwinModel

        with population_view(settings, lake) as population:
            model = TwinModel.from_frame(population.read(tables.TwinPopulation))
            fitted = from_frame(population.read(tables.CalibrationTerms))
            found = find_thresholds(model, settings, population.features, fitted)
            population.write(tables.Thresholds, WHOLE, found.to_frame())
        rate = {"false alarms a year": sum(found.realised.values())}
        return dg.MaterializeResult(metadata=pictured(lake, tables.Thresholds, [WHOLE], **rate))

    @dg.multi_asset(
        name="digital_twins",
        partitions_def=batches,
        backfill_policy=dg.BackfillPolicy.single_run(),
        specs=[
            dg.AssetSpec(
                name,
                deps=[_whole(upstream) for upstream in UPSTREAM[name]],
                group_name=GROUP,
                owners=[owner],
                kinds={"numba", "parquet"},
                description=written_tables[0].description(),
                metadata=table_metadata(*written_tables),
                partitions_def=batches,
            )
            for name, written_tables in SAID.items()
        ],
    )
    def digital_twins(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> Iterator[dg.MaterializeResult]:
        """Every patient's twin, brought up to the day or made anew; what it forecasts, and what it found."""
        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            found = _kept(context, settings, population, places, chosen)
            drawn = {} if found else _made(context, settings, population, places, chosen)
            for name, tables_ in SAID.items():
                for batch in chosen:
                    rows = lake.rows(tables_[0], [batch])
                    context.add_asset_metadata({"dagster/row_count": rows}, asset_key=name, partition_key=batch)
                metadata = {**provenance(lake, tables_[0], chosen[0]), **drawn.get(name, {})}
                yield dg.MaterializeResult(asset_key=name, metadata=metadata)

    return [twin_population, drift_thresholds, digital_twins]


def _with_those_in_use(population: PopulationView, settings: Settings, model: "TwinModel") -> "pl.DataFrame":
    """Rows of the model, beside those of older ones that twins still belong to."""
    import polars as pl

    from migraine_platform.twin.core.model import beside

    before = population.before(tables.TwinPopulation, WHOLE)
    if before is None:
        return model.to_frame()
    used: set[str] = set()
    for batch in settings.simulator.cohort.batch_names:
        for table, column in NAMES_POPULATIONS:
            rows = population.before(table, batch)
            used |= set() if rows is None else set(rows[column])
    return beside(before.filter(pl.col("version").is_in(list(used))), model)


def _kept(
    context: dg.AssetExecutionContext, settings: Settings, population: PopulationView, places: Places, chosen: list[str]
) -> bool:
    """Bring the twins of some batches up to the day; False if they must be made anew."""
    from migraine_platform.twin.cohort.batch_update import UpdateRequest
    from migraine_platform.twin.cohort.cohort_update import load_batches, update_batches
    from migraine_platform.twin.cohort.updaters import TwinUpdaters

    tags = context.run.tags
    if REMAKE_TAG in tags:
        return False
    updaters = TwinUpdaters(population.read, settings, population.features, places)
    batches = load_batches(population.before, places, updaters, chosen)
    if batches is None:
        return False
    asked = UpdateRequest(tags.get(RETRAIN_TAG), ROLLBACK_TAG in tags)
    nights = update_batches(
        population.read, population.before, settings, places, updaters, batches, asked, population.stamp.population,
        context.log.info,
    )  # fmt: skip
    for settled in nights:
        population.write_many(settled.frames, settled.batch)  # all or none: a night that dies is lived again
        for version in settled.obsolete:
            places.twins(version).unlink(missing_ok=True)
    return True


def _made(
    context: dg.AssetExecutionContext, settings: Settings, population: PopulationView, places: Places, chosen: list[str]
) -> dict[str, dict[str, dg.MarkdownMetadataValue]]:
    """Make the twins of some batches anew; pictures for the UI, by asset."""
    from migraine_platform.twin.cohort.batch_update import in_use
    from migraine_platform.twin.cohort.inputs import batch_frames, build_cohort

    lake = population.lake
    promoted = not lake.missing(tables.Checkpoints, [WHOLE]) and lake.sealed(tables.Checkpoints, WHOLE)
    made = build_cohort(
        population.read, settings, places, population.features, promoted, population.stamp.population, context.log.info
    )
    observed = population.read(tables.Observations)
    for done, batch in enumerate(chosen, start=1):
        days = population.read(tables.RecordedDays, [batch], ["patient_id", "date", "has_migraine"])
        frames = batch_frames(made, batch, places, population.before, days, observed)
        before = {table: rows for table in frames if (rows := population.before(table, batch)) is not None}
        population.write_many(frames, batch)
        if tables.Twins in before:
            for version in in_use(before) - in_use(frames):
                places.twins(version).unlink(missing_ok=True)
        if done == 1:
            glances = {name: glance(written_[0], frames[written_[0]], batch) for name, written_ in SAID.items()}
        context.log.info(f"{batch} ({done} of {len(chosen)}): {frames[tables.Twins].height} twins made")
    drawn = _pictures(made, chosen, places)
    return {name: {**drawn.get(name, {}), **glances[name]} for name in SAID}


def _whole(upstream: str) -> dg.AssetDep:
    """A dependency on every batch: thresholds, interactions and symptoms are shrunk to the whole cohort."""
    partitioned = upstream in ("recorded_days", "attacks", "patients")
    return dg.AssetDep(upstream, partition_mapping=dg.AllPartitionMapping() if partitioned else None)


def _pictures(
    made: "FittedCohort", chosen: list[str], places: Places
) -> dict[str, dict[str, dg.MarkdownMetadataValue]]:
    """What the UI shows: somebody's twin, who is not named, and how true the forecasts came."""
    from migraine_platform.twin.reporting.figures import one_twin, reliability
    from migraine_platform.twin.triggers.causal import graph_table
    from migraine_platform.warehouse.lake.places import replace_file

    own = [row for row, patient in enumerate(made.built.twins.patient_ids) if made.found.batch_of[patient] in chosen]
    graph = {"causal graph": dg.MetadataValue.md(graph_table())}
    said = {"reliability": image(reliability(made.built), "What was said, and how often it came")}
    pictures: dict[str, dict[str, dg.MarkdownMetadataValue]] = {
        "predictions": said,
        "trigger_sensitivity": graph,
    }
    if not own:
        return pictures
    example = one_twin(made.built, made.model, max(own, key=lambda row: int(made.built.twins.entries[row])))
    replace_file(places.report("a_twin.png"), example)
    shown = {"a twin": image(example, "Filtered state with its band, forecasts with their intervals, attacks")}
    return {**pictures, "twins": shown}
