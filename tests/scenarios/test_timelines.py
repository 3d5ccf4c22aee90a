"""A pool's hours, minute by minute, through the real fleet, chooser, guardrails and store; only provider and source are fakes.

The rule that proposes may change; what these timelines state holds for any rule worth having.
"""

from datetime import timedelta

import pytest

from adapters.ports.errors import QuotaExceeded, Unreachable
from adapters.runtime.clock import ManualClock
from config.model.event import Event
from controller.decision.planning.plan import Action
from controller.decision.planning.reason_codes import ReasonCode
from forecasting.demand import minute_of
from tests.builders import NOON
from tests.fakes import FakeLever, FakeSource, steady, until
from tests.worlds import world

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return ManualClock(NOON)


def requested(here, name="a"):
    return here.levers[name].paper.requested


async def test_capacity_is_lowered_when_traffic_stops(clock, tmp_path):
    sources = [FakeSource({"a": until(NOON + 5 * MINUTE, 20.0, 0.0)}, history=timedelta(days=3))]
    async with world(clock, tmp_path, {"a": None}, sources=sources) as here:
        await here.minutes(5)
        busy = requested(here)
        await here.minutes(240)

        assert busy > 0
        assert requested(here) == 0


def launched(minute):
    """Three units in flight, and for an hour from half past twelve on eight times as many."""
    return 24.0 if minute_of(NOON) + 30 <= minute < minute_of(NOON) + 90 else 3.0


async def test_capacity_is_ready_when_an_announced_launch_starts_and_released_after_it(clock, tmp_path):
    launch = Event.model_validate({"name": "launch", "start": "2026-03-02T12:30", "duration": "1h", "factor": 8})
    sources = [FakeSource({"a": launched}, history=timedelta(days=3))]
    ready = []
    async with world(clock, tmp_path, {"a": None}, sources=sources, events=(launch,)) as here:
        for _ in range(120):
            await here.tick()
            ready.append(here.levers["a"].paper.ready(clock.now()))
            await clock.advance(MINUTE)
        inputs = here.fleet.inputs["a"]["decision"]

        assert max(ready[:25]) <= 6
        assert min(ready[30:90]) >= 24
        assert max(ready[110:]) <= 6
        assert inputs.plan.target == requested(here)


async def test_a_restart_during_a_launch_releases_nothing(clock, tmp_path):
    launch = Event.model_validate({"name": "launch", "start": "2026-03-02T12:30", "duration": "1h", "factor": 8})
    sources = [FakeSource({"a": launched}, history=timedelta(days=3))]
    await clock.advance(60 * MINUTE)
    async with world(clock, tmp_path, {"a": None}, sources=sources, events=(launch,)) as here:
        await here.minutes(3)
        levers = here.levers
    async with world(clock, tmp_path, {"a": None}, sources=sources, levers=levers, events=(launch,)) as here:
        for _ in range(5):
            await here.tick(MINUTE)
            assert requested(here) >= 24


async def test_capacity_is_raised_when_traffic_starts(clock, tmp_path):
    sources = [FakeSource({"a": until(NOON + 5 * MINUTE, 0.0, 20.0)}, history=timedelta(days=3))]
    async with world(clock, tmp_path, {"a": None}, sources=sources, objective=dear()) as here:
        await here.minutes(5)
        assert requested(here) == 0
        await here.minutes(60)

        assert requested(here) > 0


def dear():
    from config.model.policy import Objective
    return Objective(cold_start_cost_usd=5.0)


@pytest.mark.parametrize("trouble", ["broken", "silent", "hanging"])
async def test_an_outage_of_metrics_of_any_length_lowers_nothing(clock, tmp_path, trouble):
    sources = [FakeSource({"a": until(NOON + 10 * MINUTE, 20.0, 0.0)}, history=timedelta(days=3))]
    async with world(clock, tmp_path, {"a": None}, sources=sources) as here:
        await here.minutes(8)
        before = requested(here)
        if trouble == "broken":
            sources[0].broken = Unreachable("monitoring does not answer")
        elif trouble == "silent":
            sources[0].silent = {"a": None}
        else:
            sources[0].hanging = True
        for _ in range(90):
            if trouble == "hanging":
                import asyncio
                await here.drive(asyncio.create_task(here.fleet.tick()))
            else:
                await here.tick(MINUTE)
            assert requested(here) >= before

        assert before > 0
        assert here.fleet.plans["a"].reasons[-1].code in (ReasonCode.METRICS_MISSING, ReasonCode.METRICS_MISSING_LONG)


