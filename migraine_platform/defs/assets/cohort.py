"""The cohort: calibration, sites, and by patient batch the simulated tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import batches_of, plain_errors, read_features, stamp_of
from migraine_platform.defs.describe import image, provenance, table_metadata, written
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake import WHOLE, Lake

if TYPE_CHECKING:
    from migraine_platform.simulator.cohort import CohortSimulator

GROUP = "cohort"
JOINED_FROM = ["weather_days", "sleep_days", "diary_days", "attacks"]

SIMULATED: dict[str, type[Table]] = {
    "patients": tables.Patients,
    "weather_days": tables.WeatherDays,
    "sleep_days": tables.SleepDays,
    "diary_days": tables.DiaryDays,
    "attacks": tables.Attacks,
    "patient_days": tables.PatientDays,
    "truth_patients": tables.TruthPatients,
    "truth_patient_days": tables.TruthPatientDays,
}
"""Asset -> the table that one run of the simulator writes for each batch."""


def cohort_assets(owner: str, batches: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "parquet"},
        deps=["feature_priors"],
        metadata=table_metadata(tables.CalibrationTerms),
    )
    def calibration(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        """Trigger strengths and intercepts, fitted once on a reference cohort of its own."""
        from migraine_platform.simulator import calibration as science

        with plain_errors():
            fitted = science.calibrate(settings.simulator, read_features(lake))
            lake.write(tables.CalibrationTerms, WHOLE, science.to_frame(fitted), stamp_of(settings, lake).undated())
        return dg.MaterializeResult(metadata=written(lake, tables.CalibrationTerms, [WHOLE]))

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "parquet"},
        deps=["calibration"],
        metadata=table_metadata(tables.SiteDays),
    )
    def site_days(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        """Daily weather of every site: a real station beside simulated climates."""
        from migraine_platform.simulator.figures import pressure_falls

        with plain_errors():
            frame = _simulator(lake, settings).site_days()
            lake.write(tables.SiteDays, WHOLE, frame, stamp_of(settings, lake))
        figure = pressure_falls(frame, settings.simulator.triggers.pressure_fall)
        return dg.MaterializeResult(
            metadata=written(
                lake,
                tables.SiteDays,
                [WHOLE],
                **{"pressure falls": image(figure, "Days with a fall, by site")},
            )
        )

    @dg.multi_asset(
        name="simulated_cohort",
        partitions_def=batches,
        backfill_policy=dg.BackfillPolicy.single_run(),
        specs=[
            dg.AssetSpec(
                name,
                deps=JOINED_FROM if name == "patient_days" else ["site_days"],
                group_name=GROUP,
                owners=[owner],
                kinds={"numba", "parquet"},
                description=table.description(),
                metadata=table_metadata(table),
                partitions_def=batches,
            )
            for name, table in SIMULATED.items()
        ],
    )
    def simulated_cohort(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.MaterializeResult]:
        """Patients, their days and their attacks, one batch after the other."""
        from migraine_platform.simulator.cohort import batch_number

        chosen = batches_of(context, settings)
        with plain_errors():
            simulator, stamp = _simulator(lake, settings), stamp_of(settings, lake)
            for done, batch in enumerate(chosen, start=1):
                frames = simulator.batch(batch_number(batch))
                for name, table in SIMULATED.items():
                    frame = frames[table.name]
                    lake.write(table, batch, frame, stamp if table.dated() else stamp.undated())
                    context.add_asset_metadata({"dagster/row_count": frame.height}, asset_key=name, partition_key=batch)
                days = frames[tables.PatientDays.name].height
                context.log.info(f"{batch} ({done} of {len(chosen)}): {days:,} patient-days")
        for name, table in SIMULATED.items():
            more = {"migraine days": _migraine_days(lake, chosen)} if table is tables.PatientDays else {}
            yield dg.MaterializeResult(asset_key=name, metadata={**provenance(lake, table, chosen[0]), **more})

    return [calibration, site_days, simulated_cohort]


def _simulator(lake: Lake, settings: Settings) -> "CohortSimulator":
    from migraine_platform.simulator.calibration import from_frame
    from migraine_platform.simulator.cohort import CohortSimulator

    fitted = from_frame(lake.read(tables.CalibrationTerms))
    return CohortSimulator(settings.simulator, read_features(lake), fitted)


def _migraine_days(lake: Lake, batches: list[str]) -> dg.MarkdownMetadataValue:
    """Figure: migraine days a month of the batches just written."""
    import polars as pl

    from migraine_platform.simulator.figures import migraine_days_a_month

    patients = lake.read(tables.Patients, batches)
    realised = (
        lake.read(tables.PatientDays, batches)
        .group_by("patient_id")
        .agg(realised=30 * pl.col("has_migraine").mean())
        .join(patients, on="patient_id")
    )
    figure = migraine_days_a_month(
        30 * realised["base_frequency"].to_numpy(),
        realised["realised"].to_numpy(),
        realised["is_chronic"].to_numpy(),
    )
    return image(figure, "Migraine days a month: realised by class, and against the profile")
