"""Commands on twins: their night, one patient's twin, a batch's twins of before."""

from __future__ import annotations

from datetime import date

import click

from migraine_platform.cli.common import configured_places, plain_errors, preset_option, settings_of
from migraine_platform.config import Settings
from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import Places


@click.command()
@click.option("--date", "night", metavar="DAY", help="The night to run, as 2026-11-21; by default tonight.")
@click.option(
    "--ahead", is_flag=True, help="Live the days until DAY though it is later than today, or many nights have passed."
)
@preset_option
@plain_errors
def night(night: str | None, ahead: bool, preset: str | None) -> None:
    """Live the days that have passed since the last night, update every twin, publish the warehouse."""
    from migraine_platform.defs.runs.launch import run_night

    settings = settings_of(preset)
    run_night(settings, _day("--date", night) if night else None, ahead)
    click.echo(f"Warehouse: {Places.of(settings.platform).warehouse}")


@click.command()
@click.option("--set-back", "back", metavar="DAY", help="Call the last night that of DAY, if it was dated too late.")
@click.option("--recover", is_flag=True, help="Make a damaged or lost clock anew, from the days in the lake.")
@preset_option
@plain_errors
def clock(back: str | None, recover: bool, preset: str | None) -> None:
    """Say which night was the last, and which day it is in the patients' lives; mend it."""
    from migraine_platform.operations import clock as clocks
    from migraine_platform.operations.run_lock import only_run

    settings = settings_of(preset)
    places = Places.of(settings.platform)
    if back or recover:
        with only_run(places, "migraine clock"):
            if recover:
                clocks.recover(places, settings, _last_day_in_lake(places, settings))
            else:
                clocks.set_back(places, settings, _day("--set-back", back or ""))
    known = clocks.read_clock(places, settings)
    if known is None:
        click.echo("no night yet; `migraine run` begins the cohort's life, `migraine night` brings it a day further")
    else:
        click.echo(f"last night: {known.night}; the cohort has lived until {known.last_date}")


@click.group()
def twin() -> None:
    """Patients' digital twins."""


@twin.command()
@click.argument("patient", metavar="PATIENT")
@plain_errors
def show(patient: str) -> None:
    """Print a person's twin: tomorrow's forecast and its reasons, triggers, attacks."""
    from migraine_platform.twin.reporting.show import show as words

    click.echo(words(configured_places(), patient))


@twin.command()
@click.argument("patient", metavar="PATIENT")
@click.option("--date", "day", metavar="DAY", help="As 2026-11-21; by default the last one in the warehouse.")
@click.option("--json", "as_json", is_flag=True, help="As JSON: components, keys, numbers.")
@plain_errors
def state(patient: str, day: str | None, as_json: bool) -> None:
    """Print a person's state on an evening: all that diary, device and files say of the day."""
    from migraine_platform.twin.data.recorded_state import in_words, recorded_state

    found = recorded_state(configured_places(), patient, _day("--date", day) if day else None)
    click.echo(found.model_dump_json(indent=2) if as_json else "\n".join(in_words(found)))


@twin.command()
@click.argument("batch", metavar="BATCH")
@preset_option
@plain_errors
def rollback(batch: str, preset: str | None) -> None:
    """Bring back the twins of BATCH that were replaced last; the next night publishes them."""
    from migraine_platform.defs.runs.launch import run_rollback

    run_rollback(settings_of(preset), batch)


def _last_day_in_lake(places: Places, settings: Settings) -> date:
    """The last day that every batch has lived."""
    from migraine_platform.warehouse import tables
    from migraine_platform.warehouse.lake.lake import Lake

    lake, batches = Lake(places.lake_url), settings.simulator.cohort.batch_names
    if missing := lake.missing(tables.MeasuredDays, batches):
        raise UserError(f"{places.lake_url}: the days of {len(missing)} batches are not there; run `migraine run`")
    days = [lake.stamp(tables.MeasuredDays, batch).last_date for batch in batches]
    return min(day for day in days if day is not None)


def _day(option: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UserError(f'{option} is "{text}"; expected a day, as in 2026-11-21') from None
