"""`stoker completion`: what a shell needs to complete commands, options and the names of pools."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

VARIABLE = "_STOKER_COMPLETE"
PATIENCE_SECONDS = 0.5
"""A key press waits no longer for a daemon."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print what makes SHELL complete commands, options, and pools as the policy or a running daemon names them.

    \b
    Examples:
      eval "$(stoker completion bash)"                                  # in ~/.bashrc; zsh alike, in ~/.zshrc
      stoker completion fish > ~/.config/fish/completions/stoker.fish
    """  # noqa: D301  (click reads the control character)
    from controller.cli import main

    made = get_completion_class(shell)
    if made is None:
        raise click.UsageError(f"{shell} is not known to the click that is installed")
    click.echo(made(main, {}, "stoker", VARIABLE).source())


def pool_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Pools that begin so: of the policy that was named, else of the daemon, else of policy.yaml. Says nothing of what fails."""
    policy = ctx.params.get("policy_path")
    names = in_policy(policy) if policy else at_daemon(ctx.params.get("url")) or in_policy(Path("policy.yaml"))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def in_policy(path: Path) -> list[str]:
    """The pools of a policy; none when it is not there or not right."""
    from controller.cli.policy_file import read_policy

    try:
        return [pool.name for pool in read_policy(Path(path)).pools]
    except (click.ClickException, OSError):
        return []


def at_daemon(url: str | None) -> list[str]:
    """The pools of the daemon at `url`; none when it does not answer."""
    from controller.cli.status import fetch

    try:
        return [str(pool["name"]) for pool in fetch(url or "http://127.0.0.1:8080", "/v1/pools", PATIENCE_SECONDS)["pools"]]
    except (click.ClickException, KeyError, TypeError):
        return []
