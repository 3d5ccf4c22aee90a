"""A setting that somebody deletes, or that a deployment wipes, comes back with its floor: real fleet, levers and clients."""

from contextlib import AsyncExitStack
from datetime import timedelta

import numpy as np
import pytest
from google.cloud import run_v2

from adapters.clock import ManualClock
from adapters.registry import Registry
from adapters.sandbox.functions import Alias
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from controller import assembly
from controller.journal import Journal
from controller.memory import StoreThread
from controller.plan import Code
from controller.store import Store
from tests.adapters.conformance import cloud_run_stage, lambda_stage
from tests.builders import NOON
from tests.worlds import policy_of

CHAT = "projects/acme/locations/europe-west1/services/chat"
READ_AGAIN = 11
"""Minutes: what nobody changes is read every ten."""


class Clouds:
    """An alias `agent:live` and a Cloud Run service `chat`, and a fleet that keeps `low` units of each."""

    def __init__(self, folder, low: int = 3, **changes) -> None:
        self.folder, self.clock = folder, ManualClock(NOON)
        self.aws = Sandbox(self.clock, seed=3)
        self.aws.add_function("agent")
        self.google = RunSandbox(self.aws)
        self.google.add_service("chat")
        pools = (lambda_stage.pool("agent"), cloud_run_stage.pool("chat"))
        self.policy = policy_of([each.model_copy(update={"mode": "active", "min": low, "max": 20, **changes}) for each in pools])
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> "Clouds":
        self.url = (await self._closing.enter_async_context(SandboxServer(self.aws))).url
        self.target = (await self._closing.enter_async_context(GrpcSandboxServer(self.google))).target
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self._closing.aclose()

    async def start(self) -> None:
        self.store = StoreThread(Store(self.folder / "stoker.db"))
        self.registry = Registry(self.clock, np.random.default_rng(0), sandbox_url=self.url, sandbox_grpc=self.target)
        self.fleet = await assembly.assemble(self.policy, self.registry, self.store, self.clock, Journal(self.store))

    async def stop(self) -> None:
        await self.fleet.close()
        await self.registry.close()
        await self.store.close()

    async def minutes(self, count: int) -> None:
        for _ in range(count):
            await self.fleet.tick()
            await self.clock.advance(timedelta(minutes=1))

    @property
    def function(self):
        return self.aws.hosted("agent").function

    @property
    def service(self):
        return self.google.find(CHAT)

    @property
    def requested(self) -> tuple[int, int]:
        return self.function.capacity("live").requested, int(self.service.service.message.scaling.min_instance_count)

    def wipe(self) -> None:
        """Somebody deletes both settings, and changes nothing else."""
        self.function.release("live", self.aws.now_ms())
        self.deploy(lambda message: setattr(message.scaling, "min_instance_count", 0))

    def deploy(self, change) -> None:
        made = run_v2.Service(self.service.service.message)
        change(made)
        self.google.update(self.service, made, "deployer@acme.example")


@pytest.fixture
async def clouds(tmp_path):
    async with Clouds(tmp_path) as made:
        await made.minutes(6)
        assert made.requested == (3, 3)
        yield made


async def test_a_setting_that_is_deleted_is_back_at_its_floor_once_that_is_read(clouds):
    clouds.wipe()
    await clouds.minutes(READ_AGAIN)

    assert clouds.requested == (3, 3)
    assert [write.value for write in clouds.google.calls.accepted("UpdateService")] == [3, 3]


async def test_one_that_is_deleted_right_after_it_was_set_is_back_with_the_next_tick(tmp_path):
    async with Clouds(tmp_path) as clouds:
        await clouds.minutes(1)
        assert clouds.requested == (3, 3)
        clouds.wipe()
        await clouds.minutes(2)

        assert clouds.requested == (3, 3)


async def test_an_alias_and_a_service_that_are_created_anew_get_their_floor(clouds):
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


async def test_a_deployment_that_wipes_the_minimum_is_left_to_end_and_the_floor_is_back_then(clouds):
    def deployed(message) -> None:
        message.template.containers[0].image = "chat:2"
        message.scaling.min_instance_count = 0

    clouds.deploy(deployed)
    await clouds.minutes(READ_AGAIN)
    message = clouds.service.service.message

    assert message.template.containers[0].image == "chat:2"
    assert clouds.requested == (3, 3)


async def test_a_setting_that_is_gone_when_the_daemon_starts_again_is_back_with_the_first_tick(clouds):
    await clouds.stop()
    clouds.wipe()
    await clouds.clock.advance(timedelta(minutes=5))
    await clouds.start()
    await clouds.minutes(1)

    assert clouds.requested == (3, 3)
    codes = [reason.code for reason in clouds.fleet.plans["agent"].reasons]
    assert Code.SETTING_GONE in codes


async def test_without_a_floor_what_somebody_deletes_stays_deleted_for_an_hour(tmp_path):
    async with Clouds(tmp_path, low=0) as clouds:
        clouds.function.capacity("live").put(4, clouds.aws.now_ms(), 1000, init_fails=False)
        for name in ("agent", "chat"):
            each = clouds.fleet.reconcilers[name]
            each.state = each.state.__class__(written=4, written_at=clouds.clock.now() - timedelta(hours=1))
        clouds.wipe()
        await clouds.minutes(30)

        assert clouds.requested == (0, 0)
        assert clouds.aws.calls.accepted("PutProvisionedConcurrencyConfig") == []
