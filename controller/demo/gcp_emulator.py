"""The emulated Google Cloud of a play. Needs Google's libraries, and so is imported only when a pool is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.sandbox.gcp.report import reports
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import HostedService, RunSandbox
from adapters.sandbox.world import Sandbox
from controller.demo.lever_settings import LOCATION, PROJECT
from controller.demo.outcome import Outcome
from controller.demo.scenarios import Pool


class EmulatedGoogle:
    """Cloud Run services with their traffic, on the clock of `sandbox`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._world = RunSandbox(sandbox)

    def add(self, pool: Pool) -> None:
        """Deploy a pool's service: one vCPU, and one request at a time, as agents are."""
        self._world.add_service(pool.name, pool.series, project=PROJECT, location=LOCATION, concurrency=1,
                                memory=f"{pool.memory_mb}Mi", startup_seconds=pool.init_seconds)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listen: `host:port` of the gRPC server."""
        async with GrpcSandboxServer(self._world) as server:
            yield server.target

    def kept(self, name: str) -> tuple[int, int]:
        """The minimum instances of a service, and all of its instances that are ready."""
        service = self._found(name)
        return service.service.floor, service.driver.instances.ready(self._world.now_ms())

    def outcome(self, pool: Pool) -> Outcome:
        """What a service has come to so far, at Google's prices. A start that somebody waits for is billed as work."""
        report = next(each for each in reports(self._world, pool.cold_start_cost_usd) if each.name == pool.name)
        return Outcome(
            minutes=report.minutes, invocations=report.requests, cold_starts=report.cold_starts,
            cold_starts_without=report.cold_starts_without,
            warm_minutes=report.kept_idle_instance_minutes, cost_usd=report.cost_usd,
            cost_without_usd=report.cost_without_usd,
        )

    def _found(self, name: str) -> HostedService:
        found = self._world.find(f"projects/{PROJECT}/locations/{LOCATION}/services/{name}")
        if found is None:
            raise KeyError(name)
        return found
