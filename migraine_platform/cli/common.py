"""What commands share: settings as chosen, a user's errors as one sentence."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from migraine_platform.config import Settings, load_settings
from migraine_platform.config.loading import PRESET_VARIABLE
from migraine_platform.errors import UserError
from migraine_platform.warehouse.lake.places import Places

P = ParamSpec("P")
R = TypeVar("R")


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def silence() -> None:
    """Let nothing more be written: at exit, Python would complain of the closed pipe once more."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            os.dup2(null, stream.fileno())


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print a user's error as its message alone, and exit with 1; what a terminal cannot show is a question mark."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")
        try:
            return command(*args, **kwargs)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
        except KeyboardInterrupt:
            click.echo("stopped; what was finished stays, the same command goes on from there", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            silence()  # whoever read has seen enough, as `head` does
            return None  # type: ignore[return-value]
        except OSError as error:
            click.echo(f"error: {error.filename or 'input or output'}: {error.strerror or error}", err=True)
        sys.exit(1)

    return guarded


def _choose(context: click.Context, parameter: click.Parameter, preset: str | None) -> str | None:
    """Names of triggers follow the preset, and are read when the first module asks: before a command begins."""
    if preset:
        os.environ[PRESET_VARIABLE] = preset
    return preset


preset_option = click.option(
    "--preset",
    metavar="NAME",
    callback=_choose,
    help=f"Preset from configs/presets; by default ${PRESET_VARIABLE}, else demo.",
)


def settings_of(preset: str | None) -> Settings:
    """The settings; the choice is put into the environment, so that processes started from here make the same."""
    settings = load_settings(preset)
    os.environ[PRESET_VARIABLE] = settings.preset
    return settings


def configured_places() -> Places:
    """Where everything lies, by the settings of the environment."""
    return Places.of(load_settings().platform)
