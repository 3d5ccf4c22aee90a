"""Metrics that are missing for minutes, through the real fleet, source, client and lever; only the cloud is emulated."""

from contextlib import asynccontextmanager
from datetime import timedelta

import numpy as np
import pytest

from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.settings import Settings
from adapters.sandbox.world import Sandbox
from controller.decision.planning.reason_codes import ReasonCode
from controller.fleet import builder
from controller.fleet.decision_log import DecisionLog
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.cloud_run_stage import pool as service_of
from tests.builders import NOON, pool_policy
from tests.worlds import policy_of

MINUTE = timedelta(minutes=1)
BEFORE = 5
"""Minutes from the start to the outage."""


def played(units, days=1.25, after=300, busy=0.6):
    """Steady traffic from `days` before noon on; a list of units is what comes from noon on. Each unit serves two requests a
    minute: the emulator plays them one by one.
    """
    past = np.full(int(days * 1440), units if isinstance(units, int | float) else units[0], np.float32)
    coming = np.full(after, units, np.float32) if isinstance(units, int | float) else np.array(units, np.float32)
    peak = np.concatenate((past, coming))
    return DemandSeries(minute_of(NOON) - len(past), peak, peak * np.float32(busy), peak * 2)


class Cloud:
    """An emulated region of AWS with `agent`, whose capacity Stoker sets, and others."""

    def __init__(self, clock, folder, agent, others, **settings):
        self.clock, self.folder = clock, folder
        self.sandbox = Sandbox(clock, 3, Settings(preparation_seconds=(3, 4), **settings))
        for name, units in {"agent": agent, **others}.items():
            self.sandbox.add_function(name, units if isinstance(units, DemandSeries) else played(units), init_seconds=1.0)
        self.server = SandboxServer(self.sandbox)
        self.requested = []

    @asynccontextmanager
    async def daemon(self, **changes):
        """From a start to a stop; the store stays."""
        registry = Registry(self.clock, np.random.default_rng(0), sandbox_url=self.server.url)
        store = AsyncStore(Store(self.folder / "stoker.db"))
        policy = policy_of([pool_policy(max=30, **changes)])
        self.fleet = await builder.assemble(policy, registry, store, self.clock, DecisionLog(store))
        self.store = store
        try:
            yield self
        finally:
            await self.fleet.close()
            await registry.close()
            await store.close()

    async def minutes(self, count):
        for _ in range(count):
            await self.fleet.tick()
            self.requested.append(self.sandbox.hosted("agent").function.provisioned)
            await self.clock.advance(MINUTE)

    async def known(self, first, end):
        """Peaks that are stored of minutes counted from noon."""
        noon = minute_of(NOON)
        return (await self.store.load_demand(["agent"], noon + first, noon + end))[0].peak

    @property
    def plan(self):
        return self.fleet.plans["agent"]


@asynccontextmanager
async def cloud(folder, agent=6, others=None, **settings):
    clock = ManualClock(NOON + timedelta(seconds=16))
    here = Cloud(clock, folder, agent, {"other": 8, "third": 12} if others is None else others, **settings)
    async with here.server:
        yield here


@pytest.mark.parametrize(("length", "seconds"), [(1, 0), (1, 44), (3, 0), (9, 44), (14, 0), (20, 0), (20, 44)])
async def test_an_outage_lowers_nothing_and_leaves_no_zero(tmp_path, length, seconds):
    async with cloud(tmp_path) as here, here.daemon():
        await here.minutes(BEFORE + 1)
        await here.clock.advance(timedelta(seconds=seconds))  # within a minute, or at its edge
        here.sandbox.faults.metrics_outage()
        before = here.requested[-1]
        await here.minutes(length)
        here.sandbox.faults.metrics_back()
        await here.minutes(20)

        assert before > 0
        # what was known when it began may still lower by a unit, and so may work that is read a quarter of an hour later
        assert min(here.requested[BEFORE:]) >= before - 2
        assert not (await here.known(0, BEFORE + length + 15) == 0).any()
        assert here.sandbox.hosted("agent").driver.totals.cold_starts == 0


@pytest.mark.parametrize(("metric", "function"), [
    ("ConcurrentExecutions", None), ("Invocations", None), (None, "agent"), ("Invocations", "agent"),
    ("ConcurrentExecutions", "agent"),
])
async def test_an_outage_of_some_metrics_lowers_nothing(tmp_path, metric, function):
    async with cloud(tmp_path) as here, here.daemon():
        await here.minutes(BEFORE + 1)
        here.sandbox.faults.metrics_outage(metric, function)
        await here.minutes(12)
        here.sandbox.faults.metrics_back()
        await here.minutes(15)
        known = await here.known(0, BEFORE + 22)

        assert min(here.requested) >= here.requested[BEFORE] - 1
        assert set(known[~np.isnan(known)].tolist()) <= {6.0}


async def test_a_start_in_the_middle_of_an_outage_lowers_nothing(tmp_path):
    async with cloud(tmp_path) as here:
        async with here.daemon():
            await here.minutes(BEFORE)
        before = here.requested[-1]
        here.sandbox.faults.metrics_outage()
        await here.clock.advance(4 * MINUTE)
        async with here.daemon():
            await here.minutes(8)
            here.sandbox.faults.metrics_back()
            await here.minutes(15)

            assert min(here.requested) >= before - 1
            assert not (await here.known(0, 30) == 0).any()


