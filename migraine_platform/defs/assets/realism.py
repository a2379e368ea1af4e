"""Realism: the simulated cohort held against literature and real data."""

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import population_view
from migraine_platform.defs.describe import image, pictured, table_metadata
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake

GROUP = "realism"


def realism_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numpy", "parquet"},
        deps=["patient_days", "truth_patient_days", "measured_days"],
        metadata=table_metadata(tables.Realism),
    )
    def realism(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        """Figures of the cohort beside those of literature and real data, each with a verdict."""
        from migraine_platform.simulator.checks import realism as science
        from migraine_platform.simulator.checks.figures import onset_hours

        with population_view(settings, lake) as population:
            cohort = settings.simulator.cohort
            batches = cohort.batch_names[: -(-settings.realism.patients // cohort.batch_size)]
            view = science.view(
                population.read(tables.PatientDays, batches, ["patient_id", "date", *science.DAILY]),
                population.read(tables.TruthPatientDays, batches, ["migraine_probability", "announced"]),
                population.read(tables.Attacks, batches),
                population.read(tables.MeasuredDays, batches, list(science.RECORDED)),
            )
            frame = science.realism_frame(settings.realism, view, population.read(tables.SiteDays))
            population.write(tables.Realism, WHOLE, frame)
        rows = "\n".join(
            f"| {row['figure']} | {row['simulated']:.3g} +- {row['margin']:.2g} | {row['low']:g} to {row['high']:g} "
            f"| {row['reference']} | {row['verdict']} |"
            for row in frame.iter_rows(named=True)
        )
        header = "| figure | simulated | reference | whose | verdict |\n|---|---|---|---|---|\n"
        marks = (
            "\n\n[L]: literature; [D]: the generator's specification; a tolerance around a single number is assumed."
        )
        return dg.MaterializeResult(
            metadata=pictured(
                lake,
                tables.Realism,
                [WHOLE],
                figures=dg.MetadataValue.md(header + rows + marks),
                hours=image(onset_hours(view.attack_hour), "Hour of the day at which headaches begin"),
            )
        )

    return [realism]
