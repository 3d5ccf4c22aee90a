"""A setting that somebody deletes, or that a deployment wipes, comes back with its floor: real fleet, levers and clients."""

from datetime import timedelta

import pytest

from adapters.sandbox.aws.lambda_.functions import Alias
from controller.decision.planning.reason_codes import ReasonCode
from tests.clouds import Clouds

READ_AGAIN = 2
"""Minutes: a pool with a floor is read every minute."""


@pytest.fixture
async def clouds(tmp_path):
    async with Clouds(tmp_path) as made:
        await made.minutes(6)
        assert made.requested == (3, 3)
        yield made


async def test_a_deleted_setting_is_restored_to_the_floor_once_its_absence_is_read(clouds):
    clouds.wipe()
    await clouds.minutes(READ_AGAIN)

    assert clouds.requested == (3, 3)
    assert [write.value for write in clouds.google.calls.accepted("UpdateService")] == [3, 3]


async def test_a_setting_deleted_right_after_its_write_is_restored_with_the_next_tick(tmp_path):
    async with Clouds(tmp_path) as clouds:
        await clouds.minutes(1)
        assert clouds.requested == (3, 3)
        clouds.wipe()
        await clouds.minutes(2)

        assert clouds.requested == (3, 3)


async def test_a_recreated_alias_and_service_get_their_floor(clouds):
    del clouds.function.aliases["live"]
    clouds.function.capacities.clear()
    await clouds.minutes(READ_AGAIN)
    missing = clouds.fleet.plans["agent"].text
    clouds.function.publish()
    clouds.function.aliases["live"] = Alias("live", "2")
    clouds.google.add_service("chat")
    await clouds.minutes(READ_AGAIN)

    assert "does not exist" in missing
    assert clouds.requested == (3, 3)


async def test_after_a_deployment_that_wipes_the_minimum_the_floor_is_set_again(clouds):
    def deployed(message) -> None:
        message.template.containers[0].image = "chat:2"
        message.scaling.min_instance_count = 0

    clouds.deploy(deployed)
    await clouds.minutes(READ_AGAIN)
    message = clouds.service.service.message

    assert message.template.containers[0].image == "chat:2"
    assert clouds.requested == (3, 3)


async def test_a_setting_deleted_while_the_daemon_is_down_is_restored_with_the_first_tick(clouds):
    await clouds.stop()
    clouds.wipe()
    await clouds.clock.advance(timedelta(minutes=5))
    await clouds.start()
    await clouds.minutes(1)

    assert clouds.requested == (3, 3)
    codes = [reason.code for reason in clouds.fleet.plans["agent"].reasons]
    assert ReasonCode.SETTING_GONE in codes


async def test_without_a_floor_a_deleted_setting_stays_deleted_for_one_hour(tmp_path):
    async with Clouds(tmp_path, low=0) as clouds:
        clouds.function.capacity("live").put(4, clouds.aws.now_ms(), 1000, init_fails=False)
        for name in ("agent", "chat"):
            each = clouds.fleet.reconcilers[name]
            each.state = each.state.__class__(written=4, written_at=clouds.clock.now() - timedelta(hours=1))
        clouds.wipe()
        await clouds.minutes(30)

        assert clouds.requested == (0, 0)
        assert clouds.aws.calls.accepted("PutProvisionedConcurrencyConfig") == []
