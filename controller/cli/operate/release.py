"""`stoker release`: the `on_exit` step of a daemon that did not shut down gracefully."""

import asyncio
import json
import logging
from pathlib import Path

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.policy_file import read_policy


@click.command()
@click.option("--policy", "policy_path", required=True, type=click.Path(path_type=Path), help="The policy file.")
@click.option("--state-dir", type=click.Path(path_type=Path, file_okay=False), default=Path("state"), show_default=True,
              envvar="STOKER_STATE_DIR", help="State folder of the daemon.")
@click.option("--yes", is_flag=True, help="Make the changes; without it they are only shown.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--sandbox-url", envvar="STOKER_SANDBOX_URL", hidden=True)
@click.option("--sandbox-grpc", envvar="STOKER_SANDBOX_GRPC", hidden=True)
def command(policy_path: Path, state_dir: Path, yes: bool, as_json: bool, sandbox_url: str | None,
            sandbox_grpc: str | None) -> None:
    """Apply `on_exit` to each active pool after a daemon failed to do so, and release pools that were removed from the policy.

    Shows the changes; `--yes` makes them. Refuses to run while a daemon has the store open. Does not change pools in shadow mode,
    pools with `on_exit: hold`, and pools that Stoker has not set. A pool that is no longer in the policy gets its original value
    back, unless it was changed by others since.

    \b
    Examples:
      stoker release --policy policy.yaml            # show the changes
      stoker release --policy policy.yaml --yes
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.daemon.release import StillLed, release_all
    from controller.store.state_dir import STORE_NAME
    from controller.store.state_store import StoreError
    from controller.telemetry import log_setup

    clock, store = SystemClock(), state_dir / STORE_NAME
    log_setup.configure(clock, "console", least=logging.WARNING)
    if not store.is_file():
        raise WrongInput(f"{store} does not exist: give the --state-dir that the daemon used")
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        lease = registry.lease(policy.lease) if yes and policy.lease is not None else None
        outcomes = asyncio.run(release_all(policy, registry, clock, store, yes, lease))
    except (StoreError, AdapterError, StillLed) as error:
        raise Failed(str(error)) from error
    if as_json:
        click.echo(json.dumps([{"pool": each.pool, "requested": each.requested, "target": each.target, "text": each.text,
                                "failed": each.failed} for each in outcomes], indent=2))
    else:
        for each in outcomes:
            click.echo(f"{each.pool}: {each.text}")
        click.echo("" if yes else "\nNothing was changed: add --yes to make the changes.", nl=not yes)
    if failed := [each.pool for each in outcomes if each.failed]:
        raise Failed(f"on_exit could not be applied to: {', '.join(failed)}")
