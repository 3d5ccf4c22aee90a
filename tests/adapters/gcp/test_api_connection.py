"""The connection of an API client is kept while responses arrive, and replaced when none do."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from google.cloud import run_v2

from adapters.gcp.clients import Connections, Timeouts
from adapters.gcp.errors import ApiCall
from adapters.ports.errors import OutcomeUnknown, Unreachable
from tests.adapters.conformance.cloud_run_stage import CloudRunStage
from tests.patience import PATIENCE_SECONDS

NAME = "projects/acme/locations/europe-west1/services/agent"
READ = ApiCall("GetService", "Cloud Run service agent", "run.services.get")
WRITE = ApiCall("UpdateService", "Cloud Run service agent", "run.services.update", writes=True)
SET = {"service": run_v2.Service(name=NAME, scaling={"min_instance_count": 1}), "update_mask": {"paths": ["scaling"]}}


async def read(connections):
    return await connections.services(READ, "get_service", run_v2.GetServiceRequest(name=NAME), lambda answer: answer.name)


async def write(connections):
    return await connections.services(WRITE, "update_service", run_v2.UpdateServiceRequest(SET), lambda _: None)


BRIEFLY = Timeouts(run=3.0)


@asynccontextmanager
async def talking():
    """Yield a stage, connections with long timeouts, and the client that their first call used."""
    async with CloudRunStage() as stage:
        connections = Connections(stage._server.target, Timeouts(run=PATIENCE_SECONDS))
        await read(connections)
        yield stage, connections, connections._run.client()
        await connections.close()


async def hung_write(stage, connections, timeouts):
    """Start a write that arrives and is never answered; reads are answered."""
    patient, connections.timeouts = connections.timeouts, timeouts
    stage.hang()
    hung = asyncio.create_task(write(connections))
    await asyncio.sleep(0)
    connections.timeouts = patient
    while not stage.world.calls.mutating:
        await read(connections)
    return hung


async def test_after_a_timeout_without_responses_the_next_call_has_another_connection():
    async with talking() as (stage, connections, first):
        patient, connections.timeouts = connections.timeouts, Timeouts(run=0.2)
        stage.hang(writes=False)
        with pytest.raises(Unreachable):
            await read(connections)
        stage.calm()
        connections.timeouts = patient

        assert await read(connections) == NAME
        assert connections._run.client() is not first


async def test_a_call_that_hangs_during_answered_ones_changes_no_connection():
    async with talking() as (stage, connections, first):
        hung = await hung_write(stage, connections, BRIEFLY)
        await read(connections)
        with pytest.raises(OutcomeUnknown):
            await hung

        assert connections._run.client() is first


async def test_a_call_in_progress_ends_on_the_connection_that_is_replaced():
    async with talking() as (stage, connections, first):
        hung = await hung_write(stage, connections, Timeouts(run=PATIENCE_SECONDS))
        connections._run.replace_if_silent(first, asyncio.get_running_loop().time() + 1)
        await read(connections)
        await read(connections)

        assert not hung.done()
        assert connections._run.client() is not first
        await connections.close()
        with pytest.raises(asyncio.CancelledError):
            await hung
