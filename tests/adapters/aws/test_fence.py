"""The fence check right before a write is sent, over HTTP."""

import asyncio

import pytest

from adapters.aws.clients import Connections
from adapters.aws.errors import ApiCall
from adapters.ports.lease_store import Fence, Unfenced, fenced
from adapters.runtime.clock import SystemClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox

PUT = ApiCall("lambda", "put_provisioned_concurrency_config", "alias f:live", writes=True)
GET = ApiCall("lambda", "get_alias", "alias f:live")
FIVE = {"FunctionName": "f", "Qualifier": "live", "ProvisionedConcurrentExecutions": 5}


@pytest.fixture
async def here():
    sandbox = Sandbox(SystemClock())
    sandbox.add_function("f")
    async with SandboxServer(sandbox) as server:
        connections = Connections("us-east-1", server.url)
        yield sandbox, connections
        await connections.close()


def closed():
    raise Unfenced("not sent under fencing number 7: bob leads")


async def test_a_write_without_the_lease_is_not_sent(here):
    sandbox, connections = here
    with fenced(Fence(7, closed)), pytest.raises(Unfenced, match="number 7: bob leads"):
        await connections.call(PUT, FIVE, dict)

    assert sandbox.calls.mutating.total() == 0


async def test_a_write_carries_its_fencing_token(here):
    sandbox, connections = here
    with fenced(Fence(7, lambda: None)):
        await connections.call(PUT, FIVE, dict)
    await connections.call(PUT, FIVE | {"ProvisionedConcurrentExecutions": 6}, dict)

    assert [write.agent.endswith(" fencing/7") for write in sandbox.calls.writes] == [True, False]


async def test_a_read_needs_no_fence(here):
    _, connections = here
    with fenced(Fence(7, closed)):
        assert (await connections.call(GET, {"FunctionName": "f", "Name": "live"}, dict))["Name"] == "live"


async def test_a_task_that_a_write_starts_is_not_fenced(here):
    sandbox, connections = here
    with fenced(Fence(7, closed)):
        await asyncio.create_task(connections.call(PUT, FIVE, dict))

    assert sandbox.calls.mutating.total() == 1


async def test_a_fence_ends_with_its_write_even_when_that_fails(here):
    sandbox, connections = here
    sandbox.faults.hang("PutProvisionedConcurrencyConfig")
    with pytest.raises(TimeoutError), fenced(Fence(7, lambda: None)):
        async with asyncio.timeout(0.2):
            await connections.call(PUT, FIVE, dict)
    sandbox.faults.clear()
    await connections.call(PUT, FIVE, dict)

    assert not sandbox.calls.writes[-1].agent.endswith("fencing/7")
