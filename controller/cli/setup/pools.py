"""`stoker pools`: the pools of a policy, with those that its `select` entries add now."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from controller.cli.failure import Failed
from controller.cli.options import policy_argument, sandbox_options
from controller.cli.output import Form, console_of, emit, is_data, output_option
from controller.cli.policy_file import read_policy
from controller.cli.selection import expansion_now, failures
from controller.cli.verbosity import start_log

if TYPE_CHECKING:
    from controller.fleet.selection.expansion import Expansion


@click.command()
@policy_argument
@output_option
@sandbox_options
def command(policy_path: Path, form: Form, sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """List the pools of a policy: those of the file, and those that its select entries add now. Read-only.

    Lists the functions and services of each place of the entries. Below the pools are resources that match and get no pool, with
    the reason, such as a bound of the entry. Exit code 1 when a place cannot be listed; the others are still shown.

    \b
    Examples:
      stoker pools
      stoker pools policy.yaml -o json | jq '.pools[] | select(.entry == 0) | .name'
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    from numpy.random import PCG64, Generator

    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.fleet.selection.inventory import Inventory

    clock = SystemClock()
    start_log(clock)

    async def listed() -> "tuple[Expansion, Inventory]":
        registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
        try:
            return await expansion_now(policy, registry)
        finally:
            await registry.close()

    expansion, inventory = asyncio.run(listed())
    if is_data(form):
        emit("pools", pools_json(expansion) | {"errors": list(inventory.errors.values())}, form)
    else:
        show(expansion, form)
    if inventory.errors:
        raise Failed("\n".join(failures(inventory)))


def pools_json(expansion: "Expansion") -> dict[str, Any]:
    """Return the pools and the resources without a pool as JSON values. `entry`: None for a pool of the file."""
    selected = {each.pool.name: each for each in expansion.selected}
    pools = []
    for pool in expansion.policy.pools:
        own = selected.get(pool.name)
        pools.append({"name": pool.name, "entry": None if own is None else own.entry, "account": pool.account,
                      "lever": pool.lever.kind, "resource": pool.lever.resource, "mode": pool.mode, "min": pool.min,
                      "max": pool.max, "max_usd_per_month": None if own is None else round(own.usd_per_month, 2)})
    return {"pools": pools, "left_out": [{"entry": each.entry, "resource": each.resource, "why": each.why, "bound": each.bound}
                                         for each in expansion.left_out]}


def show(expansion: "Expansion", form: Form) -> None:
    """Print the pools as a table, then the resources without a pool and the totals of each entry."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading, right in (("pool", False), ("from", False), ("mode", False), ("min", True), ("max", True),
                           ("USD/month\nat max", True), ("resource", False)):
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in pools_json(expansion)["pools"]:
        account = "" if row["account"] is None else f"account={row['account']} "
        table.add_row(row["name"], "file" if row["entry"] is None else f"select[{row['entry']}]", row["mode"], str(row["min"]),
                      str(row["max"]), "-" if row["entry"] is None else f"{row['max_usd_per_month']:.2f}",
                      f"{account}{row['resource']}")
    console = console_of(form)
    console.print(table)
    for entry, select in enumerate(expansion.policy.select):
        mine = [each for each in expansion.selected if each.entry == entry]
        bound = select.keys.most_usd_per_month
        console.print(f"select[{entry}]: {len(mine)} of at most {select.keys.most} pools; all units at max would cost "
                      f"{sum(each.usd_per_month for each in mine):.2f} USD/month at list price"
                      f"{'' if bound is None else f', at most {bound:g}'}.")
    for each in expansion.left_out:
        console.print(f"select[{each.entry}]: no pool for {each.resource}: {each.why}.", markup=False)
