"""`stoker history`: export of a pool's metrics from its provider to a file."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
from click.shell_completion import CompletionItem

from controller.cli.completion_names import pool_names
from controller.cli.failure import Failed, WrongInput
from controller.cli.options import is_explicit, policy_option, sandbox_options
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import no_pool_text, read_policy
from controller.cli.selection import with_selected
from controller.cli.verbosity import start_log, warn

NO_HISTORY = ("its demand source has no history: docs/demand.md lists those that have one, and `stoker history import` converts "
              "other recordings")

if TYPE_CHECKING:
    from datetime import datetime

    from config.model.policy import PoolPolicy
    from forecasting.demand import DemandSeries

    Found = dict[str, DemandSeries | str]
    """The demand of each pool, or the reason why it has none."""


def first_word(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return completions after `stoker history`: pool names, and as the first word `export` and `import`."""
    is_first = not ctx.params.get("names") and not is_explicit(ctx, "policy_path")
    words = [word for word in ("export", "import") if is_first and word.startswith(incomplete)]
    return [*pool_names(ctx, param, incomplete), *(CompletionItem(word) for word in words)]


@click.command()
@click.argument("names", metavar="[POOL]...", nargs=-1, shell_complete=first_word)
@policy_option
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=Path("history"), show_default=True,
              metavar="FOLDER", help="Folder for the files POOL.csv.gz.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@output_option
@sandbox_options
def command(names: tuple[str, ...], policy_path: Path, output: Path, force: bool, form: Form,
            sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Export the last 14 days of each POOL (default: all pools of the policy) to files for a backtest. Read-only at the provider.

    \b
    Example:
      stoker history
      stoker backtest --history chat=history/chat.csv.gz --compare

    \b
    As Parquet, or from the store of a daemon:  stoker history export --help
    For exports of other programs:              stoker history import FILE... --output OUT
    """  # noqa: D301  (click reads the control character)
    pools = chosen_pools(names, policy_path, sandbox_url, sandbox_grpc)
    files = new_files(pools, output, "csv.gz", force)
    export(asyncio.run(read_demand(pools, sandbox_url, sandbox_grpc)), files, form)


def chosen_pools(names: Sequence[str], policy_path: Path, sandbox_url: str | None,
                 sandbox_grpc: str | None) -> list["PoolPolicy"]:
    """Return the named pools of a policy; all without names, also those that it selects. Raise `WrongInput` for another name."""
    policy = with_selected(read_policy(policy_path), sandbox_url, sandbox_grpc)
    known = {pool.name: pool for pool in policy.pools}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise WrongInput(no_pool_text(policy, unknown[0], policy_path))
    return [known[name] for name in dict.fromkeys(names)] or list(policy.pools)


def new_files(pools: "Sequence[PoolPolicy]", folder: Path, suffix: str, force: bool) -> dict[str, Path]:
    """Return the file of each pool. Raise `WrongInput` when one exists, unless `force`."""
    files = {pool.name: folder / f"{pool.name}.{suffix}" for pool in pools}
    existing = [file for file in files.values() if file.exists()]
    if existing and not force:
        raise WrongInput(f"{existing[0]} already exists: give another --output, or --force to overwrite it")
    return files


class Exported(NamedTuple):
    """The outcome for one pool: its file, or the error."""

    pool: str
    file: str | None
    minutes: int = 0
    unknown_share: float | None = None
    error: str | None = None


async def read_demand(pools: "Sequence[PoolPolicy]", sandbox_url: str | None, sandbox_grpc: str | None,
                      since: "datetime | None" = None, on_read: Callable[[str], None] = lambda _: None) -> "Found":
    """Read each pool since an instant (default: the last 14 days) from its provider. `on_read`: called with each pool's name."""
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.preflight.recent_demand import recent_demand

    clock = SystemClock()
    start_log(clock)
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    found: Found = dict.fromkeys((pool.name for pool in pools), NO_HISTORY)
    try:
        async for name, telemetry in recent_demand(registry.sources(pools), clock.now(), since):
            found[name] = telemetry.series if telemetry.error is None else str(telemetry.error)
            on_read(name)
    except AdapterError as error:
        raise Failed(str(error)) from error
    finally:
        await registry.close()
    return found


def export(found: "Found", files: Mapping[str, Path], form: Form) -> None:
    """Write the file of each pool that was read, and print its size. Raise `Failed` with the errors of the others."""
    outcomes = [written(name, found[name], file) for name, file in files.items()]
    if is_data(form):
        emit("history", {"pools": [each._asdict() for each in outcomes]}, form)
    else:
        for each in outcomes:
            if each.error is None:
                click.echo(f"{each.pool}: {each.file}, {each.minutes} minutes, {each.unknown_share:.1%} unknown")
    if failed := [f"{each.pool}: {each.error}" for each in outcomes if each.error is not None]:
        raise Failed("\n".join(failed))


def written(name: str, demand: "DemandSeries | str", file: Path) -> Exported:
    """Write one pool's file. `demand`: or why there is none."""
    import numpy as np

    from adapters.demand.history_file import write_history
    from adapters.demand.parquet_file import NoParquet, write_parquet

    if isinstance(demand, str):
        return Exported(name, None, error=demand)
    series = between_known(demand)
    if series is None:
        return Exported(name, None, error="no data for the last 14 days")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.suffix == ".parquet":
            write_parquet(file, name, series)
        else:
            write_history(file, series)
    except NoParquet as error:
        raise Failed(str(error)) from error
    except OSError as error:
        return Exported(name, None, error=f"{file} cannot be written ({error.strerror}); give another --output folder")
    if not np.nansum(series.invocations):
        warn(f"{name}: no requests in this period: check the resource name in the policy")
    return Exported(name, str(file), len(series), float(1 - series.known.mean()))


def between_known(demand: "DemandSeries") -> "DemandSeries | None":
    """Return demand from its first known minute to its last one; None without any."""
    import numpy as np

    rows = np.flatnonzero(demand.known)
    if not len(rows):
        return None
    return demand.window(demand.first_minute + int(rows[0]), demand.first_minute + int(rows[-1]) + 1)
