"""Queries to a server with Prometheus' API, read as a demand source."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from aiohttp import web

from adapters.prometheus.client import PrometheusClient
from adapters.prometheus.provider import Prometheus
from adapters.prometheus.settings import PrometheusSettings
from tests.adapters.conformance.http_source_stage import HttpSourceStage
from tests.adapters.conformance.source_stage import BEFORE, IDLE, POOLS, START, requests_of
from tests.adapters.prometheus.fake_prometheus import FakePrometheus

PEAK, BUSY = 'max_over_time(flying{app="{pool}"}[1m])', 'avg_over_time(flying{app="{pool}"}[1m])'
REQUESTS, PROOF = 'increase(requests_total{app="{pool}"}[1m])', 'min_over_time(up{app="{pool}"}[1m])'


class PrometheusSource(HttpSourceStage):
    """Three series and a proof for each pool. A minute without requests has no point."""

    kind, place, setting = "prometheus", "127.0.0.1", "peak of pool"
    fixes, reports_impossible = 2, False  # a division by zero is usual in PromQL
    exempt: ClassVar[Mapping[str, str]] = {
        "test_a_counter_that_restarts_adds_no_demand": "the server computes increases, and its results are no counters",
    }

    def __init__(self) -> None:
        super().__init__()
        self.fake, self._hanging, self.hanging_now = FakePrometheus(self.clock), 0, 0
        self._late = 0
        self._hidden: dict[str, list[int]] = {name: [] for name in (*POOLS, "all")}
        self._lies: dict[tuple[str, int], float] = {}

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        await self.listen(app)

    async def _answer(self, request: web.Request) -> web.Response:
        if self._hanging:
            self._hanging -= 1
            self.hanging_now += 1
            await asyncio.Event().wait()
        self._publish()
        return await self.fake.respond(request)

    def _publish(self) -> None:
        """Give the server the points that exist now."""
        minutes = np.arange(START - BEFORE, self.now - self._late)
        for pool in POOLS:
            requests = requests_of(pool, minutes)
            shown = {template: {} for template in (PEAK, BUSY, REQUESTS, PROOF)}
            for minute, count in zip(minutes.tolist(), requests.tolist(), strict=True):
                if self._within(minute, self._hidden["all"]):
                    continue
                shown[PROOF][minute] = 1
                if pool != IDLE and not self._within(minute, self._hidden[pool]):
                    values = -(-count // 3), count / 6, count
                    lie = self._lies.get((pool, minute))
                    for template, value in zip((PEAK, BUSY, REQUESTS), values, strict=True):
                        shown[template][minute] = value if lie is None else lie
            for template, series in shown.items():
                self.fake.data[template.replace("{pool}", pool)] = [series]

    @staticmethod
    def _within(minute: int, borders: list[int]) -> bool:
        """Whether an outage that begins at every first border and ends at every second one covers the minute."""
        return sum(border <= minute for border in borders) % 2 == 1

    def settings(self, pool: str, *, elsewhere: bool = False) -> PrometheusSettings:
        url = f"http://127.0.0.1:{self._port}{'/other' if elsewhere else ''}"
        return PrometheusSettings.model_validate({"kind": "prometheus", "url": url, "peak": PEAK, "busy": BUSY,
                                                  "requests": REQUESTS, "proof": PROOF})

    def impatient(self) -> Prometheus:
        made, settings = Prometheus(self.clock, np.random.default_rng(0)), self.settings("agent")
        made._clients[settings.connection] = PrometheusClient(settings, self.clock, {}, 1.0)
        return made

    def late(self, seconds: float) -> None:
        self._late = int(seconds // 60)

    def hide(self, pool: str | None = None) -> None:
        self._hidden[pool or "all"].append(self.now)

    def show(self) -> None:
        for borders in self._hidden.values():
            if len(borders) % 2:
                borders.append(self.now)

    def lie(self, pool: str, value: float) -> int:
        self._lies[pool, self.now - 1] = value
        return self.now - 1

    def fail_for(self, pool: str) -> None:
        self.fake.wrong.add(PEAK.replace("{pool}", pool))

    def hang(self, *, always: bool = False) -> None:
        self._hanging = 1000 if always else 1

    def hung(self) -> bool:
        return self.hanging_now > 0
