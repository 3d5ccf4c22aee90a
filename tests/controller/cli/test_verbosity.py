"""`--log-level`, `-v` and `-q`: the level of the log, and what is printed besides results."""

import logging

import click
import pytest
from click.testing import CliRunner

from adapters.runtime.clock import ManualClock
from controller.cli.progress import progress_of
from controller.cli.verbosity import OPTIONS, note, start_log, warn
from tests.builders import NOON


def run(*options, default="warning"):
    """A command with notes, a warning, progress and a log. Its standard error, and the levels of the log and of a library."""
    def body() -> None:
        start_log(ManualClock(NOON), default=default)
        note("a note")
        warn("a warning")
        with progress_of("reading", 2) as advance:
            advance(1)
        click.echo("a result")

    done = CliRunner().invoke(click.Command("any", params=list(OPTIONS), callback=body), options)
    assert done.stdout == "a result\n"
    return done.stderr, logging.getLogger("stoker").level, logging.getLogger("botocore").level


@pytest.mark.parametrize(("options", "default", "level", "of_library"), [
    ((), "warning", logging.WARNING, logging.WARNING), ((), "info", logging.INFO, logging.WARNING),
    (("-v",), "warning", logging.INFO, logging.WARNING), (("-q",), "info", logging.ERROR, logging.WARNING),
    (("--log-level", "debug"), "info", logging.DEBUG, logging.INFO),
    (("--log-level", "error"), "info", logging.ERROR, logging.WARNING),
    (("-v", "--log-level", "info"), "info", logging.INFO, logging.WARNING),
])
def test_the_log_has_the_level_of_the_command_line(options, default, level, of_library):
    assert run(*options, default=default)[1:] == (level, of_library)


def test_notes_and_warnings_are_printed_unless_quiet():
    assert run()[0] == "a note\nstoker: warning: a warning\n"
    assert run("--log-level", "warning")[0] == run()[0]
    assert run("--quiet")[0] == ""
