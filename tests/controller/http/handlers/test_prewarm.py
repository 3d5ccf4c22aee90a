"""Prewarming over real HTTP: what was done is reply, and it is done before the next minute."""

import asyncio
from datetime import timedelta

import pytest

from adapters.runtime.clock import ManualClock
from config.model.prewarm import Prewarm
from tests.builders import NOON
from tests.fakes import FakeLever
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, serving

PATH = "/v1/pools/a/prewarm"
WISH = {"units": 9, "for": "10m", "reason": "users sign in"}
BOUNDS = Prewarm(max_units=20)
MINUTE = timedelta(minutes=1)


async def until(condition):
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_prewarm_acts_before_the_next_minute_and_is_shown_everywhere(tmp_path):
    async with serving(tmp_path, prewarm=BOUNDS) as here:
        await here.ticks(3)
        status, reply, _ = await here.ask("POST", PATH, TOKEN, json=WISH)
        assert (status, reply["granted"], reply["limited_by"], reply["takes_effect"]) == (200, 9, [], "now")
        assert (reply["until"], reply["ready_at"]) == ("2026-03-02T12:13:00+00:00", "2026-03-02T12:05:00+00:00")
        assert reply["capacity"]["actual_requested"] == 3
        assert reply["bill_usd"] > 0
        await until(lambda: here.levers["a"].writes[-1] == 9)
        await until(lambda: here.components.fleet.plans["a"].target == 9)

        _, pool, _ = await here.ask("GET", "/v1/pools/a")
        _, why, _ = await here.ask("GET", "/v1/pools/a/why")
        assert pool["overrides"] == [reply["set"]]
        assert why["record"]["reasons"][-1]["code"] == "prewarmed"
        await here.ticks()
        _, listed, _ = await here.ask("GET", "/status")
        async with here.session.get(f"{here.service.url}/metrics") as scraped:
            assert 'stoker_pool_overrides{pool="a",mode="active"} 1.0' in await scraped.text()
        assert listed["pools"][0]["overrides"] == [reply["set"] | {"effect": "raised from 3 to 9"}]
        assert here.levers["b"].writes == [7]

        await here.ticks(10)
        assert here.levers["a"].writes == [3, 9, 3]
        assert (await here.ask("GET", "/v1/pools/a/overrides"))[1]["overrides"] == []


async def test_overlapping_calls_take_the_maximum_with_at_most_one_write_each(tmp_path):
    async with serving(tmp_path, prewarm=BOUNDS) as here:
        answers = await asyncio.gather(*(here.ask("POST", PATH, TOKEN, json=WISH | {"units": units}) for units in (4, 12, 8, 5)))
        assert {status for status, *_ in answers} == {200}
        await until(lambda: here.levers["a"].writes[-1] == 12 and not here.components.fleet.stepping)

        assert here.levers["a"].most_in_flight == 1
        assert len(here.levers["a"].writes) <= 4
        assert [each["units"] for each in (await here.ask("GET", "/v1/pools/a/overrides"))[1]["overrides"]] == [12]


async def test_a_prewarm_during_a_write_is_carried_out_after_it(tmp_path):
    async with serving(tmp_path, prewarm=BOUNDS) as here:
        lever, gate = here.levers["a"], asyncio.Event()
        writing = lever.write

        async def slow(target):
            lever.in_flight += 1
            lever.most_in_flight = max(lever.most_in_flight, lever.in_flight)
            lever.in_flight -= 1
            await gate.wait()
            return await writing(target)
        lever.write = slow
        await here.ask("POST", PATH, TOKEN, json=WISH)
        for units in (10, 11, 12):
            _, reply, _ = await here.ask("POST", PATH, TOKEN, json=WISH | {"units": units})
        assert reply["takes_effect"] == "now"
        gate.set()
        await until(lambda: lever.writes[-1] == 12 and not here.components.fleet.stepping)

        assert lever.writes == [3, 9, 12]  # three calls during a write are one step after it
        assert lever.most_in_flight == 1


async def test_in_shadow_mode_a_prewarm_writes_nothing_and_reports_it(tmp_path):
    async with serving(tmp_path, mode="shadow", prewarm=BOUNDS) as here:
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=WISH)
        await here.ticks(2)

        assert (reply["mode"], "shadow: nothing is written" in reply["set"]["effect"]) == ("shadow", True)
        assert here.components.fleet.plans["a"].target == 9
        assert here.levers["a"].writes == []


