"""`stoker sandbox`: an emulated account to practise on."""

import asyncio
import signal

import click

from controller.cli.failure import Failed

PORT = 9911


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True,
              help="Where it answers, on 127.0.0.1; 0 takes a free port.")
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Another seed is another fortnight.")
def command(port: int, seed: int) -> None:
    """Run an emulated AWS account to practise on, until stopped. Nothing leaves this machine.

    Four functions, two of them agents worth keeping warm, with a fortnight of traffic that goes on. Commands in whose environment
    STOKER_SANDBOX_URL stands talk to it, with dummy credentials, and can reach nothing else.

    \b
    Example:
      stoker sandbox
      export STOKER_SANDBOX_URL=http://127.0.0.1:9911      # in another terminal
      stoker discover --region us-east-1
    """  # noqa: D301  (click reads the control character)
    asyncio.run(served(port, seed))


async def served(port: int, seed: int) -> None:
    """Answer until a signal asks for an end."""
    from adapters.clock import SystemClock
    from adapters.sandbox.practice import practice
    from adapters.sandbox.server import SandboxServer

    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    server = SandboxServer(practice(SystemClock(), seed), port=port)
    try:
        url = await server.start()
    except OSError as error:
        raise Failed(f"127.0.0.1:{port} cannot be listened on ({error.strerror}): give another --port") from None
    try:
        click.echo(f"an emulated AWS answers at {url}; in another terminal:\n  export STOKER_SANDBOX_URL={url}")
        await stop.wait()
    finally:
        await server.stop()
    click.echo(f"stopped; it was asked {server.sandbox.calls.reading.total()} times and told "
               f"{server.sandbox.calls.mutating.total()} times to change something")
