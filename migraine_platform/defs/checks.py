"""Asset checks. What blocks: broken contracts, days that are missing, a mock distribution that contradicts clinicians.

Each check reads what lies in the lake, not what the step had in its hands.
"""

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.cohort import SIMULATED
from migraine_platform.defs.context import batches_of, failing_plainly, partitions_of
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.declare import Table
from migraine_platform.warehouse.lake import WHOLE, Lake
from migraine_platform.warehouse.places import Places

CONTRACTS: dict[str, tuple[type[Table], ...]] = {
    "feature_table": (tables.Features,),
    "feature_priors": (tables.Distributions,),
    "mock_distribution": (tables.MockSamples, tables.MockMoments, tables.MockCorrelations),
    "calibration": (tables.CalibrationTerms,),
    "site_days": (tables.SiteDays,),
    **{name: (table,) for name, table in SIMULATED.items()},
}
"""Asset -> the tables whose contracts it must keep."""


def platform_checks() -> list[dg.AssetChecksDefinition]:
    """Every check of the platform."""
    contracts = [_contract_check(asset, declared) for asset, declared in CONTRACTS.items()]
    return [
        *contracts,
        *(_checklist_check(name) for name in tables.CHECKLIST),
        _complete_check(),
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


def _complete_check() -> dg.AssetChecksDefinition:
    """Every patient of a batch has every day of the cohort, once."""
    name = "every_patient_every_day"

    @dg.asset_check(asset="patient_days", name=name, blocking=True)
    def complete(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.AssetCheckResult:
        """Every patient of the batch has every day of the cohort, once."""
        from migraine_platform.simulator.completeness import holes

        failed: dict[str, int] = {}
        with failing_plainly():
            chosen = batches_of(context, settings)
            for batch in chosen:
                patients = lake.read(tables.Patients, [batch], ["patient_id"])
                days, content_hash = lake.read_sealable(tables.PatientDays, batch)
                found = holes(patients, days, settings.simulator.cohort)
                if found:
                    failed[batch] = found
                else:
                    lake.seal(tables.PatientDays, batch, content_hash, name)
        return dg.AssetCheckResult(
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(f"{batch}: {count} patients lack days" for batch, count in failed.items()) or None,
            metadata={"batches": len(chosen), "failed batches": list(failed)},
        )

    return complete


def _warehouse_check() -> dg.AssetChecksDefinition:
    """The published file opens read-only and holds as many rows as the lake."""

    @dg.asset_check(asset="warehouse", name="opens_with_all_rows", blocking=True)
    def opens(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.AssetCheckResult:
        """The published file opens read-only and holds as many rows as the lake."""
        from migraine_platform.warehouse.query import row_counts

        with failing_plainly():
            published = {name: rows for name, rows, _ in row_counts(places.warehouse)}
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
