"""StatsD datagrams to a real service: a rise is planned before the next tick, and only the leader counts."""

import asyncio
import socket
from datetime import timedelta

import pytest

from adapters.ports.reports import Report
from adapters.push.demand_source import PushDemand
from adapters.runtime.clock import ManualClock
from config.model.statsd import StatsD
from controller.daemon.daemon import Daemon
from controller.daemon.statsd import Receiver, receiving
from controller.http.server import CannotListen
from tests.builders import NOON, PUSHED, pool_policy
from tests.fakes import FakeProviders, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import serving, ticking
from tests.worlds import policy_of

SECOND = timedelta(seconds=1)


def pushed():
    clock = ManualClock(NOON)
    return clock, PushDemand(dict.fromkeys("ab", PUSHED), clock)


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def send(address, *lines, family=socket.AF_INET):
    with socket.socket(family, socket.SOCK_DGRAM) as client:
        client.sendto("\n".join(lines).encode(), address)


async def test_a_rise_is_written_before_the_next_tick(tmp_path):
    clock, source = pushed()
    async with serving(tmp_path, clock, source=source, traffic={"a": steady(0), "b": steady(0)}) as here:
        async with receiving(StatsD(address="127.0.0.1:0"), here.components, clock) as (listener,):
            for sequence in range(30):
                for pool, level in (("a", 2), ("b", 1)):
                    source.accept(pool, Report("web", sequence, in_flight=level))
                await clock.advance(10 * SECOND)
                if sequence % 6 == 5:
                    await here.service.runtime.tick.run()
            assert here.levers["a"].writes == [2]
            send(listener.address, "stoker.in_flight.a:+1|g", "stoker.in_flight.a:7|g", "stoker.in_flight:4|g|#pool:c")
            await until(lambda: source.in_flight("a") == 9)
            await here.steps()

        assert (here.levers["a"].writes, here.levers["b"].writes) == ([2, 9], [1])


async def test_the_daemon_listens_where_the_policy_says(tmp_path):
    clock, source = pushed()
    path = str(tmp_path / "statsd.sock")
    policy = policy_of([pool_policy(name="a"), pool_policy(name="b")]).model_copy(update={"statsd": StatsD(socket=path)})
    providers = FakeProviders([(source, ("a", "b"))], clock, {})
    service = Daemon(policy, providers, clock, tmp_path / "state", port=0)
    (tmp_path / "state").mkdir()
    async with ticking(service):
        send(path, "stoker.in_flight.a:3|g", family=socket.AF_UNIX)
        await until(lambda: source.in_flight("a") == 3)
        with pytest.raises(CannotListen, match=r"statsd\.socket"):
            async with receiving(StatsD(socket=path), service.runtime.components, clock):
                pass


async def test_lines_for_other_pools_are_counted(tmp_path):
    async with serving(tmp_path) as here:
        receiver = Receiver(here.components.reports, None)
        receiver.report("a", Report("x", 1, in_flight=1))
        receiver.report("c", Report("x", 1, in_flight=1))
        receiver.lost("c")

        assert receiver.malformed == 2


async def test_a_standby_counts_nothing(tmp_path):
    class Standby:
        number = None

        def write_blocked(self, number):
            return "another daemon leads"

    clock, source = pushed()
    async with serving(tmp_path, clock, source=source, traffic={"a": steady(0), "b": steady(0)}) as here:
        Receiver(here.components.reports, Standby()).report("a", Report("x", 1, in_flight=5))

        assert source.in_flight("a") == 0
