"""Asset checks. What blocks: broken contracts, missing or invalid days, a missed calibration, a mock distribution that
contradicts clinicians. What warns: figures that no literature knows.

Each check reads what lies in the lake, not what the step had in its hands.
"""

from collections.abc import Iterator

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.assets.evaluated import EVALUATION
from migraine_platform.defs.assets.twins import SAID
from migraine_platform.defs.checks.drift import drift_checks
from migraine_platform.defs.checks.promotion import promotion_checks
from migraine_platform.defs.context import PopulationView, batches_of, failing_plainly, partitions_of
from migraine_platform.defs.describe import image
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places

CONTRACTS: dict[str, tuple[type[Table], ...]] = {
    "feature_table": (tables.Features,),
    "feature_priors": (tables.Distributions, tables.Triggers),
    "mock_distribution": (tables.MockSamples, tables.MockMoments, tables.MockCorrelations),
    "calibration": (tables.CalibrationTerms,),
    "site_days": (tables.SiteDays,),
    "true_effects": (tables.TruthInterventions,),
    "realism": (tables.Realism,),
    "training_run": (tables.TrainingLog,),
    "checkpoint": (tables.Checkpoints, tables.Scores),
    "question_policy": (tables.Questions,),
    "observations": (tables.Observations, tables.Files, tables.Quarantine),
    "recorded_days": (tables.RecordedDays,),
    "study_diaries": (tables.StudyDays, tables.StudyPatients),
    "twin_population": (tables.TwinPopulation,),
    "drift_thresholds": (tables.Thresholds,),
    **SAID,
    **EVALUATION,
    **{name: (table,) for name, table in SIMULATED.items()},
}
"""Asset -> the tables whose contracts it must keep."""


def platform_checks() -> list[dg.AssetChecksDefinition]:
    """Every check of the platform."""
    contracts = [_contract_check(asset, declared) for asset, declared in CONTRACTS.items()]
    return [
        *contracts,
        *(_checklist_check(name) for name in tables.CHECKLIST),
        _targets_check(),
        _validation_checks(),
        _realism_check(),
        *promotion_checks(),
        *drift_checks(),
        _warehouse_check(),
    ]


def _contract_check(asset: str, declared: tuple[type[Table], ...]) -> dg.AssetChecksDefinition:
    """Audit each partition of the run as it lies in the lake; only those that pass are sealed and can be published."""

    @dg.asset_check(
        asset=asset,
        name="contract",
        blocking=True,
        description=f"Types, bounds, keys and rules of {', '.join(table.name for table in declared)}.",
    )
    def contract(
        context: dg.AssetCheckExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
    ) -> dg.AssetCheckResult:
        from migraine_platform.warehouse.contracts import audit_partition

        with failing_plainly():
            batches = batches_of(context, settings)
            audits = {
                f"{table.name} {part}": audit_partition(lake, table, part)
                for table in declared
                for part in partitions_of(table, batches)
            }
        failed = {place: audit for place, audit in audits.items() if not audit.passed}
        return dg.AssetCheckResult(
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(f"{place}: {audit.summary()}" for place, audit in failed.items()) or None,
            metadata={
                "rows": sum(audit.rows for audit in audits.values()),
                "partitions": len(audits),
                "failed partitions": list(failed),
                "broken rules": dg.MetadataValue.json({place: audit.broken for place, audit in failed.items()}),
            },
        )

    return contract


