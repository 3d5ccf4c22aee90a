"""`--log-level`, `-v` and `-q` of every command: which log events and notes are printed on standard error."""

import logging
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from adapters.runtime.clock import Clock

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
KEY = "stoker.log_level"
"""Key of the level in the context of a command."""


def set_level(ctx: click.Context, param: click.Parameter, value: str | bool | None) -> None:
    """Store the level that an option names. Raise `UsageError` if another option names another one."""
    level = {"quiet": "error", "verbose": "info"}[str(param.name)] if value is True else value
    if not level:
        return
    if ctx.meta.setdefault(KEY, level) != level:
        raise click.UsageError("--log-level, --quiet and --verbose exclude each other: give one of them", ctx)


OPTIONS = (
    click.Option(["--log-level"], type=click.Choice(list(LEVELS)), expose_value=False, callback=set_level,
                 help="Log events on standard error from this level on.  [default: info for run, else warning]"),
    click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=set_level,
                 help="Print results and errors only: no notes, no warnings, no progress."),
    click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, callback=set_level,
                 help="Log events from level info on."),
)


def chosen_level() -> str | None:
    """Return the level of the command line; None without one."""
    level: str | None = click.get_current_context().meta.get(KEY)
    return level


def is_quiet() -> bool:
    """Return whether notes, warnings and progress are suppressed."""
    return chosen_level() == "error"


def note(text: str) -> None:
    """Print a note on standard error, unless --quiet."""
    if not is_quiet():
        click.echo(text, err=True)


def warn(text: str) -> None:
    """Print a warning on standard error, unless --quiet."""
    note(f"stoker: warning: {text}")


def start_log(clock: "Clock", form: Literal["json", "console"] = "console", default: str = "warning") -> None:
    """Configure the log of this process at the level of the command line, else at `default`."""
    from controller.telemetry import log_setup

    log_setup.configure(clock, form, least=LEVELS[chosen_level() or default])
