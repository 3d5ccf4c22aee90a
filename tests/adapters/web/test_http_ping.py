"""The lever http-ping over HTTP: requests, proved units, and failures."""

import asyncio
from datetime import timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from adapters.ports.errors import NotFound, OutcomeUnknown, PermissionDenied, Throttled, Unreachable, Unsupported
from adapters.ports.lever import Phase
from adapters.runtime.clock import ScaledClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from adapters.web.client import Client
from adapters.web.http_ping import HttpPing
from adapters.web.pings import HttpPinger
from adapters.web.provider import Web
from adapters.web.settings import HttpPingSettings
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.ping_stage import HttpStage, http_pool, metrics_page
from tests.builders import NOON, demands
from tests.patience import PATIENCE_SECONDS

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def stage():
    async with HttpStage() as built:
        yield built


def pinged(stage) -> int:
    return stage.sandbox.calls.mutating["Ping"]


async def test_twenty_requested_units_stay_warm_for_hours(stage):
    lever = stage.lever(longest_pause="5m")  # a clock that stands still while they answer shows no first byte to be late
    await lever.write(20)
    await stage.passes(2 * MINUTE)
    seen, real = await lever.read(), []
    for _ in range(40):
        await stage.passes(3 * MINUTE)
        real.append(min(20, stage.sandbox.container("agent.test").driver.alive(stage.sandbox.now_ms())))

    assert (seen.requested, seen.ready, seen.phase, seen.detail) == (20, 20, Phase.READY, "")
    assert np.mean(real) > 19
    assert stage.function.work_done == 0
    assert stage.sandbox.container("neighbour.test").driver.totals.pings == 0


async def test_time_to_first_byte_distinguishes_cold_from_warm():
    """Use a running clock and no unit header: a start of 1 min takes 1 s of the machine's clock."""
    clock = ScaledClock(NOON, 60)
    sandbox = Sandbox(clock)
    sandbox.add_container("agent.test", init_seconds=60.0)
    async with SandboxServer(sandbox) as server:
        client = Client(server.url)
        pinger = HttpPinger(http_pool(unit_header=None, hold_ms=250, cold_after_ms=500).lever, client)
        cold = await pinger.burst(5, 0.25)
        warm = await pinger.burst(5, 0.25)
        await client.close()

    assert [answer.cold for answer in cold] == [True] * 5
    assert [answer.cold for answer in warm] == [False] * 5
    assert all(0.7 < answer.init_seconds < 3.0 for answer in cold)
    assert [answer.occupied - answer.init_seconds for answer in cold] == pytest.approx([0.25] * 5), "the time that is no demand"
    assert sandbox.container("agent.test").driver.totals.ping_cold_starts == 5


async def test_without_unit_header_overlapping_pings_prove_units():
    clock = ScaledClock(NOON, 20)
    sandbox = Sandbox(clock)
    sandbox.add_container("agent.test", init_seconds=1.0)
    async with SandboxServer(sandbox) as server:
        provider = Web(clock, np.random.default_rng(1), server.url)
        lever = HttpPing(http_pool(unit_header=None, hold_ms=500), provider)
        await lever.write(8)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await lever.read()).ready < 8:  # noqa: ASYNC110  (the rounds run in this very loop)
                await asyncio.sleep(0.05)
        alive = sandbox.container("agent.test").driver.alive(sandbox.now_ms())
        await provider.close()

    assert alive >= 8


async def test_units_started_by_users_do_not_count_as_stopped(stage):
    lever = stage.lever()
    await lever.write(3)
    await stage.passes(3 * MINUTE)
    driver, now = stage.sandbox.container("agent.test").driver, stage.sandbox.now_ms()
    for _ in range(12):
        driver.invoke(now, 1000, driver.serving)
    await stage.passes(3 * MINUTE)

    assert lever.keeper.idle_timeout.pause >= 4 * MINUTE


async def test_without_opt_in_no_ping_is_sent(stage):
    lever = stage.lever(opted_in=False)
    with pytest.raises(Unsupported, match=r"agent.*opted_in: true"):
        await lever.write(20)
    await stage.passes(20 * MINUTE)

    assert isinstance((await lever.read()).blocked, Unsupported)
    assert stage.mutations() == 0


async def test_an_application_without_ping_support_gets_one_ping(stage):
    stage.function.understands_pings = False
    with pytest.raises(NotFound, match=r"agent\.test.*404"):
        await stage.lever().write(20)
    await stage.passes(20 * MINUTE)

    assert pinged(stage) == 1


async def test_a_lever_that_is_only_read_makes_no_request(stage):
    lever = stage.lever()
    for _ in range(10):
        await lever.read()
        await lever.traits()
        await stage.passes(6 * MINUTE)

    assert stage.sandbox.calls.mutating.total() + stage.sandbox.calls.reading.total() == 0


async def test_throttling_is_reported_with_the_retry_time(stage):
    stage.throttle()
    with pytest.raises(Throttled, match=r"agent\.test") as caught:
        await stage.lever().write(7)

    assert caught.value.retry_after == timedelta(seconds=1)
    assert stage.writes() == []


