"""The demand source with the real client against the sandbox: pages, delays and errors."""

from datetime import timedelta

import numpy as np
import pytest

from adapters.gcp.monitoring import metric_reader
from adapters.gcp.provider import Gcp
from adapters.ports.errors import NotFound, PermissionDenied, Throttled, Unreachable
from adapters.runtime.clock import ManualClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.world import RunSandbox
from adapters.sandbox.world import Sandbox
from forecasting.demand import DemandSeries, instant_of, minute_of
from tests.adapters.conformance.cloud_run_stage import pool
from tests.builders import NOON, demands

START = minute_of(NOON)


def flat(peak: float, before: int, after: int = 0, each: float = 30.0) -> DemandSeries:
    """Return constant demand: `each` requests per minute and request in flight, and an average of half the peak."""
    column = np.full(before + after, peak, np.float32)
    return DemandSeries(START - before, column, column / 2, column * each)


class Ground:
    """A sandbox with services, and the source that reads them."""

    def __init__(self, **histories) -> None:
        self.clock = ManualClock(NOON)
        self.world = RunSandbox(Sandbox(self.clock, seed=11))
        for name, (history, options) in histories.items():
            self.world.add_service(name, history, **options)
        self.server = GrpcSandboxServer(self.world)
        self.names = tuple(histories)

    async def __aenter__(self) -> "Ground":
        self.provider = Gcp(self.clock, np.random.default_rng(0), await self.server.start())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.provider.close()
        await self.server.stop()

    def source(self, *names: str):
        ((source, served),) = self.provider.sources(demands(*[pool(name) for name in names or self.names]))
        assert served == (names or self.names)
        return source

    async def collect(self, minutes: int, *names: str, source=None):
        source = source or self.source(*names)
        since = {name: self.clock.now() - timedelta(minutes=minutes) for name in source.resources}
        return await source.collect(tuple(source.resources), since, self.clock.now())

    @property
    def queries(self) -> int:
        return self.world.calls.reading["ListTimeSeries"]


async def test_demand_of_the_past_is_what_was_in_flight():
    async with Ground(agent=(flat(4, 240), {})) as ground:
        telemetry = (await ground.collect(120))["agent"]
    known = telemetry.series.known

    assert known.sum() >= 115
    assert telemetry.series.busy[known] == pytest.approx(2.0, rel=1e-3)
    assert (telemetry.series.peak[known] >= 2).all()
    assert telemetry.series.invocations[known] == pytest.approx(120.0)
    assert telemetry.alive is True
    assert telemetry.duration_seconds == pytest.approx(1.0)


async def test_a_minimum_does_not_change_the_demand():
    async with Ground(agent=(flat(4, 60, 60), {})) as ground:
        hosted = ground.world.find("projects/acme/locations/europe-west1/services/agent")
        hosted.service.message.scaling.min_instance_count = 60
        ground.world.update(hosted, hosted.service.merged(hosted.service.message, ["scaling"]), "stoker")
        await ground.clock.advance(timedelta(minutes=40))
        telemetry = (await ground.collect(30))["agent"]
        active = ground.world.find(hosted.service.name).driver.table.window("active agent-00001", START + 20, START + 30)
    known = telemetry.series.known

    assert active.min() >= 30, "every instance is a little active, as on Cloud Run"
    assert telemetry.series.busy[known] == pytest.approx(2.0, rel=1e-3)
    assert telemetry.series.peak[known].max() <= 8


async def test_unpublished_minutes_are_not_requested():
    async with Ground(agent=(flat(4, 60, 60), {})) as ground:
        await ground.clock.advance(timedelta(minutes=20))
        telemetry = (await ground.collect(15))["agent"]

    newest = telemetry.series.first_minute + int(np.flatnonzero(telemetry.series.known)[-1])
    assert newest == START + 20 - 3


async def test_a_service_without_points_is_zero_while_another_has_points():
    quiet = DemandSeries(START - 60, *(np.zeros(60, np.float32) for _ in range(3)))
    async with Ground(agent=(quiet, {}), busy=(flat(2, 60), {})) as ground:
        telemetry = await ground.collect(30)

    known = telemetry["agent"].series.known
    assert known.sum() >= 25
    assert (telemetry["agent"].series.peak[known] == 0).all()


