"""Requests to the URL of a Cloud Run service of the sandbox: they use the instances of its traffic."""

from datetime import timedelta

import aiohttp
import pytest

from adapters.sandbox.server import SandboxServer
from tests.adapters.sandbox.gcp.ground import NAME, Ground, flat

HOST = "agent-1234567890.europe-west1.run.app"


@pytest.fixture
async def ground():
    async with Ground(flat(0, 0), retention=(timedelta(minutes=10),) * 2) as ground, \
            SandboxServer(ground.world.sandbox) as server, aiohttp.ClientSession() as session:
        async def get(path="/ping?hold_ms=100", host=HOST):
            async with session.get(server.url + path, headers={"Host": host}) as reply:
                return reply.status, reply.headers.get("X-Unit")
        ground.get = get
        yield ground


def driver(ground):
    return ground.world.find(NAME).driver


async def test_an_instance_answers_with_its_name_until_it_expires(ground):
    first = await ground.get()
    await ground.passes(minutes=9)
    second = await ground.get()
    await ground.passes(minutes=11)
    third = await ground.get()

    assert first == second == (200, "agent-00001-1")
    assert third == (200, "agent-00001-2")
    assert (driver(ground).totals.pings, driver(ground).totals.ping_cold_starts) == (3, 2)


async def test_pings_at_one_instant_reach_the_minimum_first_and_then_start_instances(ground):
    await ground.set_minimum(2)
    await ground.passes(minutes=3)
    names = [(await ground.get())[1] for _ in range(4)]

    assert len(set(names)) == 4
    assert driver(ground).totals.ping_cold_starts == 2


async def test_without_room_a_ping_is_refused(ground):
    ground.world.find(NAME).service.room = 1
    driver(ground).instances.ceiling = 1

    assert [(await ground.get())[0] for _ in range(2)] == [200, 429]


async def test_a_service_has_no_metrics_page(ground):
    assert (await ground.get("/metrics"))[0] == 404


async def test_metrics_count_pings_as_any_request():
    async with Ground(flat(0, 0)) as ground:
        made = driver(ground)
        for _ in range(3):
            made.invoke(ground.world.now_ms(), 6000)
        await ground.passes(minutes=1)
        first = driver(ground).table
        minute = ground.world.now_ms() // 60_000 - 1

        assert first.window("invocations", minute, minute + 1).tolist() == [3.0]
        assert first.window("busy", minute, minute + 1).tolist() == [pytest.approx(0.3)]
        assert (made.totals.requests, made.totals.cold_starts) == (0, 0)


async def test_a_request_that_waits_because_a_ping_holds_the_instance_is_counted_apart():
    """Users send 30 requests a minute, one at a time, so that one instance serves them."""
    async with Ground(flat(1, 60, 600)) as ground:
        await ground.passes(minutes=5)
        before = driver(ground).totals
        waited, apart = before.cold_starts, before.cold_starts_during_pings
        made = driver(ground)
        made.invoke(ground.world.now_ms(), 50_000)
        made.invoke(ground.world.now_ms(), 50_000)
        await ground.passes(minutes=2)
        totals = driver(ground).totals

        assert apart == 0
        assert totals.cold_starts_during_pings == 1, "the held instance would have served one request at a time"
        assert totals.cold_starts - waited >= 1