async def test_too_many_calls_are_refused_with_retry_after(tmp_path):
    async with serving(tmp_path, prewarm=Prewarm(max_units=20, per_hour=2)) as here:
        for _ in range(2):
            assert (await here.ask("POST", PATH, TOKEN, json=WISH))[0] == 200
        status, reply, headers = await here.ask("POST", PATH, TOKEN, json=WISH)
        assert (status, headers["Retry-After"], "prewarm.per_hour" in reply["error"]) == (429, "1800", True)
        assert (await here.ask("POST", "/v1/pools/b/prewarm", TOKEN, json=WISH))[0] == 200
        await here.clock.advance(timedelta(minutes=30))

        assert (await here.ask("POST", PATH, TOKEN, json=WISH))[0] == 200


@pytest.mark.parametrize(("token", "shown", "bounds", "status", "reply"), [
    (None, TOKEN, BOUNDS, 403, "STOKER_TOKEN"), (TOKEN, None, BOUNDS, 401, "Bearer"),
    (TOKEN, "x" * 30, BOUNDS, 401, "wrong token"),
    (TOKEN, TOKEN, None, 403, "prewarm: {max_units: 10}"),
])
async def test_a_forbidden_prewarm_names_the_remedy_and_stores_nothing(tmp_path, token, shown, bounds, status, reply):
    async with serving(tmp_path, token=token, prewarm=bounds) as here:
        got, answer, _ = await here.ask("POST", PATH, shown, json=WISH)
        await here.ticks()

        assert (got, reply in answer["error"]) == (status, True)
        assert here.levers["a"].writes == [3]


async def test_the_budget_limits_a_prewarm_and_nothing_is_stored_without_any_left(tmp_path):
    async with serving(tmp_path, prewarm=BOUNDS, budget_usd_per_month=0.01) as here:
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=WISH)

        assert (reply["granted"], reply["limited_by"], reply["until"], reply["set"]) == (0, ["budget_usd_per_month"], None, None)
        assert "no units were granted" in reply["takes_effect"]


async def test_a_prewarm_survives_a_restart_until_its_end(tmp_path):
    clock = ManualClock(NOON)
    levers = {name: FakeLever(clock) for name in ("a", "b")}
    async with serving(tmp_path, clock, levers, prewarm=BOUNDS) as here:
        await here.ask("POST", PATH, TOKEN, json=WISH)
        await here.ask("POST", PATH, TOKEN, json=WISH | {"units": 4, "for": "14m"})
    async with serving(tmp_path, clock, levers, prewarm=BOUNDS) as here:
        await here.ticks(2)
        assert levers["a"].writes[-1] == 9
        await here.ticks(9)
        assert levers["a"].writes[-1] == 4
        await here.ticks(5)
        assert levers["a"].writes[-1] == 3


async def test_prewarms_above_the_limit_wait_for_the_tick(tmp_path):
    async with serving(tmp_path, prewarm=BOUNDS) as here:
        here.components.fleet.immediate_steps._remaining = 0
        _, reply, _ = await here.ask("POST", PATH, TOKEN, json=WISH)
        assert reply["takes_effect"] == "at the next tick"
        assert here.levers["a"].writes == [3]
        await here.ticks()

        assert here.levers["a"].writes == [3, 9]


async def test_the_command_prints_the_granted_units(tmp_path):
    async with serving(tmp_path, prewarm=Prewarm(max_units=6)) as here:
        done = await here.stoker("prewarm", "a", "9", "--for", "10m", "--reason", "webinar", env={"STOKER_TOKEN": TOKEN})
        refused = await here.stoker("prewarm", "a", "9", "--for", "soon", "--reason", "webinar", env={"STOKER_TOKEN": TOKEN})

        assert (done.exit_code, refused.exit_code) == (0, 2)
        assert "a: 6 of 9 granted, limited by prewarm.max_units, estimated bill" in done.output
        assert "prewarm 6 until 2026-03-02 12:10 UTC by an application (webinar)" in done.output


async def test_a_busy_pool_starts_no_second_step(tmp_path):
    async with serving(tmp_path, prewarm=BOUNDS) as here:
        fleet = here.components.fleet
        assert fleet.immediate_steps.request("a", lambda: None)
        step = fleet.stepping["a"]
        fleet._start("a", fleet.view("a", here.clock.now()), read=False)  # the tick, whose plan is from before the nudge

        assert fleet.stepping["a"] is step
