"""Containers behind host names: plain HTTP, cold starts, metrics page and faults."""

import asyncio
from datetime import timedelta

import aiohttp
import pytest

from adapters.runtime.clock import ManualClock
from adapters.sandbox.report import report_of
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from tests.adapters.sandbox.conftest import SIX_MINUTES, flat
from tests.builders import NOON


@pytest.fixture
async def world():
    sandbox = Sandbox(ManualClock(NOON), seed=7)
    sandbox.add_container("agent.test", flat(3, 60, 600))
    sandbox.add_container("quiet.test", keep_alive=SIX_MINUTES)
    async with SandboxServer(sandbox) as server, aiohttp.ClientSession() as session:
        async def get(path, host="quiet.test", **more):
            async with session.get(server.url + path, headers={"Host": host} | more, allow_redirects=False) as reply:
                return reply.status, reply.headers, await reply.text(errors="replace")
        sandbox.get = get
        yield sandbox


async def test_a_unit_answers_with_its_name_until_it_expires(world):
    first = (await world.get("/ping?hold_ms=50"))[1]["X-Unit"]
    await world.clock.advance(timedelta(minutes=5))
    second = (await world.get("/ping?hold_ms=50"))[1]["X-Unit"]
    await world.clock.advance(timedelta(minutes=7))
    third = (await world.get("/ping?hold_ms=50"))[1]["X-Unit"]

    assert first == second != third
    assert world.container("quiet.test").driver.totals.ping_cold_starts == 2


async def test_pings_at_one_instant_each_take_a_unit(world):
    units = {reply[1]["X-Unit"] for reply in await asyncio.gather(*(world.get("/ping?hold_ms=50") for _ in range(5)))}

    assert len(units) == 5


async def test_a_users_request_does_work_and_a_ping_does_not(world):
    await world.get("/ping")
    assert world.container("quiet.test").function.work_done == 0
    assert (await world.get("/ask"))[0] == 200
    assert world.container("quiet.test").function.work_done == 1


async def test_an_application_without_a_ping_handler_returns_404(world):
    world.add_container("plain.test", understands_pings=False)

    assert (await world.get("/ping", "plain.test"))[0] == 404


async def test_the_metrics_page_starts_no_unit_and_shows_the_last_whole_minute(world):
    await world.clock.advance(timedelta(minutes=3))
    page = (await world.get("/metrics", "agent.test"))[2]

    assert 'requests_in_flight{service="agent.test"} 3.0' in page
    assert page.count('requests_total{unit="1",route="/sessions/{id}"} 45.0') == page.count('requests_total{unit="2"') == 1
    assert world.calls.mutating.total() == 0
    assert (await world.get("/metrics"))[2].count("requests_in_flight{") == 1
    assert world.container("quiet.test").driver.alive(world.now_ms()) == 0


async def test_the_counters_of_a_unit_end_with_it(world):
    await world.clock.advance(timedelta(minutes=2))
    await world.get("/metrics", "agent.test")
    world.pages["agent.test"].replace_oldest(world.clock.now().timestamp())
    await world.clock.advance(timedelta(minutes=1))
    page = (await world.get("/metrics", "agent.test"))[2]

    assert 'unit="1"' not in page
    assert 'requests_total{unit="2",route="/sessions/{id}"} 45.0' in page
    assert 'requests_total{unit="3",route="/sessions/{id}"} 15.0' in page


async def test_a_container_may_require_an_authorization_header(world):
    world.tokens["quiet.test"] = "Bearer right"

    assert [(await world.get("/ping"))[0], (await world.get("/ping", Authorization="Bearer wrong"))[0]] == [401, 403]
    assert (await world.get("/ping", Authorization="Bearer right"))[0] == 200


@pytest.mark.parametrize(("trouble", "status"), [("throttle", 429), ("server_error", 503), ("garbage", 502)])
async def test_a_fault_prevents_a_request_from_reaching_a_unit(world, trouble, status):
    getattr(world.faults, trouble)("Ping", "quiet.test", times=1)

    assert (await world.get("/ping"))[0] == status
    assert world.container("quiet.test").driver.totals.pings == 0
    assert (await world.get("/ping"))[0] == 200


@pytest.mark.parametrize(("trouble", "reached"), [("reset", False), ("apply_without_answer", True)])
async def test_a_connection_may_be_cut_before_or_after_the_work(world, trouble, reached):
    getattr(world.faults, trouble)("Ping")
    with pytest.raises(aiohttp.ClientError):
        await world.get("/ping")

    assert (world.container("quiet.test").driver.totals.pings > 0) is reached, "the client retries a GET once"


async def test_containers_are_in_the_report_and_not_among_the_functions(world):
    await world.clock.advance(timedelta(minutes=10))

    assert world.names == []
    assert {one.name for one in report_of(world).functions} == {"agent.test", "quiet.test"}
