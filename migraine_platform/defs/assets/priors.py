"""Priors: feature table, distributions, normaliser, mock distribution."""

import dagster as dg

from migraine_platform.config import Settings
from migraine_platform.defs.context import PopulationView, failing_plainly, population_view
from migraine_platform.defs.describe import image, pictured, table_metadata
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import WHOLE, Lake
from migraine_platform.warehouse.lake.places import Places, replace_file

GROUP = "priors"


def priors_assets(owner: str) -> list[dg.AssetsDefinition]:
    """The assets of the stage."""

    @dg.asset(group_name=GROUP, owners=[owner], kinds={"excel", "parquet"}, metadata=table_metadata(tables.Features))
    def feature_table(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        """The clinician's workbook, parsed and validated, with the preset's own numbers: one row a feature."""
        from migraine_platform.priors.features import to_frame
        from migraine_platform.priors.figures import impact_curves
        from migraine_platform.priors.workbook.configured import overridden
        from migraine_platform.priors.workbook.workbook import open_workbook

        with failing_plainly():
            workbook = open_workbook(settings.priors.workbook)
            features = overridden(workbook.features, settings.priors.overrides)
            PopulationView.from_features(settings, lake, features).write(tables.Features, WHOLE, to_frame(features))
        curves = image(impact_curves(features), "Risk score of each feature over its typical range")
        metadata: dict[str, dg.MetadataValue] = {
            "filled in": dg.MetadataValue.json([fill._asdict() for fill in workbook.fills])
        }
        metadata |= {"notes": dg.MetadataValue.json(list(workbook.notes)), "impact curves": curves}
        return dg.MaterializeResult(metadata=pictured(lake, tables.Features, [WHOLE], **metadata))

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"scipy", "parquet"},
        deps=[feature_table],
        metadata=table_metadata(tables.Distributions, tables.Triggers),
    )
    def feature_priors(lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]) -> dg.MaterializeResult:
        """Each feature's prior distribution, matched to its mean and standard deviation, and each trigger's rule."""
        from migraine_platform.priors.distributions import distribution_frame
        from migraine_platform.priors.triggers import trigger_frame

        with population_view(settings, lake) as population:
            population.write(tables.Distributions, WHOLE, distribution_frame(population.features))
            population.write(tables.Triggers, WHOLE, trigger_frame(settings.simulator.triggers))
        return dg.MaterializeResult(metadata=pictured(lake, tables.Distributions, [WHOLE]))

    @dg.asset(group_name=GROUP, owners=[owner], kinds={"json"}, deps=[feature_priors])
    def feature_normalizer(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        """Value <-> 1-10 scale for every feature: feature_normalizer.json, and .pkl for programs that expect one."""
        from migraine_platform.priors import artifacts

        with failing_plainly():
            features = PopulationView.of(settings, lake).features
            target = places.export("feature_normalizer.json")
            replace_file(target, artifacts.normalizer_json(features))
            replace_file(places.export("feature_normalizer.pkl"), artifacts.normalizer_pickle(features))
        return dg.MaterializeResult(metadata={"features": len(features), "file": dg.MetadataValue.path(target)})

    @dg.asset(
        group_name=GROUP,
        owners=[owner],
        kinds={"numpy", "parquet"},
        deps=[feature_priors],
        metadata=table_metadata(tables.MockSamples, tables.MockMoments, tables.MockCorrelations),
    )
    def mock_distribution(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings], places: dg.ResourceParam[Places]
    ) -> dg.MaterializeResult:
        """Correlated Gaussian features with a logistic migraine: prior, posterior and samples."""
        from migraine_platform.priors import artifacts, mock
        from migraine_platform.priors.figures import correlation_heatmap

        with population_view(settings, lake) as population:
            built = mock.build_mock(population.features, settings.priors.mock)
            population.write(tables.MockSamples, WHOLE, mock.sample_frame(built))
            population.write(tables.MockMoments, WHOLE, mock.moment_frame(built))
            population.write(tables.MockCorrelations, WHOLE, mock.correlation_frame(built))
            replace_file(places.export("mock_distribution.csv"), artifacts.mock_csv(built))
            replace_file(places.export("mock_distribution.pkl"), artifacts.mock_pickle(built))
        heatmap = image(correlation_heatmap(built), "Prior correlations of the mock distribution")
        return dg.MaterializeResult(
            metadata=pictured(
                lake,
                tables.MockSamples,
                [WHOLE],
                **{"correlations": heatmap, "migraine share": float(built.migraine.mean())},
            )
        )

    return [feature_table, feature_priors, feature_normalizer, mock_distribution]
