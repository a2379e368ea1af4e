"""Checks that warn: somebody has changed, twins have grown old, ALINE's posterior no longer holds on fresh days.

They never block: a person's change is no fault of the data. Sensors (retraining.py) read what they found, batch by
batch, in `open batches` of their metadata. Belongs here: what they find. Does not: what follows.
"""

from typing import TYPE_CHECKING

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.aline import reference_cohort, settings_hashes
from migraine_platform.defs.context import batches_of, population_view
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    import polars as pl

OPEN, SEEN = "open batches", "batches"
"""Metadata of an evaluation: batch -> reason, and every batch that was looked at."""

SHOWN = 50
"""Patients that are named in an evaluation's table; all are in `twin.drift`."""


def drift_checks() -> list[dg.AssetChecksDefinition]:
    """What warns of twins and of ALINE."""
    return [_drift_check(), _due_check(), _fresh_check()]


def _drift_check() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset="drift", name=tables.NO_DRIFT, blocking=False)
    def twin_drift(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.AssetCheckResult:
        """Nobody changed since the batch's twins were made, or made anew on trial."""
        import polars as pl

        from migraine_platform.twin.updating.trials import cohort_shift, unanswered

        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            rows = [
                unanswered(
                    *(population.read(table, [batch]) for table in (tables.Drift, tables.Twins, tables.Retrainings))
                ).with_columns(pl.lit(batch).alias("batch"))
                for batch in chosen
            ]
            watched = population.read(tables.Watch, chosen)
            rate = settings.twin.drift.false_alarms_a_year
            together = cohort_shift(watched, population.read(tables.Drift, chosen), rate)
        found = pl.concat(rows)
        changed = {batch: _kinds(found.filter(pl.col("batch") == batch)) for batch in found["batch"].unique().sort()}
        return dg.AssetCheckResult(
            passed=found.is_empty() and not together.problems,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join([*(f"{batch}: {kinds}" for batch, kinds in changed.items()), *together.problems])
            or None,
            metadata={
                SEEN: list(chosen),
                OPEN: dg.MetadataValue.json(changed),
                "patients": _table(found),
                "cohort": dg.MetadataValue.json(together.figures),
            },
        )

    return twin_drift


def _kinds(found: "pl.DataFrame") -> str:
    counts = found["kind"].value_counts().sort("kind")
    return ", ".join(f"{row['count']} {row['kind']}" for row in counts.iter_rows(named=True))


def _table(found: "pl.DataFrame") -> dg.TableMetadataValue:
    names = ("patient_id", "kind", "target", "shape", "since", "detected_on", "statistic")
    shown = found.head(SHOWN).with_columns(found.head(SHOWN)["statistic"].round(2))
    rows = [{name: str(row[name]) for name in names} for row in shown.iter_rows(named=True)]
    schema = dg.TableSchema([dg.TableColumn(name, "string") for name in names])
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], schema)


def _due_check() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset="twins", name=tables.NOT_DUE, blocking=False)
    def retraining_due(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.AssetCheckResult:
        """No batch's twins are old, much worse than at the start, or adapted too often."""
        from migraine_platform.twin.updating.trials import reasons

        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            found = {
                batch: why
                for batch in chosen
                if (
                    why := reasons(
                        population.read(tables.Twins, [batch]),
                        settings.twin.retraining,
                        settings.twin.drift.false_alarms_a_year,
                    )
                )
            }
        problems = {batch: "; ".join(why) for batch, why in found.items()}
        return dg.AssetCheckResult(
            passed=not problems,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(f"{batch}: {why}" for batch, why in problems.items()) or None,
            metadata={SEEN: list(chosen), OPEN: dg.MetadataValue.json(problems)},
        )

    return retraining_due


def _fresh_check() -> dg.AssetChecksDefinition:
    @dg.asset_check(asset="checkpoint", name=tables.HOLDS_ON_FRESH, blocking=False)
    def calibrated_on_fresh_days(
        context: dg.AssetCheckExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.AssetCheckResult:
        """The checkpoint in use states true uncertainty about patients and days that nobody has seen yet."""
        from migraine_platform.aline.scoring.promotion import fresh_calibration
        from migraine_platform.aline.training.checkpoints import load_network
        from migraine_platform.operations.clock import today

        with population_view(settings, lake) as population:
            _, data = settings_hashes(settings, population)
            version = population.read(tables.Checkpoints)["version"][0]
            net, _ = load_network(places.checkpoint(version), data=data)
            reference = reference_cohort(settings, population, context.log.info)
            found = fresh_calibration(net, reference, settings.train, today(settings).toordinal())
        problems = found.problems
        return dg.AssetCheckResult(
            asset_key="checkpoint",
            passed=not problems,
            severity=dg.AssetCheckSeverity.WARN,
            description="; ".join(problems) or None,
            metadata={
                SEEN: [WHOLE],
                OPEN: dg.MetadataValue.json({WHOLE: "; ".join(problems)} if problems else {}),
                "coverage": dg.MetadataValue.json(found.coverage),
            },
        )

    return calibrated_on_fresh_days
