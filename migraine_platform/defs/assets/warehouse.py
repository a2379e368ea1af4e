"""The warehouse: everything audited, published as one DuckDB file."""

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.assets.evaluated import EVALUATION
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.context import PopulationView, failing_plainly, partitions_of
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import Places

GROUP = "warehouse"


def warehouse_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"duckdb", "sql"},
        deps=[
            "feature_table",
            "feature_priors",
            "mock_distribution",
            "calibration",
            "site_days",
            "true_effects",
            "realism",
            *SIMULATED,
            "training_run",
            "checkpoint",
            "question_policy",
            "observations",
            "recorded_days",
            "twin_population",
            "drift_thresholds",
            "study_diaries",
            *SAID,
            *EVALUATION,
        ],
    )
    def warehouse(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """warehouse.duckdb: every audited table with its comments, and the marts; renamed into place."""
        from migraine_platform.warehouse.publish import publish

        plan = {table: partitions_of(table, settings.simulator.cohort.batch_names) for table in tables.ALL}
        with failing_plainly():
            stamp = PopulationView.of(settings, lake).stamp
            published = publish(lake, plan, places.warehouse, stamp, context.log.info)
        counts = "\n".join(f"| `{name}` | {rows:,} |" for name, rows in published.rows.items())
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(published.rows[table.name] for table in tables.ALL),
                "rows": dg.MetadataValue.md(f"| table | rows |\n|---|---:|\n{counts}"),
                "population": published.stamp.population,
                "file": dg.MetadataValue.path(published.path),
            }
        )

    return [warehouse]
