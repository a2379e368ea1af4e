"""Commands on the platform as a whole: make everything, publish, look."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Literal

import click

from migraine_platform.cli.common import configured_places, plain_errors, preset_option, settings_of
from migraine_platform.config import project_root
from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import EVALUATION_PAGE, Places, replace_file


@click.command()
@preset_option
@plain_errors
def run(preset: str | None) -> None:
    """Materialise every asset and publish the warehouse."""
    settings = settings_of(preset)
    cohort = settings.simulator.cohort
    click.echo(f"preset {settings.preset}: {cohort.patients:,} patients x {cohort.days} days", err=True)
    from migraine_platform.defs.runs.launch import run_platform

    run_platform(settings)
    places = Places.of(settings.platform)
    _show_warehouse(places.warehouse)
    _show_evaluation(places)


@click.command(context_settings={"ignore_unknown_options": True})  # a query may begin with a comment: "-- who ..."
@click.argument("statement", metavar="[QUERY]", required=False)
@click.option("--format", "shape", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=40,
    show_default=True,
    help="Rows shown of a table; csv and json hold all.",
)
@plain_errors
def sql(statement: str | None, shape: Literal["table", "csv", "json"], rows: int) -> None:
    """Ask the published warehouse one SQL query; without QUERY, or with -, it is read from standard input."""
    from migraine_platform.warehouse.query import query_text

    if statement is None and sys.stdin.isatty():
        raise UserError('no query; expected one, as in `migraine sql "SELECT ..."`, or on standard input')
    asked = sys.stdin.read() if statement in (None, "-") else statement
    click.echo(query_text(configured_places().warehouse, str(asked), shape, rows))


@click.command()
@preset_option
@plain_errors
def health(preset: str | None) -> None:
    """Say whether the platform is well, and why not; exits with 1 if it has failed."""
    import json

    from migraine_platform.defs.health import PAGE
    from migraine_platform.defs.runs.launch import look_at_health

    settings = settings_of(preset)
    found = json.loads(look_at_health(settings))
    click.echo(found["verdict"])
    for reason in found["reasons"]:
        click.echo(f"  {reason['word']}: {reason['text']}")
    if found["off"]:
        click.echo(f"  switched off: {', '.join(found['off'])}")
    click.echo(f"page: {Places.of(settings.platform).report(PAGE)}")
    if found["verdict"] == "failed":
        sys.exit(1)


@click.command()
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


@click.command()
@click.option("--port", default=3000, show_default=True, type=click.IntRange(1, 65535))
@preset_option
@plain_errors
def ui(port: int, preset: str | None) -> None:
    """Open Dagster's UI, with its daemon, on this machine only."""
    from migraine_platform.defs.runs.launch import tidy_home

    settings = settings_of(preset)
    _demand_free(port)
    os.environ["DAGSTER_HOME"] = str(tidy_home(settings))
    os.environ["PYTHONSAFEPATH"] = "1"  # a module in the folder where it is started must not shadow Python's own
    click.echo(f"preset {settings.preset}; the UI comes up at http://127.0.0.1:{port}", err=True)
    workspace = project_root() / "workspace.yaml"
    arguments = ["-P", "-m", "dagster", "dev", "-w", str(workspace), "-h", "127.0.0.1", "-p", str(port)]
    os.execv(sys.executable, [sys.executable, *arguments])


def _demand_free(port: int) -> None:
    """Refuse a port in use: the daemon would start without a webserver, and the browser show another one's UI."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UserError(
                f"port {port} is in use, perhaps by another `migraine ui`; stop that, or choose one with --port"
            ) from None


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


def _show_evaluation(places: Places) -> None:
    """What the models are worth, and where to read about it."""
    from migraine_platform.evaluation.report.facts import facts_of
    from migraine_platform.evaluation.report.machine import headline
    from migraine_platform.warehouse.query import rows

    click.echo(f"\n{headline(facts_of(lambda table: rows(places.warehouse, table)))}")
    click.echo(f"\nReport: {places.report(EVALUATION_PAGE)}")
