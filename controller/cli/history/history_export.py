"""`stoker history export`: demand of pools, from the provider or from the store of a daemon, as Parquet or CSV."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.completion_names import pool_names
from controller.cli.failure import Failed
from controller.cli.history.history import chosen_pools, export, new_files, read_demand
from controller.cli.options import policy_option, sandbox_options
from controller.cli.output import Form, output_option

if TYPE_CHECKING:
    from config.model.policy import PoolPolicy
    from controller.cli.history.history import Found

DAYS = 14
NOT_STORED = "the store has no demand of this pool: check --state-dir, or run stoker run until it has collected some"


@click.command()
@click.argument("names", metavar="[POOL]...", nargs=-1, shell_complete=pool_names)
@policy_option
@click.option("--state-dir", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              envvar="STOKER_STATE_DIR", show_envvar=True,
              help="Read the demand that a daemon stored in this folder, instead of the provider.")
@click.option("--file-format", "suffix", type=click.Choice(["csv", "csv.gz", "parquet"]), default="csv.gz", show_default=True,
              help="Format of the files; parquet needs the extra `parquet`.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), default=Path("history"), show_default=True,
              metavar="FOLDER", help="Folder for the files POOL.FORMAT.")
@click.option("--force", is_flag=True, help="Overwrite existing files.")
@output_option
@sandbox_options
def command(names: tuple[str, ...], policy_path: Path, state_dir: Path | None, suffix: str, output: Path, force: bool,
            form: Form, sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Export the demand of each POOL (default: all pools of the policy) of the last 14 days as Parquet or CSV.

    Each file has the columns of a history: timestamp, invocations, avg_concurrency, max_concurrency; Parquet also has pool.
    Unknown values are empty or null. A store can be read while its daemon runs. Nothing is changed.

    \b
    Examples:
      stoker history export --state-dir state --file-format parquet
      stoker history export chat --file-format csv --output exports
    """  # noqa: D301  (click reads the control character)
    pools = chosen_pools(names, policy_path, sandbox_url, sandbox_grpc)
    files = new_files(pools, output, suffix, force)
    export(stored_demand(pools, state_dir) if state_dir else asyncio.run(read_demand(pools, sandbox_url, sandbox_grpc)), files,
           form)


def stored_demand(pools: "Sequence[PoolPolicy]", state_dir: Path) -> "Found":
    """Return the last 14 days of each pool that a daemon stored. A running daemon is not disturbed."""
    from controller.store.read_only import ReadOnlyStore
    from controller.store.sqlite_file import StoreError
    from controller.store.state_dir import STORE_NAME
    from forecasting.demand import MINUTES_PER_DAY

    try:
        with ReadOnlyStore(state_dir / STORE_NAME) as store:
            newest = store.newest_known_minute([pool.name for pool in pools])
            return {pool.name: store.load_demand(pool.name, newest[pool.name] + 1 - DAYS * MINUTES_PER_DAY, newest[pool.name] + 1)
                    if pool.name in newest else NOT_STORED for pool in pools}
    except StoreError as error:
        raise Failed(str(error)) from error
