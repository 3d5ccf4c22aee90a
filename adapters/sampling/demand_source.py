"""Demand source of numbers that are sampled several times a minute, in the background: a collection waits for no server.

The maximum of a minute is its peak, the mean its busy units. There is no history before the first sample.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import Context
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Protocol

from adapters.pinging.pinged import Pinged
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import AdapterError, Malformed
from adapters.runtime.clock import Clock
from adapters.sampling.sampled_minutes import SampledMinutes
from forecasting.demand import minute_of

HOURS_PER_MONTH = 730


class Gauges(Protocol):
    """Reader of the present numbers of pools at one server."""

    async def read(self, pools: Sequence[str]) -> Mapping[str, float | AdapterError]:
        """Return the number of each pool, at least 0, or why it is unknown; `Malformed` for a number that cannot be demand.

        The call returns before the next samples are due, whether the server responds or not.
        """

    def usd_per_sample(self) -> float:
        """Return the cost of one sample of one pool at list price, in USD."""

    @property
    def spent_usd(self) -> float:
        """Return the cost of all samples of this process at list price, in USD."""


class SampledDemand:
    """Demand source of `pools` at one server, sampled every `every` seconds. Not for concurrent use.

    `pinged`: shared state of pools with a lever that pings. The numbers must not contain pings, so they are demand of users.
    """

    def __init__(self, kind: str, gauges: Gauges, clock: Clock, pools: Sequence[str], every: float,
                 pinged: Mapping[str, Pinged] = MappingProxyType({})) -> None:
        self.kind, self._every = kind, every
        self._gauges, self._clock, self._pools, self._pinged = gauges, clock, tuple(pools), pinged
        self._minutes = {pool: SampledMinutes(every) for pool in pools}
        self._errors: dict[str, tuple[int, AdapterError]] = {}
        """Newest error of each pool, with its minute."""
        self._failing = set[str]()
        """Pools whose newest sample failed."""
        self._sampling: asyncio.Task[None] | None = None

    @property
    def spent_usd(self) -> float:
        """Cost of the samples of this process at list price, in USD."""
        return self._gauges.spent_usd

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:  # noqa: ARG002  (samples do not wait for collections)
        """Return the cost in USD a month at list price. It does not depend on `interval`."""
        return pools * self._gauges.usd_per_sample() * HOURS_PER_MONTH * 3600 / self._every

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the minutes that samples have made known. The first collection takes the first sample. See `DemandSource`."""
        if self._sampling is not None and self._sampling.done():
            ended, self._sampling = self._sampling, None
            ended.result()
        if self._sampling is None:
            await self._sample()
            self._sampling = asyncio.create_task(self._keep_sampling(), name=f"samples of {self.kind}", context=Context())
        end = min(minute_of(until), minute_of(self._clock.now()))
        found = {pool: self._telemetry(pool, min(end, minute_of(since[pool])), end) for pool in pools}
        for pool, telemetry in found.items():
            if (pinged := self._pinged.get(pool)) is not None:
                pinged.usage.note(telemetry.series)
                pinged.own_traffic.note_users(telemetry.series)
        return found

    async def close(self) -> None:
        """Stop sampling."""
        if self._sampling is not None:
            self._sampling.cancel()
            await asyncio.gather(self._sampling, return_exceptions=True)

    def _telemetry(self, pool: str, first: int, end: int) -> Telemetry:
        """Return the minutes of a pool, with the error that made the newest one unknown or its newest sample fail."""
        series = self._minutes[pool].series(first, end)
        minute, error = self._errors.get(pool, (end, None))
        if error is not None and (pool in self._failing or (minute >= end - 1 and not series.known[-1:].any())):
            return Telemetry(series, False, error)
        return Telemetry(series, True)

    async def _keep_sampling(self) -> None:
        """Sample half of `every` after each multiple of it, so that no sample is at the border of two minutes."""
        while True:
            since = (self._clock.now().timestamp() - self._every / 2) % self._every
            wait = self._every - since
            await self._clock.sleep(wait if wait > self._every / 10 else wait + self._every)
            await self._sample()

    async def _sample(self) -> None:
        """Take one sample of each pool. It counts at the time at which it was requested."""
        at = self._clock.now().timestamp()
        for pool, number in (await self._gauges.read(self._pools)).items():
            if isinstance(number, AdapterError):
                self._errors[pool] = int(at // 60), number
                self._failing.add(pool)
                if isinstance(number, Malformed):
                    self._minutes[pool].doubt(at)
            else:
                self._failing.discard(pool)
                self._minutes[pool].add(at, number)
