"""Names of pools, for completion in a shell."""

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from controller.cli.options import DEFAULT_POLICY, DEFAULT_URL

PATIENCE_SECONDS = 0.5
"""A key press waits no longer for a daemon."""


def pool_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return matching pool names: of commands that read a policy, those in it; else those of the daemon, else in the policy.

    Ignore errors.
    """
    policy, url = ctx.params.get("policy_path"), ctx.params.get("url")
    in_default = Path(os.environ.get("STOKER_POLICY") or DEFAULT_POLICY)
    names = in_policy(policy) if policy and not url else at_daemon(url) or in_policy(in_default)
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
        return [str(pool["name"]) for pool in fetch(url or DEFAULT_URL, "/v1/pools", PATIENCE_SECONDS)["pools"]]
    except (click.ClickException, KeyError, TypeError):
        return []
