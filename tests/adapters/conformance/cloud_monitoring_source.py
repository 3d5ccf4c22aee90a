"""Cloud Run's metrics in the sandbox's Cloud Monitoring, read as a demand source."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from adapters.gcp.provider import Gcp
from adapters.gcp.settings import CloudMonitoringSettings
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import TOKEN, RunSandbox
from adapters.sandbox.world import Sandbox
from tests.adapters.conformance.cloud_run_stage import IMPATIENT
from tests.adapters.conformance.source_stage import POOLS, SourceStage, traffic_of


class CloudMonitoringStage(SourceStage):
    """Served by the sandbox: what the kinds that read Cloud Monitoring share. The projects are `acme` and `other`."""

    place, setting, secret = "acme", "acme", TOKEN
    fixes = 5

    def __init__(self) -> None:
        super().__init__()
        self.world = RunSandbox(Sandbox(self.clock, seed=11))
        self._port = 0

    async def serve(self) -> None:
        self._server = GrpcSandboxServer(self.world, port=self._port)
        self._port = int((await self._server.start()).rpartition(":")[2])

    async def die(self) -> None:
        await self._server.stop()

    def addresses(self) -> Mapping[str, str]:
        return {"sandbox_grpc": self._server.target}

    def impatient(self) -> Gcp:
        return Gcp(self.clock, np.random.default_rng(0), self._server.target, IMPATIENT)

    def late(self, seconds: float) -> None:
        self.world.faults.metrics_late(seconds)

    def show(self) -> None:
        self.world.faults.metrics_back()
        self.world.faults.clear()

    def hang(self, *, always: bool = False) -> None:
        self.world.faults.hang("ListTimeSeries", times=None if always else 1)
        self._before = self.world.calls.reading["ListTimeSeries"]

    def hung(self) -> bool:
        return self.world.calls.reading["ListTimeSeries"] > self._before


class CloudMonitoringSource(CloudMonitoringStage):
    """A Cloud Run service for each pool."""

    kind = "cloud-monitoring"
    exempt: ClassVar[Mapping[str, str]] = {
        "test_a_counter_that_restarts_adds_no_demand": "Cloud Monitoring returns increases, not counters",
    }

    def __init__(self) -> None:
        super().__init__()
        for name in POOLS:
            self.world.add_service(name, traffic_of(name))
        self.world.add_service("neighbour", traffic_of("neighbour"), project="other")

    def settings(self, pool: str, *, elsewhere: bool = False) -> CloudMonitoringSettings:
        return CloudMonitoringSettings(kind="cloud-monitoring", project="other" if elsewhere else "acme",
                                       location="europe-west1", service=pool, concurrency_target=0.6)

    def hide(self, pool: str | None = None) -> None:
        self.world.faults.metrics_outage(function=pool)

    def lie(self, pool: str, value: float) -> int:
        hosted = self.world.find(f"projects/acme/locations/europe-west1/services/{pool}")
        hosted.driver.table.put(self.now - 4, {"busy": value})  # the mean of a distribution
        return self.now - 4

    def fail_for(self, pool: str) -> None:
        del self.world._hosted[f"projects/acme/locations/europe-west1/services/{pool}"]
        self.restart()  # the list of services is read again later otherwise
