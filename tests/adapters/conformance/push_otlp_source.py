"""Exporters of OpenTelemetry, one for each pool, as a demand source: of metrics, and of spans."""

import uuid
from collections.abc import Mapping
from types import SimpleNamespace
from typing import ClassVar

import aiohttp
from aiohttp import web

from controller.http.app import errors_as_json
from controller.http.handlers.otlp import metrics, traces
from tests.adapters.conformance.pushed_stage import EVERY_SECONDS, PushedStage
from tests.adapters.conformance.source_stage import IDLE

SECOND = 10**9


class ExportingStage(PushedStage):
    """Exporters that send JSON to the daemon's own handlers."""

    async def serve(self) -> None:
        await super().serve()
        published = SimpleNamespace(exports=0, started=lambda: SimpleNamespace(reports=self.reports))

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            handler = metrics if request.path == "/v1/metrics" else traces
            return await errors_as_json(lambda each: handler(published, each), request)

        self._runner = web.ServerRunner(web.Server(answer))
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._session = aiohttp.ClientSession()

    async def die(self) -> None:
        if self.runs:
            await self._session.close()
            await self._runner.cleanup()
        await super().die()

    async def post(self, path: str, body: object) -> None:
        async with self._session.post(self._url + path, json=body) as answered:
            assert answered.status == 200, await answered.text()

    @property
    def time(self) -> int:
        """Time of the senders in nanoseconds."""
        return int(self.clock.now().timestamp()) * SECOND

    @staticmethod
    def resource(pool: str) -> object:
        return {"attributes": [{"key": key, "value": {"stringValue": value}} for key, value in
                               (("service.name", pool), ("service.instance.id", f"{pool}-1"))]}


class PushOtlpMetricsSource(ExportingStage):
    """Exporters of `http.server.active_requests`, in two streams."""

    def __init__(self) -> None:
        super().__init__()
        self._start: dict[str, int] = {}
        self._lies: dict[str, float] = {}

    async def send(self, pools: list[str]) -> None:
        await self.post("/v1/metrics", {"resourceMetrics": [self.metrics_of(pool) for pool in pools]})

    def metrics_of(self, pool: str) -> object:
        in_flight = self.in_flight(pool)
        lie = self._lies.pop(pool, None)
        points = [{"startTimeUnixNano": str(self._start.get(pool, SECOND)), "timeUnixNano": str(self.time),
                   "asDouble": str(value).replace("inf", "Infinity"),
                   "attributes": [{"key": "http.request.method", "value": {"stringValue": method}}]}
                  for method, value in (("GET", in_flight if lie is None else lie), ("POST", 0))]
        data = {"dataPoints": points, "aggregationTemporality": 2}
        both = [{"name": "http.server.active_requests", "sum": data}, {"name": "other", "gauge": data}]
        return {"resource": self.resource(pool), "scopeMetrics": [{"metrics": both}]}

    def lie(self, pool: str, value: float) -> int:
        self._lies[pool] = value
        return self.now

    def reset_counters(self, pool: str) -> None:
        self._start[pool] = self.time


class PushOtlpSpansSource(ExportingStage):
    """Exporters of spans that took 20 s, and of those of health checks, which show that an idle one runs."""

    fixes, waits = 3, True
    exempt: ClassVar[Mapping[str, str]] = PushedStage.exempt | {
        "test_a_counter_that_restarts_adds_no_demand": "spans are no counters"}

    def __init__(self) -> None:
        super().__init__()
        self._lies = set[str]()
        self._sent = set[str]()

    async def send(self, pools: list[str]) -> None:
        await self.post("/v1/traces", {"resourceSpans": [self.spans_of(pool) for pool in pools]})

    def spans_of(self, pool: str) -> object:
        spans = [self.span("health", 0, "http.route")]
        if int(self.clock.now().timestamp()) % 60 == EVERY_SECONDS:
            spans += [self.span(f"{number:04x}", 20) for number in range(self.requests(pool))]
        if pool in self._lies:
            spans.append(self.span("lied", -5))
        if pool == IDLE and pool not in self._sent:
            spans.append(self.span("first", 1))
        self._sent.add(pool)
        self._lies.discard(pool)
        return {"resource": self.resource(pool), "scopeSpans": [{"spans": spans}]}

    def span(self, name: str, seconds: int, attribute: str = "gen_ai.operation.name") -> Mapping[str, object]:
        """A span of a trace of its own that ends now."""
        trace = uuid.uuid5(uuid.NAMESPACE_OID, f"{self.now} {name}").hex
        return {"traceId": trace, "startTimeUnixNano": str(self.time - seconds * SECOND), "endTimeUnixNano": str(self.time),
                "name": name, "attributes": [{"key": attribute, "value": {"stringValue": "chat"}}]}

    def lie(self, pool: str, value: float) -> int:
        self._lies.add(pool)
        return self.now
