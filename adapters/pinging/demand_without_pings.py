"""Demand source for pinged pools, without the demand of Stoker's own pings."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from adapters.pinging.own_traffic import RETENTION_MINUTES
from adapters.pinging.pinged import Pinged
from adapters.ports.demand_source import DemandSource, Part, ReadsParts, ReportsCost, Telemetry
from adapters.ports.read_prices import ReadPrices
from forecasting.demand import instant_of, minute_of

UNSURE_MINUTES = 60
"""Minutes from the start of a pool's first read in which an earlier process may have pinged. They are read again because late
points change. Rows that the earlier process stored are without its pings; other rows stay unknown.
"""


class DemandWithoutPings:
    """Demand source that limits the peaks of the pools in `pinged` to those of users; other pools are unchanged. The wrapped
    source subtracts own pings from requests and work, because it has their metrics. `estimated`: it estimates the peak from
    these, so that the peak contains no pings.
    """

    def __init__(self, source: DemandSource, pinged: Mapping[str, Pinged], *, estimated: bool = False) -> None:
        self.kind = source.kind
        self.source, self._pinged, self._estimated = source, pinged, estimated

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """Return the telemetry as the protocol describes. Of a pinged pool, reads go back at most to the first read of this
        process, and only as far as its own pings are stored.
        """
        return self._without_pings(await self.source.collect(pools, self._starts(pools, since, until), until))

    def prices(self, pool: str) -> ReadPrices | None:
        """Return the prices of the source; None if it is not billed by what is read."""
        return self.source.prices(pool) if isinstance(self.source, ReadsParts) else None

    async def collect_parts(self, parts: Mapping[str, Part], since: Mapping[str, datetime],
                            until: datetime) -> Mapping[str, Telemetry]:
        """Return the parts as `ReadsParts` describes; of pinged pools, see `collect`."""
        if not isinstance(self.source, ReadsParts):
            return await self.collect(tuple(parts), since, until)
        starts = self._starts([pool for pool, part in parts.items() if part is not Part.LISTEN], since, until)
        return self._without_pings(await self.source.collect_parts(parts, starts, until))

    def _starts(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> dict[str, datetime]:
        starts = dict(since)
        for name in pools:
            pinged = self._pinged.get(name)
            if pinged is not None and pinged.unsure is None:
                first = minute_of(since[name])
                pinged.unsure = range(first, min(first + UNSURE_MINUTES, minute_of(until)))
            elif pinged is not None and pinged.unsure is not None:
                known = max(pinged.unsure.start, minute_of(until) - RETENTION_MINUTES)
                starts[name] = max(since[name], min(instant_of(known), until))
        return starts

    def _without_pings(self, collected: Mapping[str, Telemetry]) -> Mapping[str, Telemetry]:
        return {name: self._cleaned(self._pinged[name], each) if name in self._pinged else each
                for name, each in collected.items()}

    @property
    def spent_usd(self) -> float:
        """Cost of all reads of the source in USD; zero if reads are free."""
        return self.source.spent_usd if isinstance(self.source, ReportsCost) else 0.0

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        """Return the monthly cost of the source in USD."""
        return self.source.monthly_cost_usd(pools, interval)

    def _cleaned(self, pinged: Pinged, telemetry: Telemetry) -> Telemetry:
        whole = telemetry.series
        first = max(whole.first_minute, min(pinged.unsure.stop if pinged.unsure else 0, whole.end_minute))
        series = whole.window(first, whole.end_minute)  # unsure minutes are not returned
        if not self._estimated:
            series = pinged.own_traffic.bounded(series)
        pinged.usage.note(series)
        pinged.own_traffic.note_users(series)
        absent = None if telemetry.absent is None else telemetry.absent[first - whole.first_minute :]
        return replace(telemetry, series=series, absent=absent)
