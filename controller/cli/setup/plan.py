"""`stoker plan`: the changes that Stoker would make now, with reasons."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from controller.cli.failure import Failed
from controller.cli.options import policy_argument, sandbox_options
from controller.cli.output import Form, console_of, emit, is_data, output_option
from controller.cli.policy_file import read_policy
from controller.cli.selection import expansion_now, failures
from controller.cli.verbosity import start_log

if TYPE_CHECKING:
    from config.model.policy import Policy
    from controller.decision.planning.overrides_in_force import Override
    from controller.preflight.dry_run import PoolPreview

ROOM = 120
"""Columns from which the reasons of a plan fit beside its figures; on a narrower terminal they are below the table."""

CHANGES = 3
"""Exit code with --detailed-exitcode when at least one pool would change."""


@click.command()
@policy_argument
@output_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 3 if a pool would change, 0 if none would.")
@click.option("--url", default=None, help="URL of a running daemon: its overrides and its simulated capacity are included.")
@sandbox_options
@click.pass_context
def command(ctx: click.Context, policy_path: Path, form: Form, detailed_exitcode: bool, url: str | None,
            sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Show what Stoker would change now, and why. Read-only.

    Reads each pool's demand of the last 14 days and its current capacity, and plans once, for shadow and active pools. All
    provider calls are read-only. Exit code 1 when a pool cannot be read; the other pools are still shown.

    \b
    Examples:
      stoker plan
      stoker plan policy.yaml -o json | jq '.pools[] | select(.changes) | .pool'
      stoker plan policy.yaml --detailed-exitcode; [ $? = 3 ] && echo 'a pool would change'
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.preflight.dry_run import preview

    clock = SystemClock()
    start_log(clock)
    daemon = None if url is None else daemon_state(url)
    try:
        registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)

        async def planned() -> "tuple[list[PoolPreview], Policy, list[str]]":
            expansion, inventory = await expansion_now(policy, registry)
            with_daemon = (daemon.overrides, daemon.simulated) if daemon else ()
            return await preview(expansion.policy, registry, clock, *with_daemon), expansion.policy, failures(inventory)

        pools, policy, unlisted = asyncio.run(planned())
    except AdapterError as error:
        raise Failed(str(error)) from error
    if is_data(form):
        emit("plan", {"pools": [plan_json(pool) for pool in pools]}, form)
    else:
        from controller.preflight.reading_bill import bill_text

        show(pools, daemon, form)
        if reads := bill_text(policy):
            click.echo(f"Reading metrics: {reads}.")
    failing = [pool for pool in pools if pool.error is not None]
    if failing or unlisted:
        from controller.redaction.redactor import redact_text

        raise Failed("\n".join((*unlisted, *(f"{pool.plan.pool}: {redact_text(str(pool.error))}" for pool in failing))))
    if detailed_exitcode and any(pool.changes for pool in pools):
        ctx.exit(CHANGES)


class DaemonState(NamedTuple):
    """State of a running daemon: overrides by pool, simulated requested units by pool and upper layer, and what it changed today
    by kind.
    """

    overrides: "dict[str, tuple[Override, ...]]"
    simulated: dict[str, int]
    sentences: dict[str, str]


def daemon_state(url: str) -> DaemonState:
    """Return the state of the daemon at `url`."""
    from config.model.layers import OF_TOP
    from controller.cli.daemon_client import fetch
    from controller.decision.planning.overrides_in_force import shown_override

    body = fetch(url, "/status")
    try:
        return DaemonState({pool["name"]: tuple(map(shown_override, pool["overrides"])) for pool in body["pools"]},
                           {name: units for pool in body["pools"]
                            for name, each in ((pool["name"], pool), (f"{pool['name']}{OF_TOP}", pool.get("pings") or {}))
                            if (units := each.get("simulated_requested")) is not None},
                           {kind: totals["sentence"] for kind, totals in body["totals"].items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Failed(f"{url} is not a Stoker daemon of this version: its answer has no overrides") from error


def plan_json(pool: "PoolPreview") -> dict[str, Any]:
    """Return a pool's plan as JSON values. Keys of what a pool in shadow mode would have start with `simulated_`."""
    from config.model.layers import base_name
    from controller.redaction.redactor import redact

    plan, (actual, simulated) = pool.plan, pool.readings
    units = {"actual_requested": None if actual is None else actual.requested,
             "actual_ready": None if actual is None else actual.ready}
    if plan.mode == "shadow":
        units |= {"simulated_requested": None if simulated is None else simulated.requested,
                  "simulated_ready": None if simulated is None else simulated.ready}
    above = {} if base_name(plan.pool) == plan.pool else {"layer_of": base_name(plan.pool)}
    body = redact({
        "pool": plan.pool, **above, "mode": plan.mode, **units, "target": plan.target,
        "action": plan.action_name, "changes": pool.changes, "reasons": [reason.body for reason in plan.reasons],
        "text": plan.text,
        "actual_warm_usd_per_month": pool.usd_per_month_now, "target_warm_usd_per_month": pool.usd_per_month_then,
        "error": None if pool.error is None else str(pool.error),
    })
    return body if isinstance(body, dict) else {}


