"""A demand source that tells the truth late, and otherwise as the faults of the minute say."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np

from adapters.errors import Unreachable
from adapters.protocol import Telemetry
from adapters.web.demand_page import Looks
from forecasting.demand import DemandSeries, minute_of
from tests.simulation.scenario import HISTORY
from tests.simulation.units import REQUESTS, Units
from tests.simulation.virtual import VirtualClock

ABSURD = (np.float32(-40), np.float32(1e9), np.float32(np.inf), np.float32(-np.inf))


class SimSource:
    """Serves the pools of one region. `delivered`: the newest known minute that any daemon was told, by pool."""

    kind = "simulated"

    def __init__(self, traffic: Mapping[str, np.ndarray], delay: int, clock: VirtualClock) -> None:
        self.traffic, self.delay, self.clock = traffic, delay, clock
        self.base = minute_of(clock.start) - HISTORY
        self.units = {name: Units(each, self.base) for name, each in traffic.items()}
        """What their pages count; read whenever a daemon collects."""
        self.active: dict[str, float] = {}
        self._absurd: float | None = None
        self._since = 0
        self.delivered: dict[str, int] = {}
        self.told: set[str] = set()
        """The pools that the living daemon was told of."""

    async def collect(self, pools: Sequence[str], since: Mapping[str, datetime], until: datetime) -> Mapping[str, Telemetry]:
        active = self.active
        if "hang" in active:
            await asyncio.sleep(1e6)
        await asyncio.sleep(active.get("slow", 0.1))
        if "broken" in active:
            raise Unreachable("monitoring does not answer")
        names = [name for at, name in enumerate(pools) if "partial" not in active or at % int(active["partial"])]
        if "reordered" in active:
            names.reverse()
        return {name: self._of(at, name, minute_of(since[name]), minute_of(until)) for at, name in enumerate(names)}

    def monthly_cost_usd(self, pools: int, interval: timedelta) -> float:
        return 0.0

    def _of(self, at: int, name: str, since: int, until: int) -> Telemetry:
        active, traffic = self.active, self.traffic[name]
        first, end = max(since, self.base), max(since, self.base, until)
        if "silent" in active and at % 2:
            return Telemetry(DemandSeries.empty(first, end - first), alive=False)
        self.told.add(name)
        if "repeated" in active:
            first = max(self.base, first - 30)
        published = min(end, minute_of(self.clock.truth()) - self.delay + 1 - int(active.get("late", 0)))
        known = traffic[max(0, first - self.base):max(0, published - self.base)]
        if not len(known):
            return Telemetry(DemandSeries.empty(first, end - first), alive=True)
        peak = np.full(end - first, np.nan, np.float32)
        peak[:len(known)] = known
        if "gaps" in active:
            peak[first % int(active["gaps"]):len(known) - 1:int(active["gaps"])] = np.nan
        right = len(known)
        if "absurd" in active:  # one minute of before, and each since it began
            right = min(max(0, self._absurd_since(published) - first), len(known) - 1)
            peak[at % len(known)] = peak[right:len(known)] = ABSURD[int(active["absurd"])]
        if right > 0:
            self.delivered[name] = max(self.delivered.get(name, 0), first + right - 1)
        series = DemandSeries(first, peak, peak * np.float32(0.8), peak * REQUESTS)
        self.units[name].read(minute_of(self.clock.truth()), active.get("restarts"))
        return Telemetry(series if "absurd" in active else self.units[name].counted(series), alive=True)

    def made(self, name: str, first: int, end: int) -> np.ndarray:
        """How many requests were really made in each minute; NaN where nobody knows."""
        minutes = np.arange(first, end) - self.base
        there = (minutes >= 0) & (minutes < len(self.traffic[name]))
        return np.where(there, self.traffic[name][np.where(there, minutes, 0)] * REQUESTS, np.nan)

    def _absurd_since(self, published: int) -> int:
        """The first minute that is told wrongly."""
        if self._absurd != self.active["absurd"]:
            self._absurd, self._since = self.active["absurd"], published - 1
        return self._since

    def forget(self) -> None:
        """The daemon is gone, with what it had read."""
        self.told.clear()
        for each in self.units.values():
            each.looks = Looks()
