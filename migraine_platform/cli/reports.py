"""The command that writes reports: the evaluation's page, or one patient's."""

from __future__ import annotations

from functools import partial

import click

from migraine_platform.cli.common import configured_places, plain_errors
from migraine_platform.warehouse.lake.places import EVALUATION_NUMBERS, EVALUATION_PAGE, replace_file


@click.command()
@click.argument("patient", metavar="[PATIENT]", required=False)
@plain_errors
def report(patient: str | None) -> None:
    """Write the evaluation's page and its JSON, or the page of PATIENT, from the published warehouse."""
    from migraine_platform.warehouse.query import rows

    places = configured_places()
    if patient is not None:
        from migraine_platform.evaluation.report.personal.page import personal_page

        page = personal_page(partial(rows, places.warehouse, patient_id=patient), patient)
        path = places.report(f"{patient}.html")
        replace_file(path, page.encode())
        click.echo(path)
        return
    from migraine_platform.evaluation.report.facts import facts_of
    from migraine_platform.evaluation.report.machine import headline, machine
    from migraine_platform.evaluation.report.page import render

    facts = facts_of(partial(rows, places.warehouse))
    path = places.report(EVALUATION_PAGE)
    replace_file(path, render(facts).encode())
    replace_file(places.report(EVALUATION_NUMBERS), machine(facts).encode())
    click.echo(f"{headline(facts)}\n\n{path}")