def show(pools: "list[PoolPreview]", daemon: DaemonState | None, form: Form) -> None:
    """Print the plans as a table, and below it the totals of each mode and what the figures mean."""
    from rich.table import Table

    from controller.redaction.redactor import redact_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("pool", overflow="fold")
    table.add_column("mode")
    shadow = any(pool.plan.mode == "shadow" for pool in pools)
    headings = ["actual\nrequested", "simulated\nrequested", "target", "USD/month\nactual", "USD/month\ntarget"]
    for heading in headings if shadow else headings[:1] + headings[2:]:
        table.add_column(heading, justify="right")
    console = console_of(form)
    beside = console.width >= ROOM
    if beside:
        table.add_column("reasons", overflow="fold", ratio=1)
    for pool in pools:
        plan, (actual, simulated) = pool.plan, pool.readings
        target = number_text(plan.target, "d")
        table.add_row(plan.pool, plan.mode, number_text(None if actual is None else actual.requested, "d"),
                      *([number_text(None if simulated is None else simulated.requested, "d")] if shadow else []),
                      f"[bold]{target}[/]" if pool.changes else target,
                      number_text(pool.usd_per_month_now, ".2f"), number_text(pool.usd_per_month_then, ".2f"),
                      *([redact_text(plan.text).replace("[", r"\[")] if beside else []))
    console.print(table)
    console.print()
    for pool in pools if not beside else ():
        console.print(f"{pool.plan.pool}: {redact_text(pool.plan.text)}\n", markup=False)
    for kind, mode in (("actual", "active"), ("simulated", "shadow")):
        if of_mode := [pool for pool in pools if pool.plan.mode == mode]:
            today = "" if daemon is None or kind not in daemon.sentences else f" Today: {daemon.sentences[kind]}."
            console.print(f"{mode_text(mode, of_mode)}{today}")
    console.print("USD/month: list price of warm units if their number stays constant for a month.")
    if daemon is None:
        console.print("Overrides and simulated capacity of a running daemon are not included; add --url.")


def mode_text(mode: str, pools: "list[PoolPreview]") -> str:
    """Return the number of changes and the bill for warm units of the pools of one mode, as a sentence."""
    from config.model.layers import base_name

    now, then = (sum(each or 0.0 for each in column) for column in zip(*((pool.usd_per_month_now, pool.usd_per_month_then)
                                                                         for pool in pools), strict=True))
    names, changing = ({base_name(each.plan.pool) for each in some} for some in (pools, [one for one in pools if one.changes]))
    unit = f"{len(names)} pool{'' if len(names) == 1 else 's'}"
    if mode == "active":
        return f"Active mode: {len(changing)} of {unit} would change: {now:.2f} → {then:.2f} USD/month."
    return (f"Shadow mode (simulated, nothing is written): {len(changing)} of {unit} would change; with the targets, "
            f"{now:.2f} USD/month would become {then:.2f}.")


def number_text(value: float | None, form: str) -> str:
    """Return a formatted number, or a dash when it is unknown."""
    return "-" if value is None else format(value, form)
