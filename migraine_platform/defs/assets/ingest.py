"""Observations from outside: what files in the inbox say of the cohort's patients."""

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
OBSERVATIONS = "observations"


def ingest_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The asset of the stage."""

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

    return [observations]


def _by_rule(quarantine: "pl.DataFrame") -> dict[str, int]:
    """Findings by column and rule."""
    counts = quarantine.group_by("column_name", "rule").len().sort("column_name", "rule")
    return {f"{column}: {rule}": count for column, rule, count in counts.iter_rows()}
