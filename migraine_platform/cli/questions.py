"""The command that asks a patient the next best questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from migraine_platform.cli.common import plain_errors, preset_option, settings_of
from migraine_platform.warehouse.lake.places import Places

if TYPE_CHECKING:
    from migraine_platform.aline.advice.interview import Interviewer


@click.command()
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
    from migraine_platform.aline.advice.interview import Interviewer

    settings = settings_of(preset)
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


@click.command()
@click.option("--steps", type=click.IntRange(min=1), help="How many; by default the configured ones.")
@click.option("--seed", type=click.IntRange(min=0), help="Where it starts from; by default the configured one.")
@preset_option
@plain_errors
def train(steps: int | None, seed: int | None, preset: str | None) -> None:
    """Train ALINE as configs/train.yaml says, score it, and ask everybody by it if it passes its checks."""
    from migraine_platform.defs.runs.launch import run_training

    run_training(settings_of(preset), steps, seed)
    click.echo("the checkpoint passed its checks; `migraine night` publishes it with its questions")


def _put(interviewer: Interviewer, hour: int, question: str) -> bool:
    """Put one question to the person at the terminal; False if an empty line ended it."""
    from migraine_platform.aline.advice.replies import ReplyError

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
