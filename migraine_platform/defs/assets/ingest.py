"""What comes from outside: files in the inbox about the cohort's patients, and diaries of a study."""

import time
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import batches_of, population_view
from migraine_platform.defs.describe import provenance, table_metadata, written
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places
from migraine_platform.warehouse.tables.ingest import Files, Observations, Quarantine

if TYPE_CHECKING:
    import polars as pl

GROUP = "ingest"
OBSERVATIONS, STUDY, RECORDED = "observations", "study_diaries", "recorded_days"


def ingest_assets(owner: str, batches: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(
        name=OBSERVATIONS,
        group_name=GROUP,
        owners=[owner],
        kinds={"csv", "parquet"},
        deps=[dg.AssetDep("patients", partition_mapping=dg.AllPartitionMapping())],
        metadata=table_metadata(Observations, Files, Quarantine),
    )
    def observations(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """What people and devices reported in files: the inbox is emptied, then every accepted file is read."""
        from migraine_platform.ingest.inbox import take
        from migraine_platform.ingest.record import record

        cohort = settings.simulator.cohort
        with population_view(settings, lake) as population:
            patients = population.read(tables.Patients, cohort.batch_names, ["patient_id"])["patient_id"].to_list()
            taken = take(places.inbox, settings.ingest, time.time())
            frames = record(places.inbox, settings.ingest, patients, cohort.start_date, cohort.last_date, taken.stuck)
            population.write_many(frames, WHOLE)
        files = frames[Files]
        refused = files.filter(files["status"] == "refused")
        left = [*taken.waiting.reported(), *(f"{len(taken.stuck)} cannot be read or moved" for _ in taken.stuck[:1])]
        context.log.info(f"inbox: {dict(taken.outcomes) or 'nothing to take'}{''.join(f', {why}' for why in left)}")
        return dg.MaterializeResult(
            metadata=written(
                lake,
                Observations,
                [WHOLE],
                files=files.height,
                rows=int(files["rows"].sum()),
                **{f"{what} rows": int(files[f"{what}_rows"].sum()) for what in ("accepted", "quarantined")},
                **{
                    "taken now": dg.MetadataValue.json(taken.outcomes),
                    "left in the inbox": dg.MetadataValue.json(left),
                },
                **{"refused files": dg.MetadataValue.json(dict(refused.select("digest", "reason").iter_rows()))},
                **{"broken rules": dg.MetadataValue.json(_by_rule(frames[Quarantine]))},
            )
        )

    return [observations, _recorded_days(owner, batches), _study_diaries(owner)]


def _recorded_days(owner: str, batches: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        name=RECORDED,
        group_name=GROUP,
        owners=[owner],
        kinds={"parquet"},
        partitions_def=batches,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=["measured_days", OBSERVATIONS],
        metadata=table_metadata(tables.RecordedDays),
    )
    def recorded_days(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        """What is known of each day: measured, with observations laid over; what everything downstream reads."""
        from migraine_platform.ingest import recorded

        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            observed = population.read(Observations)
            days = 0
            for batch in chosen:
                frame = recorded.recorded_days(population.read(tables.MeasuredDays, [batch]), observed)
                population.write(tables.RecordedDays, batch, frame)
                days += int(frame["reported"].sum())
                context.add_asset_metadata({"dagster/row_count": frame.height}, asset_key=RECORDED, partition_key=batch)
            context.log.info(f"{len(chosen)} batches, {days:,} days that files speak of")
        return dg.MaterializeResult(
            metadata={**provenance(lake, tables.RecordedDays, chosen[0]), "reported days": days}
        )

    return recorded_days


def _study_diaries(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=STUDY,
        group_name=GROUP,
        owners=[owner],
        kinds={"parquet"},
        deps=["feature_table"],
        metadata=table_metadata(tables.StudyDays, tables.StudyPatients),
    )
    def study_diaries(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        """Diaries of a real study, whose patients become twins for comparison; none if they are not installed."""
        import polars as pl

        from migraine_platform.ingest.sources.kostecki_dillon import KosteckiDillon
        from migraine_platform.ingest.sources.study import StudyError, diaries_of, entry_schema

        study, missing = KosteckiDillon(), ""
        with population_view(settings, lake) as population:
            try:
                found = study.read()
            except StudyError as error:
                found, missing = diaries_of(pl.DataFrame(schema=entry_schema()), {}), str(error)
                context.log.warning(f"there is no study to compare with: {missing}")
            population.write_many({tables.StudyPatients: found.patients, tables.StudyDays: found.days}, WHOLE)
        return dg.MaterializeResult(
            metadata=written(
                lake,
                tables.StudyDays,
                [WHOLE],
                study=study.name,
                patients=found.patients.height,
                missing=missing or "nothing",
                **{"left out": dg.MetadataValue.json(dict(found.left_out))},
                **{"cannot answer": dg.MetadataValue.json(list(study.cannot_answer))},
            )
        )

    return study_diaries


def _by_rule(quarantine: "pl.DataFrame") -> dict[str, int]:
    """Findings by column and rule."""
    counts = quarantine.group_by("column_name", "rule").len().sort("column_name", "rule")
    return {f"{column}: {rule}": count for column, rule, count in counts.iter_rows()}
