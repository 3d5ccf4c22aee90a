"""`stoker release`: the `on_exit` step of a daemon that did not shut down gracefully, and the release of orphans."""

import asyncio
import urllib.parse
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from controller.cli.completion_names import pool_names
from controller.cli.daemon_client import daemon_on, send_to
from controller.cli.failure import Failed, WrongInput
from controller.cli.options import policy_option, sandbox_options, state_dir_option, token_file_option, url_option
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import read_policy
from controller.cli.verbosity import start_log

WAIT_SECONDS = 300.0
"""Longer than a daemon tries to release an orphan while the provider throttles."""


@click.command()
@click.argument("pool", required=False, shell_complete=pool_names)
@policy_option
@state_dir_option
@click.option("--yes", is_flag=True, help="Make the changes; without it they are only shown.")
@url_option
@token_file_option
@output_option
@sandbox_options
def command(pool: str | None, policy_path: Path, state_dir: Path, yes: bool, form: Form, **options: Any) -> None:  # noqa: ANN401
    """Apply `on_exit` to each active pool after a daemon failed to do so, and release pools that were removed from the policy.

    Shows the changes; `--yes` makes them. Does not change pools in shadow mode, pools with `on_exit: hold`, and pools that Stoker
    has not set. A pool that is no longer in the policy (an orphan) gets its original value back, unless it was changed by others
    since.

    With POOL, only that pool or orphan. Where a daemon has the store open, or with --url, the daemon releases the orphan POOL;
    without POOL the command refuses to run then.

    \b
    Examples:
      stoker release            # show the changes
      stoker release --policy policy.yaml --state-dir /var/lib/stoker --yes
      stoker release old-agent --yes
    """  # noqa: D301  (click reads the control character)
    given = click.get_current_context().get_parameter_source("url") is not ParameterSource.DEFAULT
    daemon = options["url"] if given else daemon_on(state_dir)
    if pool is not None and daemon is not None:
        path = f"/v1/orphans/{urllib.parse.quote(pool, safe='')}/release?dry_run={'false' if yes else 'true'}"
        outcomes = [send_to("POST", path, {**options, "url": daemon}, b"", WAIT_SECONDS, wrong=(404, 409))]
    else:
        outcomes = released(pool, policy_path, state_dir, yes, options["sandbox_url"], options["sandbox_grpc"])
    if is_data(form):
        emit("release", {"changed": yes, "pools": outcomes}, form)
    else:
        for each in outcomes:
            click.echo(f"{each['pool']}: {each['text']}")
        click.echo("" if yes else "\nNothing was changed: add --yes to make the changes.", nl=not yes)
    if failed := [each["pool"] for each in outcomes if each["failed"]]:
        raise Failed(f"on_exit could not be applied to: {', '.join(failed)}")


def released(pool: str | None, policy_path: Path, state_dir: Path, yes: bool, sandbox_url: str | None,
             sandbox_grpc: str | None) -> list[dict[str, Any]]:
    """Release pools without a daemon. Return the outcome of each."""
    policy = read_policy(policy_path)
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.daemon.release import NothingToRelease, StillLed, release_all
    from controller.store.state_dir import STORE_NAME
    from controller.store.state_store import StoreError

    clock, store = SystemClock(), state_dir / STORE_NAME
    start_log(clock)
    if not store.is_file():
        raise WrongInput(f"{store} does not exist: give the --state-dir that the daemon used")
    registry = Registry(clock, Generator(PCG64()), sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        lease = registry.lease(policy.lease) if yes and policy.lease is not None else None
        return [asdict(each) for each in asyncio.run(release_all(policy, registry, clock, store, yes, lease, pool))]
    except NothingToRelease as error:
        raise WrongInput(str(error)) from error
    except (StoreError, AdapterError, StillLed) as error:
        raise Failed(str(error)) from error
