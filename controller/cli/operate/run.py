"""`stoker run`: the daemon, until SIGTERM or Ctrl-C."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from controller.cli.failure import Failed
from controller.cli.options import policy_argument, sandbox_options, state_dir_option, token_file_option
from controller.cli.policy_file import load_known, read_policy
from controller.cli.token import read_token
from controller.cli.verbosity import start_log

if TYPE_CHECKING:
    from config.model.policy import Policy
    from controller.daemon.daemon import Daemon

MOST_NAMED = 5


@click.command()
@policy_argument
@state_dir_option
@click.option("--host", default="127.0.0.1", show_default=True, help="HTTP listen address.")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="HTTP port; 0 takes a free port.")
@click.option("--log-format", type=click.Choice(["json", "console"]), default=None,
              help="Log format.  [default: console on a terminal, else json]")
@token_file_option
@click.option("--once", is_flag=True, help="Run one tick, including writes, then exit.")
@sandbox_options
@click.option("--lease-seconds", type=click.FloatRange(min=0.5), default=None, hidden=True)
@click.option("--tick-seconds", type=click.FloatRange(min=0.2), default=60.0, hidden=True)
def command(policy_path: Path, state_dir: Path, host: str, port: int, log_format: Literal["json", "console"] | None,
            token_file: Path | None, once: bool, sandbox_url: str | None, sandbox_grpc: str | None, lease_seconds: float | None,
            tick_seconds: float) -> None:
    """Run the daemon: plan every minute; write only to pools in active mode.

    For pools in shadow mode (the default), Stoker plans but writes nothing to the provider. SIGTERM or Ctrl-C shuts down
    gracefully: writes in progress finish and the store closes. A second signal exits immediately; the next start reads the
    provider's state again. SIGHUP, `stoker reload` and a change of the file make the daemon read the policy again.

    The state folder has history, decisions and measurements: keep it across restarts. Without a token, overrides are disabled.

    \b
    Examples:
      stoker run
      stoker run /etc/stoker/policy.yaml --state-dir /var/lib/stoker
    """  # noqa: D301  (click reads the control character)
    hang_ups = HangUps()
    from controller.daemon.policy_file import PolicyFile

    file = PolicyFile(policy_path, lambda: with_lease_of(load_known(policy_path), lease_seconds))
    policy = with_lease_of(read_policy(policy_path), lease_seconds)
    token = read_token(token_file)
    import socket
    from datetime import timedelta

    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.registry import Registry
    from adapters.runtime.clock import SystemClock
    from controller.daemon.daemon import Daemon
    from controller.http.server import CannotListen
    from controller.notifications.notifier import notifier_for
    from controller.store.state_store import StoreError
    from controller.telemetry.tracing import tracing_of

    clock = SystemClock()
    start_log(clock, log_format or ("console" if sys.stderr.isatty() else "json"), "info")
    rng = Generator(PCG64())
    registry = Registry(clock, rng, sandbox_url=sandbox_url, sandbox_grpc=sandbox_grpc)
    try:
        service = Daemon(policy, registry, clock, state_dir, host=host, port=port, tick_every=timedelta(seconds=tick_seconds),
                         token=token, notifier=notifier_for(policy, clock, rng), tracing=tracing_of(os.environ),
                         lease_store=None if policy.lease is None else registry.lease(policy.lease),
                         holder=f"{socket.gethostname()}:{os.getpid()}:{rng.bytes(4).hex()}", file=file)
        if not once:
            asyncio.run(until_stopped(service, hang_ups))
            return
        unread = asyncio.run(unreadable(service))
    except (StoreError, CannotListen, AdapterError) as error:
        raise Failed(str(error)) from error
    if service.runtime is not None and len(unread) == len(service.runtime.components.fleet.reconcilers):
        listed = "\n".join(f"  {name}: {why}" for name, why in list(unread.items())[:MOST_NAMED])
        raise Failed(f"no pool could be read:\n{listed}")


async def unreadable(service: "Daemon") -> dict[str, str]:
    """Run one tick. Return the read errors by pool, for pools whose capacity or demand could not be read."""
    from controller.redaction.redactor import redact_text

    fleet = (await service.run_once()).components.fleet
    errors = {}
    for name, reconciler in fleet.reconcilers.items():
        error = reconciler.error or fleet.region_of[name].collector.errors.get(name)
        if error is not None:
            errors[name] = redact_text(str(error))
    return errors


class HangUps:
    """SIGHUP from now on: it never ends the process. One that arrives before the daemon runs is passed on then."""

    def __init__(self) -> None:
        self._requested: Callable[[], object] | None = None
        self._early = False
        with suppress(ValueError):  # not in the main thread, which receives signals
            signal.signal(signal.SIGHUP, self._receive)

    def request_with(self, requested: Callable[[], object]) -> None:
        """Call `requested` for each signal from now on, and for an earlier one."""
        self._requested = requested
        if self._early:
            requested()

    def ignore(self) -> None:
        """Ignore the signal until the process has ended: the interpreter restores handlers before that, but no ignored signal."""
        with suppress(ValueError):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def _receive(self, *_: object) -> None:
        if self._requested is None:
            self._early = True
            return
        with suppress(RuntimeError):  # the loop is closed: the process ends
            self._requested()


def with_lease_of(policy: "Policy", seconds: float | None) -> "Policy":
    """Return the policy with a lease of another length, if it has one and `seconds` are given."""
    from datetime import timedelta

    if seconds is None or policy.lease is None:
        return policy
    return policy.model_copy(update={"lease": policy.lease.model_copy(update={"ttl": timedelta(seconds=seconds)})})


async def until_stopped(service: "Daemon", hang_ups: HangUps) -> None:
    """Run `service` until a signal; exit immediately on a second signal."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    hang_ups.request_with(lambda: loop.call_soon_threadsafe(service.reload_requested.set))

    def on_signal() -> None:
        if stop.is_set():
            click.echo("stopped immediately; the next start reads the outcome of pending writes from the provider", err=True)
            os._exit(1)
        stop.set()

    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, on_signal)
    try:
        await service.run(stop)
    finally:
        hang_ups.ignore()