async def test_points_that_are_published_after_an_outage_fill_it(tmp_path):
    async with cloud(tmp_path) as here, here.daemon():
        await here.minutes(BEFORE)
        here.sandbox.faults.metrics_outage()
        await here.minutes(30)
        here.sandbox.faults.metrics_back()
        await here.minutes(10)
        assert np.isnan(await here.known(BEFORE + 1, BEFORE + 29)).all()

        here.sandbox.faults.metrics_back(backfilled=True)
        await here.minutes(6)
        assert (await here.known(BEFORE, BEFORE + 35) == 6).all()


async def test_after_an_outage_traffic_that_really_stops_takes_capacity_along(tmp_path):
    stops = played([6.0] * 15 + [0.0] * 200)
    async with cloud(tmp_path, stops) as here, here.daemon():
        await here.minutes(BEFORE)
        here.sandbox.faults.metrics_outage()
        await here.minutes(12)  # it stops in the midst of it
        here.sandbox.faults.metrics_back()
        await here.minutes(10)
        assert min(here.requested) > 0

        await here.minutes(190)
        assert here.requested[-1] == 0
        assert (await here.known(25, 200) == 0).all()


async def test_a_function_without_metrics_is_quiet_at_first_and_idle_later(tmp_path):
    """Its region is there all the time: after an hour without a silent minute a few of them are more likely lost points."""
    stops = played([6.0] * 10 + [0.0] * 200)
    async with cloud(tmp_path, stops) as here, here.daemon():
        await here.minutes(21)
        assert here.plan.reasons[0].code is ReasonCode.QUIET_REGION
        assert "after an hour without a silent minute" in here.plan.text

        await here.minutes(15)
        assert here.plan.reasons[0].code is ReasonCode.PROPOSED
        assert (await here.known(10, 32) == 0).all()


async def test_a_sparse_pool_learns_its_zeros_from_a_busy_region(tmp_path):
    minutes = np.arange(3 * 1440 + 60)
    peak = np.where(minutes % 20 == 0, 2.0, 0.0).astype(np.float32)
    sparse = DemandSeries(minute_of(NOON) - 3 * 1440, peak, peak / 2, peak)
    async with cloud(tmp_path, sparse) as here, here.daemon():
        await here.minutes(40)
        known = await here.known(-1440, 34)  # the newest minutes may not be read yet

        assert not np.isnan(known).any()
        assert known.tolist() == peak[2 * 1440 : 3 * 1440 + 34].tolist()


def lonely(**settings):
    """A function that is alone in its region, and ends its day five minutes after noon."""
    return {"agent": played([6.0] * 5 + [0.0] * 300), "others": {}, "claims_while_idle": False, **settings}


async def test_counted_calls_distinguish_an_idle_lone_function_from_an_outage(tmp_path):
    async with cloud(tmp_path, **lonely()) as here, here.daemon():
        await here.minutes(90)

        assert here.requested[-1] == 0
        assert (await here.known(5, 80) == 0).all()


async def test_without_proof_of_idleness_capacity_is_held_and_the_reason_names_the_setting(tmp_path):
    async with cloud(tmp_path, **lonely(calls_counted=False)) as here, here.daemon():
        await here.minutes(60)

        assert min(here.requested) > 0
        assert here.plan.reasons[0].code is ReasonCode.QUIET_REGION
        assert "nothing has run in us-east-1 since 2026-03-02 12:05 UTC" in here.plan.text
        assert "on_quiet_region" in here.plan.text


async def test_a_policy_that_trusts_a_quiet_region_releases_capacity(tmp_path):
    async with cloud(tmp_path, **lonely(calls_counted=False)) as here, here.daemon(on_quiet_region="trust"):
        await here.minutes(18)
        assert min(here.requested) > 0, "an outage of a quarter of an hour is not trusted"
        await here.minutes(72)

        assert here.requested[-1] == 0


@pytest.mark.parametrize("trust", ["hold", "trust"])
@pytest.mark.parametrize("counted", [True, False])
async def test_an_outage_in_a_region_with_one_function_lowers_nothing(tmp_path, trust, counted):
    settings = lonely(calls_counted=counted) | {"agent": 6}
    async with cloud(tmp_path, **settings) as here, here.daemon(on_quiet_region=trust):
        await here.minutes(30)
        here.sandbox.faults.metrics_outage()
        before = here.requested[-1]
        await here.minutes(14)
        here.sandbox.faults.metrics_back()
        await here.minutes(10)

        assert min(here.requested[30:]) >= before
        assert not (await here.known(0, 50) == 0).any()


@pytest.mark.parametrize("length", [1, 9, 20])
async def test_an_outage_of_cloud_monitoring_lowers_nothing_and_leaves_no_zero(tmp_path, length):
    clock = ManualClock(NOON)
    google = RunSandbox(Sandbox(clock, seed=2))
    for name in ("agent", "other"):
        google.add_service(name, played(6))
    store = AsyncStore(Store(tmp_path / "stoker.db"))
    policy = policy_of([service_of("agent").model_copy(update={"mode": "active", "max": 40})])
    requested = []
    async with GrpcSandboxServer(google) as server:
        registry = Registry(clock, np.random.default_rng(0), sandbox_grpc=server.target)
        fleet = await builder.assemble(policy, registry, store, clock, DecisionLog(store))
        try:
            for minute in range(BEFORE + length + 25):
                if minute == BEFORE:
                    google.faults.metrics_outage()
                if minute == BEFORE + length:
                    google.faults.metrics_back()
                await fleet.tick()
                requested.append(fleet.plans["agent"].target)
                await clock.advance(MINUTE)
            (known,) = await store.load_demand(["agent"], minute_of(NOON), minute_of(NOON) + BEFORE + length + 20)
        finally:
            await fleet.close()
            await registry.close()
            await store.close()

    assert min(requested[BEFORE:]) >= requested[BEFORE] - 1
    assert not (known.peak == 0).any()
    assert known.known[-5:].all()
