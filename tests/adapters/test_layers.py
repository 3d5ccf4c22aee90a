"""Layers whose levers belong to two providers: http-ping above the minimum instances of a Cloud Run service."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.registry import Registry
from adapters.sandbox.gcp.report import reports
from adapters.sandbox.server import SandboxServer
from config.model.layers import top_policy
from config.model.policy import PoolPolicy
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.cloud_run_stage import CloudRunStage
from tests.adapters.conformance.cloud_run_stage import pool as run_pool
from tests.adapters.conformance.ping_stage import http_pool, time_passes
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
BASE, TOP = 3, 4


class Layers(CloudRunStage):
    """The service `agent` with two layers, or another one with traffic."""

    async def __aenter__(self):
        await super().__aenter__()
        self.sandbox = self.world.sandbox
        self._web = SandboxServer(self.sandbox)
        await self._web.start()
        self.registry = Registry(self.clock, np.random.default_rng(0), self._web.url, self._server.target)
        return self

    async def __aexit__(self, *details):
        await self.registry.close()
        await self._web.stop()
        await super().__aexit__(*details)

    async def start(self, name="agent", **changes):
        url = f"http://{name}-1234567890.europe-west1.run.app/ping"
        self.pool = PoolPolicy(name=name, max=100, lever=run_pool(name).lever, top=http_pool(url=url, **changes).lever)
        self.base, self.top = self.registry.lever(self.pool), self.registry.lever(top_policy(self.pool))
        (self.source, self.names), = self.registry.sources([self.pool])
        self.hosted = self.world.find(f"projects/acme/locations/europe-west1/services/{name}")
        await self.base.write(BASE)
        await self.minutes(8)
        await self.top.write(TOP)
        await self.minutes(2)

    async def minutes(self, count):
        for _ in range(count):
            await time_passes(self.clock, self.sandbox, [self.top.keeper], MINUTE)
            self.below = await self.base.read()

    @property
    def alive(self):
        return self.world.find(self.hosted.service.name).driver.instances.ready(self.sandbox.now_ms())


@pytest.fixture
async def stage():
    async with Layers() as built:
        yield built


async def test_pings_above_a_minimum_reach_as_many_instances_as_both_layers_have(stage):
    await stage.start()
    real = []
    for _ in range(60):
        await stage.minutes(1)
        real.append(min(BASE + TOP, stage.alive))
    seen, totals = await stage.top.read(), stage.hosted.driver.totals

    assert (stage.below.ready, seen.requested, seen.ready, seen.detail) == (BASE, TOP, TOP, "")
    assert np.mean(real) > BASE + TOP - 0.3
    assert 0 < totals.ping_cold_starts <= 2 * (BASE + TOP)
    assert stage.base.cold_starts() == {}, "an instance that a ping started is no request that waited"


async def test_pings_are_no_demand_of_the_service(stage):
    """Users send 6 requests of 10 s a minute."""
    minutes = 120
    series = DemandSeries(minute_of(NOON), *(np.full(minutes, value, np.float32) for value in (2, 1, 6)))
    stage.world.add_service("served", series)
    await stage.start("served")
    since = NOON
    for _ in range(8):
        await stage.minutes(5)
        found = (await stage.source.collect(["served"], {"served": since}, stage.clock.now()))["served"]
        since = stage.clock.now() - 20 * MINUTE
    known = found.series.window(found.series.first_minute + 1, found.series.end_minute)
    report = next(each for each in reports(stage.world) if each.name == "served")

    assert stage.names == ("served",)
    assert report.pings > 40
    assert report.requests == 6 * report.minutes
    assert known.known.sum() >= 15
    assert np.abs(known.invocations[known.known] - 6).max() == 0
    assert np.abs(known.busy[known.known] - 1).max() < 0.1
    assert report.cold_starts <= report.cold_starts_without
    assert stage.top.rounds().blackout_requests >= 0


async def test_more_than_one_request_per_instance_lets_the_minimum_answer_all_pings(stage):
    stage.world.add_service("shared", concurrency=80)
    await stage.start("shared")
    seen = await stage.top.read()

    assert seen.ready == 0
    assert f"0 of {TOP} units proved warm" in seen.detail
