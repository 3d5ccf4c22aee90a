"""Sending of calls: an abandoned call is never sent, and a broken connection costs one call."""

import asyncio
import contextlib
import threading

import pytest
from urllib3 import Timeout

from adapters.aws.clients import Connections, Timeouts
from adapters.aws.errors import ApiCall
from adapters.ports.errors import Unreachable
from adapters.runtime.clock import SystemClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from tests.patience import PATIENCE_SECONDS

PUT = ApiCall("lambda", "put_provisioned_concurrency_config", "alias f:live", writes=True)
GET = ApiCall("lambda", "get_alias", "alias f:live")
FIVE = {"FunctionName": "f", "Qualifier": "live", "ProvisionedConcurrentExecutions": 5}
ALIAS = {"FunctionName": "f", "Name": "live"}
AT_ONCE = 6


@pytest.fixture
async def here():
    sandbox = Sandbox(SystemClock())
    sandbox.add_function("f")
    async with SandboxServer(sandbox) as server:
        connections = Connections("us-east-1", server.url, Timeouts(connect=1.0, read={}, read_otherwise=30.0, slack=-30.0))
        yield sandbox, connections
        await connections.close()


@pytest.mark.parametrize("cancelled", [False, True])
async def test_an_abandoned_write_is_never_sent(here, cancelled):
    sandbox, connections = here
    make, entered, released, done = connections._client, threading.Event(), threading.Event(), threading.Event()

    def slow(service):
        entered.set()
        released.wait(PATIENCE_SECONDS)
        return make(service)

    send = connections._send

    def sent(*arguments):
        try:
            return send(*arguments)
        finally:
            done.set()

    connections._client, connections._send = slow, sent
    write = asyncio.create_task(connections.call(PUT, FIVE, dict))
    assert await asyncio.to_thread(entered.wait, PATIENCE_SECONDS)
    if cancelled:
        write.cancel()
        with pytest.raises(asyncio.CancelledError):
            await write
    else:
        with pytest.raises(Unreachable, match="nothing was sent: not ready within 1 s"):
            await write
    released.set()
    assert await asyncio.to_thread(done.wait, PATIENCE_SECONDS)

    assert sandbox.calls.mutating.total() == 0


class Flows:
    """A server of one alias that answers `AT_ONCE` requests at a time, each on a connection of its own. Connections made before
    `cut` are never answered again, and are not closed either.
    """

    def __init__(self):
        self.cut, self.tasks, self.together = False, [], asyncio.Barrier(AT_ONCE)

    @property
    def made(self):
        return len(self.tasks)

    async def serve(self, reader, writer):
        self.tasks.append(asyncio.current_task())
        old = not self.cut
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                if old and self.cut:
                    await asyncio.Event().wait()
                await self.together.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n"
                             b'{"FunctionVersion": "1"}')

    async def close(self):
        """Close the connections. A client closes those that it no longer uses when they are collected as garbage."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def expect_answers_within(seconds, client):
    """Shorten the read timeout of the connections that a client has, but not of those that it opens after `close`."""
    pools = client._endpoint.http_session._manager.pools
    for key in pools.keys():  # noqa: SIM118  (a container without iteration)
        pools[key].timeout = Timeout(connect=10.0, read=seconds)


async def test_broken_connections_cost_one_call():
    flows = Flows()
    server = await asyncio.start_server(flows.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    connections = Connections("us-east-1", url, Timeouts(connect=10.0, read={}, read_otherwise=PATIENCE_SECONDS, slack=20.0))
    try:
        await asyncio.gather(*(connections.call(GET, ALIAS, dict) for _ in range(AT_ONCE)))
        assert flows.made == AT_ONCE
        flows.cut = True
        expect_answers_within(0.5, connections._clients["lambda"])
        with pytest.raises(Unreachable, match="ReadTimeoutError"):
            await connections.call(GET, ALIAS, dict)

        answers = await asyncio.gather(*(connections.call(GET, ALIAS, dict) for _ in range(AT_ONCE)))
        assert {answer["FunctionVersion"] for answer in answers} == {"1"}
        assert flows.made == 2 * AT_ONCE
    finally:
        await connections.close()
        server.close()
        await flows.close()
