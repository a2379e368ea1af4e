"""Exports: files that other programs take away."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import PopulationView, population_view
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    import polars as pl

GROUP = "exports"


def exports_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"csv"},
        deps=["patient_days", "truth_patient_days"],
    )
    def synthetic_migraine(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """Latent states, inputs and migraine as CSV, split by patient: synthetic_migraine_train, _val and _meta."""
        from migraine_platform.config.hashing import configuration
        from migraine_platform.warehouse.exports.training_split import export_split

        with population_view(settings, lake) as population:
            meta = {
                "preset": settings.preset,
                "population_hash": population.stamp.population,
                "code_version": population.stamp.code,
                "seed": settings.simulator.cohort.seed,
                "configuration": configuration(settings.simulator),
            }
            content = export_split(places.data, _batches(context, population, settings), meta)
        return dg.MaterializeResult(
            metadata={
                "folder": dg.MetadataValue.path(places.data),
                **{
                    f"{split} {name}": content["splits"][split][name]
                    for split in content["splits"]
                    for name in ("patients", "rows", "base_rate")
                },
            }
        )

    return [synthetic_migraine]


def _batches(
    context: dg.AssetExecutionContext, population: PopulationView, settings: Settings
) -> "Iterator[tuple[dict[str, pl.DataFrame], pl.Series]]":
    """Each batch's days and truth, and the patients of it that are held out."""
    from migraine_platform.config.simulator.settings import batch_number
    from migraine_platform.simulator.generative.profiles import draw_batch, held_out

    cohort = settings.simulator.cohort
    for done, batch in enumerate(cohort.batch_names, start=1):
        patients = draw_batch(settings.simulator, batch_number(batch))
        chosen = held_out(patients.index, cohort.seed, settings.exports.validation_share)
        frames = {
            table.name: population.read(table, [batch]) for table in (tables.PatientDays, tables.TruthPatientDays)
        }
        context.log.info(f"{batch} ({done} of {cohort.batches})")
        yield frames, patients.names.filter(chosen)