async def test_after_an_outage_traffic_decides_again(clock, tmp_path):
    sources = [FakeSource({"a": until(NOON + 10 * MINUTE, 20.0, 0.0)}, history=timedelta(days=3))]
    async with world(clock, tmp_path, {"a": None}, sources=sources) as here:
        await here.minutes(8)
        sources[0].broken = Unreachable("monitoring does not answer")
        await here.minutes(30)
        held = requested(here)
        sources[0].broken = None
        await here.minutes(240)

        assert (held > 0, requested(here)) == (True, 0)


async def test_the_target_stays_within_floor_and_ceiling_all_day(clock, tmp_path):
    def wild(minute):
        return float((minute * 7919) % 401)
    async with world(clock, tmp_path, {"a": wild}, min=3, max=40) as here:
        await here.minutes(120)

        assert here.levers["a"].writes
        assert all(3 <= target <= 40 for target in here.levers["a"].writes)


async def test_a_foreign_write_is_reported_and_kept_for_one_hour(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(10)}, min=10, max=10) as here:
        await here.minutes(6)
        here.levers["a"].foreign(25)
        await here.minutes(15)
        assert requested(here) == 25
        assert here.fleet.plans["a"].reasons[-1].code is ReasonCode.FOREIGN_WRITE

        await here.minutes(65)
        assert requested(here) == 10


async def test_a_foreign_write_is_overwritten_where_the_policy_says_so(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(10)}, min=10, max=10, on_foreign_write="reassert") as here:
        await here.minutes(6)
        here.levers["a"].foreign(25)
        await here.minutes(15)

        assert requested(here) == 10


async def test_another_autoscaler_is_found_before_the_first_write(clock, tmp_path):
    levers = {"a": FakeLever(clock)}
    levers["a"].owner = "target tracking"
    async with world(clock, tmp_path, {"a": steady(10)}, levers=levers, min=5) as here:
        await here.minutes(5)

        assert levers["a"].writes == []
        assert here.fleet.plans["a"].reasons[-1].code is ReasonCode.FOREIGN_OWNER


async def test_an_unchanged_target_makes_no_write_for_hours(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(10)}, min=10, max=10) as here:
        await here.minutes(180)

        assert here.levers["a"].writes == [10]
        assert len(here.store.store.decisions()) == 1
        assert here.levers["a"].calls.count("read") <= 3 + 180  # a pool with a floor is read every minute


async def test_a_pool_without_a_floor_is_read_every_ten_minutes(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(10)}, max=10) as here:
        await here.minutes(180)

        assert here.levers["a"].calls.count("read") <= 3 + len(here.levers["a"].writes) * 3 + 180 // 10


async def test_capacity_is_requested_up_to_the_quota_and_the_rest_is_reported(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(10)}, min=10) as here:
        here.levers["a"].failing["write"] = QuotaExceeded("the account leaves room for 4", allowed=4)
        await here.tick(MINUTE)
        here.levers["a"].failing.clear()
        await here.minutes(3)

        assert requested(here) == 4
        assert here.fleet.plans["a"].reasons[-1].code is ReasonCode.QUOTA


async def test_the_same_input_gives_the_same_decisions(tmp_path):
    def wild(minute):
        return float((minute * 7919) % 23)
    seen = []
    for name in ("one", "two"):
        clock = ManualClock(NOON)
        (tmp_path / name).mkdir()
        async with world(clock, tmp_path / name, {"a": wild}) as here:
            await here.minutes(40)
            seen.append([(row["at"], row["action"], row["target"], row["text"]) for row in here.store.store.decisions()])

    assert seen[0] == seen[1]
    assert seen[0]


async def test_a_failed_allocation_is_not_retried_each_minute(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(10)}, min=10, max=10) as here:
        await here.minutes(5)
        here.levers["a"].failed = True
        here.fleet.reconcilers["a"].read_at = None
        await here.minutes(30)

        # told when the allocation fails, and asked for again a quarter of an hour later at the soonest
        assert 1 <= len(here.levers["a"].writes) - 1 <= 2
        assert here.fleet.plans["a"].action in (Action.KEEP, Action.WRITE)
