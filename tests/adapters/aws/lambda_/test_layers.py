"""The lever lambda-ping above provisioned concurrency of the same alias, over HTTP: both read and write the sandbox."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.aws.lambda_.ping_lever import LambdaPing
from adapters.aws.lambda_.provisioned_concurrency import ProvisionedConcurrency
from adapters.aws.provider import Aws
from adapters.ports.errors import Conflict
from config.model.layers import top_policy
from config.model.policy import PoolPolicy
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.lambda_stage import SIX_MINUTES
from tests.adapters.conformance.lambda_stage import pool as provisioned_pool
from tests.adapters.conformance.ping_stage import PingStage, ping_pool
from tests.builders import NOON, demands

MINUTE = timedelta(minutes=1)
BASE, TOP = 3, 4


def layered_pool(name: str = "agent", **changes: object) -> PoolPolicy:
    return PoolPolicy(name=name, max=100, lever=provisioned_pool(name).lever, top=ping_pool(name, **changes).lever)


class Layers(PingStage):
    """A pool with two layers. As in a daemon, the lower one is read once a minute."""

    async def start(self, name: str = "agent", **changes: object) -> None:
        self.name, self.pool = name, layered_pool(name, **changes)
        self.provider = Aws(self.clock, np.random.default_rng(0), self.url)
        self._providers.append(self.provider)
        self.base = ProvisionedConcurrency(self.pool, self.provider)
        self.top = LambdaPing(top_policy(self.pool), self.provider)

    async def both(self) -> None:
        """Request both layers, and wait until they are ready."""
        await self.base.write(BASE)
        await self.minutes(4)
        await self.top.write(TOP)
        await self.minutes(2)

    async def minutes(self, count: int) -> None:
        for _ in range(count):
            await self.passes(MINUTE)
            await self.base.read()

    @property
    def hosted(self):
        return self.sandbox.hosted(self.name)

    @property
    def on_demand(self) -> int:
        """Environments that pings or users keep warm; provisioned ones are not among them."""
        return self.hosted.driver.alive(self.sandbox.now_ms())


@pytest.fixture
async def stage():
    async with Layers() as built:
        yield built


@pytest.mark.parametrize("reports", [True, False], ids=["reports its type", "reports no type"])
async def test_the_upper_layer_is_warm_above_the_lower_one_all_afternoon(stage, reports):
    await stage.start()
    stage.function.reports_initialization = reports
    await stage.both()
    stated, real = [], []
    for _ in range(120):
        await stage.minutes(1)
        stated.append((await stage.top.read()).ready)
        real.append(stage.on_demand)
    seen = await stage.top.read()

    assert (seen.requested, seen.foreign_owner, seen.blocked, seen.detail) == (TOP, None, None, "")
    assert np.mean(stated) > TOP - 0.2
    assert np.mean(real) > TOP - 0.2
    assert stage.hosted.driver.totals.ping_warm_ms > 0, "pings reached the provisioned units first"


async def test_provisioned_units_that_were_added_after_the_last_read_prove_nothing(stage):
    await stage.start()
    await stage.both()
    stage.function.capacity("live").put(2 * BASE, stage.sandbox.now_ms(), 0, init_fails=False)
    await stage.passes(7 * MINUTE)  # without a read of the lower layer
    seen = await stage.top.read()

    assert stage.function.capacity("live").available == 2 * BASE
    assert (seen.ready, seen.detail) == (TOP, "")
    assert stage.on_demand >= TOP


async def test_pings_of_the_upper_layer_wait_for_a_deployment_and_follow_it(stage):
    await stage.start()
    await stage.both()
    function = stage.function
    function.move_alias("live", function.publish().number, stage.sandbox.now_ms(), 120_000)
    await stage.minutes(1)
    with pytest.raises(Conflict, match="shifts traffic"):
        await stage.top.write(TOP + 1)
    await stage.minutes(15)
    seen = await stage.top.read()

    assert (function.aliases["live"].serving, seen.ready, seen.blocked) == ("2", TOP, None)
    assert stage.top.keeper.rounds.proof.generation == "2"


async def test_users_meet_both_layers_and_are_not_counted_as_pings(stage):
    """Users need up to 6 units at once, in 1 minute of 5: more than the lower layer has."""
    minutes = 150
    peak = np.array([6.0 if at % 5 == 3 else 1.0 for at in range(minutes)], np.float32)
    series = DemandSeries(minute_of(NOON), peak, peak * 0.2, peak * 10)
    stage.sandbox.add_function("served", series, keep_alive=SIX_MINUTES)
    await stage.start("served")
    (source, _), = stage.provider.sources(demands(stage.pool))
    await stage.both()
    since, before = NOON - timedelta(hours=1), stage.hosted.driver.totals.cold_starts
    for _ in range(30):
        await stage.minutes(3)
        seen = (await source.collect(["served"], {"served": since}, stage.clock.now()))["served"].series
        since = stage.clock.now() - 15 * MINUTE
    totals, known = stage.hosted.driver.totals, seen.window(seen.first_minute, minute_of(stage.clock.now()) - 5)

    assert totals.pings > 0
    assert totals.cold_starts - before <= 2
    assert totals.warm_busy_ms > totals.on_demand_busy_ms > 0
    at = known.first_minute - minute_of(NOON)
    assert np.abs(known.invocations - series.invocations[at : at + len(known)]).max() == 0, "no ping counts as a request"


async def test_another_pools_provisioned_concurrency_stays_foreign_to_a_pool_with_one_lever(stage):
    await stage.start()
    await stage.both()
    alone = LambdaPing(ping_pool(), stage.provider)

    assert "of another Stoker pool" in (await alone.read()).foreign_owner


async def test_half_of_a_reservation_without_the_lower_layer_may_be_pinged(stage):
    stage.function.reserved = 30
    await stage.start()
    await stage.base.write(10)
    await stage.minutes(1)

    assert (await stage.top.traits()).allowed == 10
