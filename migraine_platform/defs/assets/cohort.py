"""The cohort: calibration, sites, and by patient batch the simulated tables."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.config.simulator.settings import batch_number
from migraine_platform.defs.context import (
    AHEAD_TAG,
    NIGHT_TAG,
    PopulationView,
    batches_of,
    failing_plainly,
    night_of,
    population_view,
)
from migraine_platform.defs.describe import glance, image, pictured, provenance, table_metadata
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import WHOLE, Lake, LakeError
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    from numpy.typing import NDArray

    from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator

GROUP = "cohort"
MIGRAINE_DAYS = "Migraine days a month: realised by class, and against the profile"

UPSTREAM = {
    "patient_days": ["weather_days", "sleep_days", "diary_days", "wearable_days", "attacks"],
    "measured_days": ["patient_days"],
}
"""Tables that are made of others of the same batch; the rest are made of the sites' days and what these rest on."""

SIMULATED: dict[str, type[Table]] = {
    "patients": tables.Patients,
    "weather_days": tables.WeatherDays,
    "sleep_days": tables.SleepDays,
    "diary_days": tables.DiaryDays,
    "wearable_days": tables.WearableDays,
    "attacks": tables.Attacks,
    "patient_days": tables.PatientDays,
    "measured_days": tables.MeasuredDays,
    "truth_patients": tables.TruthPatients,
    "truth_patient_days": tables.TruthPatientDays,
    "truth_drift": tables.TruthDrift,
}
"""Asset -> the table that one run of the simulator writes for each batch."""


