"""The `migraine` command.

Every subcommand reads settings, calls one function and prints; an error a user can mend is one sentence on standard
error and exit code 1.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar

import click

from migraine_platform.config import Settings, load_settings, project_root, resized
from migraine_platform.config.loading import PRESET_VARIABLE
from migraine_platform.errors import UserError
from migraine_platform.warehouse.places import Places, replace_file

if TYPE_CHECKING:
    from migraine_platform.aline.interview import Interviewer

P = ParamSpec("P")
R = TypeVar("R")


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print a user's error as its message alone, and exit with 1."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
        except OSError as error:
            click.echo(f"error: {error.filename or 'input or output'}: {error.strerror or error}", err=True)
        sys.exit(1)

    return guarded


preset_option = click.option(
    "--preset", metavar="NAME", help=f"Preset from configs/presets; by default ${PRESET_VARIABLE}, else demo."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulate migraine patients, keep their digital twins, ask the warehouse."""


@main.command()
@preset_option
@plain_errors
def run(preset: str | None) -> None:
    """Materialise every asset and publish the warehouse."""
    settings = _settings(preset)
    cohort = settings.simulator.cohort
    click.echo(f"preset {settings.preset}: {cohort.patients:,} patients x {cohort.days} days", err=True)
    from migraine_platform.defs.launch import run_platform

    run_platform(settings)
    _show_warehouse(Places.of(settings.platform).warehouse)


@main.command()
@click.option("--date", "night", metavar="DAY", help="The night to run, as 2026-11-21; by default tonight.")
@preset_option
@plain_errors
def night(night: str | None, preset: str | None) -> None:
    """Live the days that have passed since the last night, update every twin, publish the warehouse."""
    from migraine_platform.defs.launch import run_night

    settings = _settings(preset)
    run_night(settings, _day(night) if night else None)
    click.echo(f"Warehouse: {Places.of(settings.platform).warehouse}")


@main.command()
@click.argument("statement", metavar="QUERY")
@click.option("--format", "shape", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="Rows shown of a table; csv and json hold all.",
)
@plain_errors
def sql(statement: str, shape: Literal["table", "csv", "json"], rows: int) -> None:
    """Ask the published warehouse one SQL query."""
    from migraine_platform.warehouse.query import query_text

    click.echo(query_text(_places().warehouse, statement, shape, rows))


@main.command()
@click.argument("workbook", type=click.Path(path_type=Path), required=False)
@plain_errors
def features(workbook: Path | None) -> None:
    """Read and validate a clinician's workbook (by default the configured one), and show what it says."""
    from migraine_platform.priors.features import to_frame
    from migraine_platform.priors.workbook import read_workbook
    from migraine_platform.warehouse.query import text_table

    path = workbook or _settings(None).priors.workbook
    frame = to_frame(read_workbook(path)).sort("category", "variable")
    shown = frame.select("category", "variable", "unit", "weight", "typical_range", "mean", "sd", "family")
    texts = [[f"{cell:g}" if isinstance(cell, float) else cell for cell in row] for row in shown.iter_rows()]
    click.echo(text_table(shown.columns, texts, frame.height) + "\n")
    click.echo(f"{path.name}: {frame.height} features in {frame['category'].n_unique()} categories, all valid")


@main.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; by default the data folder.")
@preset_option
@plain_errors
def mock(out: Path | None, preset: str | None) -> None:
    """Write the mock distribution (.csv, .pkl) and the feature normaliser (.json, .pkl)."""
    from migraine_platform.priors import artifacts
    from migraine_platform.priors.checklist import POINTS
    from migraine_platform.priors.configured import configured_features
    from migraine_platform.priors.mock import build_mock

    settings = _settings(preset)
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


@main.command()
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
@preset_option
@plain_errors
def simulate(
    out: Path,
    shape: Literal["csv", "parquet", "fusemoe"],
    patients: int | None,
    days: int | None,
    preset: str | None,
) -> None:
    """Simulate a cohort into the files of the design document, without the orchestrator."""
    from migraine_platform.priors.configured import configured_features
    from migraine_platform.simulator.calibration import calibrate
    from migraine_platform.simulator.cohort import CohortSimulator
    from migraine_platform.warehouse.export import export_files
    from migraine_platform.warehouse.fusemoe import Windows, export_fusemoe

    settings = _settings(preset)
    changes = {name: value for name, value in (("patients", patients), ("days", days)) if value is not None}
    settings = resized(settings, **changes)
    known = configured_features(settings.priors)
    calibration = calibrate(settings.simulator, known, lambda line: click.echo(f"calibration: {line}", err=True))
    simulator = CohortSimulator(settings.simulator, known, calibration)
    with click.progressbar(range(settings.simulator.cohort.batches), label="batches", file=sys.stderr) as numbers:
        batches = (simulator.batch(number) for number in numbers)
        if shape == "fusemoe":
            path = out / "fusemoe.pkl"
            written = [(path, export_fusemoe(path, batches, known, Windows(settings.exports.fusemoe_window_days)))]
        else:
            written = export_files(out, batches, shape)
    for path, rows in written:
        click.echo(f"{path}: {rows:,} {'samples' if shape == 'fusemoe' else 'rows'}")


