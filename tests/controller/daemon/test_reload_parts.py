"""Reloads of what few policies have: leading signals, assumptions, layers; and all jobs of a daemon after reloads."""

from datetime import timedelta

import pytest

from adapters.runtime.clock import ManualClock
from config.model.dead_man import DeadMan
from config.model.lead import Lead
from config.model.policy import Assume, Objective
from config.model.statsd import StatsD
from controller.daemon import jobs
from controller.fleet.policy.in_force import PolicyRefused
from tests.builders import NOON
from tests.controller.daemon.test_reload import pool, two, use
from tests.fakes import Decaying
from tests.services import PINGS, layers


async def test_leading_signals_are_added_and_removed(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        await use(here, {"a": {"leads": (Lead(pool="b"),)}})
        await here.ticks(2)
        assert here.components.fleet.leads is not None
        assert here.components.fleet.plans["a"].at == here.clock.now()
        await use(here, {"b": {"objective": Objective(cold_start_cost_usd=1.0)}})
        await here.ticks(2)
        await use(here, {"b": {"max": 50}}, added=[pool("c")])
        await here.ticks(2)
        await use(here, {"a": {"leads": ()}})
        await here.ticks(3)
        assert here.components.fleet.leads is None
        assert not here.components.fleet.faults
        assert here.service.runtime.published.ticks.ended["failed"] == 0


async def test_other_assumptions_apply_to_all_pools(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(2)
        await use(here, assume=Assume(lead_time=timedelta(minutes=5)))
        await here.ticks(3)
        assert here.service.runtime.published.ticks.ended["failed"] == 0
        assert here.components.fleet.region_of["a"].terms("a").lead_time == 5


async def test_layers_follow_the_mode_and_come_and_go(tmp_path):
    async with layers(tmp_path, mode="shadow") as here:
        await here.ticks(2)
        await use(here, {"a": {"mode": "active"}})
        await here.ticks(3)
        assert "a:pings" in here.components.fleet.layers
        assert here.components.fleet.plans["a:pings"].mode == "active"
        await use(here, {"a": {"max": 50}})
        await here.ticks(2)
        await use(here, {"a": {"top": None}})
        await here.ticks(2)
        assert "a:pings" not in here.components.fleet.layers
        assert "a:pings" not in here.components.fleet.plans
        await use(here, {"a": {"top": PINGS}})
        await here.ticks(3)
        assert "a:pings" in here.components.fleet.layers
        assert here.service.runtime.published.ticks.ended["failed"] == 0


async def test_all_jobs_and_pages_work_after_reloads(tmp_path):
    async with two(tmp_path) as here:
        await here.ticks(3)
        await use(here, {"a": {"objective": Objective(cold_start_cost_usd=1.0)}}, added=[pool("c")])
        await here.ticks(3)
        await use(here, without=["a"])
        await here.ticks(3)
        for _, _, job in jobs.PERIODIC:
            await job(here.service.runtime, here.service._settings)
        await here.service.runtime.dead_man_switch.renew()
        await here.ticks(40)
        assert here.service.runtime.published.ticks.ended["failed"] == 0
        for path in ("/status", "/v1/pools/c", "/v1/pools/c/history", "/v1/pools/c/forecast", "/v1/pools/c/why",
                     "/readyz", "/v1/decisions"):
            status, _ = await here.json(path)
            assert status == 200, path
        assert (await here.get("/metrics"))[0] == 200


async def test_status_shows_a_refused_policy(tmp_path):
    async with two(tmp_path) as here:
        with pytest.raises(PolicyRefused):
            await use(here, statsd=StatsD(address="127.0.0.1:8125"))
        await here.ticks()
        shown = await here.stoker("status")

        assert "the policy was refused at " in shown.stdout
        assert "statsd cannot change while the daemon runs: restart it" in shown.stdout


async def test_the_fallback_of_a_pool_that_becomes_shadow_is_cancelled(tmp_path):
    clock = ManualClock(NOON)
    levers = {"a": Decaying(clock)}
    async with two(tmp_path, clock=clock, levers=levers, dead_man=DeadMan(after=timedelta(hours=1))) as here:
        await here.ticks(2)
        await here.service.runtime.dead_man_switch.renew()
        assert levers["a"].armed
        await use(here, {"a": {"mode": "shadow"}})

        assert not levers["a"].armed
        assert levers["a"].writes == [3]
