"""The sandbox's server leaves no connection behind, whenever it was made."""

import asyncio
import socket

import pytest

from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from tests.builders import NOON
from tests.patience import PATIENCE_SECONDS


def ended(client):
    """Whether the other side has closed the connection, in either way."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("turns", range(6))
async def test_connections_during_the_stop_are_refused(turns):
    """`turns` of the loop after the kernel took the connection: not accepted yet, accepted, being made, made."""
    server = SandboxServer(Sandbox(ManualClock(NOON)))
    await server.start()
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as client:
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.stop()
        assert ended(client)


async def test_an_unread_response_does_not_keep_its_connection():
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
