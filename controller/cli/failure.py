"""Errors of commands: one message on standard error, and exit code 1 (failed) or 2 (invalid input)."""

import click

from controller.redaction.known_secrets import PROCESS_SECRETS


class Failed(click.ClickException):
    """An operation that failed with valid input. Exit code 1."""

    exit_code = 1

    def format_message(self) -> str:
        """Return the message with secrets redacted."""
        return PROCESS_SECRETS.without(self.message)


class WrongInput(click.ClickException):
    """Invalid input; nothing was changed. Exit code 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:  # noqa: ARG002  (click's signature)
        """Print the message without a prefix: each of its lines names its own file and line, flag or URL."""
        click.echo(PROCESS_SECRETS.without(self.message), err=True)
