"""A running sandbox of Google Cloud, and Google's clients of it."""

from datetime import timedelta

import grpc
import numpy as np
from google.cloud import monitoring_v3, run_v2
from google.cloud.monitoring_v3.services.metric_service.transports import MetricServiceGrpcAsyncIOTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcAsyncIOTransport

from adapters.runtime.clock import ManualClock
from adapters.sandbox.gcp.server import GrpcSandboxServer
from adapters.sandbox.gcp.settings import RunSettings
from adapters.sandbox.gcp.world import TOKEN, RunSandbox
from adapters.sandbox.world import Sandbox
from forecasting.demand import DemandSeries, minute_of
from tests.builders import NOON

NAME = "projects/acme/locations/europe-west1/services/agent"
START = minute_of(NOON)
WHO = (("authorization", f"Bearer {TOKEN}"),)


def flat(peak: float, before: int, after: int = 0, each: float = 30.0) -> DemandSeries:
    column = np.full(before + after, peak, np.float32)
    return DemandSeries(START - before, column, column / 2, column * each)


class Ground:
    """One service `agent`, and clients with a token and without retries."""

    def __init__(self, history: DemandSeries | None = None, settings: RunSettings | None = None, **options) -> None:
        self.clock = ManualClock(NOON)
        self.world = RunSandbox(Sandbox(self.clock, seed=5), settings)
        self.world.add_service("agent", flat(3, 60, 600) if history is None else history, **options)
        self._server = GrpcSandboxServer(self.world)

    async def __aenter__(self) -> "Ground":
        self.channel = grpc.aio.insecure_channel(await self._server.start())
        self.run = run_v2.ServicesAsyncClient(transport=ServicesGrpcAsyncIOTransport(channel=self.channel))
        metrics = MetricServiceGrpcAsyncIOTransport(channel=self.channel)
        self.monitoring = monitoring_v3.MetricServiceAsyncClient(transport=metrics)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close()
        await self._server.stop()

    async def passes(self, **span: float) -> None:
        await self.clock.advance(timedelta(**span))

    async def get(self, name: str = NAME, metadata=WHO) -> run_v2.Service:
        return await self.run.get_service(name=name, metadata=metadata, retry=None)

    async def set_minimum(self, units: int, etag: str = "", **more):
        request = run_v2.UpdateServiceRequest(
            service=run_v2.Service(name=NAME, scaling={"min_instance_count": units}, etag=etag),
            update_mask={"paths": ["scaling.min_instance_count"]}, **more)
        return await self.run.update_service(request=request, metadata=WHO)

    async def series(self, metric: str, first: int, end: int, aligner: str = "ALIGN_SUM", reducer: str = "REDUCE_SUM",
                     group_by=("resource.labels.service_name",), period: int = 60, **more):
        """Return (labels, points as (minute, value), in the order of the response) of every series, over all pages."""
        request = {
            "name": "projects/acme", "filter": f'metric.type = "run.googleapis.com/{metric}"',
            "interval": {"start_time": {"seconds": first * 60}, "end_time": {"seconds": end * 60}}, **more,
        }
        if aligner != "ALIGN_NONE":
            request["aggregation"] = {"alignment_period": {"seconds": period}, "per_series_aligner": aligner,
                                      "cross_series_reducer": reducer, "group_by_fields": list(group_by)}
        found = []
        async for one in await self.monitoring.list_time_series(request=request, metadata=WHO, retry=None):
            labels = dict(one.resource.labels) | dict(one.metric.labels)
            points = [(int(point.interval.end_time.timestamp()) // 60 - 1, value_of(point)) for point in one.points]
            found.append((labels, points))
        return found


def value_of(point):
    plain = monitoring_v3.Point.pb(point).value
    kind = plain.WhichOneof("value")
    if kind == "distribution_value":
        return plain.distribution_value.count, plain.distribution_value.mean
    return getattr(plain, kind)
