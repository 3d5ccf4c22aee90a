"""What every lever must do, whatever its provider: the same checks for each kind, over a real connection.

A new lever adds one line to STAGES.
"""

import asyncio
from datetime import timedelta

import pytest

from adapters.kinds import KINDS
from adapters.ports.errors import (
    Conflict,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    QuotaExceeded,
    Retryable,
    Throttled,
    Unreachable,
)
from adapters.ports.lever import Phase
from adapters.simulated import ShadowLever
from controller.decision.planning.guardrails import GUARDRAILS
from controller.decision.planning.plan import Action
from controller.decision.planning.planner import make_plan
from controller.decision.planning.pool_state.state import PoolState
from controller.decision.planning.reason_codes import ReasonCode
from tests.adapters.conformance.cloud_run_stage import CloudRunStage
from tests.adapters.conformance.lambda_stage import LambdaStage
from tests.adapters.conformance.ping_stage import HttpStage, PingStage
from tests.adapters.conformance.stage import Stage
from tests.builders import observation, pool_policy
from tests.patience import PATIENCE_SECONDS

STAGES = {
    "lambda-provisioned-concurrency": LambdaStage,
    "cloud-run-min-instances": CloudRunStage,
    "lambda-ping": PingStage,
    "http-ping": HttpStage,
}

LONG = timedelta(minutes=10)
"""Longer than any allocation takes."""


@pytest.fixture(params=STAGES)
async def stage(request) -> Stage:
    why = getattr(STAGES[request.param], "exempt", {}).get(request.function.__name__)
    if why is not None:
        pytest.skip(why)
    async with STAGES[request.param]() as built:
        yield built


def test_every_kind_of_the_registry_is_put_to_the_checks():
    assert set(STAGES) == set(KINDS)


async def test_what_nobody_set_reads_as_zero(stage):
    seen = await stage.lever().read()

    assert (seen.requested, seen.ready, seen.phase, seen.blocked, seen.foreign_owner) == (0, 0, Phase.READY, None, None)


async def test_a_raise_is_asked_for_at_once_and_ready_later(stage):
    lever = stage.lever()
    asked = await lever.write(7)
    await stage.passes(LONG)
    seen = await lever.read()

    assert (asked.requested, asked.phase) == (7, Phase.IN_PROGRESS)
    assert asked.ready < 7
    assert (seen.requested, seen.ready, seen.phase) == (7, 7, Phase.READY)
    assert stage.writes() == [7]


async def test_zero_gives_everything_back(stage):
    lever = stage.lever()
    await lever.write(7)
    await stage.passes(LONG)
    given = await lever.write(0)
    seen = await lever.read()

    assert (given.requested, seen.requested, seen.ready) == (0, 0, 0)
    assert stage.writes() == [7, 0]


async def test_zero_is_harmless_where_nothing_is_set(stage):
    assert (await stage.lever().write(0)).requested == 0


async def test_a_write_is_absolute_and_may_be_repeated(stage):
    lever = stage.lever()
    await lever.write(7)
    await stage.passes(LONG)
    await lever.write(7)
    await stage.passes(LONG)
    seen = await lever.read()

    assert (seen.requested, seen.ready) == (7, 7)


async def test_only_the_levers_own_field_changes(stage):
    lever, before = stage.lever(), stage.rest()
    await lever.write(7)
    await stage.passes(LONG)
    await lever.write(3)
    await stage.passes(LONG)
    await lever.write(0)

    assert stage.rest() == before
    assert stage.mutations() == len(stage.writes()) == 3


async def test_looking_changes_nothing(stage):
    lever = stage.lever()
    await lever.traits()
    await lever.read()

    assert stage.mutations() == 0


async def test_in_shadow_nothing_is_sent_whatever_is_written(stage):
    shadow = ShadowLever(stage.lever(), stage.clock, timedelta(minutes=2))
    await shadow.traits()
    asked = await shadow.write(7)
    await stage.passes(LONG)
    seen = await shadow.read()
    await shadow.write(0)

    assert (asked.requested, seen.ready) == (7, 7)
    assert stage.mutations() == 0


async def test_an_unchanged_target_asks_for_no_write(stage):
    lever = stage.lever()
    await lever.write(7)
    await stage.passes(LONG)
    seen = observation(proposed=7.0, reading=await lever.read(), now=stage.clock.now())
    plan = make_plan(pool_policy(), PoolState(written=7), seen, GUARDRAILS)

    assert plan.action is Action.KEEP


async def test_the_facts_make_sense(stage):
    facts = await stage.lever().traits()

    assert facts.memory_mb is None or facts.memory_mb >= 64
    assert facts.architecture in (None, "x86_64", "arm64")
    assert facts.allowed is None or facts.allowed > 0
    assert facts.billing_step >= timedelta(0)


@pytest.mark.parametrize("call", ["read", "traits", "write"])
async def test_a_throttle_is_said_and_changes_nothing(stage, call):
    lever = stage.lever()
    stage.throttle()

    with pytest.raises(Throttled, match=stage.resource):
        await (lever.write(7) if call == "write" else getattr(lever, call)())
    assert stage.writes() == []


async def test_after_a_throttle_it_works_again(stage):
    lever = stage.lever()
    stage.throttle()
    with pytest.raises(Throttled):
        await lever.write(7)
    stage.calm()
    await stage.passes(LONG)

    assert (await lever.write(7)).requested == 7


