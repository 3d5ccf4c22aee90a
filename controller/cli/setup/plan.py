"""`stoker plan`: the changes that Stoker would make now, with reasons."""

import asyncio
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.cli.failure import Failed
from controller.cli.policy_file import read_policy

if TYPE_CHECKING:
    from controller.decision.planning.overrides_in_force import Override
    from controller.preflight.dry_run import PoolPreview

CHANGES = 3
"""Exit code with --detailed-exitcode when at least one pool would change."""


@click.command()
@click.option("--policy", "policy_path", required=True, type=click.Path(path_type=Path), help="The policy file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 3 if a pool would change, 0 if none would.")
@click.option("--url", default=None, help="URL of a running daemon whose overrides apply to the plan.")
@click.option("--sandbox-url", envvar="STOKER_SANDBOX_URL", hidden=True)
@click.option("--sandbox-grpc", envvar="STOKER_SANDBOX_GRPC", hidden=True)
@click.pass_context
def command(ctx: click.Context, policy_path: Path, as_json: bool, detailed_exitcode: bool, url: str | None,
            sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Show what Stoker would change now, and why. Read-only.

    Reads each pool's demand of the last 14 days and its current capacity, and plans once, for shadow and active pools. All
    provider calls are read-only. Exit code 1 when a pool cannot be read; the other pools are still shown.

    \b
    Examples:
      stoker plan --policy policy.yaml
      stoker plan --policy policy.yaml --detailed-exitcode; [ $? = 3 ] && echo 'a pool would change'
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.preflight.dry_run import preview
    from controller.telemetry import log_setup

    clock = SystemClock()
    log_setup.configure(clock, "console", least=logging.WARNING)
    overrides = {} if url is None else active_overrides(url)
    try:
        registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
        pools = asyncio.run(preview(policy, registry, clock, overrides))
    except AdapterError as error:
        raise Failed(str(error)) from error
    if as_json:
        click.echo(json.dumps([plan_json(pool) for pool in pools], indent=2))
    else:
        show(pools, overrides_included=url is not None)
    failing = [pool for pool in pools if pool.error is not None]
    if failing:
        from controller.redaction.redactor import redact_text

        raise Failed("\n".join(f"{pool.plan.pool}: {redact_text(str(pool.error))}" for pool in failing))
    if detailed_exitcode and any(pool.changes for pool in pools):
        ctx.exit(CHANGES)


def active_overrides(url: str) -> "dict[str, tuple[Override, ...]]":
    """Return the overrides of the daemon at `url`, by pool."""
    from controller.cli.daemon_client import fetch
    from controller.decision.planning.overrides_in_force import shown_override

    try:
        return {pool["name"]: tuple(map(shown_override, pool["overrides"])) for pool in fetch(url, "/v1/pools")["pools"]}
    except (KeyError, TypeError, ValueError) as error:
        raise Failed(f"{url} is not a Stoker daemon of this version: its answer has no overrides") from error


def plan_json(pool: "PoolPreview") -> dict[str, Any]:
    """Return a pool's plan as JSON values."""
    from controller.redaction.redactor import redact

    plan = pool.plan
    body = redact({
        "pool": plan.pool, "mode": pool.mode, "requested": plan.requested, "ready": plan.ready, "target": plan.target,
        "action": plan.action.value, "changes": pool.changes, "reasons": plan.reasons, "text": plan.text,
        "usd_per_month_now": pool.usd_per_month_now, "usd_per_month_then": pool.usd_per_month_then,
        "error": None if pool.error is None else str(pool.error),
    })
    return body if isinstance(body, dict) else {}


def show(pools: "list[PoolPreview]", *, overrides_included: bool) -> None:
    """Print the plans as a table, and below it what the figures mean and whether overrides are included."""
    from rich.console import Console
    from rich.table import Table

    from controller.redaction.redactor import redact_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("pool", overflow="fold")
    table.add_column("mode")
    for heading in ("requested", "target", "USD/month\nnow", "USD/month\nplanned"):
        table.add_column(heading, justify="right")
    table.add_column("reasons", overflow="fold", ratio=1)
    for pool in pools:
        plan = pool.plan
        target = number_text(plan.target, "d")
        table.add_row(plan.pool, pool.mode, number_text(plan.requested, "d"), f"[bold]{target}[/]" if pool.changes else target,
                      number_text(pool.usd_per_month_now, ".2f"), number_text(pool.usd_per_month_then, ".2f"),
                      redact_text(plan.text).replace("[", r"\["))
    console = Console(soft_wrap=False)
    console.print(table)
    changing = sum(pool.changes for pool in pools)
    acting = sum(pool.changes and pool.mode == "active" for pool in pools)
    console.print(f"\n{changing} of {len(pools)} pools would change; {acting} {'is' if acting == 1 else 'are'} in active mode. "
                  "USD/month: list price if the number of warm units stays constant for a month.", highlight=False)
    if not overrides_included:
        console.print("Overrides of a running daemon are not included; add --url.", highlight=False)


def number_text(value: float | None, form: str) -> str:
    """Return a formatted number, or a dash when it is unknown."""
    return "-" if value is None else format(value, form)
