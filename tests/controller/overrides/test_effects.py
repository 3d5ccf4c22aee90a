"""What an override does now, and what limits it, in words, from the plan that the daemon makes."""

import asyncio
from datetime import timedelta

import pytest

from adapters.ports.errors import QuotaExceeded, Unreachable
from config.model.limits import Limits
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.overrides.effects import effect_of
from tests.builders import NOON, capacity, observation, pool_policy
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving

PATH = "/v1/pools/a/overrides"
HOUR = timedelta(hours=1)


def order(kind, units=None, factor=None):
    return {"kind": kind, "for": "2h", "reason": "launch", "by": "ana"} | (
        {} if units is None else {"units": units}) | ({} if factor is None else {"factor": factor})


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_pin_is_written_at_once_and_says_which_limit_holds_it(tmp_path):
    async with serving(tmp_path, max=26) as here:
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=order("pin", 2000))
        await until(lambda: here.levers["a"].writes[-1] == 26 and not here.components.fleet.stepping)  # without a tick
        _, pool, _ = await here.ask("GET", "/v1/pools/a")
        _, why, _ = await here.ask("GET", "/v1/pools/a/why")

    held = "pinned at 2000; held at 26: the ceiling `max: 26` of the policy"
    assert (reply["takes_effect"], reply["set"]["effect"]) == ("now", held)
    assert [each["effect"] for each in pool["overrides"]] == [each["effect"] for each in why["overrides"]] == [held]


async def test_ending_a_pin_is_written_at_once(tmp_path):
    async with serving(tmp_path) as here:
        await here.ask("POST", PATH, TOKEN, json=order("pin", 12))
        await until(lambda: here.levers["a"].writes[-1] == 12 and not here.components.fleet.stepping)
        _, reply, _ = await here.ask("DELETE", PATH, TOKEN)
        await until(lambda: here.levers["a"].writes[-1] == 3)

    assert reply["takes_effect"] == "now"


async def test_above_the_limit_of_steps_an_override_waits_for_the_tick_and_says_so(tmp_path):
    async with serving(tmp_path) as here:
        here.components.fleet.immediate_steps._remaining = 0
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=order("pin", 12))
        assert (reply["takes_effect"], here.levers["a"].writes) == ("at the next tick", [3])
        await here.ticks()

        assert here.levers["a"].writes == [3, 12]


async def test_the_answer_changes_no_budget_of_the_fleet(tmp_path):
    async with serving(tmp_path) as here:
        fleet = here.components.fleet
        fleet.limiter.limits = Limits(units_per_tick=4)
        fleet.limiter.begin()
        fleet.immediate_steps._remaining = 0
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=order("pin", 12))
        left = fleet.limiter._budgets[True].units

    assert reply["set"]["effect"] == (
        "pinned at 12; held at 7: only 4 of 9 units in this tick, units_per_tick 4 leave no more")
    assert left == 4


@pytest.mark.parametrize(("given", "changes", "effect"), [
    (order("pin", 12), {}, "pinned at 12 (requested 3 → 12)"),
    (order("pin", 3), {}, "pinned at 3"),
    (order("boost", 5), {}, "boosted from 3 to 8 (requested 3 → 8)"),
    (order("boost", factor=2.0), {"max_step_up": 1}, "boosted from 3 to 6; held at 2: max_step_up 1 from 1 requested"),
    (order("pause"), {}, "holding 3"),
    (order("pin", 12), {"mode": "shadow"},
     "pinned at 12 (simulated 3 → 12); shadow: nothing is written; simulated capacity follows"),
    (order("pin", 0), {"min": 2}, "pinned at 0; held at 2: the floor `min: 2` of the policy"),
])
async def test_each_limit_is_named(tmp_path, given, changes, effect):
    async with serving(tmp_path, **changes) as here:
        here.components.fleet.immediate_steps._remaining = 0
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=given)

    assert reply["set"]["effect"] == effect


async def test_a_budget_and_a_quota_are_named(tmp_path):
    async with serving(tmp_path, budget_usd_per_month=60.0) as here:
        fleet = here.components.fleet
        fleet.immediate_steps._remaining = 0
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=order("pin", 100))

    assert reply["set"]["effect"].startswith("pinned at 100; held at ")
    assert "of 60 USD spent this month, which leaves" in reply["set"]["effect"]


async def test_a_refused_write_is_shown_with_the_override(tmp_path):
    async with serving(tmp_path) as here:
        here.levers["a"].failing["write"] = QuotaExceeded("the account has no more", 5)
        await here.ask("POST", PATH, TOKEN, json=order("pin", 12))
        await until(lambda: not here.components.fleet.stepping)
        _, pool, _ = await here.ask("GET", "/v1/pools/a")

    assert pool["overrides"][0]["effect"].startswith("pinned at 12; held at 3: requesting 12 failed")


async def test_a_boost_without_metrics_says_that_it_has_no_effect(tmp_path):
    async with serving(tmp_path) as here:
        here.source.broken = Unreachable("monitoring is away")
        await here.ticks(15)
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=order("boost", 5))

    assert reply["set"]["effect"].startswith("no effect while capacity is held at 3: metrics are ")


async def test_a_pause_names_what_would_be_requested_and_holds_a_pin(tmp_path):
    async with serving(tmp_path) as here:
        here.components.fleet.immediate_steps._remaining = 0
        await here.ask("POST", PATH, TOKEN, json=order("pin", 9))
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=order("pause"))
        said = {each["kind"]: each["effect"] for each in reply["overrides"]}

    assert said["pause"] == "holding 3; without the pause 9 would be requested"
    assert said["pin"].startswith("pinned at 9; held at 3: pause until 2026-03-02 14:00 UTC by ana (launch)")


PIN = Override(Kind.PIN, NOON + HOUR, "ana", "launch", 9, since=NOON)


def effect_for(**seen):
    at_noon = observation(3, 3.0, overrides=(PIN,), **seen)
    return effect_of(PIN, make_plan(pool_policy(), PoolState(), at_noon, guardrails_for(at_noon)), "active")


def test_a_standby_daemon_and_a_foreign_owner_are_named():
    assert effect_for(standby="b leads").startswith("pinned at 9; held at 3: standby, because b leads")
    owned = effect_for(reading=capacity(3, foreign_owner="another autoscaler"))
    assert "held at 3: another autoscaler controls this resource" in owned
