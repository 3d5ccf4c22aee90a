"""StatsD clients that this project did not write, against the daemon's own receiver."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest

from adapters.push.demand_source import PushDemand
from adapters.runtime.clock import ManualClock
from config.model.statsd import StatsD
from controller.daemon.statsd import receiving
from tests.builders import NOON, PUSHED
from tests.fakes import steady
from tests.foreign import servers
from tests.patience import PATIENCE_SECONDS
from tests.services import serving

PLAIN = """
import sys, statsd
client = statsd.StatsClient("127.0.0.1", int(sys.argv[1]), prefix="stoker.in_flight")
client.gauge("a", 2)
with client.pipeline() as pipe:
    pipe.gauge("a", 3, delta=True)
    pipe.gauge("b", 4)
    pipe.incr("views")
"""
PAGE = (servers.ROOT / "docs" / "demand" / "push.md").read_text()
EXAMPLE = re.search(r"## StatsD\n.*?```python\n(.*?)```", PAGE, re.DOTALL)[1]
TAGGED = """
import sys
from datadog import DogStatsd
client = DogStatsd(socket_path=sys.argv[1]) if sys.argv[1].startswith("/") else DogStatsd("127.0.0.1", int(sys.argv[1]))
for sender, value in (("web-1", 3), ("web-2", 4)):
    client.gauge("stoker.in_flight", value, tags=["pool:a", f"sender:{sender}"])
client.gauge("stoker.in_flight", 2, tags=["pool:b"])
client.increment("views")
client.flush()
"""


@asynccontextmanager
async def received(folder, settings):
    """A service with pushed demand, its source, and where it receives datagrams."""
    clock = ManualClock(NOON)
    source = PushDemand(dict.fromkeys("ab", PUSHED), clock)
    async with (serving(folder, clock, source=source, traffic={"a": steady(0), "b": steady(0)}) as here,
                receiving(settings, here.components, clock) as (listener,)):
        yield source, listener.address


async def until(source, **levels):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while {pool: source.in_flight(pool) for pool in levels} != levels:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_gauges_and_changes_of_the_client_statsd_are_counted(tmp_path):
    servers.need("statsd")
    async with received(tmp_path, StatsD(address="127.0.0.1:0")) as (source, address):
        await asyncio.to_thread(servers.foreign_python, PLAIN, str(address[1]))
        await until(source, a=5, b=4)


@pytest.mark.parametrize("family", ["udp", "unix"])
async def test_tagged_gauges_of_the_client_datadog_are_counted(tmp_path, family):
    servers.need("datadog")
    settings = StatsD(socket=str(tmp_path / "s")) if family == "unix" else StatsD(address="127.0.0.1:0")
    async with received(tmp_path, settings) as (source, address):
        await asyncio.to_thread(servers.foreign_python, TAGGED, address if family == "unix" else str(address[1]))
        await until(source, a=7, b=2)


async def test_the_example_of_the_page_counts_its_requests(tmp_path):
    servers.need("datadog")
    async with received(tmp_path, StatsD(address="127.0.0.1:0")) as (source, address):
        code = EXAMPLE.replace("8125", str(address[1])).replace("support-agent", "a") + "\ncount(2)\nprint(answer('why'))"
        printed = await asyncio.to_thread(servers.foreign_python, code)
        await until(source, a=3)

    assert printed == "You asked: why\n"
