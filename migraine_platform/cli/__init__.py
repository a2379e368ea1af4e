"""The `migraine` command.

Every subcommand reads settings, calls one function and prints; an error a user can mend is one sentence on standard
error and exit code 1. Begin with `platform`; the other modules hold the commands about one subject each.
"""

from __future__ import annotations

import sys

import click

from migraine_platform.cli.cohort import features, mock, simulate, triggers
from migraine_platform.cli.platform import health, run, sql, tables, ui
from migraine_platform.cli.questions import ask, train
from migraine_platform.cli.reports import report
from migraine_platform.cli.twins import clock, night, twin
from migraine_platform.config.private import keep_private

if sys.flags.optimize > 1:
    sys.exit("error: PYTHONOPTIMIZE=2 drops the descriptions of tables and commands; expected 1, 0 or nothing")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Simulate migraine patients, keep their digital twins, ask the warehouse."""
    keep_private()


for command in (
    run,
    night,
    clock,
    health,
    sql,
    features,
    triggers,
    mock,
    simulate,
    train,
    ask,
    twin,
    report,
    tables,
    ui,
):
    main.add_command(command)
