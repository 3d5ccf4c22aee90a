"""A demand source whose pools are pinged: own pings are taken out before anybody learns from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np

from adapters.pinging.ledger import KEPT, Ledger, made_unknown
from adapters.pinging.rhythm import Rhythm
from adapters.protocol import Bills, DemandSource, Telemetry
from forecasting.demand import instant_of, minute_of

UNSURE = 60
"""Minutes, from where a pool's first reading begins up to now at most, in which an earlier process may have pinged. They are read
again because late points change; what that process stored of them lacks its pings, and what it did not store stays unknown.
"""


@dataclass(slots=True)
class Pinged:
    """What the lever and the demand source of one pinged pool share."""

    rhythm: Rhythm = field(default_factory=Rhythm)
    ledger: Ledger = field(default_factory=Ledger)
    unsure: range | None = None
    """Minutes of which only an earlier process could tell what of them was its own; None before the first reading."""


class WithoutPings:
    """`source`, with the pings of the pools in `pinged` taken out; other pools pass as they are."""

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
        return self.source.spent_usd if isinstance(self.source, Bills) else 0.0

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        return self.source.monthly_cost_usd(pools, interval)

    def _cleaned(self, pinged: Pinged, telemetry: Telemetry) -> Telemetry:
        unsure, absent = pinged.unsure or range(0), telemetry.absent
        series = made_unknown(pinged.ledger.without(telemetry.series), unsure)
        pinged.rhythm.note(series)
        if absent is not None:  # of what is unsure nothing is said, not even that a stored zero was none
            minutes = np.arange(series.first_minute, series.end_minute)
            absent = absent & ((minutes < unsure.start) | (minutes >= unsure.stop))
        return replace(telemetry, series=series, absent=absent)
