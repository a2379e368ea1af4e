"""Commands on what clinicians say, and on patients simulated from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import click

from migraine_platform.cli.common import configured_places, plain_errors, preset_option, settings_of
from migraine_platform.config import load_settings, resized
from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import Places, replace_file


@click.command()
@click.argument("workbook", type=click.Path(path_type=Path), required=False)
@plain_errors
def features(workbook: Path | None) -> None:
    """Read and validate a clinician's workbook (by default the configured one), its features and its triggers."""
    from migraine_platform.priors.features import to_frame
    from migraine_platform.priors.lived import vocabulary_of
    from migraine_platform.priors.triggers import trigger_frame
    from migraine_platform.priors.workbook.workbook import open_workbook
    from migraine_platform.warehouse.query import text_table

    path = workbook or settings_of(None).priors.workbook
    found = open_workbook(path)
    settings = load_settings(workbook=path)
    vocabulary_of(settings)
    frame = to_frame(found.features).sort("category", "variable")
    shown = frame.select("category", "variable", "unit", "weight", "typical_range", "mean", "sd", "family")
    texts = [[f"{cell:g}" if isinstance(cell, float) else cell for cell in row] for row in shown.iter_rows()]
    click.echo(text_table(shown.columns, texts, frame.height) + "\n")
    for note in found.notes:
        click.echo(note)
    if found.fills:
        click.echo("What the workbook does not say, and what is taken instead:")
        click.echo(text_table(["variable", "field", "value"], [list(fill) for fill in found.fills], len(found.fills)))
    rows = settings.simulator.triggers
    triggers = trigger_frame(rows).select("trigger", "label", "exposures", "words", "effect", "latent_axis", "load")
    texts = [
        [*words, f"{100 * effect:.1f}", f"{axis} {load:g}" if load else "-"]
        for *words, effect, axis, load in triggers.iter_rows()
    ]
    click.echo("Triggers, those of the settings and those of the workbook:")
    click.echo(text_table(["trigger", "label", "read from", "rule", "points", "loads"], texts, triggers.height))
    counts = f"{frame.height} features in {frame['category'].n_unique()} categories"
    own = sum(row.place is not None for row in rows.values())
    click.echo(f"{path.name}: {counts}, {own} trigger{'' if own == 1 else 's'} of its own, all valid")


@click.command()
@plain_errors
def triggers() -> None:
    """Show every trigger: its rule, how often it happens, what it does, and how well twins find it."""
    from migraine_platform.warehouse.query import query_text

    shares = {"days": "% of days", "configured_effect": "points", "susceptible": "% susceptible", "named": "% named"}
    columns = [f'round(100 * {name}, 1) AS "{title}"' for name, title in shares.items()]
    sql = f"SELECT trigger, rule, {', '.join(columns)}, round(auc, 2) AS auc FROM marts.trigger_overview"
    click.echo(query_text(configured_places().warehouse, sql, "table"))


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; by default the data folder.")
@preset_option
@plain_errors
def mock(out: Path | None, preset: str | None) -> None:
    """Write the mock distribution (.csv, .pkl) and the feature normaliser (.json, .pkl)."""
    from migraine_platform.priors import artifacts
    from migraine_platform.priors.checklist import POINTS
    from migraine_platform.priors.mock import build_mock
    from migraine_platform.priors.workbook.configured import configured_features

    settings = settings_of(preset)
    known = configured_features(settings.priors)
    built = build_mock(known, settings.priors.mock)
    places = Places(out or Places.of(settings.platform).data, lake_url="")
    for name, content in {
        "feature_normalizer.json": artifacts.normalizer_json(known),
        "feature_normalizer.pkl": artifacts.normalizer_pickle(known),
        "mock_distribution.csv": artifacts.mock_csv(built),
        "mock_distribution.pkl": artifacts.mock_pickle(built),
    }.items():
        replace_file(places.export(name), content)
        click.echo(f"{places.export(name)}: {len(content):,} bytes")
    findings = [point(built) for point in POINTS.values()]
    for finding in findings:
        click.echo(f"{'passed' if finding.passed else 'FAILED'}: {finding.summary}")
    if not all(finding.passed for finding in findings):
        raise UserError("the mock distribution contradicts what clinicians say; see the failed points above")


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder for the files.")
@click.option(
    "--format",
    "shape",
    type=click.Choice(["csv", "parquet", "fusemoe"]),
    default="csv",
    show_default=True,
    help="Six CSV or Parquet files, or one pickled list of samples for FuseMoE.",
)
@click.option("--patients", type=click.IntRange(min=1), help="How many patients; by default the preset's.")
@click.option("--days", type=click.IntRange(min=2), help="How many days; by default the preset's.")
@click.option("--seed", type=click.IntRange(min=0), help="Of the random numbers; by default the preset's.")
@preset_option
@plain_errors
def simulate(
    out: Path,
    shape: Literal["csv", "parquet", "fusemoe"],
    patients: int | None,
    days: int | None,
    seed: int | None,
    preset: str | None,
) -> None:
    """Simulate a cohort into the files of the design document, without the orchestrator."""
    from migraine_platform.priors.workbook.configured import configured_features
    from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
    from migraine_platform.warehouse.exports.export import export_files
    from migraine_platform.warehouse.exports.fusemoe import FuseMoeWindows, export_fusemoe
    from migraine_platform.warehouse.fits import fitted

    settings = settings_of(preset)
    wanted = {"patients": patients, "days": days, "seed": seed}
    settings = resized(settings, **{name: value for name, value in wanted.items() if value is not None})
    known = configured_features(settings.priors)
    kept = Places.of(settings.platform).fits
    calibration = fitted(settings.simulator, known, kept, lambda line: click.echo(f"calibration: {line}", err=True))
    simulator = CohortSimulator(settings.simulator, known, calibration)
    with click.progressbar(range(settings.simulator.cohort.batches), label="batches", file=sys.stderr) as numbers:
        batches = (simulator.batch(number) for number in numbers)
        if shape == "fusemoe":
            path = out / "fusemoe.pkl"
            written = [
                (path, export_fusemoe(path, batches, known, FuseMoeWindows(settings.exports.fusemoe_window_days)))
            ]
        else:
            written = export_files(out, batches, shape)
    for path, rows in written:
        click.echo(f"{path}: {rows:,} {'samples' if shape == 'fusemoe' else 'rows'}")
