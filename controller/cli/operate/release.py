"""`stoker release`: the `on_exit` step of a daemon that did not shut down gracefully."""

import asyncio
from pathlib import Path

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.options import policy_option, sandbox_options, state_dir_option
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import read_policy
from controller.cli.verbosity import start_log


@click.command()
@policy_option
@state_dir_option
@click.option("--yes", is_flag=True, help="Make the changes; without it they are only shown.")
@output_option
@sandbox_options
def command(policy_path: Path, state_dir: Path, yes: bool, form: Form, sandbox_url: str | None,
            sandbox_grpc: str | None) -> None:
    """Apply `on_exit` to each active pool after a daemon failed to do so, and release pools that were removed from the policy.

    Shows the changes; `--yes` makes them. Refuses to run while a daemon has the store open. Does not change pools in shadow mode,
    pools with `on_exit: hold`, and pools that Stoker has not set. A pool that is no longer in the policy gets its original value
    back, unless it was changed by others since.

    \b
    Examples:
      stoker release            # show the changes
      stoker release --policy policy.yaml --state-dir /var/lib/stoker --yes
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.daemon.release import StillLed, release_all
    from controller.store.state_dir import STORE_NAME
    from controller.store.state_store import StoreError

    clock, store = SystemClock(), state_dir / STORE_NAME
    start_log(clock)
    if not store.is_file():
        raise WrongInput(f"{store} does not exist: give the --state-dir that the daemon used")
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        lease = registry.lease(policy.lease) if yes and policy.lease is not None else None
        outcomes = asyncio.run(release_all(policy, registry, clock, store, yes, lease))
    except (StoreError, AdapterError, StillLed) as error:
        raise Failed(str(error)) from error
    if is_data(form):
        emit("release", {"changed": yes, "pools": [{"pool": each.pool, "requested": each.requested, "target": each.target,
                                                    "text": each.text, "failed": each.failed} for each in outcomes]}, form)
    else:
        for each in outcomes:
            click.echo(f"{each.pool}: {each.text}")
        click.echo("" if yes else "\nNothing was changed: add --yes to make the changes.", nl=not yes)
    if failed := [each.pool for each in outcomes if each.failed]:
        raise Failed(f"on_exit could not be applied to: {', '.join(failed)}")
