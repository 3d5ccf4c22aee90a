"""Scheduled actions that run when they are not postponed, through the real client library over HTTP."""

from contextlib import suppress
from datetime import timedelta

import pytest

from adapters.aws.autoscaling.scaling_policies import ACTION, SCALING
from adapters.aws.autoscaling.scheduled_fallback import named
from adapters.ports.errors import AdapterError, Conflict
from adapters.ports.lever import ScheduledChange
from adapters.sandbox.aws.autoscaling.scheduled_actions import check
from adapters.sandbox.errors import ApiError
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


def down(stage, most=2):
    return [ScheduledChange(stage.clock.now() + HALF_HOUR, most)]


def along(stage, *units):
    """Return changes for each half hour of the clock, from 30 min on, and a final one to at most 2 units."""
    at = stage.clock.now() + HALF_HOUR
    begins = [at, *(at.replace(minute=0, second=0) + (slot + 1) * HALF_HOUR for slot in range(6))]
    begins = [at, *[each for each in begins[1:] if each > at][:len(units)]]
    return [*(ScheduledChange(begin, each, each) for begin, each in zip(begins, units, strict=False)),
            ScheduledChange(begins[len(units)], 2)]


async def arm(stage, lever, orders):
    """Arm after the rate limit of 2 calls a second allows it."""
    await stage.passes(timedelta(seconds=10))
    await lever.arm(orders)


def at(order):
    return f"at({order.at:%Y-%m-%dT%H:%M:%S})"


def waiting(stage):
    return {each["ScheduledActionName"]: each["Schedule"] for each in stage.sandbox.scheduled_actions}


@pytest.mark.parametrize("units", [1, 3, 8])
async def test_arming_changes_no_capacity(stage, units):
    lever = await ready(stage, units)
    await lever.arm(down(stage))

    assert requested(stage) == units
    assert (await lever.read()).foreign_owner is None
    target = stage.sandbox.scalable_targets[LIVE]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 1_000_000)


async def test_a_postponed_action_never_runs_and_costs_one_call(stage):
    lever = await ready(stage)
    await lever.arm(down(stage))
    before = dict(stage.sandbox.calls.mutating)
    for _ in range(6):
        await stage.passes(timedelta(minutes=10))
        await lever.arm(down(stage))
        assert requested(stage) == 8

    now = stage.sandbox.calls.mutating
    assert (now[PUT_ACTION] - before[PUT_ACTION], now[REGISTER] - before[REGISTER]) == (6, 0)
    assert stage.sandbox.scheduling.done == []


@pytest.mark.parametrize(("most", "left"), [(2, 2), (1, 1), (0, 1), (20, 8)])
async def test_without_a_postponement_capacity_falls_to_the_floor(stage, most, left):
    lever = await ready(stage)
    at = stage.clock.now() + HALF_HOUR
    await lever.arm([ScheduledChange(at, most)])
    await stage.passes(HALF_HOUR - timedelta(minutes=1))
    assert requested(stage) == 8
    await stage.passes(timedelta(hours=2))

    assert requested(stage) == left
    assert stage.sandbox.scheduling.done == [(LIVE, round(at.timestamp() * 1000))]


async def test_after_an_action_ran_another_process_can_raise_and_arm(stage):
    await (await ready(stage)).arm(down(stage))
    await stage.passes(timedelta(hours=1))
    again = stage.lever()
    assert (await again.read()).foreign_owner is None
    await again.write(9)
    await again.arm(down(stage))
    await stage.passes(timedelta(minutes=20))

    assert requested(stage) == 9


async def test_without_a_postponement_capacity_follows_the_schedule(stage):
    lever = await ready(stage)
    orders = along(stage, 12, 5, 20)
    await arm(stage, lever, orders)
    seen = []
    for order in orders:
        await stage.passes(order.at - stage.clock.now() + timedelta(seconds=30))
        seen.append(requested(stage))
        assert (await stage.lever().read()).foreign_owner is None

    assert seen == [12, 5, 20, 2]
    await stage.passes(timedelta(days=1))
    assert requested(stage) == 2


