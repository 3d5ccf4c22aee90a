"""A function and a URL that are pinged, through the real fleet, levers, sources and clients; only the other side is emulated."""

from contextlib import asynccontextmanager
from datetime import timedelta

import numpy as np
import pytest

from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from config.model.policy import Assume, Objective
from controller.fleet import builder
from controller.fleet.builder import pool_terms
from controller.fleet.decision_log import DecisionLog
from controller.metrics.rows_by_kind import kind_rows
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.ping_stage import http_pool, metrics_page, ping_pool, time_passes
from tests.builders import NOON
from tests.worlds import policy_of

MINUTE = timedelta(minutes=1)
FUNCTION, URL = ping_pool("agent"), http_pool("chat", longest_pause="5m").model_copy(
    update={"demand": metrics_page("http://chat.test/metrics")})


def hourly(before_days: int, after_minutes: int) -> DemandSeries:
    """A burst of twelve at ten past every hour, and nobody in between."""
    minutes = np.arange(minute_of(NOON) - before_days * 1440, minute_of(NOON) + after_minutes)
    peak = np.where(minutes % 60 == 10, 12.0, 0.0).astype(np.float32)
    return DemandSeries(int(minutes[0]), peak, peak * np.float32(0.3), peak * 5)


def sandbox_at(clock: ManualClock) -> Sandbox:
    """`agent` behind Lambda and `chat.test` in containers, with the same users."""
    made = Sandbox(clock, seed=4)
    made.add_function("agent", hourly(4, 300))
    made.add_function("companion", DemandSeries(minute_of(NOON) - 5760, *(np.ones(6060, np.float32) for _ in range(3))))
    made.add_container("chat.test", hourly(0, 300))
    return made


class Running:
    """Fleet and sandbox on one clock. A tick a minute."""

    def __init__(self, clock, sandbox, fleet, registry):
        self.clock, self.sandbox, self.fleet, self._registry = clock, sandbox, fleet, registry

    async def minutes(self, count):
        for _ in range(count):
            await self.fleet.tick()
            keepers = [keeper for provider in self._registry._providers.values() for keeper in provider.loops]
            await time_passes(self.clock, self.sandbox, keepers, MINUTE)


@asynccontextmanager
async def running(folder, clock, sandbox, pools):
    store = AsyncStore(Store(folder / "stoker.db"))
    async with SandboxServer(sandbox) as server:
        registry = Registry(clock, np.random.default_rng(0), sandbox_url=server.url)
        fleet = await builder.assemble(policy_of(pools, Assume()), registry, store, clock, DecisionLog(store))
        try:
            yield Running(clock, sandbox, fleet, registry)
        finally:
            await fleet.close()
            await registry.close()
            await store.close()


def active(pool, **changes):
    plain = {"mode": "active", "max": 40, "memory_mb": 1024, "objective": Objective(cold_start_cost_usd=0.05)}
    return pool.model_copy(update=plain | changes)


async def test_a_function_is_warm_before_each_burst_and_pings_do_not_count_as_demand(tmp_path):
    clock = ManualClock(NOON)
    sandbox = sandbox_at(clock)
    async with running(tmp_path, clock, sandbox, [active(FUNCTION)]) as play:
        await play.minutes(130)
        totals = sandbox.hosted("agent").driver.totals
        peak = play.fleet.region_of["agent"].collector.day.peak

    assert totals.cold_starts_without >= 24
    assert totals.cold_starts <= 2, "best effort: on a machine that is busy elsewhere a ping may come late"
    assert totals.pings > 200
    assert np.nanmax(peak) == 12
    assert np.count_nonzero(np.nan_to_num(peak[0, :minute_of(clock.now()) % 1440]) > 0) <= 24, "none but the bursts"
    assert sandbox.hosted("agent").function.work_done == 0


async def test_accounts_use_the_learned_pause_and_hold_and_metrics_have_what_rounds_measured(tmp_path):
    clock = ManualClock(NOON)
    sandbox = sandbox_at(clock)
    pool = active(FUNCTION, min=4, lever=FUNCTION.lever.model_copy(update={"hold_ms": 800}))
    async with running(tmp_path, clock, sandbox, [pool]) as play:
        await play.minutes(45)
        reconciler = play.fleet.reconcilers["agent"]
        seen, pings = reconciler.lever.rounds(), pool_terms(reconciler, Assume(), 2 * MINUTE).pings
        rows = kind_rows("actual", [(reconciler, 'pool="agent",mode="active"')], {}, clock.now())

    assert seen.hold < timedelta(milliseconds=400), "it started at 800 ms"
    assert pings.seconds == pytest.approx(seen.hold.total_seconds(), rel=0.05)
    assert MINUTE / seen.pause == pytest.approx(pings.a_minute, rel=0.07)
    found = {name: values[0][1] for name, values in rows.items() if name.startswith("stoker_ping_")}
    assert found == {
        "stoker_ping_pause_seconds": seen.pause.total_seconds(), "stoker_ping_hold_seconds": seen.hold.total_seconds(),
        "stoker_ping_blackout_seconds_total": seen.blackout_seconds,
        "stoker_ping_blackout_requests_total": seen.blackout_requests}
    assert seen.blackout_seconds > 0


async def test_a_url_with_a_floor_is_warm_when_its_metrics_are_new(tmp_path):
    clock = ManualClock(NOON)
    sandbox = sandbox_at(clock)
    pool = active(URL, min=12, on_missing_metrics="floor")
    async with running(tmp_path, clock, sandbox, [pool]) as play:
        await play.minutes(30)
        totals = sandbox.container("chat.test").driver.totals

    assert totals.cold_starts_without >= 12
    assert totals.cold_starts <= 1, "best effort, as above"


async def test_in_shadow_mode_neither_pool_is_pinged(tmp_path):
    clock = ManualClock(NOON)
    sandbox = sandbox_at(clock)
    pools = [active(FUNCTION, mode="shadow"), active(URL, mode="shadow", min=5, on_missing_metrics="floor")]
    async with running(tmp_path, clock, sandbox, pools) as play:
        await play.minutes(20)
        targets = {name: plan.target for name, plan in play.fleet.plans.items()}

    assert targets["agent"] >= 12
    assert targets["chat"] >= 5
    assert sandbox.calls.mutating.total() == 0


async def test_a_restart_continues_with_the_requested_units(tmp_path):
    clock = ManualClock(NOON)
    sandbox = sandbox_at(clock)
    pools = [active(FUNCTION, min=6), active(URL, min=6, on_missing_metrics="floor")]
    async with running(tmp_path, clock, sandbox, pools) as play:
        await play.minutes(5)
        before = {name: plan.target for name, plan in play.fleet.plans.items()}
    await clock.advance(MINUTE)
    async with running(tmp_path, clock, sandbox, pools) as play:
        await play.minutes(2)
        requested = {name: plan.requested for name, plan in play.fleet.plans.items()}
        reasons = {reason.code.value for plan in play.fleet.plans.values() for reason in plan.reasons}
        await play.minutes(2)
        ready = {name: plan.ready for name, plan in play.fleet.plans.items()}

    assert requested == before
    assert "foreign-write" not in reasons
    assert all(ready[name] >= 6 for name in ready)
    assert sandbox.hosted("agent").driver.totals.ping_cold_starts <= before["agent"] + 2
