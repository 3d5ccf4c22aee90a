"""Senders that report every 10 s, one for each pool, as a demand source."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from adapters.ports.reports import Report
from adapters.push.settings import PushSettings
from tests.adapters.conformance.source_stage import POOLS, SourceStage, requests_of

EVERY_SECONDS = 10
NO_CALL = "it makes no call: reports come to it"


class PushSource(SourceStage):
    """Each sender reports all requests of a minute at its start, as in flight during half of it."""

    kind, place, setting = "push", "stopped reporting", "none"
    fixes, each_minute = 1, True
    exempt: ClassVar[Mapping[str, str]] = {
        "test_late_points_are_unknown_and_then_known": "the time of arrival counts, so no report is late",
        "test_a_long_history_is_read_whole": "there is no history before the first report",
        "test_an_impossible_point_is_unknown": "the HTTP API refuses a report with a number that cannot be",
        "test_a_source_that_hangs_delays_no_other": NO_CALL,
        "test_a_source_that_hangs_is_an_error_with_a_remedy": NO_CALL,
    }

    def __init__(self) -> None:
        super().__init__()
        self._quiet, self._sequence = set[str](), dict.fromkeys(POOLS, 1000)
        self._reporting: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        self._reporting = asyncio.create_task(self._report())

    async def die(self) -> None:
        if self._reporting is not None:
            self._reporting.cancel()
            await asyncio.gather(self._reporting, return_exceptions=True)

    async def _report(self) -> None:
        while True:
            await self.clock.sleep(EVERY_SECONDS - self.clock.now().timestamp() % EVERY_SECONDS)
            for pool in set(POOLS) - self._quiet:
                self._sequence[pool] += 1
                self.collector.source.accept(pool, self._report_of(pool))

    def _report_of(self, pool: str) -> Report:
        second = int(self.clock.now().timestamp()) % 60
        requests = int(requests_of(pool, np.array([self.now]))[0])
        in_flight = -(-requests // 3) if second < 30 else 0
        return Report(f"{pool}-1", self._sequence[pool], in_flight=in_flight, started=0 if second else requests)

    def settings(self, pool: str, *, elsewhere: bool = False) -> PushSettings:
        return PushSettings(kind="push")

    def hide(self, pool: str | None = None) -> None:
        self._quiet |= set(POOLS) if pool is None else {pool}

    def show(self) -> None:
        self._quiet.clear()

    def fail_for(self, pool: str) -> None:
        self._quiet.add(pool)

    def reset_counters(self, pool: str) -> None:
        self._sequence[pool] = 0
