"""Minimum instances of a Cloud Run service, in the sandbox."""

from datetime import timedelta

import numpy as np
from google.cloud import run_v2

from adapters.gcp.clients import Timeouts
from adapters.gcp.provider import Gcp
from adapters.gcp.run.min_instances import CloudRunMinInstances
from adapters.gcp.settings import CloudRunMinInstancesSettings
from adapters.runtime.clock import ManualClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import TOKEN, RunSandbox
from adapters.sandbox.world import Sandbox
from config.model.policy import PoolPolicy
from tests.builders import NOON

UPDATE, GET = "UpdateService", "GetService"
IMPATIENT = Timeouts(run=1.0, monitoring=1.0, slack=0.5)


def pool(service: str = "agent") -> PoolPolicy:
    settings = {"kind": "cloud-run-min-instances", "project": "acme", "location": "europe-west1", "service": service}
    return PoolPolicy(name=service, max=10_000, lever=CloudRunMinInstancesSettings.model_validate(settings))


class CloudRunStage:
    """Services `agent` and `neighbour`, each with one revision."""

    resource, secret, foreign_owner = "agent", TOKEN, "manual scaling"
    permission = "run.services.update"

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.world = RunSandbox(Sandbox(self.clock, seed=3))
        for name in ("agent", "neighbour"):
            self.world.add_service(name)
        self._server = GrpcSandboxServer(self.world)
        self._providers: list[Gcp] = []

    async def __aenter__(self) -> "CloudRunStage":
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for provider in self._providers:
            await provider.close()
        await self._server.stop()

    @property
    def agent(self):
        return self.world.find("projects/acme/locations/europe-west1/services/agent")

    def lever(self, *, impatient: bool = False, resource: str | None = None) -> CloudRunMinInstances:
        provider = Gcp(self.clock, np.random.default_rng(0), self._server.target, IMPATIENT if impatient else None)
        self._providers.append(provider)
        return CloudRunMinInstances(pool(resource or "agent"), provider)

    def writes(self) -> list[int]:
        return [write.value for write in self.world.calls.accepted(UPDATE)]

    def mutations(self) -> int:
        return self.world.calls.mutating.total()

    def rest(self) -> object:
        neighbour = self.world.find("projects/acme/locations/europe-west1/services/neighbour").service.message
        bare = run_v2.Service(self.agent.service.message)
        bare.scaling.min_instance_count = 0
        for state in ("generation", "observed_generation", "etag", "update_time", "last_modifier", "reconciling",
                      "terminal_condition"):
            setattr(bare, state, None)
        return run_v2.Service.pb(bare), run_v2.Service.pb(run_v2.Service(neighbour))

    async def passes(self, span: timedelta) -> None:
        await self.clock.advance(span)

    def set_by_hand(self, target: int) -> None:
        self.changes(lambda service: setattr(service.scaling, "min_instance_count", target))

    def throttle(self) -> None:
        self.world.faults.throttle()

    def fail(self) -> None:
        self.world.faults.server_error()

    def hang(self, *, writes: bool = True, resource: str | None = None) -> None:
        self.world.faults.hang(UPDATE if writes else "*", function=resource)

    def garble(self) -> None:
        self.world.faults.garbage(UPDATE)
        self.world.faults.garbage(GET, times=1)

    def lose_answers(self) -> None:
        self.world.faults.apply_without_answer(UPDATE)

    def forget_resource(self) -> str:
        return "nobody"

    def deny_writes(self) -> None:
        self.world.denied.add("run.services.update")

    def expire_credentials(self) -> None:
        self.world.expired |= self.world.accepted

    def limit(self, most: int) -> None:
        self.agent.service.message.scaling.max_instance_count = most
        self.agent.service.message.template.scaling.max_instance_count = 1000

    def other_autoscaler(self) -> None:
        scaling = self.agent.service.message.scaling
        scaling.scaling_mode, scaling.manual_instance_count = run_v2.ServiceScaling.ScalingMode.MANUAL, 3

    def in_deployment(self) -> None:
        self.changes(lambda service: setattr(service.template.containers[0], "image", "europe-docker.pkg.dev/acme/agent:2"))

    @property
    def target(self) -> str:
        """Where the sandbox answers."""
        return self._server.target

    def starve(self, most: int) -> None:
        """From now on the region has room for so many instances of the service."""
        self.agent.service.room = most

    def deploy(self, name: str = "agent", *, traffic: dict[str, int] | None = None, **template) -> None:
        """Somebody else's deployment: fields of the template, and the percent of the traffic that each revision gets."""
        def change(service) -> None:
            for name, value in template.items():
                setattr(service.template, name, value)
            if traffic is not None:
                service.traffic = [{"revision": name, "percent": percent} for name, percent in traffic.items()]

        self.changes(change, name)

    def calm(self) -> None:
        self.world.faults.clear()
        self.world.denied.clear()
        self.world.expired.clear()

    def changes(self, change, name: str = "agent") -> None:
        """Somebody else's update, from another client."""
        hosted = self.world.find(f"projects/acme/locations/europe-west1/services/{name}")
        made = run_v2.Service(hosted.service.message)
        change(made)
        self.world.update(hosted, made, "deployer@acme.example")
