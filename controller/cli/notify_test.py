"""`stoker notify-test`: one message to each sink of a policy, sent once, with what came of it."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.policy_file import read_policy

if TYPE_CHECKING:
    from numpy.random import Generator

    from adapters.clock import Clock
    from config.notify import Sink
    from config.policy import Policy
    from controller.memory import StoreThread
    from controller.notifier import Notifier


@click.command()
@click.option("--policy", "policy_path", required=True, type=click.Path(path_type=Path), help="The policy file.")
@click.option("--sink", "only", default=None, help="Only the sink of this name.  [default: all]")
def command(policy_path: Path, only: str | None) -> None:
    """Send a message to each sink of a policy, to see whether it arrives.

    The variables that the sinks name must be set as they are for the daemon. Each message is sent once and not tried again.

    \b
    Example:
      stoker notify-test --policy policy.yaml --sink on-call
    """  # noqa: D301  (click reads the control character)
    sinks = [sink for sink in read_policy(policy_path).notify if only in (None, sink.name)]
    if not sinks:
        raise WrongInput("the policy has no sink under notify" if only is None else f"the policy has no sink called {only}")
    outcomes = asyncio.run(tried(sinks))
    for sink in sinks:
        click.echo(f"{sink.name}: {outcomes[sink.name] or 'delivered'}")
    if any(outcomes.values()):
        raise Failed("not every sink took its message")


async def tried(sinks: "list[Sink]") -> dict[str, str]:
    """What went wrong with each sink, empty where nothing did."""
    from numpy.random import PCG64, Generator

    from adapters.clock import SystemClock
    from adapters.errors import AdapterError
    from adapters.webhook import Poster
    from controller.notices import DAEMON, Change, notice_of
    from controller.notifier import courier_of

    clock, poster, outcomes = SystemClock(), Poster(), dict.fromkeys((sink.name for sink in sinks), "")
    change = Change(DAEMON, "test", "A test by hand: messages of Stoker arrive here")
    notice = notice_of("test", None, [change], clock.now(), source())
    try:
        for sink in sinks:
            courier = courier_of(sink, os.environ, source(), poster, clock, Generator(PCG64()))
            if isinstance(courier, str):
                outcomes[sink.name] = courier
                continue
            try:
                await courier.send(notice)
            except AdapterError as error:
                outcomes[sink.name] = str(error)
    finally:
        await poster.close()
    return outcomes


def source() -> str:
    """What messages name as their sender."""
    return f"/stoker/{socket.gethostname()}"


def notifier_for(policy: "Policy", clock: "Clock", rng: "Generator") -> "Callable[[StoreThread], Notifier]":
    """What tells the sinks of a policy, once the store is open."""
    from adapters.webhook import Poster
    from controller.notifier import Notifier, couriers_of

    def build(store: "StoreThread") -> "Notifier":
        poster = Poster()
        couriers = couriers_of(policy.notify, os.environ, source(), poster, clock, rng)
        return Notifier(couriers, poster, source(), clock, store)
    return build
