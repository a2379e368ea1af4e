"""ALINE: trained on a reference cohort, scored on other patients of it, asked about the cohort's patients."""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from migraine_platform.config import Settings
from migraine_platform.config.hashing import training_hashes
from migraine_platform.defs.assets.cohort import simulator_of
from migraine_platform.defs.context import RETRAIN_TAG, PopulationView, batches_of, population_view
from migraine_platform.defs.describe import glance, image, pictured, provenance, table_metadata
from migraine_platform.errors import UserError
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from migraine_platform.aline.network.network import Aline
    from migraine_platform.aline.tasks.reference_cohort import ReferenceCohort
    from migraine_platform.aline.training.checkpoints import Card

GROUP = "aline"


class TrainingConfig(dg.Config):
    """What may be changed from the launchpad; what is left out is as configured."""

    seed: int | None = Field(default=None, ge=0)
    steps: int | None = Field(default=None, ge=1)


class NotPromotedError(UserError):
    """A checkpoint that did not pass every check."""


def aline_assets(owner: str, batches: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""
    return [_training_run(owner), _checkpoint(owner), _question_policy(owner, batches)]


def _training_run(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"torch", "parquet"},
        deps=["calibration"],
        metadata=table_metadata(tables.TrainingLog),
    )
    def training_run(
        context: dg.AssetExecutionContext,
        config: TrainingConfig,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """ALINE trained on windows of the reference cohort's days; a killed run goes on from its last checkpoint."""
        from migraine_platform.aline.scoring.figures import learning_curves
        from migraine_platform.aline.training.training import Run

        changes = {name: value for name, value in vars(config).items() if value is not None}
        chosen = settings.model_copy(update={"train": settings.train.model_copy(update=changes)})
        with population_view(settings, lake) as population:
            configuration, data = settings_hashes(chosen, population)
            reference = reference_cohort(chosen, population, context.log.info)

            def observe(step: int, metrics: dict[str, float]) -> None:
                context.log_event(dg.AssetObservation("training_run", metadata={"step": step, **metrics}))

            run = Run(
                reference.task,
                chosen.train,
                places.training(f"{configuration}-{data}"),
                configuration,
                data,
                context.log.info,
                observe,
            )
            trained = run.train()
            frame = trained.frame()
            population.write(tables.TrainingLog, WHOLE, frame)
        return dg.MaterializeResult(
            metadata=pictured(
                lake,
                tables.TrainingLog,
                [WHOLE],
                **{name.replace("_", " "): value for name, value in trained.card.metrics.items()},
                **{"best step": trained.card.step, "resumed at step": trained.resumed_at},
                folder=dg.MetadataValue.path(trained.folder.path),
                curves=image(learning_curves(frame), "Learning curves"),
            )
        )

    return training_run


def _checkpoint(owner: str) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"torch", "parquet"},
        deps=["training_run"],
        metadata=table_metadata(tables.Checkpoints, tables.Scores),
    )
    def checkpoint(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """The best weights, registered under their version and scored; promoted if every check passes."""
        import polars as pl

        from migraine_platform.aline.scoring.figures import information_by_question, rank_histograms
        from migraine_platform.aline.scoring.promotion import checkpoint_row, score_checkpoint, shortcomings
        from migraine_platform.aline.training.checkpoints import load_network, save_tensors

        with population_view(settings, lake) as population:
            _, data = settings_hashes(settings, population)
            run = population.read(tables.TrainingLog, columns=["run"])["run"][0]
            net, card = load_network(places.training(run).best, data=data)
            reference = reference_cohort(settings, population, context.log.info)
            verdict = score_checkpoint(net, card, reference, settings.train, context.log.info)
            if RETRAIN_TAG in context.run.tags and (wrong := shortcomings(verdict.scores, settings.train)):
                raise NotPromotedError(f"trained anew, but the one in use stays: {'; '.join(wrong)}")
            save_tensors(places.checkpoint(card.version), net.state_dict(), card)
            rows = {tables.Checkpoints: pl.DataFrame([checkpoint_row(net, card)]), tables.Scores: verdict.scores}
            population.write_many(rows, WHOLE)
        gained = {name: nats.double().numpy() for name, nats in verdict.gained.items()}
        return dg.MaterializeResult(
            metadata=pictured(
                lake,
                tables.Checkpoints,
                [WHOLE],
                version=card.version,
                scores=_score_table(verdict.scores),
                ranks=image(rank_histograms(verdict.calibration), "Ranks of the truth in the stated posterior"),
                questions=image(information_by_question(gained), "Information gained by questions asked"),
            )
        )

    return checkpoint


def _question_policy(owner: str, batches: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"torch", "parquet"},
        partitions_def=batches,
        backfill_policy=dg.BackfillPolicy.single_run(),
        deps=["checkpoint", "recorded_days"],
        metadata=table_metadata(tables.Questions),
    )
    def question_policy(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        places: dg.ResourceParam[Places],
    ) -> dg.MaterializeResult:
        """Tomorrow evening's best questions for every patient, by the promoted checkpoint."""
        from migraine_platform.aline.advice.advice import Advisor
        from migraine_platform.aline.advice.history import COLUMNS, cycle_scores, histories
        from migraine_platform.aline.advice.plan import questions_frame

        with population_view(settings, lake) as population:
            chosen = batches_of(context, settings)
            net, card = network_in_use(population, settings, places)
            advisor = Advisor(net, settings.hours)
            scores = cycle_scores(population.features)
            for done, batch in enumerate(chosen, start=1):
                days = population.read(tables.RecordedDays, [batch], list(COLUMNS))
                frame = questions_frame(advisor, histories(days, scores), batch, card.version, settings.train.questions)
                population.write(tables.Questions, batch, frame)
                context.add_asset_metadata(
                    {"dagster/row_count": frame.height}, asset_key="question_policy", partition_key=batch
                )
                context.log.info(f"{batch} ({done} of {len(chosen)}): {frame.height:,} questions")
        drawn = glance(tables.Questions, lake.read(tables.Questions, chosen[:1]), chosen[0])
        metadata = {**provenance(lake, tables.Questions, chosen[0]), "version": card.version}
        return dg.MaterializeResult(metadata={**metadata, **drawn})

    return question_policy


