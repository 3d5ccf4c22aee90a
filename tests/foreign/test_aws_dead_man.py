"""The dead man's switch at an Application Auto Scaling that this project did not write.

moto keeps scheduled actions and runs none, so the test itself works out what AWS documents: capacity moves into the range.
"""

import signal
from datetime import datetime, timedelta

import pytest

from adapters.runtime.clock import SystemClock
from tests.e2e.daemons import daemon, policy_text

TICKS = ("--tick-seconds", "0.5")
SLACK = timedelta(minutes=2)


@pytest.fixture
def scaled(account, tmp_path):
    """An account with a function, the client of its Application Auto Scaling, and a writer of policies."""
    name = f"kept-{account.number}"
    account.function(name, units=5)

    def policy(after):
        path = tmp_path / "policy.yaml"
        path.write_text(policy_text(name, low=2) + (f"    dead_man: {{after: {after}}}\n" if after else ""))
        return path

    return account, name, account.client("application-autoscaling", account.scaling.url), policy


def actions_of(scaling, name):
    """Each scheduled action of the alias by its name: when, the least and the most."""
    listed = scaling.describe_scheduled_actions(ServiceNamespace="lambda", ResourceId=f"function:{name}:live")["ScheduledActions"]
    found = {}
    for each in listed:
        at, bounds = datetime.strptime(each["Schedule"] + "+0000", "at(%Y-%m-%dT%H:%M:%S)%z"), each["ScalableTargetAction"]
        found[each["ScheduledActionName"]] = at, bounds["MinCapacity"], bounds["MaxCapacity"]
    return found


def target_of(scaling, name):
    answer = scaling.describe_scalable_targets(ServiceNamespace="lambda", ResourceIds=[f"function:{name}:live"])
    [target] = answer["ScalableTargets"]
    return target["MinCapacity"], target["MaxCapacity"], target.get("SuspendedState")


def is_ahead_by(instant, span):
    return timedelta(0) <= SystemClock().now() + span - instant + timedelta(seconds=1) < SLACK


async def test_scheduled_actions_are_created_renewed_and_removed(scaled, tmp_path):
    account, name, scaling, policy = scaled
    for after, span in (("10m", timedelta(minutes=10)), ("30m", timedelta(minutes=30))):
        async with daemon(policy(after), tmp_path / "state", None, *TICKS, environment=account.environment) as run:
            await run.until(lambda span=span: [at for at, *_ in actions_of(scaling, name).values() if is_ahead_by(at, span)])
            assert await run.end(signal.SIGTERM) == 0
        assert [order[1:] for order in actions_of(scaling, name).values()] == [(0, 2)], "down to the floor, and never up"
        least, most, suspended = target_of(scaling, name)
        assert (least, most > 100_000) == (0, True), "to register a target moves no capacity"
        assert suspended == {"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True,
                             "ScheduledScalingSuspended": False}

    async with daemon(policy(None), tmp_path / "state", None, *TICKS, environment=account.environment) as run:
        await run.until(lambda: not actions_of(scaling, name))
        assert await run.end(signal.SIGTERM) == 0

    assert target_of(scaling, name)[2]["ScheduledScalingSuspended"] is True
    assert account.requested(name) == 5


async def test_after_a_kill_scheduled_actions_lower_capacity_to_the_floor(scaled, tmp_path):
    account, name, scaling, policy = scaled
    async with daemon(policy("10m"), tmp_path / "state", None, *TICKS, environment=account.environment) as run:
        await run.until(lambda: actions_of(scaling, name))
        assert await run.end(signal.SIGKILL) == -signal.SIGKILL

    [(at, least, most)] = actions_of(scaling, name).values()
    assert account.requested(name) == 5
    assert SystemClock().now() < at <= SystemClock().now() + timedelta(minutes=10)
    assert min(max(account.requested(name), least), most) == 2, "what the action makes of it"


async def test_a_foreign_scalable_target_is_not_changed_and_gets_no_scheduled_actions(scaled, tmp_path):
    account, name, scaling, policy = scaled
    account.scalable_target(name, least=1, most=9)
    async with daemon(policy("10m"), tmp_path / "state", None, *TICKS, environment=account.environment) as run:
        await run.until(lambda: run.told("decision", action="hold"))
        assert await run.end(signal.SIGTERM) == 0

    assert target_of(scaling, name)[:2] == (1, 9)
    assert actions_of(scaling, name) == {}