@main.command()
@click.argument("patient", metavar="PATIENT")
@click.option("--questions", type=click.IntRange(1, 8), help="How many to print; by default the configured budget.")
@click.option(
    "--goal",
    type=click.Choice(["state", "susceptibility", "migraine"]),
    multiple=True,
    help="What the questions are to tell about; by default everything.",
)
@click.option(
    "--answer",
    "answers",
    multiple=True,
    metavar="'HOUR QUESTION value=answer ...'",
    help="An answer to take before, as in '18 sleep fatigue=7 sleep_hours=6'; may be repeated.",
)
@click.option("--interview", is_flag=True, help="Ask the questions one after the other; an empty line ends it.")
@preset_option
@plain_errors
def ask(
    patient: str,
    questions: int | None,
    goal: tuple[str, ...],
    answers: tuple[str, ...],
    interview: bool,
    preset: str | None,
) -> None:
    """Print the next best questions for a patient, with what each is expected to tell, and take answers."""
    from migraine_platform.aline.interview import Interviewer

    settings = _settings(preset)
    interviewer = Interviewer.of_patient(Places.of(settings.platform), settings, patient, goal or None)
    for reply in answers:
        interviewer.take(reply)
    count = questions or settings.train.questions
    click.echo(interviewer.report(count))
    for _ in range(count if interview else 0):
        upcoming = interviewer.next_question()
        if upcoming is None or not _put(interviewer, *upcoming):
            break
    if len(interviewer.answered) > len(answers):
        click.echo("\n" + interviewer.report(count))


def _put(interviewer: Interviewer, hour: int, question: str) -> bool:
    """Put one question to the person at the terminal; False if an empty line ended it."""
    from migraine_platform.aline.replies import ReplyError

    while True:
        click.echo(f"\n{hour:02d}:00-{(hour + 1) % 24:02d}:00, {question}")
        given: dict[str, str] = {}
        for name, wording in interviewer.wordings[question].items():
            given[name] = click.prompt(f"  {wording}", default="", show_default=False)
            if not given[name]:
                return False
        try:
            interviewer.answer(hour, question, given)
        except ReplyError as error:
            click.echo(f"  {error}", err=True)
        else:
            return True


@main.group()
def twin() -> None:
    """Patients' digital twins."""


@twin.command()
@click.argument("patient", metavar="PATIENT")
@plain_errors
def show(patient: str) -> None:
    """Print a person's twin: tomorrow's forecast and its reasons, triggers, attacks."""
    from migraine_platform.twin.show import show as words

    click.echo(words(_places(), patient))


@twin.command()
@click.argument("batch", metavar="BATCH")
@preset_option
@plain_errors
def rollback(batch: str, preset: str | None) -> None:
    """Bring back the twins of BATCH that were replaced last; the next night publishes them."""
    from migraine_platform.defs.launch import run_rollback

    run_rollback(_settings(preset), batch)


@main.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if the page is not what it would be.")
@plain_errors
def tables(check: bool) -> None:
    """Write docs/tables.md from the declared tables."""
    from migraine_platform.warehouse.document import tables_page

    page = project_root() / "docs" / "tables.md"
    content = tables_page().encode()
    if check and (not page.is_file() or page.read_bytes() != content):
        raise UserError(f"{page.name} is not what the declarations say; run `migraine tables`")
    if not check:
        replace_file(page, content)


@main.command()
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535))
@preset_option
@plain_errors
def ui(port: int, preset: str | None) -> None:
    """Open Dagster's UI, with its daemon, on this machine only."""
    from migraine_platform.defs.launch import prepare_home

    settings = _settings(preset)
    os.environ["DAGSTER_HOME"] = str(prepare_home(settings))
    click.echo(f"preset {settings.preset}; the UI comes up at http://127.0.0.1:{port}", err=True)
    workspace = project_root() / "workspace.yaml"
    arguments = ["-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    os.execv(sys.executable, [sys.executable, *arguments])


def _settings(preset: str | None) -> Settings:
    """The settings; the choice is put into the environment, so that processes started from here make the same."""
    settings = load_settings(preset)
    os.environ[PRESET_VARIABLE] = settings.preset
    return settings


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f'--date is "{text}"; expected a day, as in 2026-11-21') from None


def _places() -> Places:
    return Places.of(load_settings().platform)


def _show_warehouse(path: Path) -> None:
    """What was made and where to look: tables with rows, example queries with answers, the path."""
    from migraine_platform.warehouse.query import EXAMPLES, query_text, row_counts

    click.echo("\nTables")
    for name, rows, description in row_counts(path):
        click.echo(f"  {name:<28} {rows:>10,}  {description}")
    for question, statement in EXAMPLES.items():
        click.echo(f"\n{question}\n")
        click.echo("\n".join(f"  {line}" for line in statement.splitlines()))
        answer = query_text(path, statement, "table")
        click.echo("\n" + "\n".join(f"    {line}" for line in answer.splitlines()))
    command = os.path.relpath(sys.argv[0]) if sys.argv[0].endswith("migraine") else "migraine"
    click.echo(f"\nWarehouse: {path}")
    click.echo(f'Ask it:    {command} sql "SELECT ..."    or any DuckDB client')
    click.echo("Look:      make ui")
