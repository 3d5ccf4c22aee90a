"""The server closes all connections when it stops, at any stage of their setup."""

import asyncio
import socket

import pytest

from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS


def ended(client):
    """Return whether the other side has closed the connection, by FIN or RST."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("turns", range(6))
async def test_connections_at_any_stage_of_their_setup_are_closed(turns):
    """`turns`: iterations of the event loop after the kernel accepted the connection, which determine its stage."""
    server = SandboxServer(Sandbox(ManualClock(NOON)))
    await server.start()
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()
        assert ended(client)


async def test_a_hanging_request_does_not_keep_its_connection():
    sandbox = Sandbox(ManualClock(NOON))
    sandbox.faults.hang("GetAlias")
    server = SandboxServer(sandbox)
    await server.start()
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
        client.sendall(b"GET /2015-03-31/functions/agent/aliases/live HTTP/1.1\r\nHost: x\r\n\r\n")
        while not sandbox.calls.reading["GetAlias"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await server.stop()
        assert ended(client)