def reference_cohort(
    settings: Settings, population: PopulationView, progress: "Callable[[str], None]"
) -> "ReferenceCohort":
    """Simulated patients who are in no cohort, to train on and to be scored on, under the cohort's calibration."""
    from migraine_platform.aline.tasks.reference_cohort import ReferenceCohort

    return ReferenceCohort(settings, population.features, simulator_of(population, settings).calibration, progress)


def settings_hashes(settings: Settings, population: PopulationView) -> tuple[str, str]:
    """Of how ALINE is trained, and of what it is trained on."""
    from migraine_platform.priors.features import to_frame

    return training_hashes(settings, to_frame(population.features).sort(tables.Features.key).to_dicts())


def network_in_use(population: PopulationView, settings: Settings, places: Places) -> "tuple[Aline, Card]":
    """The promoted checkpoint.

    Raises:
        NotPromotedError: if the last one did not pass every check.
    """
    from migraine_platform.aline.training.checkpoints import load_network

    _, data = settings_hashes(settings, population)
    if not population.lake.sealed(tables.Checkpoints, WHOLE):
        raise NotPromotedError("aline.checkpoints: not every check was passed; nobody is asked by it")
    return load_network(places.checkpoint(population.read(tables.Checkpoints)["version"][0]), data=data)


def _score_table(scores: "pl.DataFrame") -> dg.MarkdownMetadataValue:
    """The scores that have something to be compared with, as a table."""
    rows = "\n".join(
        f"| {row['model']} | {row['subset']} | {row['metric']} | {row['value']:.4f} "
        f"| {row['lower']:.4f} to {row['upper']:.4f} |"
        for row in scores.iter_rows(named=True)
    )
    return dg.MetadataValue.md(f"| model | windows | metric | value | 95 % |\n|---|---|---|---:|---|\n{rows}")
