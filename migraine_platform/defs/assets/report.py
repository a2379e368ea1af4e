"""The report: one page for people, and its figures for machines."""

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.assets.evaluated import EVALUATION, GROUP, upstream
from migraine_platform.defs.context import partitions_of, population_view
from migraine_platform.defs.describe import image
from migraine_platform.warehouse.lake.lake import Lake
from migraine_platform.warehouse.lake.places import EVALUATION_NUMBERS, EVALUATION_PAGE, Places, replace_file


def report_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The asset of the stage."""

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"html", "json"},
        deps=upstream(*EVALUATION, "study_diaries", "drift", "truth_drift"),
    )
    def report(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        """What all models are worth, on one page that needs no network, with a JSON beside it for machines."""
        from migraine_platform.evaluation.report.facts import facts_of
        from migraine_platform.evaluation.report.machine import headline, machine
        from migraine_platform.evaluation.report.page import figures_for_dagster, render

        with population_view(settings, lake) as population:
            batches = settings.simulator.cohort.batch_names
            facts = facts_of(lambda table: population.read(table, partitions_of(table, batches)))
            page, numbers = places.report(EVALUATION_PAGE), places.report(EVALUATION_NUMBERS)
            replace_file(page, render(facts).encode())
            replace_file(numbers, machine(facts).encode())
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(page),
                "numbers": dg.MetadataValue.path(numbers),
                "headline": dg.MetadataValue.md(f"```\n{headline(facts)}\n```"),
                "population": population.stamp.population,
                **{title: image(png, title) for title, png in figures_for_dagster(facts).items()},
            }
        )

    return [report]
