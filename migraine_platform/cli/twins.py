"""Commands on twins: their night, one patient's twin, a batch's twins of before."""

from __future__ import annotations

from datetime import date

import click

from migraine_platform.cli.common import configured_places, plain_errors, preset_option, settings_of
from migraine_platform.errors import UserError
from migraine_platform.warehouse.places import Places


@click.command()
@click.option("--date", "night", metavar="DAY", help="The night to run, as 2026-11-21; by default tonight.")
@preset_option
@plain_errors
def night(night: str | None, preset: str | None) -> None:
    """Live the days that have passed since the last night, update every twin, publish the warehouse."""
    from migraine_platform.defs.launch import run_night

    settings = settings_of(preset)
    run_night(settings, _day(night) if night else None)
    click.echo(f"Warehouse: {Places.of(settings.platform).warehouse}")


@click.group()
def twin() -> None:
    """Patients' digital twins."""


@twin.command()
@click.argument("patient", metavar="PATIENT")
@plain_errors
def show(patient: str) -> None:
    """Print a person's twin: tomorrow's forecast and its reasons, triggers, attacks."""
    from migraine_platform.twin.show import show as words

    click.echo(words(configured_places(), patient))


@twin.command()
@click.argument("batch", metavar="BATCH")
@preset_option
@plain_errors
def rollback(batch: str, preset: str | None) -> None:
    """Bring back the twins of BATCH that were replaced last; the next night publishes them."""
    from migraine_platform.defs.launch import run_rollback

    run_rollback(settings_of(preset), batch)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f'--date is "{text}"; expected a day, as in 2026-11-21') from None
