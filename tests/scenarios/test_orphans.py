"""Pools that are taken out of the policy, over restarts: real fleet, levers, clients and store."""

import pytest
import structlog

from tests.adapters.conformance import lambda_stage
from tests.clouds import Clouds
from tests.worlds import policy_of

MUTATING = ("PutProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig", "UpdateService")


@pytest.fixture
async def clouds(tmp_path):
    async with Clouds(tmp_path) as made:
        await made.minutes(3)
        assert made.requested == (3, 3)
        yield made


async def restarted(clouds, pools) -> list[dict]:
    """The daemon's next life under a policy of these pools, with its first look; what it logs of orphans."""
    await clouds.stop()
    clouds.policy = policy_of(pools)
    with structlog.testing.capture_logs() as lines:
        await clouds.start()
        await clouds.fleet.orphans.refresh()
        await clouds.minutes(2)
    return [line for line in lines if line["event"].startswith("orphan")]


def both(clouds):
    return {pool.name: pool for pool in clouds.policy.pools}


async def test_an_orphan_is_reported_after_each_start_and_never_written_to(clouds):
    pools = both(clouds)
    writes = {name: clouds.aws.calls.mutating[name] for name in MUTATING}
    first = await restarted(clouds, [pools["chat"]])
    again = await restarted(clouds, [pools["chat"]])

    for lines in (first, again):
        assert [(line["event"], line["pool"], line["units"]) for line in lines] == [("orphan", "agent", 3)]
        assert "stoker release" in lines[0]["text"]
        assert lines[0]["log_level"] == "warning"
    (shown,) = clouds.fleet.orphans.shown()
    assert (shown["pool"], shown["resource"], shown["units"]) == ("agent", "region=us-east-1 function=agent alias=live", 3)
    assert clouds.requested == (3, 3)
    assert {name: clouds.aws.calls.mutating[name] for name in MUTATING} == writes


async def test_an_orphan_on_google_is_reported(clouds):
    pools = both(clouds)
    lines = await restarted(clouds, [pools["agent"]])

    assert [(line["pool"], line["units"]) for line in lines] == [("chat", 3)]
    assert clouds.fleet.orphans.found[0].requested == 3


async def test_a_renamed_pool_keeps_its_units_and_leaves_no_orphan(clouds):
    pools = both(clouds)
    lines = await restarted(clouds, [pools["agent"].model_copy(update={"name": "renamed"}), pools["chat"]])

    assert lines == []
    assert clouds.fleet.reconcilers["renamed"].state.written == 3
    assert clouds.fleet.reconcilers["renamed"].state.original_requested == 0


async def test_a_pool_added_back_continues_with_its_state(clouds):
    pools = both(clouds)
    await restarted(clouds, [pools["chat"]])
    lines = await restarted(clouds, list(pools.values()))

    assert lines == []
    assert clouds.fleet.orphans.found == ()
    assert clouds.fleet.reconcilers["agent"].state.written == 3


async def test_a_pool_moved_to_another_resource_leaves_the_former_units_as_an_orphan(clouds):
    pools = both(clouds)
    clouds.aws.add_function("other")
    moved = pools["agent"].model_copy(update={"lever": lambda_stage.pool("other").lever})
    lines = await restarted(clouds, [moved, pools["chat"]])

    assert [(line["pool"], line["units"]) for line in lines] == [("agent", 3)]
    assert clouds.fleet.reconcilers["agent"].state.original_requested == 0
    assert clouds.aws.hosted("other").function.capacity("live").requested == 3
    assert clouds.requested == (3, 3)


@pytest.mark.parametrize("gone", ["deleted", "set by others", "the function too"])
async def test_an_orphan_without_units_is_forgotten_permanently(clouds, gone):
    pools = both(clouds)
    await restarted(clouds, [pools["chat"]])
    if gone == "deleted":
        clouds.function.release("live", clouds.aws.now_ms())
    elif gone == "set by others":
        clouds.function.capacity("live").put(8, clouds.aws.now_ms(), 0, init_fails=False)
    else:
        del clouds.function.aliases["live"]
        clouds.function.capacities.clear()
    with structlog.testing.capture_logs() as lines:
        await clouds.fleet.orphans.refresh()
    later = await restarted(clouds, [pools["chat"]])

    assert [line["event"] for line in lines] == ["orphan-gone"]
    assert later == []


async def test_an_orphan_of_an_unreachable_provider_is_reported_with_the_reason(clouds):
    pools = both(clouds)
    await restarted(clouds, [pools["chat"]])
    clouds.aws.faults.server_error()
    await clouds.fleet.orphans.refresh()
    (shown,) = clouds.fleet.orphans.shown()

    assert shown["units"] == 3
    assert "no usable response" in shown["error"]


async def test_a_pool_in_shadow_mode_is_never_an_orphan(tmp_path):
    async with Clouds(tmp_path, mode="shadow") as clouds:
        await clouds.minutes(3)
        pools = both(clouds)
        lines = await restarted(clouds, [pools["chat"]])

        assert lines == []
