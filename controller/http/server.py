"""The HTTP server: listen, report errors, and warn about an exposed address."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from aiohttp import web

from adapters.runtime.clock import SystemClock
from controller.http.app import errors_as_json, make_app
from controller.http.connections.connection import Connection
from controller.http.connections.guard import ConnectionGuard, is_loopback
from controller.http.published_state import PublishedState

log = structlog.get_logger("stoker.http")


class CannotListen(Exception):
    """The HTTP address is not available; one line with the remedy."""


@asynccontextmanager
async def listening(published: PublishedState, host: str, port: int) -> AsyncIterator[int]:
    """Serve HTTP on `host` within the block; yield the port (a free one for 0). Raise `CannotListen`."""
    guard = ConnectionGuard(is_loopback(host), SystemClock())  # clients run in real time, also when the daemon's clock is scaled
    runner = web.AppRunner(make_app(published, guard), shutdown_timeout=2.0)
    await runner.setup()
    server = runner.server
    if server is None:
        raise RuntimeError("an AppRunner that is set up has no server")
    server.request_handler = partial(errors_as_json, server.request_handler)
    loop, sockets = asyncio.get_running_loop(), None
    try:
        try:
            connection = partial(Connection, server, loop=loop, access_log=None)  # type: ignore[arg-type]  # None: no log
            sockets = await loop.create_server(connection, host, port)
        except (OSError, UnicodeError) as error:
            raise CannotListen(f"cannot listen on {host}:{port}: {refusal(error)}") from error
        actual = int(sockets.sockets[0].getsockname()[1])
        if not is_loopback(host):
            warn(host, actual, published)
        guard.watch(server)
        yield actual
    finally:
        guard.stop()
        if sockets is not None:
            sockets.close()
        await runner.cleanup()


def refusal(error: OSError | UnicodeError) -> str:
    """Return why an address is not available, and which option to correct."""
    if isinstance(error, UnicodeError | socket.gaierror):
        return "the name in --host cannot be resolved: set an address of this machine, or 127.0.0.1"
    if error.errno in {errno.EADDRNOTAVAIL, None}:  # asyncio reports it without a number from Python 3.12 on
        return "the address in --host does not belong to this machine: set one that does, or 0.0.0.0 for all"
    if error.errno == errno.EACCES:
        return "this user may not listen on that port: set --port to 1024 or above"
    if error.errno == errno.EADDRINUSE:
        return "the port is in use: set another --port, or stop the process that uses it"
    return f"{error.strerror}: correct --host and --port"


def warn(host: str, port: int, published: PublishedState) -> None:
    """Log a warning about what others on the network can do."""
    writes = "writes need the token" if published.auth.open else "writes are disabled because no token is configured"
    log.warning("exposed", host=host, port=port, text="anyone who can reach this address can read the pools and their cost; "
                f"{writes}: limit access to your network, or listen on 127.0.0.1")
