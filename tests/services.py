"""A real service with real HTTP on fakes: ticks are made by hand, under a manual clock."""

import asyncio
import contextlib
import json
from datetime import timedelta

import aiohttp
import structlog
from click.testing import CliRunner

from adapters.aws.settings import LambdaPingSettings
from adapters.ports.lever import PingRounds
from adapters.runtime.clock import ManualClock
from controller.cli import main
from controller.daemon.daemon import Daemon
from tests.builders import NOON, pool_policy
from tests.fakes import FakeProviders, FakeSource, steady, until
from tests.patience import PATIENCE_SECONDS
from tests.worlds import policy_of

PINGS = LambdaPingSettings(kind="lambda-ping", region="us-east-1", function="agent", alias="live", handler="stoker",
                           opted_in=True)
FELL = until(NOON - timedelta(minutes=90), 5, 1)
"""Demand of 5 units until 90 minutes before the start, then of 1: the base of `layers` keeps 1, its pings the difference."""

MINUTE = timedelta(minutes=1)
TOKEN = "correct-horse-battery-staple"


class Running:
    def __init__(self, service, source, levers, clock, session, stop):
        self.service, self.source, self.levers, self.clock, self.session = service, source, levers, clock, session
        self.stop = stop

    @property
    def components(self):
        return self.service.runtime.components

    async def ask(self, method, path, token=None, **more):
        """Status, decoded body and headers."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        status, body, given = await self.get(path, method, headers=headers | more.pop("headers", {}), **more)
        return status, json.loads(body), given

    async def get(self, path, method="GET", **more):
        """Status, body and headers."""
        async with self.session.request(method, self.service.url + path, **more) as answer:
            return answer.status, await answer.read(), answer.headers

    async def json(self, path):
        status, body, _ = await self.get(path)
        return status, json.loads(body)

    async def steps(self):
        """Wait for the end of steps in progress, such as those that an override started."""
        if self.components is not None and (running := list(self.components.fleet.stepping.values())):
            await asyncio.wait(running, timeout=PATIENCE_SECONDS)

    async def ticks(self, count=1):
        for _ in range(count):
            await self.steps()
            await self.clock.advance(MINUTE)
            await asyncio.wait_for(self.service.runtime.tick.run(), PATIENCE_SECONDS)

    async def stoker(self, *arguments, env=None, url=True):
        """A command of ours against this service, as from a terminal."""
        more = ("--url", self.service.url) if url else ()
        plain = {"STOKER_TOKEN": None, "STOKER_TOKEN_FILE": None, "COLUMNS": "200"}
        return await typed(*arguments, *more, env=plain | (env or {}))


async def typed(*arguments, env=None):
    """A command of ours as from a terminal, beside what runs in this loop: it is one process, so that without this what a service
    logs meanwhile would go into the command's output.
    """
    with structlog.testing.capture_logs():
        return await asyncio.to_thread(CliRunner(env=env).invoke, main, arguments)


@contextlib.asynccontextmanager
async def ticking(service, seconds=PATIENCE_SECONDS):
    """`service` running in this loop, from the end of its first tick on, which may take so many seconds. Yields what ends it
    when set, as it is in the end; what ends it before raises here.
    """
    stop = asyncio.Event()
    task = asyncio.create_task(service.run(stop))
    try:
        async with asyncio.timeout(seconds):
            while not task.done() and not ticked(service):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        if task.done():
            await task
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, PATIENCE_SECONDS)


def ticked(service):
    return service.runtime is not None and service.runtime.components.fleet.last is not None and not service.runtime.tick.running


@contextlib.asynccontextmanager
async def serving(folder, clock=None, levers=None, token=TOKEN, traffic=None, each=None, notifier=None,
                  broken=None, history=timedelta(minutes=30), source=None, signals=(), starting=None, **changes):
    """A service whose first tick is over; pools `a` (3 units busy) and `b` (7) unless `traffic` says otherwise. `each`: changes
    of some pools alone, by name. `source`: another demand source than a fake one. `signals`: sources of leads, each with the
    names of its series. `starting`: the pools of the first policy; all of `traffic` by default.
    """
    clock = clock or ManualClock(NOON)
    traffic = traffic or {"a": steady(3), "b": steady(7)}
    source = source or FakeSource(traffic, history=history)
    source.broken = broken
    providers = FakeProviders([(source, tuple(traffic)), *signals], clock, {} if levers is None else levers)
    pools = [pool_policy(name=name, **(changes | (each or {}).get(name, {}))) for name in starting or traffic]
    service = Daemon(policy_of(pools), providers, clock, folder, port=0, token=token, notifier=notifier)
    async with ticking(service) as stop, aiohttp.ClientSession() as session:
        yield Running(service, source, providers.levers, clock, session, stop)
    assert providers.closed


def measures(lever, rounds=4, seconds=1.25, requests=3.5):
    """Let a lever have measured rounds of pings."""
    lever.rounds = lambda: PingRounds(timedelta(minutes=4), timedelta(seconds=0.1), rounds, 5 * rounds, 0.0, seconds, requests)


def layers(folder, **changes):
    """A service with one pool, `a`, of two layers."""
    return serving(folder, traffic={"a": FELL}, history=timedelta(hours=2), **({"top": PINGS, "min": 1} | changes))
