"""`stoker sandbox`: an emulated AWS account for practice."""

import asyncio
import os
import signal

import click

from controller.cli.failure import Failed

PORT = 9911


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
              help="Port on 127.0.0.1; 0 takes a free port.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Seed of the random traffic.")
def command(port: int, seed: int) -> None:
    """Run an emulated AWS account for practice until stopped. Makes no connection outside this machine.

    The account has four functions, two of them agents that benefit from warm capacity, with 14 days of history and continuing
    traffic. Commands with STOKER_SANDBOX_URL in their environment connect to it, with dummy credentials, and to nothing else.

    \b
    Example:
      stoker sandbox
      export STOKER_SANDBOX_URL=http://127.0.0.1:9911      # in another terminal
      stoker discover --region us-east-1
    """  # noqa: D301  (click reads the control character)
    asyncio.run(served(port, seed))


async def served(port: int, seed: int) -> None:
    """Serve until SIGINT or SIGTERM."""
    from adapters.runtime.clock import SystemClock
    from adapters.sandbox.practice import practice
    from adapters.sandbox.server import SandboxServer

    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    server = SandboxServer(practice(SystemClock(), seed), port=port)
    try:
        url = await server.start()
    except OSError as error:
        raise Failed(f"127.0.0.1:{port} is not available ({os.strerror(error.errno or 0)}): give another --port") from None
    try:
        click.echo(f"emulated AWS account at {url}; in another terminal:\n  export STOKER_SANDBOX_URL={url}")
        await stop.wait()
    finally:
        await server.stop()
    click.echo(f"stopped after {server.sandbox.calls.reading.total()} read calls and "
               f"{server.sandbox.calls.mutating.total()} write calls")
