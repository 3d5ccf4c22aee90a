"""Provisioned concurrency: aliases, deployments, quotas, and the number of calls."""

import asyncio
from datetime import timedelta

import pytest

from adapters.ports.errors import Conflict, NotFound, PermissionDenied, QuotaExceeded, Throttled, Unreachable, Unsupported
from adapters.ports.lever import Phase
from adapters.sandbox.aws.lambda_.functions import LATEST, Alias
from adapters.sandbox.aws.lambda_.provisioned_capacity import ProvisionedCapacity, Status
from adapters.sandbox.errors import conflict
from tests.adapters.conformance.lambda_stage import DELETE, PUT, LambdaStage

LONG = timedelta(minutes=10)
GET = "GetProvisionedConcurrencyConfig"


@pytest.fixture
async def stage():
    async with LambdaStage() as built:
        yield built


def asked(stage):
    """Return the count of every operation since the last call."""
    calls = stage.sandbox.calls
    counted = dict(calls.reading + calls.mutating)
    calls.reading.clear()
    calls.mutating.clear()
    return counted


async def test_a_read_is_one_call_with_a_cached_alias(stage):
    lever = stage.lever()
    await lever.traits()
    await lever.read()
    asked(stage)
    await lever.read()

    assert asked(stage) == {GET: 1}


async def test_a_write_reads_the_alias_first(stage):
    lever = stage.lever()
    await lever.traits()
    await lever.read()
    asked(stage)
    await lever.write(3)
    await lever.write(0)

    assert asked(stage) == {"GetAlias": 2, PUT: 1, DELETE: 1}


async def test_the_alias_is_read_again_after_15_minutes(stage):
    lever = stage.lever()
    await lever.read()
    await stage.passes(timedelta(minutes=16))
    asked(stage)
    await lever.read()

    assert asked(stage)["GetAlias"] == 1


async def test_scalable_targets_are_listed_once_for_all_pools(stage):
    lever = stage.lever()
    await lever.read()
    await lever.read()

    assert asked(stage)["DescribeScalableTargets"] == 1


async def test_a_traffic_shift_after_the_read_blocks_the_write(stage):
    lever = stage.lever()
    await lever.read()
    stage.in_deployment()

    with pytest.raises(Conflict, match="version 2 and 1"):
        await lever.write(3)
    assert stage.writes() == []


async def test_the_next_read_shows_the_end_of_a_deployment(stage):
    lever = stage.lever()
    stage.in_deployment()
    during = (await lever.read()).blocked
    stage.function.aliases["live"] = Alias("live", "2")

    assert isinstance(during, Conflict)
    assert (await lever.read()).blocked is None
    assert (await lever.write(3)).requested == 3


async def test_a_failing_initialisation_is_reported(stage):
    stage.function.versions["1"].init_fails = True
    lever = stage.lever()
    await lever.write(3)
    await stage.passes(LONG)
    seen = await lever.read()

    assert seen.phase is Phase.FAILED
    assert "FUNCTION_ERROR_INIT_FAILURE" in seen.detail


async def test_an_alias_stuck_between_versions_is_reported_and_not_changed(stage):
    lever = stage.lever()
    await lever.write(3)
    await stage.passes(LONG)
    stage.function.publish(init_fails=True)
    stage.function.move_alias("live", "2", stage.sandbox.now_ms(), 1000)
    await stage.passes(timedelta(minutes=20))
    seen = await lever.read()

    assert "stuck between version 2" in str(seen.blocked)
    with pytest.raises(Conflict, match="point it back"):
        await lever.write(5)
    assert stage.writes() == [3]


@pytest.mark.parametrize(("spoil", "kind", "needle"), [
    (lambda function: setattr(function.versions["1"], "snap_start", True), Unsupported, "SnapStart"),
    (lambda function: function.aliases.update(live=Alias("live", LATEST)), Unsupported, "LATEST"),
    (lambda function: setattr(function, "last_update_status", "InProgress"), Conflict, "being deployed"),
    (lambda function: setattr(function, "state", "Pending"), Conflict, "being deployed"),
])
async def test_an_unsupported_function_is_reported_without_a_write(stage, spoil, kind, needle):
    spoil(stage.function)
    lever = stage.lever()
    seen = await lever.read()

    assert isinstance(seen.blocked, kind)
    assert needle in str(seen.blocked)
    with pytest.raises(kind, match=needle):
        await lever.write(3)
    assert stage.mutations() == 0


async def test_a_deployment_that_ends_unblocks_without_waiting_for_the_hourly_facts(stage):
    stage.function.last_update_status = "InProgress"
    lever = stage.lever()
    await lever.read()
    stage.function.last_update_status = "Successful"

    assert (await lever.read()).blocked is None


async def test_a_missing_alias_differs_from_a_missing_setting(stage):
    lever = stage.lever()
    assert (await lever.read()).requested == 0
    del stage.function.aliases["live"]

    with pytest.raises(NotFound, match="alias"):
        await lever.write(3)


