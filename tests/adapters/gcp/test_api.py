"""The connection below an API's client: kept while something is heard on it, and made anew when nothing is."""

import asyncio

import pytest
from google.cloud import run_v2

from adapters.errors import OutcomeUnknown, Unreachable
from adapters.gcp.clients import Connections, Timeouts
from adapters.gcp.errors import Asked
from tests.adapters.conformance.cloud_run_stage import CloudRunStage

NAME = "projects/acme/locations/europe-west1/services/agent"
READ = Asked("GetService", "Cloud Run service agent", "run.services.get")
WRITE = Asked("UpdateService", "Cloud Run service agent", "run.services.update", writes=True)
SET = {"service": run_v2.Service(name=NAME, scaling={"min_instance_count": 1}), "update_mask": {"paths": ["scaling"]}}


async def read(connections):
    return await connections.services(READ, "get_service", run_v2.GetServiceRequest(name=NAME), lambda answer: answer.name)


async def write(connections):
    return await connections.services(WRITE, "update_service", run_v2.UpdateServiceRequest(SET), lambda _: None)


async def test_after_silence_the_next_call_has_another_connection():
    async with CloudRunStage() as stage:
        connections = Connections(stage._server.target, Timeouts(run=1.0))
        await read(connections)
        first = connections._run.client()
        stage.hang(writes=False)
        with pytest.raises(Unreachable):
            await read(connections)
        stage.calm()

        assert await read(connections) == NAME
        assert connections._run.client() is not first
        await connections.close()


async def test_a_call_that_hangs_beside_answered_ones_changes_no_connection():
    async with CloudRunStage() as stage:
        connections = Connections(stage._server.target, Timeouts(run=1.0))
        await read(connections)
        first = connections._run.client()
        stage.hang()
        hung = asyncio.create_task(write(connections))
        while not stage.world.calls.mutating:
            await read(connections)
        await read(connections)
        with pytest.raises(OutcomeUnknown):
            await hung

        assert connections._run.client() is first
        await connections.close()


async def test_a_call_under_way_ends_on_the_connection_that_is_replaced():
    async with CloudRunStage() as stage:
        connections = Connections(stage._server.target, Timeouts(run=30.0))
        await read(connections)
        client = connections._run.client()
        stage.hang()
        under_way = asyncio.create_task(write(connections))
        while not stage.world.calls.mutating:
            await read(connections)
        connections._run.unheard(client, asyncio.get_running_loop().time() + 1)
        await read(connections)
        await read(connections)

        assert not under_way.done()
        await connections.close()
        with pytest.raises(OutcomeUnknown):
            await under_way
