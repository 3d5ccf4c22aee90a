"""What stages share whose senders report requests in flight to the daemon by another protocol than its own."""

from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from adapters.push.settings import PushSettings
from adapters.runtime.clock import ManualClock
from controller.fleet.reports import Reports
from tests.adapters.conformance.source_stage import POOLS, SourceStage, requests_of

EVERY_SECONDS = 20
NO_CALL = "it makes no call: reports come to it"
EARLIER = timedelta(minutes=6)
"""Time before the start from which senders report: the interval of an exporter is not known at first."""


class SendingClock(ManualClock):
    """A clock that waits every 20 s until the daemon has what the senders of `stage` send: the connection is real."""

    def __init__(self, stage: "PushedStage") -> None:
        super().__init__(stage.clock.now() - EARLIER)
        self._stage = stage

    async def advance(self, span: timedelta) -> None:
        end = self.now() + span
        while (due := self.now() + timedelta(seconds=EVERY_SECONDS - self.now().timestamp() % EVERY_SECONDS)) <= end:
            await super().advance(due - self.now())
            await self._stage.send_all()
        await super().advance(end - self.now())


class PushedStage(SourceStage):
    """One sender for each pool reports every 20 s: all requests of a minute start with it, and are in flight for 20 s of it."""

    kind, place, setting = "push", "stopped reporting", "none"
    fixes, each_minute, reports_impossible = 1, True, False
    exempt: ClassVar[Mapping[str, str]] = {
        "test_late_points_are_unknown_and_then_known": "the time of arrival counts, so no report is late",
        "test_a_long_history_is_read_whole": "there is no history before the first report",
        "test_a_source_that_hangs_delays_no_other": NO_CALL,
        "test_a_source_that_hangs_is_an_error_with_a_remedy": NO_CALL,
    }

    def __init__(self) -> None:
        super().__init__()
        self.clock = SendingClock(self)
        self.quiet, self.runs = set[str](), False
        self.reports: Reports | None = None

    async def __aenter__(self) -> "PushedStage":
        await super().__aenter__()
        await self.clock.advance(EARLIER)
        return self

    def restart(self, **changes: object) -> None:
        super().restart(**changes)
        source = self.collector.source
        region = SimpleNamespace(reports=source.reports, collector=self.collector)
        fleet = SimpleNamespace(region_of=dict.fromkeys(POOLS, region))
        self.reports = Reports(fleet, SimpleNamespace(rose=lambda name: None))

    async def serve(self) -> None:
        self.runs = True

    async def die(self) -> None:
        self.runs = False

    async def send_all(self) -> None:
        """Report for each pool whose sender runs."""
        if self.runs and (running := [pool for pool in POOLS if pool not in self.quiet]):
            await self.send(running)

    async def send(self, pools: list[str]) -> None:
        """Report for some pools, and wait until the daemon has the reports."""
        raise NotImplementedError

    def in_flight(self, pool: str) -> int:
        """Requests in flight now."""
        return self.requests(pool) if int(self.clock.now().timestamp()) % 60 < 20 else 0

    def requests(self, pool: str) -> int:
        """Requests of the current minute."""
        return int(requests_of(pool, np.array([self.now]))[0])

    def settings(self, pool: str, *, elsewhere: bool = False) -> PushSettings:
        return PushSettings(kind="push")

    def hide(self, pool: str | None = None) -> None:
        self.quiet |= set(POOLS) if pool is None else {pool}

    def show(self) -> None:
        self.quiet.clear()

    def fail_for(self, pool: str) -> None:
        self.quiet.add(pool)
