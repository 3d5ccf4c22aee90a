"""Pages of metrics of an aiohttp server, read as a demand source."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from aiohttp import web

from adapters.runtime.clock import ManualClock
from adapters.web.provider import Web
from adapters.web.settings import HttpMetricsSettings
from tests.adapters.conformance.http_source_stage import HttpSourceStage
from tests.adapters.conformance.source_stage import BEFORE, POOLS, START, requests_of

NOW_ONLY = "a page has only current values"


class HttpMetricsSource(HttpSourceStage):
    """A page for each pool at one server. Its counters are those of the minutes before the current one."""

    kind, place, setting, secret = "http-metrics", "/metrics/", "url", "Bearer of-the-page"
    fixes, each_minute = 0, True
    exempt: ClassVar[Mapping[str, str]] = {
        "test_late_points_are_unknown_and_then_known": f"{NOW_ONLY}, so none is late",
        "test_a_long_history_is_read_whole": f"{NOW_ONLY} and no history",
    }

    def __init__(self) -> None:
        super().__init__()
        self._failing, self._hanging, self.hanging_now = set[str](), set[str](), 0
        self._lies: dict[str, float] = {}
        self._from = dict.fromkeys(POOLS, START - BEFORE)

    async def serve(self) -> None:
        app = web.Application()
        app.router.add_get("/metrics/{pool}", self._page)
        await self.listen(app)

    async def _page(self, request: web.Request) -> web.Response:
        pool = request.match_info["pool"]
        if pool in self._hanging:
            self._hanging.discard(pool)
            self.hanging_now += 1
            await asyncio.Event().wait()
        if pool in self._failing:
            raise web.HTTPInternalServerError
        past = requests_of(pool, np.arange(self._from[pool], self.now))
        total = self._lies.pop(pool, float(past.sum()))
        return web.Response(text=f"requests_in_flight {np.ceil(past[-1:].sum() / 3)}\nrequests_total {total}\n"
                                 f"request_duration_seconds_sum {past.sum() * 10}\n")

    def settings(self, pool: str, *, elsewhere: bool = False) -> HttpMetricsSettings:
        return HttpMetricsSettings(kind="http-metrics", url=f"http://127.0.0.1:{self._port}/metrics/{pool}")

    def impatient(self) -> Web:
        return Web(ManualClock(self.clock.now()), np.random.default_rng(0), page_patience=1.0)

    def hide(self, pool: str | None = None) -> None:
        self._failing |= set(POOLS) if pool is None else {pool}

    def show(self) -> None:
        self._failing.clear()

    def lie(self, pool: str, value: float) -> int:
        self._lies[pool] = value
        return self.now

    def fail_for(self, pool: str) -> None:
        self._failing.add(pool)

    def reset_counters(self, pool: str) -> None:
        self._from[pool] = self.now

    def hang(self, *, always: bool = False) -> None:
        self._hanging.add("agent")

    def hung(self) -> bool:
        return self.hanging_now > 0
