"""The emulated Google Cloud of a demo. It needs Google's libraries, so it is imported only if a pool uses it."""

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
    """Emulated Cloud Run services with traffic, on the clock of `sandbox`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._world = RunSandbox(sandbox)

    def add(self, pool: Pool) -> None:
        """Deploy the service of a pool: 1 vCPU, 1 request at a time."""
        self._world.add_service(pool.name, pool.series, project=PROJECT, location=LOCATION, concurrency=1,
                                memory=f"{pool.memory_mb}Mi", startup_seconds=pool.init_seconds)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Listen; yield `host:port` of the gRPC server."""
        async with GrpcSandboxServer(self._world) as server:
            yield server.target

    def capacity(self, name: str) -> tuple[int, int]:
        """Return the minimum instances of a service, and its number of ready instances."""
        service = self._found(name)
        return service.service.floor, service.driver.instances.ready(self._world.now_ms())

    def outcome(self, pool: Pool) -> Outcome:
        """Return the outcome of a service so far, at Google's prices. A cold start is billed as work."""
        report = next(each for each in reports(self._world, pool.cold_start_cost_usd) if each.name == pool.name)
        return Outcome(
            minutes=report.minutes, invocations=report.requests, cold_starts=report.cold_starts,
            cold_starts_without=report.cold_starts_without,
            warm_minutes=report.kept_idle_instance_minutes,
            bill_usd=report.cost_usd - report.cold_start_usd,
            bill_without_usd=report.cost_without_usd - report.cold_start_without_usd,
            cold_start_cost_usd=report.cold_start_usd, cold_start_cost_without_usd=report.cold_start_without_usd,
        )

    def _found(self, name: str) -> HostedService:
        service = self._world.find(f"projects/{PROJECT}/locations/{LOCATION}/services/{name}")
        if service is None:
            raise KeyError(name)
        return service