async def test_without_any_instance_absent_points_are_unknown():
    quiet = DemandSeries(START - 60, *(np.zeros(60, np.float32) for _ in range(3)))
    async with Ground(agent=(quiet, {})) as ground:
        telemetry = (await ground.collect(30))["agent"]

    assert not telemetry.series.known.any()
    assert telemetry.alive is None


async def test_a_project_scaled_to_zero_is_zero_until_the_next_request_also_in_later_collections():
    busy_then_quiet = np.repeat([3.0, 0.0, 0.0], [20, 100, 400]).astype(np.float32)
    history = DemandSeries(START - 120, busy_then_quiet, busy_then_quiet, busy_then_quiet * 5)
    async with Ground(agent=(history, {})) as ground:
        source = ground.source()
        first = (await ground.collect(110, source=source))["agent"].series
        await ground.clock.advance(timedelta(hours=5))
        later = (await ground.collect(15, source=source))["agent"].series
        afresh = (await ground.collect(15))["agent"].series

    assert first.known.sum() >= 105
    assert first.peak[first.known][-80:].max() == 0
    for series in (later, afresh):
        assert series.known.sum() >= 12
        assert (series.peak[series.known] == 0).all()


async def test_an_outage_during_traffic_is_never_read_as_scale_to_zero():
    async with Ground(agent=(flat(4, 60, 300), {})) as ground:
        await ground.clock.advance(timedelta(minutes=30))
        ground.world.faults.metrics_outage()
        await ground.clock.advance(timedelta(minutes=120))
        telemetry = (await ground.collect(60))["agent"]

    assert not telemetry.series.known.any()


async def test_an_outage_is_unknown_and_broken_while_an_instance_is_kept_warm():
    async with Ground(agent=(flat(4, 60, 120), {})) as ground:
        hosted = ground.world.find("projects/acme/locations/europe-west1/services/agent")
        hosted.service.message.scaling.min_instance_count = 5
        ground.world.update(hosted, hosted.service.merged(hosted.service.message, ["scaling"]), "stoker")
        await ground.clock.advance(timedelta(minutes=20))
        ground.world.faults.metrics_outage()
        await ground.clock.advance(timedelta(minutes=20))
        telemetry = (await ground.collect(15))["agent"]

    assert not telemetry.series.known.any()
    assert telemetry.alive is False


async def test_all_services_of_a_project_are_read_by_one_query_per_metric():
    async with Ground(**{f"agent-{n}": (flat(2, 60), {}) for n in range(12)}) as ground:
        telemetry = await ground.collect(30)

        assert ground.queries == 4
        assert all(one.series.known.sum() >= 25 for one in telemetry.values())


async def test_pages_that_split_a_series_are_joined(monkeypatch):
    monkeypatch.setattr(metric_reader, "PAGE_POINTS", 110)
    async with Ground(agent=(flat(4, 240), {}), other=(flat(6, 240), {})) as ground:
        telemetry = await ground.collect(200)

        assert ground.queries == 14, "four queries, each over several pages"
    for name, busy in (("agent", 2.0), ("other", 3.0)):
        known = telemetry[name].series.known
        assert known.sum() >= 195
        assert telemetry[name].series.busy[known] == pytest.approx(busy)


async def test_services_with_one_name_in_two_regions_are_distinct():
    async with Ground(agent=(flat(4, 60), {})) as ground:
        ground.world.add_service("agent", flat(10, 60), location="us-central1")
        telemetry = (await ground.collect(30))["agent"]

    assert telemetry.series.busy[telemetry.series.known] == pytest.approx(2.0)


async def test_only_series_of_pools_are_requested():
    async with Ground(agent=(flat(4, 60), {})) as ground:
        for number in range(5):
            ground.world.add_service(f"stranger-{number}", flat(4, 60))
        source = ground.source()
        await ground.collect(30, source=source)

        assert source.spent_usd == pytest.approx(0.5e-6 * 4), "requests, latencies, and two series for the project"


