"""`stoker notify-test`: one test message to each sink of a policy, without retry."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.failure import Failed, WrongInput
from controller.cli.options import policy_argument
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.policy_file import read_policy

if TYPE_CHECKING:
    from config.model.notify import Sink


@click.command()
@policy_argument
@click.option("--sink", "only", default=None, metavar="NAME", help="Send to this sink only.  [default: all]")
@output_option
def command(policy_path: Path, only: str | None, form: Form) -> None:
    """Send a test message to each sink of a policy and report whether it was delivered.

    Set the environment variables that the sinks name, as for the daemon. Each message is sent once, without retry.

    \b
    Example:
      stoker notify-test policy.yaml --sink on-call
    """  # noqa: D301  (click reads the control character)
    policy = read_policy(policy_path)
    sinks = [sink for sink in policy.notify if only in (None, sink.name)]
    if not sinks:
        known = ", ".join(sink.name for sink in policy.notify) or "none"
        raise WrongInput(f"{policy_path} has no sink under `notify`: add one, see docs/notifications.md" if only is None
                         else f"--sink {only}: {policy_path} has no such sink; it has {known}")
    outcomes = asyncio.run(send_test_messages(sinks))
    if is_data(form):
        emit("notify-test", {"sinks": [{"name": sink.name, "delivered": not outcomes[sink.name],
                                        "error": outcomes[sink.name] or None} for sink in sinks]}, form)
    else:
        for sink in sinks:
            click.echo(f"{sink.name}: {outcomes[sink.name] or 'delivered'}")
    if any(outcomes.values()):
        raise Failed("at least one message was not delivered")


async def send_test_messages(sinks: "list[Sink]") -> dict[str, str]:
    """Send the message to each sink. Return the error text by sink name, empty on success."""
    from numpy.random import PCG64, Generator

    from adapters.ports.errors import AdapterError
    from adapters.runtime.clock import SystemClock
    from adapters.webhook import Poster
    from controller.notifications.notice import DAEMON, notice_of
    from controller.notifications.notifier import delivery_of, source
    from controller.notifications.sending_rules import Change

    clock, poster, outcomes = SystemClock(), Poster(), dict.fromkeys((sink.name for sink in sinks), "")
    change = Change(DAEMON, "test", "Test message: Stoker's notifications arrive here")
    notice = notice_of("test", None, [change], clock.now(), source())
    try:
        for sink in sinks:
            delivery = delivery_of(sink, os.environ, source(), poster, clock, Generator(PCG64()))
            if isinstance(delivery, str):
                outcomes[sink.name] = delivery
                continue
            try:
                await delivery.send(notice)
            except AdapterError as error:
                outcomes[sink.name] = str(error)
    finally:
        await poster.close()
    return outcomes