async def test_only_changed_actions_are_written_and_others_removed(stage):
    lever = await ready(stage)
    orders = along(stage, 12, 5, 20)
    await arm(stage, lever, orders)
    before, names = dict(stage.sandbox.calls.mutating), waiting(stage)
    moved = [ScheduledChange(orders[0].at + timedelta(minutes=3), 12, 12), *orders[1:]]
    await arm(stage, lever, moved)
    now = stage.sandbox.calls.mutating
    assert (now[PUT_ACTION] - before[PUT_ACTION], now[REGISTER] - before[REGISTER]) == (1, 0)
    assert waiting(stage).keys() == names.keys()
    await arm(stage, lever, down(stage))

    assert list(waiting(stage)) == [ACTION]
    assert stage.sandbox.calls.mutating[DELETE_ACTION] == len(names) - 1


async def test_another_process_removes_the_actions_of_the_previous_one(stage):
    await arm(stage, await ready(stage), along(stage, 12, 5, 20))
    assert len(waiting(stage)) == 4
    await arm(stage, stage.lever(), down(stage))

    assert list(waiting(stage)) == [ACTION]


async def test_a_daemon_that_returns_during_the_schedule_can_set_capacity(stage):
    orders = along(stage, 12, 5, 20)
    await arm(stage, await ready(stage), orders)
    await stage.passes(orders[1].at - stage.clock.now() + timedelta(minutes=1))
    assert requested(stage) == 5
    again = stage.lever()
    assert (await again.read()).foreign_owner is None
    await again.write(9)
    await arm(stage, again, down(stage))
    await stage.passes(timedelta(minutes=25))

    assert requested(stage) == 9


async def test_an_interrupted_arm_runs_no_action_earlier(stage):
    lever = await ready(stage)
    orders = along(stage, 12, 5, 20)
    await arm(stage, lever, orders)
    later = [ScheduledChange(order.at + timedelta(minutes=2), order.most + 1, order.least and order.least + 1)
             for order in orders]
    stage.sandbox.faults.apply_without_answer(PUT_ACTION)
    with pytest.raises(AdapterError):
        await arm(stage, lever, later)
    stage.sandbox.faults.clear()
    cut = dict(waiting(stage))
    await arm(stage, lever, later)

    end = list(named(later).items())[-1:]
    assert cut == {name: at(order) for name, order in [*named(orders).items(), *end]}
    assert waiting(stage) == {name: at(order) for name, order in named(later).items()}


async def test_after_disarm_no_action_runs_and_the_target_owns_nothing(stage):
    lever = await ready(stage)
    await lever.arm(down(stage))
    await lever.disarm()
    await stage.passes(timedelta(hours=1))

    assert requested(stage) == 8
    assert (await lever.read()).foreign_owner is None
    assert stage.sandbox.scheduled_actions == []
    await lever.disarm()


async def test_disarm_without_arm_changes_nothing(stage):
    lever = await ready(stage)
    before = stage.mutations()
    await lever.disarm()

    assert stage.mutations() == before


async def test_a_foreign_target_is_not_changed(stage):
    lever = await ready(stage)
    stage.other_autoscaler()
    before, target = stage.mutations(), dict(stage.sandbox.scalable_targets[LIVE])
    with pytest.raises(Conflict, match="that Stoker did not register"):
        await lever.arm(down(stage))
    await lever.disarm()

    assert (stage.mutations(), stage.sandbox.scalable_targets[LIVE]) == (before, target)


async def test_disarm_deletes_only_stokers_actions_of_a_foreign_target(stage):
    lever = await ready(stage)
    await arm(stage, lever, along(stage, 12, 5))
    stage.other_autoscaler()
    target, nightly = dict(stage.sandbox.scalable_targets[LIVE]), {"ScheduledActionName": "nightly"}
    stage.sandbox.scheduled_actions.append(stage.sandbox.scheduled_actions[0] | nightly | {"Schedule": "cron(0 9 * * ? *)"})
    await stage.passes(timedelta(seconds=10))
    await lever.disarm()

    assert list(waiting(stage)) == ["nightly"]
    assert stage.sandbox.scalable_targets[LIVE] == target


