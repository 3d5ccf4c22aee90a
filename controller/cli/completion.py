"""`stoker completion`: shell completion of commands, options and pool names."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

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

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"the installed version of click does not support {shell}; use bash, zsh or fish")
    click.echo(made(main, {}, "stoker", VARIABLE).source())


def pool_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return matching pool names from the named policy, else from the daemon, else from policy.yaml. Ignore errors."""
    policy = ctx.params.get("policy_path")
    names = in_policy(policy) if policy else at_daemon(ctx.params.get("url")) or in_policy(Path("policy.yaml"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def in_policy(path: Path) -> list[str]:
    """Return the pool names of a policy; none when the file is missing or invalid."""
    from controller.cli.policy_file import read_policy

    try:
        return [pool.name for pool in read_policy(Path(path)).pools]
    except (click.ClickException, OSError):
        return []


def at_daemon(url: str | None) -> list[str]:
    """Return the pool names of the daemon at `url`; none when it does not answer."""
    from controller.cli.status import fetch

    try:
        return [str(pool["name"]) for pool in fetch(url or "http://127.0.0.1:8080", "/v1/pools", PATIENCE_SECONDS)["pools"]]
    except (click.ClickException, KeyError, TypeError):
        return []
