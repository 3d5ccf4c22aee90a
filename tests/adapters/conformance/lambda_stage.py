"""Provisioned concurrency of a Lambda alias, in the sandbox."""

from datetime import timedelta

import numpy as np

from adapters.aws.clients import Timeouts
from adapters.aws.lambda_.provisioned_concurrency import ProvisionedConcurrency
from adapters.aws.provider import Aws
from adapters.aws.settings import LambdaProvisionedConcurrencySettings
from adapters.runtime.clock import ManualClock
from adapters.sandbox.aws.lambda_.functions import Alias
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from config.model.policy import PoolPolicy
from tests.builders import NOON

PUT, DELETE = "PutProvisionedConcurrencyConfig", "DeleteProvisionedConcurrencyConfig"
SIX_MINUTES = (timedelta(minutes=6), timedelta(minutes=6))
IMPATIENT = Timeouts(connect=1.0, read={}, read_otherwise=1.0, slack=0.5)


def pool(function: str = "agent", alias: str = "live") -> PoolPolicy:
    settings = {"kind": "lambda-provisioned-concurrency", "region": "us-east-1", "function": function, "alias": alias}
    return PoolPolicy(name=function, max=10_000, lever=LambdaProvisionedConcurrencySettings.model_validate(settings))


class LambdaStage:
    """Functions `agent` and `neighbour`, each with version 1 behind the alias `live`."""

    resource, secret, foreign_owner = "agent", "AKIASTOKERSANDBOX001", "Application Auto Scaling"
    permission = "lambda:PutProvisionedConcurrencyConfig"

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.sandbox = Sandbox(self.clock, seed=3)
        for name in ("agent", "neighbour"):
            self.sandbox.add_function(name, keep_alive=SIX_MINUTES)
        self._server = SandboxServer(self.sandbox)
        self._providers: list[Aws] = []

    async def __aenter__(self) -> "LambdaStage":
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for provider in self._providers:
            await provider.close()
        await self._server.stop()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def function(self):
        return self.sandbox.hosted("agent").function

    def lever(self, *, impatient: bool = False, resource: str | None = None) -> ProvisionedConcurrency:
        provider = Aws(self.clock, np.random.default_rng(0), self._server.url, IMPATIENT if impatient else None)
        self._providers.append(provider)
        return ProvisionedConcurrency(pool(resource or "agent"), provider)

    def writes(self) -> list[int]:
        accepted = [write for write in self.sandbox.calls.writes if write.outcome == "accepted"]
        return [0 if write.operation == DELETE else write.value for write in accepted if write.operation in (PUT, DELETE)]

    def mutations(self) -> int:
        return self.sandbox.calls.mutating.total()

    def rest(self) -> object:
        function = self.function
        others = {name: at.requested for name, at in function.capacities.items() if name != "live"}
        neighbour = self.sandbox.hosted("neighbour").function
        return (
            function.state, function.last_update_status, function.reserved, function.memory_mb, sorted(function.versions),
            {name: (alias.version, dict(alias.weights), alias.revision) for name, alias in function.aliases.items()},
            others, {name: at.requested for name, at in neighbour.capacities.items()}, neighbour.aliases["live"].version,
            dict(self.sandbox.scalable_targets),
        )

    async def passes(self, span: timedelta) -> None:
        await self.clock.advance(span)

    def set_by_hand(self, target: int) -> None:
        self.function.capacity("live").put(target, self.sandbox.now_ms(), 1000, init_fails=False)

    def throttle(self) -> None:
        self.sandbox.faults.throttle()

    def fail(self) -> None:
        self.sandbox.faults.server_error()

    def hang(self, *, writes: bool = True, resource: str | None = None) -> None:
        self.sandbox.faults.hang(PUT if writes else "*", function=resource)

    def garble(self) -> None:
        for operation in (PUT, "GetProvisionedConcurrencyConfig"):
            self.sandbox.faults.garbage(operation)

    def lose_answers(self) -> None:
        self.sandbox.faults.apply_without_answer(PUT)

    def forget_resource(self) -> str:
        return "nobody"

    def deny_writes(self) -> None:
        self.sandbox.credentials.denied |= {f"lambda:{PUT}", f"lambda:{DELETE}"}

    def expire_credentials(self) -> None:
        self.sandbox.credentials.expired |= self.sandbox.credentials.accepted

    def limit(self, most: int) -> None:
        self.sandbox.hosted("neighbour").function.reserved = 1000 - 100 - most

    def other_autoscaler(self) -> None:
        target = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency",
                  "ResourceId": "function:agent:live", "MinCapacity": 1, "MaxCapacity": 9}
        made = {"CreationTime": NOON.timestamp(), "RoleARN": "arn:aws:iam::1:role/scaling"}
        self.sandbox.scalable_targets["function:agent:live"] = target | made

    def in_deployment(self) -> None:
        self.function.publish()
        self.function.aliases["live"] = Alias("live", "2", {"1": 0.9})

    def calm(self) -> None:
        self.sandbox.faults.clear()
        self.sandbox.credentials.denied.clear()
        self.sandbox.credentials.expired.clear()
