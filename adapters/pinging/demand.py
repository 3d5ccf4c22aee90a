"""A demand source whose pools are pinged: own pings are taken out before anybody learns from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from adapters.pinging.ledger import Ledger, first_rows_unknown
from adapters.pinging.rhythm import Rhythm
from adapters.protocol import DemandSource, Telemetry

UNSURE = 20
"""Minutes at the beginning of a pool's first reading in which an earlier process may have pinged: they are read again only
because late points change, and what that process stored of them already lacks its pings.
"""


@dataclass(slots=True)
class Pinged:
    """What the lever and the demand source of one pinged pool share."""

    rhythm: Rhythm = field(default_factory=Rhythm)
    ledger: Ledger = field(default_factory=Ledger)
    read: bool = False


class WithoutPings:
    """`source`, with the pings of the pools in `pinged` taken out; other pools pass as they are."""

    def __init__(self, source: DemandSource, pinged: Mapping[str, Pinged]) -> None:
        self.kind = source.kind
        self.source, self._pinged = source, pinged

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        """See the protocol."""
        told = await self.source.collect(pools, since, until)
        return {name: self._cleaned(self._pinged[name], each) if name in self._pinged else each for name, each in told.items()}

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        return self.source.monthly_cost_usd(pools, interval)

    def _cleaned(self, pinged: Pinged, telemetry: Telemetry) -> Telemetry:
        series = pinged.ledger.without(telemetry.series)
        if not pinged.read and len(series):
            pinged.read = telemetry.error is None
            series = first_rows_unknown(series, UNSURE)
        pinged.rhythm.note(series)
        return replace(telemetry, series=series)
