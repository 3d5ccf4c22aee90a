"""A real fleet on both clouds: levers, sources and clients are real, and the clouds are the sandbox, on one clock."""

from contextlib import AsyncExitStack
from datetime import timedelta

import numpy as np
from google.cloud import run_v2

from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from controller.fleet import builder
from controller.fleet.decision_log import DecisionLog
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from tests.adapters.conformance import cloud_run_stage, lambda_stage
from tests.builders import NOON
from tests.worlds import policy_of

CHAT = "projects/acme/locations/europe-west1/services/chat"


class Clouds:
    """An alias `agent:live` and a Cloud Run service `chat`, and a fleet that keeps `low` units of each."""

    def __init__(self, folder, low: int = 3, *, history=None, only=("agent", "chat"), **changes) -> None:
        self.folder, self.clock = folder, ManualClock(NOON)
        self.aws = Sandbox(self.clock, seed=3)
        self.aws.add_function("agent", history)
        self.google = RunSandbox(self.aws)
        self.google.add_service("chat")
        pools = [each for each in (lambda_stage.pool("agent"), cloud_run_stage.pool("chat")) if each.name in only]
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
        self.store = AsyncStore(Store(self.folder / "stoker.db"))
        self.registry = Registry(self.clock, np.random.default_rng(0), sandbox_url=self.url, sandbox_grpc=self.target)
        self.fleet = await builder.assemble(self.policy, self.registry, self.store, self.clock, DecisionLog(self.store))

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