def _checklist_check(name: str) -> dg.AssetChecksDefinition:
    """One point of the mock distribution's validation checklist, on the tables as they lie in the lake."""

    @dg.asset_check(asset="mock_distribution", name=name, blocking=True)
    def check(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
        from migraine_platform.priors.checklist import POINTS
        from migraine_platform.priors.mock import from_frames

        with failing_plainly():
            samples, content_hash = lake.read_sealable(tables.MockSamples, WHOLE)
            stored = from_frames(samples, lake.read(tables.MockMoments), lake.read(tables.MockCorrelations))
            finding = POINTS[name](stored)
            if finding.passed:
                lake.seal(tables.MockSamples, WHOLE, content_hash, name)
        return dg.AssetCheckResult(
            passed=finding.passed,
            severity=dg.AssetCheckSeverity.ERROR,
            description=finding.summary,
            metadata=finding.figures,
        )

    return check


def _targets_check() -> dg.AssetChecksDefinition:
    """The calibration does to fresh patients what it was fitted to do."""
    name = tables.TARGETS

    @dg.asset_check(asset="calibration", name=name, blocking=True)
    def targets(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
        """Trigger effects and frequencies, measured by simulating twice, on patients that the fit never saw."""
        from migraine_platform.simulator.checks.figures import calibration_targets
        from migraine_platform.simulator.checks.targets import measure
        from migraine_platform.simulator.cohort.fitted_parameters import from_frame

        with failing_plainly():
            features = PopulationView.of(settings, lake).features
            frame, content_hash = lake.read_sealable(tables.CalibrationTerms, WHOLE)
            found = measure(settings.simulator, features, from_frame(frame))
            if not found.problems:
                lake.seal(tables.CalibrationTerms, WHOLE, content_hash, name)
        figure = calibration_targets(found.effects, found.chronic_effects, found.quintiles)
        return dg.AssetCheckResult(
            passed=not found.problems,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(found.problems) or None,
            metadata={
                "targets": image(figure, "Trigger effects, and realised minus profile days"),
                **{f"{trigger} points": round(100 * effect, 2) for trigger, effect in found.effects.items()},
                **{f"fifth {n}, days off": round(off, 3) for n, off in enumerate(found.quintiles, start=1)},
            },
        )

    return targets


def _validation_checks() -> dg.AssetChecksDefinition:
    """Each batch is complete and valid; its days are read once for all points."""
    names = (tables.COMPLETE, *tables.VALIDATION)

    @dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset="patient_days", blocking=True) for name in names])
    def validation(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.AssetCheckResult]:
        """Every patient has every day, once; distributions, correlations, proportions, temporal consistency."""
        import polars as pl

        from migraine_platform.priors.features import select
        from migraine_platform.simulator.checks.associations import rises, sums, weak
        from migraine_platform.simulator.checks.completeness import holes
        from migraine_platform.simulator.checks.validation import POINTS, SimulatedBatch
        from migraine_platform.simulator.exogenous.features import FEATURES

        failed: dict[str, dict[str, str]] = {name: {} for name in names}
        read: dict[str, str] = {}
        with failing_plainly():
            chosen = batches_of(context, settings)
            associated = []
            features = select(PopulationView.of(settings, lake).features, FEATURES)
            for number in chosen:
                days, content_hash = lake.read_sealable(tables.PatientDays, number)
                batch = SimulatedBatch(lake.read(tables.Patients, [number]), days, lake.read(tables.Attacks, [number]))
                found = holes(batch.patients.select("patient_id"), days, settings.simulator.cohort)
                if found:
                    failed[tables.COMPLETE][number] = f"{found} patients lack days"
                for point, look in POINTS.items():
                    problems = look(batch, features, settings.simulator.population).problems
                    if problems:
                        failed[point][number] = "; ".join(problems)
                read[number] = content_hash
                associated.append(sums(days))
            together = pl.concat(associated)  # one batch is too few for what triggers do
            if idle := weak(together, settings.simulator.triggers):
                failed["correlations"] |= dict.fromkeys(chosen, "; ".join(idle))
            for name in names:
                for number, content_hash in read.items():
                    lake.seal(tables.PatientDays, number, content_hash, name, passed=number not in failed[name])
        points = {trigger: round(100 * rise, 1) for trigger, (rise, _) in rises(together).items()}
        for name in names:
            yield dg.AssetCheckResult(
                asset_key="patient_days",
                check_name=name,
                passed=not failed[name],
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(f"{batch}: {what}" for batch, what in failed[name].items()) or None,
                metadata={
                    "batches": len(chosen),
                    "failed batches": list(failed[name]),
                    **({"points after": dg.MetadataValue.json(points)} if name == "correlations" else {}),
                },
            )

    return validation


def _realism_check() -> dg.AssetChecksDefinition:
    """Nothing of the cohort lies outside of what is known; a warning, because references disagree too."""

    @dg.asset_check(asset="realism", name="realistic")
    def realistic(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
        """Every figure lies within its reference, or where the specification puts it."""
        with failing_plainly():
            verdicts = dict(lake.read(tables.Realism, columns=["figure", "verdict"]).iter_rows())
        outside = [figure for figure, verdict in verdicts.items() if verdict == "outside"]
        specified = [figure for figure, verdict in verdicts.items() if verdict == "specification"]
        return dg.AssetCheckResult(
            passed=not outside,
            severity=dg.AssetCheckSeverity.WARN,
            description=f"outside of their references: {', '.join(outside)}" if outside else None,
            metadata={"figures": len(verdicts), "outside": outside, "specification instead": specified},
        )

    return realistic


def _warehouse_check() -> dg.AssetChecksDefinition:
    """The published file opens read-only and holds as many rows as the lake."""

    @dg.asset_check(asset="warehouse", name="opens_with_all_rows", blocking=True)
    def opens(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.AssetCheckResult:
        """The published file opens read-only and holds as many rows as the lake."""
        from dagster_duckdb import DuckDBResource  # not at the top: it loads duckdb, which no definition needs

        from migraine_platform.warehouse.query import READS_NOTHING_ELSE, counted

        read_only = {"access_mode": "READ_ONLY", **READS_NOTHING_ELSE}  # left to itself it opens for writing
        warehouse = DuckDBResource(database=str(places.warehouse), connection_config=read_only)
        with failing_plainly(), warehouse.get_connection() as connection:
            published = {name: rows for name, rows, _ in counted(connection)}
            expected = {
                table.name: lake.rows(table, partitions_of(table, settings.simulator.cohort.batch_names))
                for table in tables.ALL
            }
        wrong = {name: rows for name, rows in expected.items() if published.get(name) != rows}
        return dg.AssetCheckResult(
            passed=not wrong,
            severity=dg.AssetCheckSeverity.ERROR,
            description=f"rows differ from the lake: {', '.join(wrong)}" if wrong else None,
            metadata={"tables": len(expected), "rows": sum(expected.values())},
        )

    return opens
