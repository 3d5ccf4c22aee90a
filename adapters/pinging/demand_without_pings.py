"""A demand source whose pools are pinged: what is learned from has no own pings in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adapters.pinging.own_traffic import KEPT, OwnTraffic
from adapters.pinging.usage_pattern import UsagePattern
from adapters.ports.demand_source import DemandSource, ReportsCost, Telemetry
from forecasting.demand import instant_of, minute_of

UNSURE = 60
"""Minutes, from where a pool's first reading begins up to now at most, in which an earlier process may have pinged. They are read
again because late points change; what that process stored of them lacks its pings, and what it did not store stays unknown.
"""


@dataclass(slots=True)
class Pinged:
    """What the lever and the demand source of one pinged pool share."""

    rhythm: UsagePattern = field(default_factory=UsagePattern)
    ledger: OwnTraffic = field(default_factory=OwnTraffic)
    unsure: range | None = None
    """Minutes of which only an earlier process could tell what of them was its own; None before the first reading."""


class DemandWithoutPings:
    """`source`, with the peaks of the pools in `pinged` bounded to those of users; other pools pass as they are. The source
    subtracts own pings from requests and work itself: it has the metrics that they are in.
    """

    def __init__(self, source: DemandSource, pinged: Mapping[str, Pinged]) -> None:
        self.kind = source.kind
        self.source, self._pinged = source, pinged

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """See the protocol. A pinged pool is read no further back than its first reading went and own pings are kept."""
        asked = dict(since)
        for name in pools:
            pinged = self._pinged.get(name)
            if pinged is not None and pinged.unsure is None:
                first = minute_of(since[name])
                pinged.unsure = range(first, min(first + UNSURE, minute_of(until)))
            elif pinged is not None and pinged.unsure is not None:
                known = max(pinged.unsure.start, minute_of(until) - KEPT)
                asked[name] = max(since[name], min(instant_of(known), until))
        told = await self.source.collect(pools, asked, until)
        return {name: self._cleaned(self._pinged[name], each) if name in self._pinged else each for name, each in told.items()}

    @property
    def spent_usd(self) -> float:
        """What reading the source has cost; zero where nobody bills it."""
        return self.source.spent_usd if isinstance(self.source, ReportsCost) else 0.0

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        return self.source.monthly_cost_usd(pools, interval)

    def _cleaned(self, pinged: Pinged, telemetry: Telemetry) -> Telemetry:
        whole = telemetry.series
        first = max(whole.first_minute, min(pinged.unsure.stop if pinged.unsure else 0, whole.end_minute))
        series = pinged.ledger.bounded(whole.window(first, whole.end_minute))  # nothing is said of what is unsure
        pinged.rhythm.note(series)
        absent = None if telemetry.absent is None else telemetry.absent[first - whole.first_minute :]
        return replace(telemetry, series=series, absent=absent)