async def test_more_services_than_fit_in_a_filter_are_all_read():
    histories = {f"an-agent-with-a-rather-long-name-{n:03}": (flat(1, 30), {}) for n in range(60)}
    async with Ground(**histories) as ground:
        telemetry = await ground.collect(20)

    assert all(one.series.known.any() for one in telemetry.values())


async def test_traffic_of_two_revisions_is_summed():
    async with Ground(agent=(flat(4, 120), {})) as ground:
        service = ground.world.find("projects/acme/locations/europe-west1/services/agent").service
        service.publish(ground.clock.now())
        service.message.traffic = [{"revision": "agent-00001", "percent": 30}, {"revision": "agent-00002", "percent": 70}]
        telemetry = (await ground.collect(60))["agent"]

    assert telemetry.series.invocations[telemetry.series.known] == pytest.approx(120.0)


async def test_an_unknown_metric_has_no_points():
    async with Ground(agent=(flat(4, 60), {})) as ground:
        ground.world.unknown_metrics.add("pending_queue/pending_requests")
        telemetry = (await ground.collect(30))["agent"]

    assert telemetry.error is None
    assert telemetry.series.busy[telemetry.series.known] == pytest.approx(2.0)


async def test_a_missing_service_fails_alone():
    async with Ground(agent=(flat(4, 60), {})) as ground:
        telemetry = await ground.collect(30, "agent", "absent")

    assert isinstance(telemetry["absent"].error, NotFound)
    assert "absent" in str(telemetry["absent"].error)
    assert telemetry["agent"].error is None
    assert telemetry["agent"].series.known.any()


@pytest.mark.parametrize(("trouble", "kind"), [("throttle", Throttled), ("server_error", Unreachable), ("reset", Unreachable),
                                               ("garbage", Unreachable)])
async def test_an_error_of_every_pool_is_raised(trouble, kind):
    async with Ground(agent=(flat(4, 60), {})) as ground:
        getattr(ground.world.faults, trouble)("ListTimeSeries")
        with pytest.raises(kind, match="Cloud Run metrics of acme"):
            await ground.collect(30)


async def test_a_missing_permission_is_named():
    async with Ground(agent=(flat(4, 60), {})) as ground:
        ground.world.denied.add("monitoring.timeSeries.list")
        with pytest.raises(PermissionDenied, match=r"monitoring\.timeSeries\.list"):
            await ground.collect(30)


async def test_the_cost_of_reads_is_counted_and_estimated():
    async with Ground(agent=(flat(4, 60, 60), {}), other=(flat(2, 60, 60), {})) as ground:
        source = ground.source()
        await ground.collect(30, source=source)

        assert source.spent_usd == pytest.approx(0.5e-6 * 6)
        assert source.monthly_cost_usd(1000, timedelta(minutes=5)) == pytest.approx(13.14, rel=0.01)


async def test_long_histories_are_read_in_turn_without_errors(monkeypatch):
    from adapters.gcp.monitoring import demand_source

    monkeypatch.setattr(demand_source, "BACKFILL_POINTS", 1000)
    async with Ground(**{name: (flat(2, 600), {}) for name in ("a", "b", "c")}) as ground:
        telemetry = await ground.collect(500)

    assert [one.series.known.any() for one in telemetry.values()] == [True, False, False]
    assert all(one.error is None for one in telemetry.values())


async def test_a_window_of_no_minutes_is_empty():
    async with Ground(agent=(flat(2, 30), {})) as ground:
        telemetry = (await ground.collect(1))["agent"]

    assert len(telemetry.series) == 0
    assert instant_of(telemetry.series.first_minute) <= ground.clock.now()


async def test_history_before_the_sandbox_started_is_known_like_simulated_history():
    minutes = 240
    peak = np.where(np.arange(minutes) % 60 < 5, 4.0, 0.0).astype(np.float32)
    peak[130:150] = np.nan
    windows = []
    for first in (START - minutes, START):
        history = DemandSeries(first, peak, peak / 2, peak * 30)
        async with Ground(agent=(history, {})) as ground:
            await ground.clock.advance(timedelta(minutes=first + minutes - START))
            series = (await ground.collect(minutes))["agent"].series
        windows.append(series.window(first, first + minutes - 10))

    assert windows[0].known.tolist() == windows[1].known.tolist()