async def test_a_servers_fault_passes(stage):
    stage.fail()
    with pytest.raises(Unreachable, match=r"agent\.test.*503"):
        await stage.lever().write(7)
    stage.calm()

    assert (await stage.lever().write(7)).requested == 7


async def test_an_invalid_answer_is_refused(stage):
    stage.garble()
    with pytest.raises(Unreachable, match=r"agent\.test"):
        await stage.lever().write(7)


async def test_a_lost_answer_sets_no_target(stage):
    lever = stage.lever()
    stage.lose_answers()
    with pytest.raises(OutcomeUnknown, match=r"agent\.test"):
        await lever.write(7)

    assert (await lever.read()).requested == 0


async def test_a_url_that_hangs_does_not_delay_another(stage):
    slow, quick = stage.lever(), stage.lever(resource="neighbour")
    stage.hang(resource="agent")
    hanging = asyncio.create_task(slow.write(3))
    async with asyncio.timeout(PATIENCE_SECONDS):
        seen = await quick.write(3)

    assert seen.requested == 3
    assert not hanging.done()
    hanging.cancel()


async def test_a_refused_connection_is_reported_at_once(stage):
    provider = Web(stage.clock, np.random.default_rng(0), "http://127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"agent\.test.*cannot be reached"):
        await HttpPing(http_pool(), provider).write(1)
    await provider.close()


async def test_headers_come_from_the_environment_and_are_never_shown(stage):
    stage.sandbox.tokens["agent.test"] = stage.secret
    settings = http_pool(headers_from={"Authorization": "AGENT_AUTHORIZATION"}).lever
    client = Client(stage._server.url)
    right = HttpPinger(settings, client, {"AGENT_AUTHORIZATION": stage.secret})
    wrong = HttpPinger(settings, client, {"AGENT_AUTHORIZATION": "Bearer something-old"})
    none = HttpPinger(settings, client, {})

    assert (await right.canary()).unit == "agent.test-1"
    with pytest.raises(PermissionDenied, match="expired") as refused:
        await wrong.canary()
    with pytest.raises(PermissionDenied, match="AGENT_AUTHORIZATION"):
        await none.canary()
    await client.close()
    assert "something-old" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_day_of_failures_counts_every_request_once(stage):
    lever, asked = stage.lever(), []
    for target in (3, 9, 0, 5):
        stage.fail()
        await stage.passes(10 * MINUTE)
        stage.calm()
        await stage.passes(10 * MINUTE)
        asked.append(target)
        assert (await lever.write(target)).requested == target
        await stage.passes(10 * MINUTE)
        assert (await lever.read()).ready == target

    assert stage.writes() == asked


async def test_redirects_are_not_followed(stage):
    settings = http_pool(status=302).lever
    client = Client(stage._server.url)
    with pytest.raises(Unsupported, match="responded 200, not 302"):
        await HttpPinger(settings, client).canary()
    await client.close()


@pytest.mark.parametrize(("field", "value"), [
    ("url", "ftp://agent.test"), ("url", "https://user:word@agent.test/"), ("url", "https://agent.test/?key=1"),
    ("url", "agent.test/ping"), ("method", "DELETE"), ("headers_from", {"Authorization": "Bearer abc"}),
    ("headers_from", {"Bad header": "X"}), ("status", 42), ("pause", "10s"), ("hold_ms", 0),
])
def test_settings_that_could_not_work_are_refused(field, value):
    good = {"kind": "http-ping", "url": "https://agent.test/ping"}
    with pytest.raises(ValidationError):
        HttpPingSettings.model_validate(good | {field: value})


async def test_demand_of_a_page_excludes_own_pings(stage):
    peaks = np.array([3.0 * (minute % 2) for minute in range(120)], np.float32)
    traffic = DemandSeries(minute_of(NOON), peaks, peaks / 4, peaks * 10)
    stage.sandbox.add_container("served.test", traffic)
    pool = http_pool("served").model_copy(update={"demand": metrics_page("http://served.test/metrics")})
    lever = stage.lever(resource="served")
    (source, names), = stage._providers[-1].sources(demands(pool))
    await lever.write(6)
    merged = DemandSeries.empty(minute_of(NOON))
    for _ in range(60):
        await stage.passes(MINUTE)
        told = await source.collect(["served"], {"served": NOON}, stage.clock.now())
        merged = merged.updated(told["served"].series)
    known = merged.known
    real = traffic.window(merged.first_minute, merged.end_minute)

    assert names == ("served",)
    assert told["served"].alive is True
    assert known.sum() > 40
    assert np.abs(merged.peak[known] - real.peak[known]).max() == 0
    assert np.abs(merged.invocations[known] - real.invocations[known]).max() == 0
    assert stage.sandbox.container("served.test").driver.totals.pings > 60
    assert stage.sandbox.calls.reading["Metrics"] == 60