async def test_a_servers_fault_on_a_reading_is_one_that_passes(stage):
    stage.fail()

    with pytest.raises(Unreachable, match=stage.resource):
        await stage.lever().read()


async def test_an_answer_that_is_lost_leaves_the_outcome_unknown_until_it_is_read(stage):
    lever = stage.lever()
    stage.lose_answers()
    with pytest.raises(OutcomeUnknown, match=stage.resource):
        await lever.write(7)
    seen = await lever.read()

    assert seen.requested == 7, "it was carried out"
    assert stage.writes() == [7]


async def test_a_write_that_hangs_leaves_the_outcome_unknown_until_it_is_read(stage):
    lever = stage.lever(impatient=True)
    stage.hang()
    with pytest.raises(OutcomeUnknown, match=stage.resource):
        await lever.write(7)
    seen = await lever.read()

    assert seen.requested == 0, "it was not carried out"


async def test_a_garbled_answer_is_never_taken_for_a_number(stage):
    lever = stage.lever()
    stage.garble()

    with pytest.raises(Unreachable, match=stage.resource):
        await lever.read()
    with pytest.raises(OutcomeUnknown, match=stage.resource):
        await lever.write(7)


async def test_a_hanging_resource_does_not_keep_another_waiting(stage):
    slow, quick = stage.lever(), stage.lever(resource="neighbour")
    stage.hang(writes=False, resource="agent")
    hanging = asyncio.create_task(slow.read())
    async with asyncio.timeout(PATIENCE_SECONDS):
        seen = await quick.read()

    assert seen.requested == 0
    assert not hanging.done()
    hanging.cancel()


async def test_a_cancelled_write_is_found_by_reading(stage):
    lever = stage.lever()
    stage.hang()
    writing = asyncio.create_task(lever.write(7))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not stage.mutations():  # noqa: ASYNC110  (the server counts in this very loop)
            await asyncio.sleep(0.01)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    stage.calm()

    assert (await stage.lever().read()).requested == 0


async def test_a_missing_resource_is_named(stage):
    name = stage.forget_resource()
    lever = stage.lever(resource=name)

    for call in (lever.read(), lever.traits(), lever.write(3)):
        with pytest.raises(NotFound, match=name):
            await call
    assert stage.writes() == []


async def test_a_missing_permission_is_named(stage):
    lever = stage.lever()
    stage.deny_writes()
    with pytest.raises(PermissionDenied, match=stage.permission):
        await lever.write(7)

    assert stage.writes() == []


async def test_refused_credentials_are_said_and_not_shown(stage):
    lever = stage.lever()
    stage.expire_credentials()
    with pytest.raises(PermissionDenied, match="expired") as caught:
        await lever.read()

    assert stage.secret not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


async def test_errors_are_one_line(stage):
    lever = stage.lever()
    stage.expire_credentials()
    with pytest.raises(PermissionDenied) as caught:
        await lever.read()

    assert "\n" not in str(caught.value)


async def test_somebody_elses_change_is_seen(stage):
    lever = stage.lever()
    await lever.write(7)
    await stage.passes(LONG)
    stage.set_by_hand(20)
    seen = await lever.read()

    assert seen.requested == 20
    assert stage.writes() == [7]


async def test_another_autoscaler_is_seen_before_anything_is_written(stage):
    stage.other_autoscaler()
    seen = await stage.lever().read()
    plan = make_plan(pool_policy(), PoolState(), observation(proposed=7.0, reading=seen, now=stage.clock.now()), GUARDRAILS)

    assert stage.foreign_owner in seen.foreign_owner
    assert (plan.action, plan.reasons[-1].code) == (Action.HOLD, ReasonCode.FOREIGN_OWNER)


async def test_a_deployment_under_way_holds_every_change(stage):
    lever = stage.lever()
    stage.in_deployment()
    seen = await lever.read()

    assert isinstance(seen.blocked, Conflict)
    assert stage.resource in str(seen.blocked)
    with pytest.raises(Conflict, match=stage.resource):
        await lever.write(7)
    assert stage.mutations() == 0


async def test_a_restart_in_flight_finds_the_change_under_way(stage):
    await stage.lever().write(7)
    seen = await stage.lever().read()

    assert (seen.requested, seen.phase) == (7, Phase.IN_PROGRESS)
    assert stage.writes() == [7]


async def test_a_full_account_says_how_much_is_left(stage):
    lever = stage.lever()
    stage.limit(40)
    with pytest.raises(QuotaExceeded, match=stage.resource) as caught:
        await lever.write(400)
    await stage.passes(timedelta(minutes=1))
    await lever.write(caught.value.allowed)

    assert caught.value.allowed == 40
    assert stage.writes() == [40]


async def test_no_write_was_lost_or_doubled_after_a_day_of_trouble(stage):
    lever, asked = stage.lever(), []
    for target in (3, 9, 0, 5):
        stage.fail()
        with pytest.raises(Retryable):
            await lever.read()
        stage.calm()
        await stage.passes(LONG)
        asked.append(target)
        assert (await lever.write(target)).requested == target
        await stage.passes(LONG)

    assert stage.writes() == asked
    assert (await lever.read()).ready == 5
