"""A Cloud Run service's mornings through the real fleet, lever, source and client; only Google is emulated, at the wire."""

from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import numpy as np

from adapters.registry import Registry
from adapters.runtime.clock import ManualClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.world import Sandbox
from config.model.policy import Objective
from controller.fleet import builder
from controller.fleet.decision_log import DecisionLog
from controller.store.async_store import AsyncStore
from controller.store.state_store import Store
from forecasting.demand import DemandSeries, minute_of
from tests.adapters.conformance.cloud_run_stage import pool
from tests.builders import NOON
from tests.worlds import policy_of

MORNING = NOON.replace(hour=8)
AGENT = "projects/acme/locations/europe-west1/services/agent"


def days(before: int, after_minutes: int, at: datetime) -> DemandSeries:
    """Nobody at night; from half past eight to six, twelve at once, each request for a second."""
    minutes = np.arange(minute_of(at) - before * 1440, minute_of(at) + after_minutes)
    of_day = minutes % 1440
    peak = np.where((of_day >= 8 * 60 + 30) & (of_day < 18 * 60), 12.0, 0.0).astype(np.float32)
    return DemandSeries(int(minutes[0]), peak, peak * np.float32(0.5), peak * 30)


@asynccontextmanager
async def running(folder, mode: str = "active"):
    """Emulator and fleet on one clock, from eight in the morning of the fifth day on; the service is alone in its project, and
    sleeps."""
    clock = ManualClock(MORNING)
    google = RunSandbox(Sandbox(clock, seed=2))
    google.add_service("agent", days(4, 240, MORNING))
    changes = {"mode": mode, "max": 40, "objective": Objective(cold_start_cost_usd=0.25)}
    policy = policy_of([pool("agent").model_copy(update=changes)])
    store = AsyncStore(Store(folder / "stoker.db"))
    async with GrpcSandboxServer(google) as server:
        registry = Registry(clock, np.random.default_rng(0), sandbox_grpc=server.target)
        fleet = await builder.assemble(policy, registry, store, clock, DecisionLog(store))
        try:
            yield clock, google, fleet
        finally:
            await fleet.close()
            await registry.close()
            await store.close()


async def minutes(clock, fleet, count: int) -> None:
    for _ in range(count):
        await fleet.tick()
        await clock.advance(timedelta(minutes=1))


async def test_a_service_is_warm_before_its_morning_traffic(tmp_path):
    async with running(tmp_path) as (clock, google, fleet):
        await minutes(clock, fleet, 28)
        before = google.find(AGENT)
        warm = before.driver.instances.ready(google.now_ms())
        await minutes(clock, fleet, 32)
        totals = google.find(AGENT).driver.totals

        assert warm >= 12, "two minutes before anybody comes"
        assert totals.cold_starts_without >= 12
        assert totals.cold_starts == 0
        assert google.calls.mutating["UpdateService"] == len(google.calls.accepted("UpdateService"))
        assert {write.function for write in google.calls.writes} == {"agent"}


async def test_in_shadow_mode_a_service_is_not_changed(tmp_path):
    async with running(tmp_path, mode="shadow") as (clock, google, fleet):
        await minutes(clock, fleet, 40)

        assert fleet.plans["agent"].target >= 12
        assert google.calls.mutating.total() == 0
        assert google.find(AGENT).driver.totals.cold_starts >= 12


async def test_a_deployment_in_progress_is_not_disturbed_and_keeps_the_setting(tmp_path):
    async with running(tmp_path) as (clock, google, fleet):
        await minutes(clock, fleet, 45)
        hosted = google.find(AGENT)
        made = hosted.service.merged(hosted.service.message, ["template"])
        made.template.containers[0].image = "agent:2"
        floor, writes = made.scaling.min_instance_count, len(google.calls.writes)
        google.update(hosted, made, "deployer@acme.example")
        await minutes(clock, fleet, 4)
        during = len(google.calls.writes)
        message = google.find(AGENT).service.message

        assert floor > 0
        assert during == writes
        assert message.template.containers[0].image == "agent:2"
        assert message.scaling.min_instance_count == floor
