"""Lambda's metrics in the sandbox's CloudWatch, read as a demand source."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from adapters.aws.provider import Aws
from adapters.aws.settings import CloudWatchLambdaSettings
from adapters.sandbox.server import SandboxServer
from adapters.sandbox.world import Sandbox
from tests.adapters.conformance.lambda_stage import IMPATIENT
from tests.adapters.conformance.source_stage import POOLS, SourceStage, traffic_of
from tests.builders import SHORT_IDLE


class CloudWatchStage(SourceStage):
    """Served by the sandbox: what the kinds that read CloudWatch share."""

    place, setting, secret = "us-east-1", "us-east-1", "AKIASTOKERSANDBOX001"
    fixes = 10

    def __init__(self) -> None:
        super().__init__()
        self.sandbox = Sandbox(self.clock, seed=5)
        self._port = 0

    async def serve(self) -> None:
        self._server = SandboxServer(self.sandbox, port=self._port)
        self._port = int((await self._server.start()).rpartition(":")[2])

    async def die(self) -> None:
        await self._server.stop()

    def addresses(self) -> Mapping[str, str]:
        return {"sandbox_url": self._server.url}

    def impatient(self) -> Aws:
        return Aws(self.clock, np.random.default_rng(0), self._server.url, IMPATIENT)

    def late(self, seconds: float) -> None:
        self.sandbox.faults.metrics_late(seconds)

    def show(self) -> None:
        self.sandbox.faults.metrics_back()
        self.sandbox.faults.clear()

    def hang(self, *, always: bool = False) -> None:
        self.sandbox.faults.hang("GetMetricData", times=None if always else 1)
        self._before = self.sandbox.calls.reading["GetMetricData"]

    def hung(self) -> bool:
        return self.sandbox.calls.reading["GetMetricData"] > self._before


class CloudWatchLambdaSource(CloudWatchStage):
    """A function for each pool, with an alias."""

    kind = "cloudwatch-lambda"
    exempt: ClassVar[Mapping[str, str]] = {
        "test_the_failure_of_one_pool_is_its_own": "a call reads all pools, and CloudWatch has no error of one alias; "
                                                   "the failure of one of several calls is checked with the source",
        "test_a_counter_that_restarts_adds_no_demand": "CloudWatch has sums by minute and no counters",
    }

    def __init__(self) -> None:
        super().__init__()
        for name in POOLS:
            self.sandbox.add_function(name, traffic_of(name), keep_alive=SHORT_IDLE)

    def settings(self, pool: str, *, elsewhere: bool = False) -> CloudWatchLambdaSettings:
        region = "eu-west-1" if elsewhere else "us-east-1"
        return CloudWatchLambdaSettings(kind="cloudwatch-lambda", region=region, function=pool, alias="live")

    def hide(self, pool: str | None = None) -> None:
        self.sandbox.faults.metrics_outage(function=pool)

    def lie(self, pool: str, value: float) -> int:
        table = self.sandbox.hosted(pool).driver.table
        table.put(self.now - 3, {"invocations": value, "peak": value})
        return self.now - 3
