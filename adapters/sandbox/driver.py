"""Plays one function's traffic through its environments, and counts what really starts."""

import heapq
import math
from collections.abc import Callable

from adapters.sandbox.capacity import ProvisionedCapacity
from adapters.sandbox.environments import EnvironmentPool
from adapters.sandbox.functions import LambdaFunction
from adapters.sandbox.metrics import MinuteTable
from adapters.sandbox.tallies import Served, Tally, Totals
from adapters.sandbox.traffic import MINUTE_MS, QUIET, Slot, Traffic, slots_of

# Beyond this many requests a minute for each unit, provisioned concurrency spills over however short the requests are.
REQUESTS_PER_UNIT_MINUTE = 600


class Driver:
    """Advances in order of time; every reader and writer of the function's state advances it to their instant first."""

    def __init__(
        self,
        function: LambdaFunction,
        traffic: Traffic,
        table: MinuteTable,
        first_minute: int,
        draw_keep_alive: Callable[[], int],
        limit: Callable[[], int],
    ) -> None:
        """`limit`: the most concurrency that the function may use now (its reserved concurrency or the account's rest)."""
        self.totals, self.table = Totals(), table
        self.last = QUIET
        self._function, self._traffic, self._limit = function, traffic, limit
        self._draw = draw_keep_alive
        self._pools: dict[str, EnvironmentPool] = {}
        self._twins: dict[str, EnvironmentPool] = {}
        self._warm_busy: list[int] = []
        self._minute = first_minute
        self._open()

    def replay(self, past: Traffic, first_minute: int, end_minute: int) -> None:
        """Warm the environments with traffic from before the start, uncounted."""
        for minute in range(first_minute, end_minute):
            for order, slot in enumerate(_at(minute, slots_of(past.at(minute)))):
                self._pool(self._pools, self.serving).acquire(slot.start, slot.end, order)
                self._pool(self._twins, self.serving).acquire(slot.start, slot.end, order)

    def advance_to(self, at: int) -> None:
        """Play everything up to and including the instant `at` (milliseconds since the epoch)."""
        while True:
            while self._next < len(self._slots) and self._slots[self._next].start <= at:
                self._serve(self._slots[self._next], self._next)
                self._next += 1
            end = (self._minute + 1) * MINUTE_MS
            if end > at:
                self._function.settle(at)
                return
            self._function.settle(end)
            self._close()
            self._minute += 1
            self._open()

    def invoke(self, at: int, hold: int, version: str) -> Served:
        """A request from outside the traffic for `version`, in flight for `hold` milliseconds from `at`, to which the driver
        has advanced. It counts in the metrics as any other; AWS does not tell pings apart either.
        """
        tally, on_demand = self._tally, self._pool(self._pools, version)
        cold, warm = False, version == self.serving and self._take_warm(at, at + hold)
        if not warm:
            if self._on_demand_in_use(at) >= self._limit() - self._available():
                tally.throttled_pings += 1
                return Served(version, throttled=True)
            cold = on_demand.acquire(at, at + hold)
        self.totals.pings += 1
        self.totals.ping_ms += hold
        self.totals.ping_cold_starts += cold
        tally.pings += 1
        tally.warm_pings += warm
        tally.ping_ms += hold
        self._note_peaks(at)
        return Served(version, cold, warm, environment=0 if warm else on_demand.taken)

    def alive(self, at: int) -> int:
        """On-demand environments alive now."""
        return sum(pool.alive(at) for pool in self._pools.values())

    def _open(self) -> None:
        row = self._traffic.at(self._minute)
        self._row, self._tally, self._next = row, Tally(), 0
        self._cap = self._limit()
        self._slots = _at(self._minute, slots_of(row))

    def _serve(self, slot: Slot, order: int) -> None:
        self._function.settle(slot.start)
        tally, serving = self._tally, self.serving
        length = slot.end - slot.start
        on_demand = self._pool(self._pools, serving)
        self.totals.cold_starts_without += self._pool(self._twins, self._target()).acquire(slot.start, slot.end, order)
        if self._take_warm(slot.start, slot.end):
            tally.warm_ms += length
        elif self._on_demand_in_use(slot.start) >= self._cap - self._available():
            tally.throttled += 1
            tally.throttled_ms += length
        else:
            self.totals.cold_starts += on_demand.acquire(slot.start, slot.end, order)
            tally.on_demand_ms += length
        self._note_peaks(slot.start)

    def _note_peaks(self, at: int) -> None:
        self._tally.warm_peak = max(self._tally.warm_peak, len(self._warm_busy))
        self._tally.peak = max(self._tally.peak, len(self._warm_busy) + self._on_demand_in_use(at))

    def _take_warm(self, start: int, end: int) -> bool:
        while self._warm_busy and self._warm_busy[0] <= start:
            heapq.heappop(self._warm_busy)
        if len(self._warm_busy) >= self._available():
            return False
        heapq.heappush(self._warm_busy, end)
        return True

    def _close(self) -> None:
        """Turn the minute just played into totals and points."""
        row, tally, totals = self._row, self._tally, self.totals
        self.last = row
        capacity = self._capacity()
        available = self._available()
        claimed = self._function.reserved
        if claimed is None:
            claimed = self._function.provisioned + max(0, tally.peak - tally.warm_peak)
        values: dict[str, float] = {"claimed": claimed}
        if row.is_gap:
            self.table.put(self._minute, values | {"dark": 1.0})
            return
        work = max(1, tally.warm_ms + tally.on_demand_ms + tally.throttled_ms)
        throttles = min(row.invocations, max(tally.throttled, math.floor(row.invocations * tally.throttled_ms / work)))
        served = row.invocations - throttles
        warm = math.floor(served * tally.warm_ms / max(1, tally.warm_ms + tally.on_demand_ms))
        warm = min(warm, available * REQUESTS_PER_UNIT_MINUTE)
        totals.minutes += 1
        totals.invocations += served
        totals.throttles += throttles
        totals.warm_busy_ms += tally.warm_ms
        totals.on_demand_busy_ms += tally.on_demand_ms
        if row.invocations > 0 or row.peak > 0 or tally.pings or tally.throttled_pings:
            invocations, busy_ms = served + tally.pings, tally.warm_ms + tally.on_demand_ms + tally.ping_ms
            throttles += tally.throttled_pings
            values |= {"peak": tally.peak, "busy": busy_ms / MINUTE_MS}
            if invocations > 0 or throttles > 0:
                values |= {"throttles": throttles, "errors": 0.0}
            if invocations > 0:
                values["invocations"] = invocations
            if capacity is not None and capacity.exists:
                totals.spillover += served - warm
                share = tally.warm_peak / available if available else 0.0
                on_warm = warm + tally.warm_pings
                values |= {"pc_in_use": tally.warm_peak, "pc_utilisation": share}
                values |= {"pc_invocations": on_warm, "pc_spillover": invocations - on_warm}
        self.table.put(self._minute, values)

    def _target(self) -> str:
        return self._function.version_of(self._function.alias)

    @property
    def serving(self) -> str:
        """The version that takes the traffic."""
        alias = self._function.aliases.get(self._function.alias)
        return alias.serving if alias is not None else self._function.alias

    def _capacity(self) -> ProvisionedCapacity | None:
        """Of the alias that takes the traffic, or else of the version it stands for."""
        capacities = self._function.capacities
        mine = capacities.get(self._function.alias)
        return mine if mine is not None and mine.exists else capacities.get(self.serving, mine)

    def _available(self) -> int:
        """Provisioned units that serve the traffic; they are taken out of the function's limit, busy or not."""
        capacity = self._capacity()
        return capacity.available if capacity is not None else 0

    def _on_demand_in_use(self, at: int) -> int:
        return sum(pool.in_use(at) for pool in self._pools.values())

    def _pool(self, pools: dict[str, EnvironmentPool], version: str) -> EnvironmentPool:
        if version not in pools:
            pools[version] = EnvironmentPool(self._draw)
        return pools[version]


def _at(minute: int, slots: list[Slot]) -> list[Slot]:
    return [Slot(minute * MINUTE_MS + start, minute * MINUTE_MS + end) for start, end in slots]