def cohort_assets(owner: str, batches: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(group_name=GROUP, owners=[owner], kinds={"json"})
    def calendar(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
        lake: dg.ResourceParam[Lake],
    ) -> dg.MaterializeResult:
        """Which day it is in the patients' lives: a day later every night."""
        from migraine_platform.operations.clock import demand_next, demand_nothing_updated, read_clock, today, tonight

        with failing_plainly():
            night = night_of(context.run.tags)
            if read_clock(places, settings) is None:
                demand_nothing_updated(settings.simulator.cohort.last_date, _updated_until(settings, lake))
            if night is not None:
                demand_next(read_clock(places, settings), night, today(settings), AHEAD_TAG in context.run.tags)
            clock = tonight(places, settings, night)
        metadata = {"night": clock.night.isoformat(), "last day": clock.last_date.isoformat()}
        return dg.MaterializeResult(metadata={**metadata, "days": settings.simulator.cohort.days})

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "parquet"},
        deps=["feature_priors"],
        metadata=table_metadata(tables.CalibrationTerms),
    )
    def calibration(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """Strengths of triggers and preventives, and intercepts, fitted once on a reference cohort of its own."""
        from migraine_platform.simulator.cohort.fitted_parameters import to_frame
        from migraine_platform.warehouse.fits import fitted

        with population_view(settings, lake) as population:
            found = fitted(settings.simulator, population.features, places.fits, context.log.info)
            population.write(tables.CalibrationTerms, WHOLE, to_frame(found))
        return dg.MaterializeResult(metadata=pictured(lake, tables.CalibrationTerms, [WHOLE]))

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "parquet"},
        deps=["calibration", "calendar"],
        metadata=table_metadata(tables.SiteDays),
    )
    def site_days(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        """Daily weather of every site: a real station beside simulated climates."""
        from migraine_platform.simulator.checks.figures import pressure_falls
        from migraine_platform.simulator.exogenous.station import read_station

        with failing_plainly():
            for site in settings.simulator.weather.sites:
                if site.station is not None:  # nobody but a person can tell 27 to 53 degF from degC
                    context.log.info(read_station(site.station).reported)
            population = PopulationView.of(settings, lake)
            frame = simulator_of(population, settings).site_days()
            population.write(tables.SiteDays, WHOLE, frame)
        figure = pressure_falls(frame)
        return dg.MaterializeResult(
            metadata=pictured(
                lake,
                tables.SiteDays,
                [WHOLE],
                **{"pressure falls": image(figure, "Days with a fall, by site")},
            )
        )

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numba", "parquet"},
        deps=["calibration"],
        metadata=table_metadata(tables.TruthInterventions),
    )
    def true_effects(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.MaterializeResult:
        """What each treatment would truly do to each of the first patients: the same lives with and without it."""
        from migraine_platform.simulator.checks.figures import treatment_effects
        from migraine_platform.simulator.cohort import effects

        with population_view(settings, lake) as population:
            frame = effects.true_effects(simulator_of(population, settings), context.log.info)
            population.write(tables.TruthInterventions, WHOLE, frame)
        figure = {"effects": image(treatment_effects(frame), "Change of migraine days a month by treatment")}
        return dg.MaterializeResult(metadata=pictured(lake, tables.TruthInterventions, [WHOLE], **figure))

    @dg.multi_asset(
        name="simulated_cohort",
        partitions_def=batches,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
        specs=[
            dg.AssetSpec(
                name,
                deps=UPSTREAM.get(name, ["site_days"]),
                group_name=GROUP,
                owners=[owner],
                kinds={"numba", "parquet"},
                description=table.description(),
                metadata=table_metadata(table),
                partitions_def=batches,
                skippable=True,
            )
            for name, table in SIMULATED.items()
        ],
    )
    def simulated_cohort(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> Iterator[dg.MaterializeResult]:
        """Patients, their days and their attacks, one batch after the other."""
        import polars as pl

        from migraine_platform.operations.clock import tonight, write_clock
        from migraine_platform.simulator.checks.figures import migraine_days_a_month, realised_frequency

        frequencies: list[pl.DataFrame] = []
        glances: dict[str, dict[str, dg.MarkdownMetadataValue]] = {}
        selected = {
            name: table for name, table in SIMULATED.items() if dg.AssetKey(name) in context.selected_asset_keys
        }
        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            simulator = simulator_of(population, settings)
            for done, batch in enumerate(chosen, start=1):
                frames = simulator.batch(batch_number(batch), _known_forecasts(context, population, batch))
                population.write_many({table: frames[table.name] for table in selected.values()}, batch)
                for name, table in selected.items():
                    rows = frames[table.name].height
                    context.add_asset_metadata({"dagster/row_count": rows}, asset_key=name, partition_key=batch)
                if not glances and night_of(context.run.tags) is None:  # a night adds a day to what was drawn
                    glances = {name: glance(table, frames[table.name], batch) for name, table in selected.items()}
                patients, days = frames[tables.Patients.name], frames[tables.PatientDays.name]
                frequencies.append(realised_frequency(patients, days))
                context.log.info(f"{batch} ({done} of {len(chosen)}): {days.height:,} patient-days")
            if chosen == settings.simulator.cohort.batch_names:  # now everybody has lived these days
                write_clock(places, settings, tonight(places, settings, night_of(context.run.tags)))
            by_class = image(migraine_days_a_month(pl.concat(frequencies)), MIGRAINE_DAYS)
            for name, table in selected.items():
                figure = {"migraine days": by_class} if name == "patient_days" else {}
                figure |= glances.get(name, {})
                metadata = {
                    **provenance(lake, table, chosen[0]),
                    "rows in this run": lake.rows(table, chosen),
                }
                yield dg.MaterializeResult(asset_key=name, metadata={**metadata, **figure})

    return [calendar, calibration, site_days, true_effects, simulated_cohort]


def _known_forecasts(
    context: dg.AssetExecutionContext, population: PopulationView, batch: str
) -> "NDArray[np.float64] | None":
    """The best forecasts of earlier days; a night does not make them anew, nor those of its own days."""
    import polars as pl

    if NIGHT_TAG not in context.run.tags:
        return None
    before = population.before(tables.TruthPatientDays, batch)
    if before is None:
        return None
    number = pl.col("patient_id").str.slice(1).cast(pl.Int64)  # P10000 comes after P9999
    ordered = before.sort(number, "date")
    return ordered["oracle_probability"].to_numpy().reshape(before["patient_id"].n_unique(), -1)


def simulator_of(population: PopulationView, settings: Settings) -> "CohortSimulator":
    """The simulator of this population, with the calibration that lies in the lake."""
    from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
    from migraine_platform.simulator.cohort.fitted_parameters import from_frame

    fitted = from_frame(population.read(tables.CalibrationTerms))
    return CohortSimulator(settings.simulator, population.features, fitted)


def _updated_until(settings: Settings, lake: Lake) -> "date | None":
    """The last day in the lake of this very population; None if it has none there."""
    try:
        own = PopulationView.of(settings, lake).stamp.population
    except LakeError:
        return None
    batches = settings.simulator.cohort.batch_names
    there = [batch for batch in batches if not lake.missing(tables.MeasuredDays, [batch])]
    found = [stamp for stamp in (lake.stamp(tables.MeasuredDays, batch) for batch in there) if stamp.population == own]
    return max((stamp.last_date for stamp in found if stamp.last_date is not None), default=None)
