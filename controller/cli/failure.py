"""Errors of commands: one message on standard error, and exit code 1 (failed) or 2 (invalid input)."""

import click

from controller.redaction.known_secrets import PROCESS_SECRETS

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells report SIGINT."""


class Failed(click.ClickException):
    """An operation that failed with valid input. Exit code 1."""

    exit_code = 1

    def show(self, file: object = None) -> None:  # noqa: ARG002  (click's signature)
        """Print the message."""
        print_error(self.message)


class WrongInput(Failed):
    """Invalid input; nothing was changed. Exit code 2."""

    exit_code = 2


def print_error(message: str) -> None:
    """Print an error, without secrets: `stoker: ` before each line that is not indented."""
    for line in PROCESS_SECRETS.without(message).splitlines():
        click.echo(line if line[:1].isspace() or not line else f"stoker: {line}", err=True)


def usage_text(error: click.UsageError) -> str:
    """Return click's message about the command line, with the help to read."""
    path, message = "stoker" if error.ctx is None else error.ctx.command_path, error.format_message().rstrip(".")
    return message if message.endswith("?") else f"{message}; see `{path} --help`"
