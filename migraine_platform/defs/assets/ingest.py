"""What comes from outside: files in the inbox about the cohort's patients, and diaries of a study."""

import time
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import Population, failing_plainly
from migraine_platform.defs.describe import table_metadata, written
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake import WHOLE, Lake
from migraine_platform.warehouse.places import Places
from migraine_platform.warehouse.tables.ingest import Files, Observations, Quarantine

if TYPE_CHECKING:
    import polars as pl

GROUP = "ingest"
OBSERVATIONS, STUDY = "observations", "study_diaries"


def ingest_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(
        name=OBSERVATIONS,
        group_name=GROUP,
        owners=[owner],
        kinds={"csv", "parquet"},
        deps=[dg.AssetDep("patients", partition_mapping=dg.AllPartitionMapping()), "feature_table"],
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
        with failing_plainly():
            population = Population.of(settings, lake)
            patients = population.read(tables.Patients, cohort.batch_names, ["patient_id"])["patient_id"].to_list()
            taken = take(places.inbox, settings.ingest, time.time())
            frames = record(places.inbox, settings.ingest, patients, cohort.last_date)
            population.write_many(frames, WHOLE)
        files = frames[Files]
        refused = files.filter(files["status"] == "refused")
        context.log.info(f"inbox: {dict(taken.outcomes) or 'nothing to take'}, {taken.growing} still being written")
        return dg.MaterializeResult(
            metadata=written(
                lake,
                Observations,
                [WHOLE],
                files=files.height,
                rows=int(files["rows"].sum()),
                **{f"{what} rows": int(files[f"{what}_rows"].sum()) for what in ("accepted", "quarantined")},
                **{"taken now": dg.MetadataValue.json(taken.outcomes), "still being written": taken.growing},
                **{"refused files": dg.MetadataValue.json(dict(refused.select("digest", "reason").iter_rows()))},
                **{"broken rules": dg.MetadataValue.json(_by_rule(frames[Quarantine]))},
            )
        )

    return [observations, _study_diaries(owner)]


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

        from migraine_platform.ingest.kostecki_dillon import KosteckiDillon
        from migraine_platform.ingest.study import StudyError, diaries_of, entry_schema

        study, missing = KosteckiDillon(), ""
        with failing_plainly():
            population = Population.of(settings, lake)
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
