"""Checks that decide what is used: a checkpoint that may ask people, twins that may forecast for them.

What passes is sealed, what no longer passes loses its seal; only what is sealed is published. Belongs here: promotion.
Does not: contracts and the validity of the cohort (audits.py).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import PopulationView, batches_of, failing_plainly, population_view
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake

if TYPE_CHECKING:
    import polars as pl


def promotion_checks() -> list[dg.AssetChecksDefinition]:
    """What a checkpoint, twins, forecasts and their population must show."""
    return [_checkpoint_checks(), _twins_check(), _predictions_checks(), _population_check()]


def _checkpoint_checks() -> dg.AssetChecksDefinition:
    """What a checkpoint must show before anybody is asked by it."""
    names = (tables.CALIBRATED, tables.BEATS_BASELINES, tables.ASKS_WELL)

    @dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset="checkpoint", blocking=True) for name in names])
    def promotion(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> Iterator[dg.AssetCheckResult]:
        """True uncertainty; better forecasts than the baselines; more told by as many questions."""
        from migraine_platform.aline.scoring.promotion import (
            INFORMATION_BEHIND,
            LOG_LOSS_BEHIND,
            calibration_problems,
            unbeaten,
            unmatched,
        )

        wanted = settings.train.promotion
        with failing_plainly():
            scores = PopulationView.of(settings, lake).read(tables.Scores)
            _, content_hash = lake.read_sealable(tables.Checkpoints, WHOLE)
            found = {
                tables.CALIBRATED: calibration_problems(scores, settings.train),
                tables.BEATS_BASELINES: unbeaten(scores, LOG_LOSS_BEHIND, wanted.must_beat)
                + unmatched(scores, wanted.must_match),
                tables.ASKS_WELL: unbeaten(scores, INFORMATION_BEHIND, wanted.must_ask_better_than),
            }
            for name, problems in found.items():
                lake.seal(tables.Checkpoints, WHOLE, content_hash, name, passed=not problems)
        for name, problems in found.items():
            yield dg.AssetCheckResult(
                asset_key="checkpoint",
                check_name=name,
                passed=not problems,
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(problems) or None,
            )

    return promotion


def _twins_check() -> dg.AssetChecksDefinition:
    """Nobody is left out silently."""

    @dg.asset_check(asset="twins", name=tables.EVERY_TWIN, blocking=True)
    def every_patient(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.AssetCheckResult:
        """Every patient of the batch has a twin, or a stated reason for having none."""
        missing: dict[str, int] = {}
        counts: dict[str, int] = {}
        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            for batch in chosen:
                twins, content_hash = lake.read_sealable(tables.Twins, batch)
                patients = set(population.read(tables.Patients, [batch], ["patient_id"])["patient_id"])
                silent = twins.filter((twins["status"] != "fitted") & twins["reason"].is_null()).height
                lacking = len(patients - set(twins["patient_id"])) + silent
                for status in twins["status"]:
                    counts[status] = counts.get(status, 0) + 1
                if lacking:
                    missing[batch] = lacking
                lake.seal(tables.Twins, batch, content_hash, tables.EVERY_TWIN, passed=not lacking)
        return dg.AssetCheckResult(
            passed=not missing,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(f"{batch}: {count} patients without a twin" for batch, count in missing.items())
            or None,
            metadata={"batches": len(chosen), "failed batches": list(missing), **counts},
        )

    return every_patient


def _predictions_checks() -> dg.AssetChecksDefinition:
    """What forecasts must show before they are published; judged on all batches of the run together."""
    names = (tables.TRUE_PROBABILITIES, tables.COVERS)

    @dg.multi_asset_check(specs=[dg.AssetCheckSpec(name, asset="predictions", blocking=True) for name in names])
    def judged(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> Iterator[dg.AssetCheckResult]:
        """Said probabilities come true, and intervals hold what the whole state gives, on days nobody learned from."""
        import polars as pl

        from migraine_platform.ingest.recorded import before_reports
        from migraine_platform.twin.core.promotion_checks import check_forecasts

        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            read = {batch: lake.read_sealable(tables.Predictions, batch) for batch in chosen}
            days = population.read(tables.PatientDays, chosen, ["patient_id", "date", "has_migraine"])
            truth = population.read(tables.TruthPatientDays, chosen, ["patient_id", "date", "migraine_probability"])
            said = pl.concat([frame for frame, _ in read.values()])
            reports = population.read(tables.RecordedDays, chosen, ["patient_id", "date", "reported"])
            simulated = before_reports(said, reports, "for_date")
            found = check_forecasts(simulated, days, truth)
            wanted = settings.twin.promotion
            problems = {
                tables.TRUE_PROBABILITIES: found.calibration_problems(wanted),
                tables.COVERS: found.coverage_problems(wanted),
            }
            if simulated.is_empty() and said.height:
                problems = {name: [] for name in names}  # everybody reports his own days: no truth to hold against
            for name, wrong in problems.items():
                for batch, (_, content_hash) in read.items():
                    lake.seal(tables.Predictions, batch, content_hash, name, passed=not wrong)
        for name, wrong in problems.items():
            yield dg.AssetCheckResult(
                asset_key="predictions",
                check_name=name,
                passed=not wrong,
                severity=dg.AssetCheckSeverity.ERROR,
                description="; ".join(wrong) or None,
                metadata={figure: value for figure, value in found._asdict().items() if value == value},
            )

    return judged


class PopulationVerdict(NamedTuple):
    """On a population of twins."""

    problems: list[str]
    gates: "pl.DataFrame"
    """Rows of `evaluation.gates`."""


def check_population(population: PopulationView, settings: Settings) -> PopulationVerdict:
    """Seal the newest population of twins if its evaluation passes every gate; else take the seal back.

    Gates count that were judged of the figures and by the limits of now, figures that were made of the forecasts that
    lie beside them, forecasts by this very population.
    """
    from migraine_platform.evaluation.scoring.gates import gates, problems, unlike
    from migraine_platform.evaluation.scoring.provenance import TWIN_POPULATION
    from migraine_platform.ingest.recorded import somebody_is_simulated
    from migraine_platform.twin.core.model import newest

    read, lake = population.read, population.lake
    found, made_from, metrics = read(tables.Gates), read(tables.Provenance), read(tables.Metrics)
    frame, content_hash = lake.read_sealable(tables.TwinPopulation, WHOLE)
    wrong = problems(found)
    judged = made_from.filter(made_from["item"] == TWIN_POPULATION)["value"].to_list()
    if judged != [newest(frame)]:
        wrong.append(f"population {newest(frame)} has not been evaluated, but {', '.join(judged) or 'none'}")
    if apart := unlike(read(tables.EvaluatedDays), read(tables.EvaluatedForecasts), metrics):
        wrong.append(f"figures are of other forecasts ({apart[0]}); materialise metrics and promotion_gates again")
    days = read(tables.RecordedDays, settings.simulator.cohort.batch_names, ["patient_id", "date", "reported"])
    now = gates(metrics, read(tables.Differences), settings.evaluation.gates, somebody_is_simulated(days))
    if not found.select(now.columns).sort("gate").equals(now.sort("gate")):
        wrong.append("gates are of other figures or limits; materialise promotion_gates again")
    lake.seal(tables.TwinPopulation, WHOLE, content_hash, tables.EVALUATED, passed=not wrong)
    return PopulationVerdict(wrong, found)


def _population_check() -> dg.AssetChecksDefinition:
    """What a population of twins must show before it is published; it stops nothing but the publication.

    A report of a population that fails is worth more than none: so the check is not blocking, and the seal is what it
    withholds. Since nothing waits for such a check, the asset has judged before, or the warehouse might be published
    first.
    """

    @dg.asset_check(asset="promotion_gates", name=tables.EVALUATED)
    def evaluated(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.AssetCheckResult:
        """Days and patients never seen are forecast well enough, by this very population."""
        with failing_plainly():
            found = check_population(PopulationView.of(settings, lake), settings)
        return dg.AssetCheckResult(
            passed=not found.problems,
            severity=dg.AssetCheckSeverity.ERROR,
            description="; ".join(found.problems) or None,
            metadata={row["gate"]: row["value"] for row in found.gates.drop_nulls("value").iter_rows(named=True)},
        )

    return evaluated
