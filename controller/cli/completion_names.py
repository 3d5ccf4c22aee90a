"""Names of pools, for completion in a shell."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

PATIENCE_SECONDS = 0.5
"""A key press waits no longer for a daemon."""


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
    from controller.cli.daemon_client import fetch

    try:
        return [str(pool["name"]) for pool in fetch(url or "http://127.0.0.1:8080", "/v1/pools", PATIENCE_SECONDS)["pools"]]
    except (click.ClickException, KeyError, TypeError):
        return []
