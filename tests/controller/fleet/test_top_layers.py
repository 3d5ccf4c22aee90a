"""Top layers of a fleet: planned after their bases, with state, records and restarts of their own."""

import asyncio
import math
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.aws.settings import LambdaPingSettings
from adapters.ports.errors import Unreachable
from adapters.ports.lever import Traits
from adapters.runtime.clock import ManualClock
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.plan import Action
from controller.fleet.fleet import STEP_SECONDS
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.fakes import until
from tests.worlds import world

PINGS = "agent:pings"
TOP = LambdaPingSettings(kind="lambda-ping", region="us-east-1", function="agent", alias="live", handler="stoker", opted_in=True)
FELL = until(NOON - timedelta(minutes=90), 5, 1)
"""Demand of 5 units until 90 min before, then of 1."""


@pytest.fixture
def clock():
    return ManualClock(NOON)


def layered(clock, folder, **changes):
    return world(clock, folder, {"agent": FELL}, top=TOP, **({"mode": "active", "min": 1} | changes))


async def test_pings_keep_what_the_base_lacks_to_the_maximum_of_the_day(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        await here.minutes(4)

        assert here.levers["agent"].writes == [1]  # the floor: with a day of history, pings alone keep the rest warm
        assert here.levers[PINGS].writes == [5]  # 5 - 1, and one more that may have stopped unseen
        assert here.fleet.plans[PINGS].action is Action.KEEP
        assert "5 - 1 of the base = 4, + 1 that may have stopped unseen" in here.fleet.plans[PINGS].text


async def test_units_that_last_a_shorter_time_than_assumed_need_more_in_reserve(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        await here.minutes(4)
        assert here.fleet.plans[PINGS].target == 5
        here.fleet.tops["agent"]._learn(Traits(pinged_life=timedelta(minutes=10)), clock.now())
        await here.minutes(4)

        assert here.fleet.plans[PINGS].target == 7  # 4 / (1 - 4 / 10)


async def test_the_first_tick_plans_both_layers(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        await here.tick()

        assert (here.levers["agent"].writes, here.levers[PINGS].writes) == ([1], [5])


async def test_decisions_of_both_layers_are_recorded(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        await here.minutes(4)
        rows = await here.store.run(here.store.store.decisions, PINGS, None, 9, None)

        assert [row["action"] for row in rows][-1] == "write"
        assert rows[-1]["actual_requested"] == 0


async def test_the_ceiling_holds_for_both_layers(clock, tmp_path):
    async with layered(clock, tmp_path, max=3) as here:
        await here.minutes(4)

        assert (here.levers["agent"].writes, here.levers[PINGS].writes) == ([1], [2])


async def test_shadow_writes_neither_layer(clock, tmp_path):
    async with layered(clock, tmp_path, mode="shadow") as here:
        await here.minutes(4)

        assert here.levers["agent"].writes == here.levers[PINGS].writes == []
        assert here.fleet.tops["agent"].capacity.requested == 5


async def test_a_base_whose_capacity_is_unknown_holds_the_pings(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        here.levers["agent"].failing["read"] = Unreachable("no answer")
        await here.minutes(4)

        assert here.levers[PINGS].writes == []
        assert here.fleet.plans[PINGS].action is Action.HOLD


async def test_pings_that_cannot_be_read_do_not_affect_the_base(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        here.levers[PINGS].failing["read"] = Unreachable("no answer")
        await here.minutes(4)

        assert here.levers["agent"].writes == [1]
        assert here.fleet.plans["agent"].action is Action.KEEP
        assert here.fleet.plans[PINGS].action is Action.HOLD


async def test_a_pause_holds_both_layers(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        base = here.fleet.reconcilers["agent"]
        base.overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=2), "ana", "load test"),)
        await here.minutes(4)

        assert here.levers["agent"].writes == here.levers[PINGS].writes == []


@pytest.mark.parametrize("spent", [0.0, 50.0])
async def test_pings_stop_when_the_budget_is_spent(clock, tmp_path, spent):
    async with layered(clock, tmp_path, budget_usd_per_month=40.0) as here:
        base = here.fleet.reconcilers["agent"]
        base.state = replace(base.state, spent_usd=spent, month=f"{NOON:%Y-%m}")
        await here.minutes(4)

        assert here.levers[PINGS].writes == ([] if spent else [5])


async def test_pings_stop_when_the_budget_is_spent_while_they_run(clock, tmp_path):
    async with layered(clock, tmp_path, budget_usd_per_month=40.0) as here:
        await here.minutes(4)
        top = here.fleet.tops["agent"]
        top.state = replace(top.state, spent_usd=50.0, month=f"{NOON:%Y-%m}")
        await here.minutes(4)

        assert here.levers[PINGS].writes == [5, 0]
        assert "budget: 50.00 of 40 USD spent this month by both layers" in here.fleet.plans[PINGS].text


async def test_pings_make_room_for_the_base_also_after_minutes_without_metrics(clock, tmp_path):
    async with layered(clock, tmp_path, max=6) as here:
        await here.minutes(4)
        lost = minute_of(clock.now()) - 1
        here.sources[0].traffic["agent"] = lambda minute: math.nan if minute >= lost else FELL(minute)
        here.fleet.reconcilers["agent"].overrides = (Override(Kind.PIN, NOON + timedelta(hours=2), "ana", "load test", units=4),)
        await here.minutes(4)

        assert (here.levers["agent"].writes, here.levers[PINGS].writes) == ([1, 4], [5, 2])


async def test_a_pause_also_holds_pings_whose_step_has_started_before_it(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        await here.minutes(4)
        seen = here.fleet.inputs[PINGS]["decision"].seen.demand
        here.fleet.reconcilers["agent"].overrides = (Override(Kind.PAUSE, NOON + timedelta(hours=2), "ana", "load test"),)

        assert here.fleet.tops["agent"].plan(seen, clock.now()).plan.action is Action.HOLD


async def test_pings_that_do_not_answer_delay_no_tick_further(clock, tmp_path):
    async with layered(clock, tmp_path) as here:
        here.levers[PINGS].hanging.add("read")
        for _ in range(2):
            report = await here.drive(asyncio.create_task(here.fleet.tick()))
        ended = report.started_at + timedelta(seconds=report.seconds)

        assert PINGS not in here.fleet.plans
        assert (ended - here.fleet.plans["agent"].at).total_seconds() < 2 * STEP_SECONDS


async def test_a_tick_does_not_wait_for_pools_and_then_again_for_new_pings(clock, tmp_path):
    async with world(clock, tmp_path, {"agent": FELL, "other": FELL}, top=TOP, mode="active", min=1) as here:
        for name in ("other", PINGS):
            here.levers[name].hanging.add("read")
        report = await here.drive(asyncio.create_task(here.fleet.tick()))
        ended = report.started_at + timedelta(seconds=report.seconds)

        assert (ended - here.fleet.plans["agent"].at).total_seconds() < 2 * STEP_SECONDS


@pytest.mark.parametrize(("on_exit", "written"), [("hold", [5]), ("floor", [5, 0]), ("release", [5, 0])])
async def test_a_shutdown_releases_both_layers(clock, tmp_path, on_exit, written):
    async with layered(clock, tmp_path, on_exit=on_exit) as here:
        await here.minutes(4)
        await here.fleet.close(leave=True)

        assert here.levers[PINGS].writes == written