async def test_disarm_of_a_target_without_actions_changes_nothing(stage):
    lever = await ready(stage)
    stage.sandbox.scalable_targets[LIVE] = {
        **SCALING, "ResourceId": LIVE, "MinCapacity": 0, "MaxCapacity": 50,
        "SuspendedState": {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True}}
    before = stage.mutations()
    await lever.disarm()

    assert stage.mutations() == before


async def test_without_permission_to_read_actions_only_armed_pools_hold(stage):
    quiet = {"SuspendedState": {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True}}
    target = {**SCALING, **quiet, "MinCapacity": 5, "MaxCapacity": 5}
    stage.sandbox.credentials.denied.add("application-autoscaling:DescribeScheduledActions")
    stage.sandbox.scalable_targets["function:other:live"] = target | {"ResourceId": "function:other:live"}
    seen = await stage.lever().read()
    assert (seen.foreign_owner, seen.blocked) == (None, None)
    stage.sandbox.scalable_targets[LIVE] = target | {"ResourceId": LIVE}
    await stage.passes(timedelta(minutes=4))

    assert "its actions cannot be read" in (await stage.lever().read()).foreign_owner


async def test_disarm_keeps_foreign_actions_on_stokers_target(stage):
    lever = await ready(stage)
    await lever.arm(down(stage))
    stage.sandbox.scheduled_actions.append(stage.sandbox.scheduled_actions[0] | {
        "ScheduledActionName": "nightly", "Schedule": "cron(0 9 * * ? *)"})
    await lever.disarm()

    assert list(waiting(stage)) == ["nightly"]
    assert not stage.sandbox.scalable_targets[LIVE]["SuspendedState"]["ScheduledScalingSuspended"]


async def test_after_forget_actions_of_another_process_are_removed(stage):
    lever, other = await ready(stage), stage.lever()
    await arm(stage, lever, along(stage, 12))
    await arm(stage, other, along(stage, 12, 5, 20))
    lever.forget()
    await arm(stage, lever, down(stage))

    assert list(waiting(stage)) == [ACTION]


@pytest.mark.parametrize("calls", range(1, 5))
@pytest.mark.parametrize("way", ["nothing", "the floor", "a plan"])
async def test_an_arm_interrupted_after_any_call_ends_at_the_floor(stage, way, calls):
    lever = await ready(stage)
    if way != "nothing":
        await arm(stage, lever, down(stage) if way == "the floor" else along(stage, 12, 5, 20))
    put, delete, made = lever._switch._put, lever._switch._delete, []

    def up_to(call):
        async def once_more(*given):
            if len(made) == calls:
                raise Conflict("cut short")
            made.append(given)
            await call(*given)
        return once_more

    lever._switch._put, lever._switch._delete = up_to(put), up_to(delete)
    with suppress(Conflict):
        await arm(stage, lever, down(stage) if way == "a plan" else along(stage, 12, 5, 20))

    ends = max(stage.sandbox.scheduled_actions, key=lambda each: each["Schedule"])
    assert len(made) == calls
    assert ends["ScalableTargetAction"] == {"MinCapacity": 0, "MaxCapacity": 2}


async def test_a_foreign_action_on_stokers_target_is_a_foreign_owner(stage):
    lever = await ready(stage)
    await lever.arm(down(stage))
    (ours,) = stage.sandbox.scheduled_actions
    assert ours["ScheduledActionName"] == ACTION
    stage.sandbox.scheduled_actions.append(ours | {"ScheduledActionName": "nightly", "Schedule": "cron(0 9 * * ? *)"})
    await stage.passes(timedelta(minutes=4))

    assert "nightly" in (await lever.read()).foreign_owner


def test_an_invalid_schedule_is_refused():
    with pytest.raises(ApiError):
        check("tomorrow")
