"""How a command ends when it cannot do what was asked: one clear message on standard error and the exit code of the contract."""

import click

from controller.hidden import HERE


class Failed(click.ClickException):
    """The input was right, the work did not succeed. Exit code 1."""

    exit_code = 1

    def format_message(self) -> str:
        """Without what must not be said."""
        return HERE.without(self.message)


class WrongInput(click.ClickException):
    """The input is wrong and nothing was touched. Exit code 2."""

    exit_code = 2

    def show(self, file: object = None) -> None:  # noqa: ARG002  (click's signature)
        """The message as it is: each of its lines names its own place."""
        click.echo(HERE.without(self.message), err=True)
