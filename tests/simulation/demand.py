"""A demand source that tells the truth late, and otherwise as the faults of the minute say."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from adapters.aws.cloudwatch import proven_minutes
from adapters.ports.demand_source import Telemetry
from adapters.ports.errors import Unreachable
from adapters.web.demand_page import PageReadings
from forecasting.demand import DemandSeries, minute_of
from tests.simulation.scenario import HISTORY, OUTAGES, Fault
from tests.simulation.units import REQUESTS, Units
from tests.simulation.virtual import VirtualClock

BACK = 150
"""Minutes before an answer that the adapter looks at."""

ABSURD = (np.float32(-40), np.float32(1e9), np.float32(np.inf), np.float32(-np.inf))


@dataclass(frozen=True, slots=True)
class Lost:
    """Points of minutes `first <= minute < end` are not published until minute `back` (None: never): of all pools of the region,
    or with `some` of every other one alone.
    """

    first: int
    end: int
    back: int | None
    some: bool

    def hides(self, at: int, minutes: np.ndarray, now: int) -> np.ndarray:
        """bool[n]: which of `minutes` of the region's pool number `at` are missing; a negative number: of the region itself."""
        if (self.some and (at < 0 or at % 2 == 0)) or (self.back is not None and now >= self.back):
            return np.zeros(len(minutes), bool)
        return (minutes >= self.first) & (minutes < self.end)


def lost_of(fault: Fault, start: int) -> Lost:
    """What an outage of metrics takes; its amount says how many minutes after its end that is given back, if ever."""
    first = start + fault.at
    end = first + fault.lasts
    return Lost(first, end, end + int(fault.amount) if fault.amount >= 1 else None, fault.kind == "points")


class SimSource:
    """Serves the pools of one region as CloudWatch does: a pool at rest has no point, and what that means is inferred by the
    adapter's own rule. `delivered`: the newest known minute that any daemon was told, by pool.
    """

    kind = "simulated"

    def __init__(self, traffic: Mapping[str, np.ndarray], delay: int, clock: VirtualClock, faults: Iterable[Fault] = ()) -> None:
        self.traffic, self.delay, self.clock = traffic, delay, clock
        self.base = minute_of(clock.start) - HISTORY
        self.units = {name: Units(each, self.base) for name, each in traffic.items()}
        """What their pages count; read whenever a daemon collects."""
        self.number = {name: at for at, name in enumerate(traffic)}
        self.outages = [lost_of(fault, minute_of(clock.start)) for fault in faults if fault.kind in OUTAGES]
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

    def lost(self, name: str | None, minutes: np.ndarray) -> np.ndarray:
        """bool[n]: which minutes of a pool, or of the whole region, are missing now."""
        at, now = -1 if name is None else self.number[name], minute_of(self.clock.truth())
        return np.any([outage.hides(at, minutes, now) for outage in self.outages], axis=0) if self.outages else minutes < 0

    def truth(self, name: str, minutes: np.ndarray) -> np.ndarray:
        """What really ran in each of `minutes`, nothing where nobody knows."""
        rows = minutes - self.base
        inside = (rows >= 0) & (rows < len(self.traffic[name]))
        return np.where(inside, self.traffic[name][np.where(inside, rows, 0)], 0)

    def _of(self, at: int, name: str, since: int, until: int) -> Telemetry:
        active = self.active
        first, end = max(since, self.base), max(since, self.base, until)
        if "silent" in active and at % 2:
            return Telemetry(DemandSeries.empty(first, end - first), alive=False)
        self.told.add(name)
        if "repeated" in active:
            first = max(self.base, first - 30)
        published = min(end, minute_of(self.clock.truth()) - self.delay + 1 - int(active.get("late", 0)))
        peak = self._inferred(name, first, end, published)
        absent = ~(peak > 0)
        if "gaps" in active:
            peak[first % int(active["gaps"]):max(0, published - 1 - first):int(active["gaps"])] = np.nan
        right = published - first
        if "absurd" in active and right > 0:  # one minute of before, and each since it began
            right = min(max(0, self._absurd_since(published) - first), right - 1)
            peak[at % (published - first)] = peak[right:published - first] = ABSURD[int(active["absurd"])]
        known = np.flatnonzero(~np.isnan(peak[:max(0, right)]))
        if len(known):
            self.delivered[name] = max(self.delivered.get(name, 0), first + int(known[-1]))
        series = DemandSeries(first, peak, peak * np.float32(0.8), peak * REQUESTS)
        self.units[name].read(minute_of(self.clock.truth()), active.get("restarts"))
        counted = series if "absurd" in active else self.units[name].counted(series)
        return Telemetry(counted, alive=True, absent=absent)

    def _inferred(self, name: str, first: int, end: int, published: int) -> np.ndarray:
        """float32[end - first]: peaks, zero where the adapter takes an absent point for idleness. Something always runs in the
        region.
        """
        minutes = np.arange(first - BACK, end)
        seen = minutes < published
        invoked = np.where(seen & ~self.lost(None, minutes), 1.0, np.nan)
        nothing = np.full(len(minutes), np.nan)
        proof = proven_minutes.RegionActivity(first - BACK, invoked, nothing, nothing).proved(first, end)
        minutes, seen = minutes[BACK:], seen[BACK:] & ~self.lost(name, minutes[BACK:])
        peak = np.where(seen, self.truth(name, minutes), 0)
        return np.where(peak > 0, peak, np.where(proof, 0, np.nan)).astype(np.float32)

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
            each.looks = PageReadings()
