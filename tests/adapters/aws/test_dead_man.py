"""A scheduled action that nobody puts off any more, over the real client library and at the wire."""

from datetime import timedelta

import pytest

from adapters.aws.scaling import ACTION
from adapters.errors import Conflict
from adapters.sandbox.errors import ApiError
from adapters.sandbox.scheduled_actions import check
from tests.adapters.conformance.lambda_stage import LambdaStage

LIVE = "function:agent:live"
HALF_HOUR = timedelta(minutes=30)
REGISTER, PUT_ACTION, DELETE_ACTION = "RegisterScalableTarget", "PutScheduledAction", "DeleteScheduledAction"


@pytest.fixture
async def stage():
    async with LambdaStage() as built:
        yield built


def requested(stage):
    return stage.function.capacity("live").requested


async def ready(stage, units=8):
    lever = stage.lever()
    await lever.read()
    await lever.write(units)
    await stage.passes(timedelta(minutes=5))
    return lever


@pytest.mark.parametrize("units", [1, 3, 8])
async def test_arming_moves_no_capacity_whatever_there_is(stage, units):
    lever = await ready(stage, units)
    await lever.arm(stage.clock.now() + HALF_HOUR, 2)

    assert requested(stage) == units
    assert (await lever.read()).foreign_owner is None
    target = stage.sandbox.scalable_targets[LIVE]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 1_000_000)


async def test_put_off_it_never_fires_and_each_time_is_one_call(stage):
    lever = await ready(stage)
    await lever.arm(stage.clock.now() + HALF_HOUR, 2)
    before = dict(stage.sandbox.calls.mutating)
    for _ in range(6):
        await stage.passes(timedelta(minutes=10))
        await lever.arm(stage.clock.now() + HALF_HOUR, 2)
        assert requested(stage) == 8

    now = stage.sandbox.calls.mutating
    assert (now[PUT_ACTION] - before[PUT_ACTION], now[REGISTER] - before[REGISTER]) == (6, 0)
    assert stage.sandbox.scheduling.done == []


@pytest.mark.parametrize(("most", "left"), [(2, 2), (1, 1), (0, 1), (20, 8)])
async def test_not_put_off_it_comes_down_to_the_floor_at_its_instant_and_never_to_nothing(stage, most, left):
    lever = await ready(stage)
    at = stage.clock.now() + HALF_HOUR
    await lever.arm(at, most)
    await stage.passes(HALF_HOUR - timedelta(minutes=1))
    assert requested(stage) == 8
    await stage.passes(timedelta(hours=2))

    assert requested(stage) == left
    assert stage.sandbox.scheduling.done == [(LIVE, round(at.timestamp() * 1000))]


async def test_after_it_fired_another_process_may_raise_and_arm_again(stage):
    await (await ready(stage)).arm(stage.clock.now() + HALF_HOUR, 2)
    await stage.passes(timedelta(hours=1))
    again = stage.lever()
    assert (await again.read()).foreign_owner is None
    await again.write(9)
    await again.arm(stage.clock.now() + HALF_HOUR, 2)
    await stage.passes(timedelta(minutes=20))

    assert requested(stage) == 9


async def test_disarmed_nothing_fires_and_the_target_owns_nothing(stage):
    lever = await ready(stage)
    await lever.arm(stage.clock.now() + HALF_HOUR, 2)
    await lever.disarm()
    await stage.passes(timedelta(hours=1))

    assert requested(stage) == 8
    assert (await lever.read()).foreign_owner is None
    assert stage.sandbox.scheduled_actions == []
    await lever.disarm()


async def test_disarming_what_was_never_armed_changes_nothing(stage):
    lever = await ready(stage)
    before = stage.mutations()
    await lever.disarm()

    assert stage.mutations() == before


async def test_somebody_elses_target_is_not_touched(stage):
    lever = await ready(stage)
    stage.other_autoscaler()
    before, target = stage.mutations(), dict(stage.sandbox.scalable_targets[LIVE])
    for call in (lever.arm(stage.clock.now() + HALF_HOUR, 2), lever.disarm()):
        with pytest.raises(Conflict, match="somebody else"):
            await call

    assert (stage.mutations(), stage.sandbox.scalable_targets[LIVE]) == (before, target)


async def test_somebody_elses_action_on_our_target_makes_them_an_owner(stage):
    lever = await ready(stage)
    await lever.arm(stage.clock.now() + HALF_HOUR, 2)
    (ours,) = stage.sandbox.scheduled_actions
    assert ours["ScheduledActionName"] == ACTION
    stage.sandbox.scheduled_actions.append(ours | {"ScheduledActionName": "nightly", "Schedule": "cron(0 9 * * ? *)"})
    await stage.passes(timedelta(minutes=4))

    assert "nightly" in (await lever.read()).foreign_owner


def test_what_is_no_schedule_is_refused():
    with pytest.raises(ApiError):
        check("tomorrow")