async def test_reserved_concurrency_is_the_limit(stage):
    stage.function.reserved = 20
    lever = stage.lever()

    assert (await lever.traits()).allowed == 20
    with pytest.raises(QuotaExceeded) as caught:
        await lever.write(21)
    assert (caught.value.allowed, caught.value.limit) == (20, (await lever.traits()).limit)
    assert caught.value.limit.name == "reserved-concurrency"
    assert str(caught.value) == ("Lambda alias agent:live in us-east-1: AWS refused 21 units: agent has 20 units of reserved "
                                 "concurrency, so at most 20 units: raise the function's reserved concurrency, or lower the "
                                 "pool's max")


async def test_the_account_is_the_limit_without_a_reservation(stage):
    """1000 units, of which 100 must stay unreserved. Only a refusal contains that number; before, 10 is assumed."""
    lever = stage.lever()
    before = (await lever.traits()).allowed
    with pytest.raises(QuotaExceeded) as caught:
        await lever.write(950)
    await stage.passes(LONG)

    assert (before, caught.value.allowed) == (990, 900)
    assert str(caught.value).startswith(
        "Lambda alias agent:live in us-east-1: AWS refused 950 units: 1000 of 1000 units of the account's concurrency in "
        "us-east-1 are not reserved, of which 100 must stay, so at most 900 units: lower the max of this or of another pool")
    assert (await lever.traits()).allowed == 900


class OneAtATime(ProvisionedCapacity):
    """Fake that refuses a change during an allocation, as users report of AWS; AWS does not document it."""

    def put(self, units, at, preparation, *, init_fails):
        if self.status is Status.IN_PROGRESS:
            raise conflict("A previous request is being processed. Please try again shortly")
        ProvisionedCapacity.put(self, units, at, preparation, init_fails=init_fails)


async def test_a_put_refused_during_an_allocation_is_not_tried_again_before_its_end(stage):
    stage.function.capacities["live"] = OneAtATime()
    lever = stage.lever()
    await lever.write(3)
    with pytest.raises(Conflict, match="previous request"):
        await lever.write(5)
    during = (await lever.read()).blocked
    await stage.passes(LONG)

    assert "an earlier change is in progress" in str(during)
    assert (await lever.read()).blocked is None
    assert (await lever.write(5)).requested == 5


async def test_a_put_during_an_allocation_is_accepted_here(stage):
    lever = stage.lever()
    await lever.write(3)
    await lever.write(5)

    assert (await lever.read()).blocked is None
    assert stage.writes() == [3, 5]


async def test_without_getfunction_the_two_narrower_calls_do(stage):
    stage.sandbox.credentials.denied.add("lambda:GetFunction")
    stage.function.reserved = 33
    lever = stage.lever()
    facts = await lever.traits()
    asked(stage)
    await lever.traits()

    assert (facts.memory_mb, facts.allowed) == (1024, 33)
    assert asked(stage) == {"GetFunctionConfiguration": 1, "GetFunctionConcurrency": 1}


async def test_without_any_of_them_the_missing_permission_is_named(stage):
    stage.sandbox.credentials.denied |= {"lambda:GetFunction", "lambda:GetFunctionConfiguration"}

    with pytest.raises(PermissionDenied, match="lambda:GetFunctionConfiguration"):
        await stage.lever().traits()


async def test_nothing_is_written_while_other_autoscalers_are_unknown(stage):
    stage.sandbox.credentials.denied.add("application-autoscaling:DescribeScalableTargets")
    seen = await stage.lever().read()

    assert seen.requested == 0
    assert isinstance(seen.blocked, PermissionDenied)
    assert "application-autoscaling:DescribeScalableTargets" in str(seen.blocked)


async def test_a_failed_listing_keeps_the_last_one(stage):
    lever = stage.lever()
    stage.other_autoscaler()
    await lever.read()
    stage.sandbox.faults.server_error("DescribeScalableTargets")
    await stage.passes(LONG)
    seen = await lever.read()

    assert seen.blocked is None
    assert "1 to 9" in seen.foreign_owner


async def test_a_wholly_suspended_target_owns_nothing(stage):
    stage.other_autoscaler()
    switches = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
    stage.sandbox.scalable_targets["function:agent:live"]["SuspendedState"] = dict.fromkeys(switches, True)

    assert (await stage.lever().read()).foreign_owner is None


async def test_a_target_on_the_aliass_version_is_an_owner(stage):
    stage.other_autoscaler()
    targets = stage.sandbox.scalable_targets
    targets["function:agent:1"] = targets.pop("function:agent:live") | {"ResourceId": "function:agent:1"}

    assert (await stage.lever().read()).foreign_owner is not None


async def test_calls_above_the_rate_limit_wait(stage):
    lever = stage.lever()
    await lever.read()
    for _ in range(6):
        await lever.read()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await lever.read()

    assert asked(stage)[GET] == 7


async def test_a_throttled_call_slows_every_pool_of_the_region(stage):
    lever = stage.lever()
    await lever.read()
    stage.sandbox.faults.throttle(GET, times=1)
    with pytest.raises(Throttled):
        await lever.read()

    assert lever._plane._bucket.wait() > 0


async def test_a_negative_target_raises_value_error(stage):
    with pytest.raises(ValueError, match="negative"):
        await stage.lever().write(-1)


async def test_a_missing_endpoint_is_unreachable(stage):
    lever = stage.lever()
    await stage._server.stop()

    with pytest.raises(Unreachable, match="cannot be reached"):
        await lever.read()
