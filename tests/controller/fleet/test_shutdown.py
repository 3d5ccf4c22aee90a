"""Release of pools at shutdown: the plan, and the fleet."""

import asyncio
from datetime import timedelta

import pytest

from adapters.ports.errors import Throttled
from adapters.runtime.clock import ManualClock
from controller.decision.planning.guardrails import guardrails_for
from controller.decision.planning.overrides_in_force import Kind, Override
from controller.decision.planning.plan import Action
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from controller.decision.planning.record.decision_record import inputs_body, plan_body, replayed
from controller.fleet.shutdown import pools_to_release
from tests.builders import NOON, capacity, observation, pool_policy
from tests.fakes import FakeLever, steady
from tests.worlds import world

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return ManualClock(NOON)


def plan(leaving, state, requested=9, policy=None, **seen):
    seen = observation(requested, None, leaving=leaving, **seen)
    return make_plan(policy or pool_policy(min=2), state, seen, guardrails_for(seen))


OURS = PoolState(written=9, written_at=NOON - timedelta(hours=2), original_requested=4)


@pytest.mark.parametrize(("how", "state", "target"), [
    ("release", OURS, 4),
    ("release", PoolState(written=9, written_at=NOON - timedelta(hours=2), original_requested=0), 0),
    ("release", PoolState(written=9, written_at=NOON - timedelta(hours=2)), 2),
    ("floor", OURS, 2),
])
def test_a_release_restores_the_original_units_or_the_floor(how, state, target):
    made = plan(how, state)

    assert (made.action, made.target, made.reasons[0].code) == (Action.WRITE, target, ReasonCode.ON_EXIT)


@pytest.mark.parametrize("seen", [
    {"overrides": (Override(Kind.PIN, NOON + MINUTE, "me", "launch", 9),)},
    {"overrides": (Override(Kind.PAUSE, NOON + MINUTE, "me", "launch"),)},
    {"reading": capacity(9, foreign_owner="another autoscaler")},
    {"reading": capacity(11)},
    {"reading": None, "error": Throttled("slow down")},
])
def test_overrides_and_foreign_writes_prevent_a_release(seen):
    assert plan("floor", OURS, **seen).action is Action.HOLD


async def test_closing_with_leave_releases_each_pool_by_its_policy(clock, tmp_path):
    traffic = {name: steady(7) for name in ("hold", "floor", "release", "shadow")}
    levers = {name: FakeLever(clock, requested=3) for name in traffic}
    async with world(clock, tmp_path, traffic, levers=levers) as here:
        for name, each in here.fleet.reconcilers.items():
            each.policy = each.policy.model_copy(update={"on_exit": "floor" if name == "shadow" else name, "min": 1})
        shadow = here.fleet.reconcilers["shadow"]
        await here.minutes(2)
        shadow.policy = shadow.policy.model_copy(update={"mode": "shadow"})
        await here.fleet.close(leave=True)

        assert {name: lever.writes for name, lever in levers.items()} == {
            "hold": [7], "floor": [7, 1], "release": [7, 3], "shadow": [7]}
        assert here.journal.last_change["floor"].reasons[0].code is ReasonCode.ON_EXIT
        decision = here.fleet.inputs["floor"]["decision"]
        recorded, again = replayed({**plan_body(decision.plan), "inputs": inputs_body(decision)})
        assert recorded == again
        states = await here.store.run(here.store.store.load_states)
        assert (states["release"].written, states["release"].original_requested) == (None, None)
        assert states["floor"].written == 1


async def test_closing_without_leave_releases_nothing(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(7)}, on_exit="release") as here:
        await here.tick()
        await here.fleet.close()

        assert here.levers["a"].writes == [7]


async def test_closing_does_not_wait_for_a_hanging_provider_and_names_its_pools(clock, tmp_path, capsys):
    async with world(clock, tmp_path, {"a": steady(7), "slow": steady(7)}, on_exit="release") as here:
        await here.tick(MINUTE)
        here.levers["slow"].hanging.add("read")
        began = clock.now()
        await here.drive(asyncio.create_task(here.fleet.close(leave=True)), step=0.1)

        assert clock.now() - began < timedelta(seconds=40)
        assert here.levers["a"].writes == [7, 0]
        assert here.levers["slow"].writes == [7]
        said = capsys.readouterr().out
        assert "release-failed" in said
        assert "'slow'" in said


async def test_a_throttled_release_is_tried_again(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(7)}, on_exit="release") as here:
        await here.tick(MINUTE)
        lever = here.levers["a"]
        lever.failing["write"] = Throttled("slow down", timedelta(seconds=1))
        end = asyncio.create_task(here.fleet.close(leave=True))
        await here.until(lambda: lever.calls.count("write") == 2)
        lever.failing.clear()
        await here.drive(end, step=0.1)  # what is stored meanwhile takes a thread a while of the machine's time

        assert lever.writes == [7, 0]


async def test_the_original_units_survive_restarts_and_own_writes(clock, tmp_path):
    levers = {"a": FakeLever(clock, requested=5)}
    async with world(clock, tmp_path, {"a": steady(7)}, levers=levers) as here:
        await here.minutes(2)
    async with world(clock, tmp_path, {"a": steady(9)}, levers=levers) as here:
        await here.minutes(3)

        assert here.levers["a"].writes[-1] == 9
        assert here.fleet.reconcilers["a"].state.original_requested == 5


async def test_only_pools_that_stoker_has_set_are_released(clock, tmp_path):
    async with world(clock, tmp_path, {"a": steady(0), "b": steady(4)}, on_exit="release") as here:
        await here.tick()

        assert pools_to_release(here.fleet.reconcilers) == ["b"]
