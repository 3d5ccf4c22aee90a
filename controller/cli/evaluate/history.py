"""`stoker history`: export of a pool's metrics from its provider to a file."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from controller.cli.completion_names import pool_names
from controller.cli.failure import Failed, WrongInput
from controller.cli.policy_file import read_policy

NO_HISTORY = ("its demand source has no history: docs/demand.md lists those that have one, and `stoker history import` converts "
              "other recordings")

if TYPE_CHECKING:
    from adapters.ports.demand_source import Telemetry
    from config.model.policy import PoolPolicy


def first_word(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return completions after `stoker history`: pool names, and `import` as the first word."""
    words = [] if ctx.params.get("names") or ctx.params.get("policy_path") or not "import".startswith(incomplete) else ["import"]
    return [*pool_names(ctx, param, incomplete), *(CompletionItem(word) for word in words)]


@click.command()
@click.argument("names", metavar="[POOL]...", nargs=-1, shell_complete=first_word)
@click.option("--policy", "policy_path", required=True, type=click.Path(path_type=Path), help="The policy file.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=Path("history"), show_default=True,
              metavar="FOLDER", help="Folder for the files POOL.csv.gz.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@click.option("--sandbox-url", envvar="STOKER_SANDBOX_URL", hidden=True)
@click.option("--sandbox-grpc", envvar="STOKER_SANDBOX_GRPC", hidden=True)
def command(names: tuple[str, ...], policy_path: Path, output: Path, force: bool, sandbox_url: str | None,
            sandbox_grpc: str | None) -> None:
    """Export the last 14 days of each POOL (default: all pools of the policy) to files for a backtest. Read-only at the provider.

    \b
    Example:
      stoker history --policy policy.yaml
      stoker backtest --policy policy.yaml --history chat=history/chat.csv.gz --compare

    \b
    For exports of other programs:  stoker history import FILE... --output OUT
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    known = {pool.name: pool for pool in policy.pools}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WrongInput(f"{policy_path} has no pool {unknown[0]}; it has {', '.join(list(known)[:10])}")
    pools = [known[name] for name in dict.fromkeys(names)] or list(policy.pools)
    files = {pool.name: output / f"{pool.name}.csv.gz" for pool in pools}
    existing = [file for file in files.values() if file.exists()]
    if existing and not force:
        raise WrongInput(f"{existing[0]} already exists: give another --output, or --force to overwrite it")
    histories = asyncio.run(read_demand(pools, sandbox_url, sandbox_grpc))
    failed = [f"{name}: {why}" for name, file in files.items() if (why := export(name, histories.get(name), file))]
    if failed:
        raise Failed("\n".join(failed))


async def read_demand(pools: "Sequence[PoolPolicy]", sandbox_url: str | None, sandbox_grpc: str | None) -> "dict[str, Telemetry]":
    """Read the last 14 days of each pool."""
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.preflight.recent_demand import recent_demand

    clock = SystemClock()
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        return {name: telemetry async for name, telemetry in recent_demand(registry.sources(pools), clock.now())}
    except AdapterError as error:
        raise Failed(str(error)) from error
    finally:
        await registry.close()


def export(name: str, telemetry: "Telemetry | None", file: Path) -> str | None:
    """Write one pool's file and print a line about it. Return the error text when that fails."""
    import numpy as np

    from adapters.demand.history_file import write_history

    if telemetry is None or telemetry.error is not None:
        return NO_HISTORY if telemetry is None else str(telemetry.error)
    rows = np.flatnonzero(telemetry.series.known)
    if not len(rows):
        return "no data for the last 14 days"
    first = telemetry.series.first_minute
    series = telemetry.series.window(first + int(rows[0]), first + int(rows[-1]) + 1)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_history(file, series)
    except OSError as error:
        return f"{file} cannot be written ({error.strerror}); give another --output folder"
    click.echo(f"{name}: {file}, {len(series)} minutes, {1 - series.known.mean():.1%} unknown")
    if not np.nansum(series.invocations):
        click.echo(f"{name}: no requests in this period: check the resource name in the policy", err=True)
    return None
