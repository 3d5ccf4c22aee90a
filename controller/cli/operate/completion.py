"""`stoker completion`: shell completion of commands, options and pool names."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_STOKER_COMPLETE"
PATIENCE_SECONDS = 0.5
"""Timeout of the request to a daemon during completion."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL. It completes commands, options and pool names.

    Pool names come from the policy named on the command line, a running daemon, or policy.yaml in the current folder.

    \b
    Examples:
      eval "$(stoker completion bash)"                                  # in ~/.bashrc; for zsh the same, in ~/.zshrc
      stoker completion fish > ~/.config/fish/completions/stoker.fish
    """  # noqa: D301  (click reads the control character)
    from controller.cli import main

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"the installed version of click does not support {shell}; use bash, zsh or fish")
    click.echo(completion(main, {}, "stoker", VARIABLE).source())
